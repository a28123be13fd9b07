# SPDX-License-Identifier: GPL-3.0-or-later
"""Resizing of arrays without an image library: regions for the network, and heat maps drawn over photos."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from semantic_photos.domain.ports import FloatArray

#: A Mitchell-Netravali cubic (Mitchell and Netravali 1988, "Reconstruction Filters in Computer Graphics") with B = 1:
#: the cubic B-spline. It never overshoots, so that a map of shares stays one.
_SPLINE_RADIUS = 2.0


@lru_cache(maxsize=64)
def _weights(source: int, target: int, start: float, stop: float, smooth: bool) -> FloatArray:
    """Return float32 (target, source): how much each sample counts for each wanted one; rows sum to one."""
    step = (stop - start) / target
    # Shrinking widens the filter, so that every sample is heard.
    scale = max(step, 1.0)
    centres = start + (np.arange(target, dtype=np.float64) + 0.5) * step
    samples = np.arange(source, dtype=np.float64) + 0.5
    distance = np.abs(samples[None, :] - centres[:, None]) / scale
    if smooth:
        near = (4.0 - 6.0 * distance**2 + 3.0 * distance**3) / 6.0
        far = np.maximum(_SPLINE_RADIUS - distance, 0.0) ** 3 / 6.0
        rows = np.where(distance < 1.0, near, far)
    else:
        rows = np.maximum(1.0 - distance, 0.0)
    # Beyond the border the nearest sample goes on.
    empty = rows.sum(axis=1) <= 1e-9
    rows[empty, np.clip(centres[empty].astype(np.int64), 0, source - 1)] = 1.0
    rows = (rows / rows.sum(axis=1, keepdims=True)).astype(np.float32)
    rows.setflags(write=False)
    return np.asarray(rows, dtype=np.float32)


def resized(
    array: np.ndarray,
    height: int,
    width: int,
    *,
    box: tuple[float, float, float, float] | None = None,
    smooth: bool = False,
) -> FloatArray:
    """Return ``array`` (H, W) or (H, W, C) at another size, float32 (height, width[, C]).

    Linear interpolation whose filter widens when it shrinks (it antialiases, as Pillow's does).

    Args:
        array: at least one sample a side.
        height: wanted, at least 1.
        width: wanted, at least 1.
        box: part of the source as left, top, right, bottom in samples; None means all of it. What lies outside
            repeats the border.
        smooth: a cubic spline in place of the line: for maps of few positions drawn large. It blurs a little.
    """
    rows, columns = array.shape[:2]
    left, top, right, bottom = box if box is not None else (0.0, 0.0, float(columns), float(rows))
    down = _weights(rows, height, float(top), float(bottom), smooth)
    across = _weights(columns, width, float(left), float(right), smooth)
    source = np.asarray(array, dtype=np.float32)
    flat = source.reshape(rows, -1)
    half = (down @ flat).reshape(height, columns, -1)
    full = np.einsum("wc,hcx->hwx", across, half, optimize=True)
    return np.ascontiguousarray(full.reshape((height, width, *source.shape[2:])), dtype=np.float32)
