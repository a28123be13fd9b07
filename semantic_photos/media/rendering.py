# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders network inputs, thumbnails and previews from one decoding pass.

Only as many pixels are decoded and converted as the largest wanted output needs, twice its side: a JPEG is decoded
at 1/2, 1/4 or 1/8 size by its own transform (``draft``), a HEIC may offer an embedded copy of itself, and
everything else is averaged down by a whole factor right after decoding. Orientation, colour and alpha are worked
out on that small picture.

Decoding at a fraction changes pixels slightly: the average over 2, 4 or 8 pixels is taken in the frequency domain,
and chroma is not interpolated. It happens at no less than twice the wanted size, so the final filter still sees
everything it would let pass; the difference is about one grey level. What would not be fine is a square that
depends on what else was asked for, because the same file would get different vectors. Therefore a square is always
made as if a thumbnail were wanted too.
"""

from __future__ import annotations

import io
import math
from dataclasses import replace
from typing import BinaryIO

import numpy as np
from PIL import Image

from semantic_photos.domain.errors import PhotoError
from semantic_photos.domain.image_formats import format_called
from semantic_photos.domain.photo import PhotoFacts
from semantic_photos.domain.ports import ByteArray
from semantic_photos.domain.translatable import Message
from semantic_photos.media.colour import to_srgb
from semantic_photos.media.decode_request import DecodedPhoto, DecodeRequest
from semantic_photos.media.files import open_file
from semantic_photos.media.magic_bytes import is_cut
from semantic_photos.media.metadata import orientation_of, read_facts
from semantic_photos.media.preprocess import square
from semantic_photos.media.safe_open import open_picture, translated

#: Outputs are made from a picture at least this many times larger, so that the last step can filter well.
_GAP = 2.0
#: The longer side that is always decoded for a square (see above): the usual thumbnail.
_USUAL_SIDE = 320
_JPEG_QUALITY = 82

_TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def render(request: DecodeRequest) -> DecodedPhoto:
    """Do what ``decode.decode`` promises.

    Raises:
        PhotoError: when the photo cannot be read.
        PackError: when the recipe asks for something unknown.
    """
    with open_file(request.path) as file, translated(file):
        return _render(file, request)


def _render(file: BinaryIO, request: DecodeRequest) -> DecodedPhoto:
    with open_picture(file) as picture:
        facts, upright = _load(picture, file, request)
    return DecodedPhoto(
        facts=facts,
        square=square(upright, request.recipe) if request.recipe is not None else None,
        thumbnail=_jpeg(_fit(upright, request.thumbnail_side)) if request.thumbnail_side else None,
        preview=_pixels(_fit(upright, request.preview_side)) if request.preview_side else None,
    )


def _load(picture: Image.Image, file: BinaryIO, request: DecodeRequest) -> tuple[PhotoFacts, Image.Image]:
    """Decode the first frame; return facts and an upright sRGB picture no larger than the outputs need."""
    full = picture.size
    kind = picture.format or ""
    share = _wanted_share(full, request)
    note: list[str] = []
    image_format = format_called(kind)
    cut = image_format is not None and image_format.hides_cut and is_cut(file)
    if cut:
        # The embedded copy may be whole though the picture is not: the picture itself must be decodable.
        note.append(Message("The end of the file is missing."))
    elif share < 1.0:
        # An embedded copy costs a tenth of the picture itself, so it may be just as large as wanted.
        gap = _GAP if image_format is not None and image_format.has_preview else 1.0
        picture.draft(None, (math.ceil(full[0] * share / gap), math.ceil(full[1] * share / gap)))
    picture.load()
    orientation = orientation_of(picture)
    factor = max(1, int(max(picture.size) / (share * max(full))))
    upright = to_srgb(picture, factor, note)
    if orientation in _TRANSPOSITIONS:
        upright = upright.transpose(_TRANSPOSITIONS[orientation])
    width, height = (full[1], full[0]) if orientation >= 5 else full
    facts = replace(read_facts(picture), width=width, height=height, format=kind)
    if note:
        facts = replace(facts, note=" ".join(filter(None, (facts.note, *note))))
    return facts, upright


def _wanted_share(full: tuple[int, int], request: DecodeRequest) -> float:
    """Return what part of the picture's sides must be decoded for the largest output, at most 1."""
    longer, shorter = max(full), max(1, min(full))
    sides = [request.thumbnail_side or 0, request.preview_side or 0, _USUAL_SIDE if request.recipe else 0]
    share = _GAP * max(sides) / longer
    if request.recipe is not None:
        share = max(share, _GAP * request.recipe.side / (longer if request.recipe.fit == "pad" else shorter))
    # Only facts were wanted: the smallest decoding shows if the file is complete.
    return min(1.0, share) or 1.0 / 8


def _fit(picture: Image.Image, side: int) -> Image.Image:
    """Return the picture with its longer side at most ``side`` pixels; never enlarged."""
    scale = side / max(picture.size)
    if scale >= 1.0:
        return picture
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _jpeg(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    # A copy, so that no EXIF, comment or profile of the original goes along: they would be applied twice.
    clean = Image.new("RGB", picture.size)
    clean.paste(picture)
    clean.save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return buffer.getvalue()


def _pixels(picture: Image.Image) -> ByteArray:
    array = np.array(picture, dtype=np.uint8)
    if array.ndim != 3:
        raise PhotoError(Message("The picture contains no displayable colours."), code="photo.damaged")
    return array
