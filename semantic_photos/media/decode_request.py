# SPDX-License-Identifier: GPL-3.0-or-later
"""Request and result of decoding one photo: values that cross the pipe to the decoder child."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from semantic_photos.domain.photo import ImageRecipe, PhotoFacts
from semantic_photos.domain.ports import ByteArray
from semantic_photos.domain.tags import FileWords


@dataclass(frozen=True, slots=True)
class DecodeRequest:
    """The request for one photo.

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
    """The decoded parts of one photo; parts not requested are None. All pictures are upright sRGB without alpha.

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
