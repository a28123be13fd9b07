# SPDX-License-Identifier: GPL-3.0-or-later
"""Where good matches end, for one query: how far a score stands out from what any photo would get."""

from __future__ import annotations

import numpy as np

from semantic_photos.domain.ports import FloatArray

#: Standard deviations above the background from which a hit counts as a good match. Of photos that have nothing
#: to do with the question about one in a hundred gets there (for a normal background).
GOOD = 2.3
#: Caution where a person has not said otherwise.
CAUTION = 0.5


def background(vector: FloatArray, sample: FloatArray) -> tuple[float, float]:
    """Return mean and standard deviation of the cosines of ``vector`` (D,) with a sample of photos (B, D)."""
    scores = np.asarray(sample, dtype=np.float32) @ np.asarray(vector, dtype=np.float32)
    return float(scores.mean()), max(float(scores.std()), 1e-3)


def count_good(scores: FloatArray, mean: float, std: float) -> int:
    """Return how many of ``scores`` (N,), best first, are good matches before this background."""
    return int(np.count_nonzero(np.asarray(scores) >= mean + GOOD * std))
