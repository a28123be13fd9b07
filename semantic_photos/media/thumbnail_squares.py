# SPDX-License-Identifier: GPL-3.0-or-later
"""Stored thumbnails as the network sees them. Apart from ``thumbnails``, which must not load a decoder."""

from __future__ import annotations

import io

from PIL import Image

from semantic_photos.domain.errors import PhotoError
from semantic_photos.domain.photo import ImageRecipe
from semantic_photos.domain.ports import ByteArray
from semantic_photos.media.preprocess import square

#: A file among the thumbnails that claims to be larger is none of ours.
_MOST_SIDE = 1024


def square_of(jpeg: bytes, recipe: ImageRecipe) -> tuple[ByteArray, int, int]:
    """Return a thumbnail as the network's square, uint8 (S, S, 3), and its own width and height in pixels.

    Thumbnails are pictures of our own making, so they are decoded without a child process.

    Raises:
        PhotoError: the bytes are no thumbnail.
    """
    try:
        picture = Image.open(io.BytesIO(jpeg), formats=("JPEG",))
        if max(picture.size) > _MOST_SIDE:
            raise ValueError("too large for a thumbnail")
        return square(picture.convert("RGB"), recipe), picture.width, picture.height
    except (OSError, ValueError, SyntaxError) as error:
        raise PhotoError(f"The thumbnail cannot be read: {error}.", code="photo.thumbnail") from error
