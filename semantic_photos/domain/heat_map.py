# SPDX-License-Identifier: GPL-3.0-or-later
"""Heat maps: where in a photo a word is seen, from unit vectors at positions to pixels on top of the picture.

Class activation mapping (Zhou et al. 2016, "Learning Deep Features for Discriminative Localization") with the
projection head in place of the classifier and any word in place of a class. All of it is relative: a position is
warm when it scores more for the word than photos ordinarily do, because words differ in what they score on anything.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from semantic_photos.domain.ports import ByteArray, FloatArray
from semantic_photos.domain.resample import resized

#: Standard deviations above the word's background at which a position begins to be warm, and at which it is hot.
COLD, HOT = 0.5, 3.0
#: Corners of a palette whose lightness rises evenly, so that it is read without telling red from green: dark blue over
#: teal to pale yellow (after viridis, Smith and van der Walt 2015).
_PALETTE = np.array(
    [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]], dtype=np.float32
)  # fmt: skip
#: How much of the palette covers the hottest place; the rest is the picture itself.
_COVER = 0.72

#: A rectangle in fractions: left, top, right, bottom.
Box = tuple[float, float, float, float]


def photo_in_square(fit: str, width: int, height: int) -> Box:
    """Return where the whole upright photo lies in the network's square, in fractions of the square.

    Below 0 and above 1 is what ``crop`` cut off.

    Args:
        fit: ``squash``, ``crop`` or ``pad``.
        width: of the upright photo in pixels (or any unit), > 0.
        height: likewise.
    """
    if fit == "squash" or width <= 0 or height <= 0:
        return 0.0, 0.0, 1.0, 1.0
    edge = min(width, height) if fit == "crop" else max(width, height)
    across, down = width / edge, height / edge
    return 0.5 - across / 2, 0.5 - down / 2, 0.5 + across / 2, 0.5 + down / 2


def standard_scores(cosines: FloatArray, mean: float, std: float) -> FloatArray:
    """Return cosines of any shape as standard deviations above a background."""
    return np.asarray((np.asarray(cosines, np.float32) - mean) / max(std, 1e-6), dtype=np.float32)


def stitch(tiles: Sequence[tuple[Box, FloatArray]], side: int) -> FloatArray:
    """Lay overlapping maps (h, w) into one, float32 (side, side), each strongest in its own middle.

    Args:
        tiles: where each map lies, in fractions of the whole; together they cover it.
        side: of the result; at least twice the number of positions is useful.
    """
    total = np.zeros((side, side), np.float32)
    weight = np.full((side, side), 1e-6, np.float32)
    for (left, top, right, bottom), values in tiles:
        x0, x1, y0, y1 = (round(edge * side) for edge in (left, right, top, bottom))
        if x1 <= x0 or y1 <= y0:
            continue
        window = np.outer(_ramp(y1 - y0), _ramp(x1 - x0))
        total[y0:y1, x0:x1] += resized(values, y1 - y0, x1 - x0, smooth=True) * window
        weight[y0:y1, x0:x1] += window
    return np.asarray(total / weight, dtype=np.float32)


def _ramp(n: int) -> FloatArray:
    places = np.arange(n, dtype=np.float32)
    return np.asarray(np.minimum(places + 1, n - places) / np.float32(n), dtype=np.float32)


def over_photo(square: FloatArray, box: Box, height: int, width: int) -> FloatArray:
    """Return a map of the network's square (s, s) as a map of the photo, float32 (height, width).

    Args:
        square: values over the square.
        box: where the photo lies in the square (``photo_in_square``).
        height: wanted, at least 1.
        width: wanted, at least 1.

    Places that the square does not show get the lowest value of the map.
    """
    side_y, side_x = square.shape
    left, top, right, bottom = box
    out = resized(square, height, width, box=(left * side_x, top * side_y, right * side_x, bottom * side_y))
    x = left + (np.arange(width) + 0.5) / width * (right - left)
    y = top + (np.arange(height) + 0.5) / height * (bottom - top)
    unseen = ~(((y >= 0) & (y <= 1))[:, None] & ((x >= 0) & (x <= 1))[None, :])
    out[unseen] = float(square.min())
    return out


def warmth(scores: FloatArray) -> FloatArray:
    """Return standard scores (h, w) as heat in 0..1, float32.

    The hottest place of a photo that does show the word is 1, whatever its score; a photo that does not stays cold,
    because heat needs more than any position scores anyhow.
    """
    clean = np.nan_to_num(np.asarray(scores, np.float32), nan=COLD, posinf=HOT, neginf=COLD)
    top = max(float(clean.max(initial=COLD)), HOT)
    # Contrast inside the picture counts as well: a beach fills all of it, and its best part should still be seen.
    low = max(COLD, min(float(np.median(clean)), top - 1.0)) if clean.size else COLD
    return np.asarray(np.clip((clean - low) / (top - low), 0.0, 1.0), dtype=np.float32)


def hottest(heat: FloatArray) -> tuple[float, float]:
    """Return the hottest place of a map (h, w) as fractions (x, y) of its width and height."""
    place = int(np.argmax(heat))
    return (place % heat.shape[1] + 0.5) / heat.shape[1], (place // heat.shape[1] + 0.5) / heat.shape[0]


def render(heat: FloatArray, picture: ByteArray) -> ByteArray:
    """Lay a heat map over a picture.

    Where it is cold the picture loses its colour and some light, where it is hot it is tinted from blue to yellow:
    lightness alone tells the two apart, so that it is read without colour vision too.

    Args:
        heat: float32 (h, w) in 0..1, of any size: it is drawn over the whole picture. What is not finite is cold.
        picture: uint8 (H, W, 3).

    Returns:
        uint8 (H, W, 3), a new array.
    """
    height, width = picture.shape[:2]
    if not height or not width or not heat.size:
        return picture.copy()
    clean = np.clip(np.nan_to_num(np.asarray(heat, np.float32), nan=0.0, posinf=1.0, neginf=0.0), 0.0, 1.0)
    value = np.clip(resized(clean, height, width, smooth=max(clean.shape) < 64), 0.0, 1.0)
    stops = np.linspace(0.0, 1.0, len(_PALETTE))
    tint = np.stack([np.interp(value, stops, _PALETTE[:, c]) for c in range(3)], axis=-1)
    pixels = picture.astype(np.float32)
    grey = pixels @ np.array([0.299, 0.587, 0.114], np.float32)
    dim = 0.5 * pixels + 0.25 * grey[..., None]
    cover = (_COVER * value)[..., None]
    # The picture's own light and shade shows through the tint: outlines stay where they are.
    shaded = tint * (0.45 + 0.55 * grey[..., None] / 255.0)
    base = dim + (pixels - dim) * value[..., None]
    return np.asarray(np.clip(base * (1 - cover) + shaded * cover + 0.5, 0, 255), dtype=np.uint8)


def shares(evidence: Sequence[tuple[float, float]]) -> list[float]:
    """Return each word's share of a match: the sizes sum to 1, minus words are negative.

    Args:
        evidence: for each word its weight in the query and the photo's standard score for it.

    Returns:
        Weight times score, as a share of all; 0 for a word the photo does not show (score <= 0). All are 0 when it
        shows none of them.
    """
    parts = [weight * max(score, 0.0) if np.isfinite(score) else 0.0 for weight, score in evidence]
    total = sum(abs(part) for part in parts)
    return [part / total if total > 0 else 0.0 for part in parts]
