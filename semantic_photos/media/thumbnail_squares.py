# SPDX-License-Identifier: GPL-3.0-or-later
"""Stored thumbnails as pixels and as network input. Apart from ``thumbnails``, which may not load a decoder."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from semantic_photos.domain.errors import PhotoError
from semantic_photos.domain.photo import ImageRecipe
from semantic_photos.domain.ports import ByteArray
from semantic_photos.domain.translatable import Message
from semantic_photos.media.preprocess import square

#: A file among the thumbnails that claims to be larger is none of ours.
_MOST_SIDE = 1024


def pixels_of(jpeg: bytes) -> ByteArray:
    """Return a thumbnail as pixels, uint8 (H, W, 3).

    Thread: any; other threads go on meanwhile, because Pillow decodes without Python's lock.

    Raises:
        PhotoError: the bytes are no thumbnail.
    """
    return np.asarray(_opened(jpeg))


def square_of(jpeg: bytes, recipe: ImageRecipe) -> tuple[ByteArray, int, int]:
    """Return a thumbnail as the network's square, uint8 (S, S, 3), and its own width and height in pixels.

    Raises:
        PhotoError: the bytes are no thumbnail.
    """
    picture = _opened(jpeg)
    return square(picture, recipe), picture.width, picture.height


def _opened(jpeg: bytes) -> Image.Image:
    """Return a thumbnail in RGB. It is a picture of our own making, so it is decoded without a child process."""
    try:
        picture = Image.open(io.BytesIO(jpeg), formats=("JPEG",))
        if max(picture.size) > _MOST_SIDE:
            raise ValueError(Message("too large for a thumbnail"))
        return picture.convert("RGB")
    except (OSError, ValueError, SyntaxError) as error:
        raise PhotoError(
            Message("The thumbnail cannot be read: {reason}.", reason=error), code="photo.thumbnail"
        ) from error
