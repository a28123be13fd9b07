# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens a file as a picture safely, and turns decoder exceptions into messages for the user.

What a file is, is decided from its content and a short list of formats. Nothing outside that list is ever tried:
Pillow would otherwise hand PostScript to an interpreter.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import pillow_heif
from PIL import Image, UnidentifiedImageError

from semantic_photos.domain.errors import PhotoError, UserFacingError
from semantic_photos.domain.image_formats import IMAGE_FORMATS, format_called
from semantic_photos.domain.stored_reasons import TOO_MANY_PIXELS, UNSUPPORTED
from semantic_photos.domain.translatable import Message
from semantic_photos.media.files import read_error
from semantic_photos.media.magic_bytes import describe, is_cut, is_known_picture

#: The only decoders of Pillow that are ever tried.
OPENERS = tuple(dict.fromkeys(image_format.opener for image_format in IMAGE_FORMATS))
# All of them now, so that Pillow never goes looking for one and finds others.
for _format in IMAGE_FORMATS:
    importlib.import_module(_format.plugin)

#: A decoded pixel costs 3 to 8 bytes, whatever the file weighs: 150 million are the most that fit everywhere.
MAX_PIXELS = 150_000_000
#: The same for what is decoded at a fraction of its size when little is wanted: a phone's 200 megapixels are welcome.
MAX_PIXELS_REDUCED = 260_000_000

# The limits above are checked here, before any pixel is decoded; Pillow would only warn up to twice its own.
Image.MAX_IMAGE_PIXELS = None
pillow_heif.register_heif_opener(thumbnails=True, depth_images=False, aux_images=False, decode_threads=2)


def open_picture(file: BinaryIO) -> Image.Image:
    """Return the picture of an open file, not decoded yet; its first frame if there are several.

    Raises:
        PhotoError: ``photo.too-large`` when decoding would take too much memory.
        Exception: anything, when the bytes are no picture; see ``translated``.
    """
    picture = Image.open(file, formats=OPENERS)
    image_format = format_called(picture.format)
    limit = MAX_PIXELS_REDUCED if image_format is not None and image_format.reduces else MAX_PIXELS
    pixels = picture.width * picture.height
    if pixels > limit:
        picture.close()
        raise PhotoError(
            Message(
                TOO_MANY_PIXELS,
                width=picture.width,
                height=picture.height,
                megapixels=pixels // 1_000_000,
                limit=limit // 1_000_000,
            ),
            code="photo.too-large",
        )
    if pixels == 0:
        picture.close()
        raise PhotoError(Message("The picture has no pixels."), code="photo.damaged")
    return picture


@contextmanager
def translated(file: BinaryIO) -> Iterator[None]:
    """Turn every foreign exception of the block into a PhotoError that names the fault of ``file``.

    Decoders raise nearly anything on broken files: OSError, SyntaxError, struct.error, ValueError, RuntimeError,
    EOFError, OverflowError.

    Raises:
        PhotoError: instead of any other exception; errors fit to be shown pass.
    """
    with warnings.catch_warnings():
        # Broken metadata makes Pillow warn; what matters of it is in the facts.
        warnings.simplefilter("ignore")
        try:
            yield
        except UserFacingError:
            raise
        except MemoryError as error:
            raise out_of_memory() from error
        except OSError as error:
            if error.errno is not None and not isinstance(error, UnidentifiedImageError):
                raise read_error(error) from error
            raise _diagnosis(file, error) from error
        except Exception as error:
            raise _diagnosis(file, error) from error


def out_of_memory() -> PhotoError:
    """Return the error for a photo that needs more memory than one photo may take."""
    return PhotoError(Message("Decoding needs more memory than allowed for one photo."), code="photo.out-of-memory")


def _truncated() -> PhotoError:
    return PhotoError(Message("The file is incomplete: the end of the picture is missing."), code="photo.truncated")


def _diagnosis(file: BinaryIO, error: Exception) -> PhotoError:
    """Say what is wrong with a file that no decoder took, from its bytes rather than from the decoder's words."""
    words = str(error).lower()
    try:
        file.seek(0)
        start = file.read(4096)
        if "allocate" in words or "memory" in words or "security limit" in words:
            return out_of_memory()
        if not is_known_picture(start):
            what = describe(start)
            if what:
                return PhotoError(Message(UNSUPPORTED, kind=what), code="photo.unsupported")
            if not start.strip(b"\0"):
                return PhotoError(Message("The file contains only zeros."), code="photo.damaged")
            return PhotoError(Message("Not a picture, despite its name."), code="photo.not-an-image")
        if is_cut(file) or "truncated" in words:
            return _truncated()
    except (OSError, ValueError) as second:
        # libheif takes the file over and closes it; after that it cannot be read again here.
        if isinstance(second, OSError) and second.errno is not None:
            return read_error(second)
    return PhotoError(Message("The file is damaged: the picture cannot be decoded."), code="photo.damaged")
