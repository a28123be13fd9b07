# SPDX-License-Identifier: GPL-3.0-or-later
"""One photo in, everything that is wanted of it out: the network's square, a thumbnail, a preview, its facts.

Decoding runs in child processes (``decoder_pool``), because the bytes of a photo come from anywhere. The program
itself imports this module only for its values, so Pillow is loaded where pictures are decoded and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from semantic_photos.domain.photo import ImageRecipe, PhotoFacts
from semantic_photos.domain.ports import ByteArray
from semantic_photos.domain.tags import FileWords


@dataclass(frozen=True, slots=True)
class DecodeRequest:
    """What is wanted of one photo.

    Attributes:
        path: the file; it is opened for reading only.
        recipe: how to make the network's square; None makes none.
        thumbnail_side: longer side of the JPEG thumbnail in pixels; None makes none. Never enlarged.
        preview_side: longer side of the preview in pixels at most; None makes none. Never enlarged.
        words: read what the file and its sidecars say in words. When nothing else is wanted, no pixel is decoded.
    """

    path: Path
    recipe: ImageRecipe | None
    thumbnail_side: int | None
    preview_side: int | None = None
    words: bool = False


@dataclass(frozen=True, slots=True)
class DecodedPhoto:
    """What became of one photo; what was not asked for is None. All pictures are upright sRGB without alpha.

    Attributes:
        facts: size, date, camera, place.
        square: uint8 (S, S, 3) RGB for the network, read-only.
        thumbnail: a JPEG file.
        preview: uint8 (H, W, 3) RGB, read-only.
        words: keywords, caption and rating.
    """

    facts: PhotoFacts = field(default_factory=PhotoFacts)
    square: ByteArray | None = None
    thumbnail: bytes | None = None
    preview: ByteArray | None = None
    words: FileWords | None = None


def decode(request: DecodeRequest) -> DecodedPhoto:
    """Read one photo and make what is wanted of it.

    Thread: any, but meant for a child process: a hostile file may take minutes, all memory, or crash.

    Raises:
        PhotoError: when the photo cannot be read. Whatever the decoders raise becomes this error, with a sentence.
        PackError: when the recipe asks for something unknown.
    """
    words = None
    if request.words:
        from semantic_photos.media.keywords import read_words

        words = read_words(request.path)
        if request.recipe is None and not request.thumbnail_side and not request.preview_side:
            return DecodedPhoto(words=words)
    # Pillow and libheif cost 0.1 s and 20 MB, which the process of the window need not pay.
    from semantic_photos.media.rendering import render

    return replace(render(request), words=words)
