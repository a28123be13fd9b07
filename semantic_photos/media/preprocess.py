# SPDX-License-Identifier: GPL-3.0-or-later
"""From an upright RGB picture to the network's input square, by the recipe of the model pack.

Three ways to fit: ``squash`` squeezes the whole picture to the square, ``crop`` takes the largest centred square,
``pad`` keeps the aspect and fills the rest with middle grey. Pillow's filters widen with the scale (they
antialias), unlike those of most network libraries; packs are trained with the same filters.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from semantic_photos.domain.errors import PackError
from semantic_photos.domain.photo import ImageRecipe
from semantic_photos.domain.ports import ByteArray
from semantic_photos.domain.translatable import Message

FITS = frozenset({"squash", "crop", "pad"})
FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "box": Image.Resampling.BOX,
}

#: The grey around a picture with ``pad``.
_GREY = (128, 128, 128)


def square(picture: Image.Image, recipe: ImageRecipe) -> ByteArray:
    """Return the network's square, uint8 (S, S, 3), of an upright RGB picture of any size.

    Raises:
        PackError: when the recipe names a fit or an interpolation that does not exist.
    """
    chosen = FILTERS.get(recipe.interpolation)
    if chosen is None or recipe.fit not in FITS or recipe.side < 1:
        raise PackError(
            Message(
                "The model pack needs an unknown image preparation ({fit}, {interpolation}, {side} pixels).",
                fit=recipe.fit,
                interpolation=recipe.interpolation,
                side=recipe.side,
            )
        )
    side = recipe.side
    width, height = picture.size
    if recipe.fit == "squash":
        fitted = _resize(picture, (side, side), chosen)
    elif recipe.fit == "crop":
        edge = min(width, height)
        left, top = (width - edge) / 2, (height - edge) / 2
        fitted = _resize(picture, (side, side), chosen, (left, top, left + edge, top + edge))
    else:
        scale = side / max(width, height)
        inner = (max(1, round(width * scale)), max(1, round(height * scale)))
        fitted = Image.new("RGB", (side, side), _GREY)
        fitted.paste(_resize(picture, inner, chosen), ((side - inner[0]) // 2, (side - inner[1]) // 2))
    return np.array(fitted, dtype=np.uint8)


def _resize(
    picture: Image.Image,
    size: tuple[int, int],
    chosen: Image.Resampling,
    box: tuple[float, float, float, float] | None = None,
) -> Image.Image:
    """Resize, without touching a picture that has the size already."""
    if picture.size == size and box in (None, (0, 0, *size)):
        return picture
    # With a gap of 3 the first, cheap step is invisible; the pictures here are at most a few times too large anyway.
    return picture.resize(size, chosen, box=box, reducing_gap=3.0)
