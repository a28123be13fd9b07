# SPDX-License-Identifier: GPL-3.0-or-later
"""The photos of the library that behaves: painted, each in the colour by which it is found."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (206, 48, 44), "orange": (236, 138, 46), "yellow": (240, 208, 70), "green": (74, 150, 72),
    "teal": (40, 150, 150), "blue": (52, 108, 200), "purple": (122, 76, 170), "pink": (232, 140, 176),
    "brown": (122, 84, 56), "white": (236, 236, 232), "grey": (132, 134, 138), "black": (28, 28, 32),
}  # fmt: skip
_TABLE = np.array(list(COLOURS.values()), np.float32)


def picture(photo_id: int, side: int) -> Image.Image:
    """Paint the photo: a sky over hills in its colour, differently shaped for each id."""
    rng = np.random.default_rng(photo_id)
    wide = rng.random() < 0.65
    w, h = (side, side * 2 // 3) if wide else (side * 3 // 4, side)
    base = _TABLE[photo_id % len(_TABLE)]
    ramp = np.linspace(0.0, 1.0, h, dtype=np.float32)[:, None, None]
    sky = np.clip(base * (1.12 - 0.2 * ramp) + 40 * (1 - ramp) - 15 * ramp, 0, 255)
    image = Image.fromarray(np.broadcast_to(sky, (h, w, 3)).astype(np.uint8).copy())
    draw = ImageDraw.Draw(image)
    x, y, r = rng.random() * w, h * (0.15 + 0.3 * rng.random()), h * (0.06 + 0.06 * rng.random())
    draw.ellipse((x - r, y - r, x + r, y + r), fill=tuple(int(c) for c in np.clip(base * 0.4 + 150, 0, 255)))
    for layer in range(3):
        shade = tuple(int(c) for c in np.clip(base * (0.8 - 0.22 * layer), 0, 255))
        xs = np.linspace(0, w, 40)
        a, b, c = rng.random(3) * 6
        level = h * (0.5 + 0.15 * layer) + h * 0.06 * (np.sin(xs / w * 5 + a) + np.sin(xs / w * 9 + b) * 0.6 + 0.2 * c)
        draw.polygon([(0, h), *zip(xs.tolist(), level.tolist(), strict=True), (w, h)], fill=shade)
    return image.filter(ImageFilter.GaussianBlur(max(side / 500, 0.4)))
