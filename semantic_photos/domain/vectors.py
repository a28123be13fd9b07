# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure maths on unit vectors: normalising, mixing, ranking."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from semantic_photos.domain.ports import FloatArray, IdArray

#: Below this length a vector has no direction worth storing.
TINY = 1e-6


def normalise(vectors: FloatArray) -> FloatArray:
    """Return ``vectors`` (…, D) scaled to unit length; vectors of (nearly) no length become zero."""
    array = np.asarray(vectors, dtype=np.float32)
    length = np.linalg.norm(array, axis=-1, keepdims=True)
    return np.where(length > TINY, array / np.maximum(length, TINY), 0.0).astype(np.float32)


def usable_rows(vectors: FloatArray) -> np.ndarray:
    """Return a bool mask (N,) of the rows of (N, D) that are finite and have a direction."""
    array = np.asarray(vectors)
    finite = np.isfinite(array).all(axis=-1)
    length = np.linalg.norm(np.where(np.isfinite(array), array, 0.0), axis=-1)
    return np.asarray(finite & (length > TINY))


def weighted_sum(parts: Sequence[tuple[float, FloatArray]]) -> FloatArray | None:
    """Return the unit vector of a weighted sum of unit vectors (D,), or None if nothing is left of it.

    Minus terms have negative weights. A sum of pure minus terms is legal: it ranks what is least like them.
    """
    if not parts:
        return None
    total = np.zeros_like(np.asarray(parts[0][1], dtype=np.float32))
    for weight, vector in parts:
        total = total + np.float32(weight) * np.asarray(vector, dtype=np.float32)
    return None if float(np.linalg.norm(total)) <= TINY else normalise(total)


def decorrelated(directions: FloatArray, sample: FloatArray, shrink: float = 1.0) -> FloatArray:
    """Return unit directions (…, D) without what the photos of ``sample`` (N, D) differ in anyhow.

    Each is the normal between two clouds of the sample's shape, one beside the other (Hariharan, Malik and Ramanan,
    "Discriminative decorrelation for clustering and classification", 2012). ``shrink`` times the mean variance is
    added to every direction, because some hundred photos do not tell the small ones exactly.
    """
    rows = sample - sample.mean(axis=0)
    spread = (rows.T @ rows / max(1, len(rows))).astype(np.float64)
    spread /= max(float(np.trace(spread)) / len(spread), 1e-12)
    spread[np.diag_indices_from(spread)] += shrink
    return normalise(np.linalg.solve(spread, directions.astype(np.float64).T).T.astype(np.float32))


def top_k(ids: IdArray, scores: FloatArray, k: int) -> tuple[IdArray, FloatArray]:
    """Return the ``k`` best of ids (N,) and scores (N,), best first; ties in order of id, so that runs agree."""
    if k <= 0 or len(ids) == 0:
        return ids[:0], scores[:0]
    if k < len(ids):
        # The k-th value first: with ties at the border a plain argpartition would pick by memory order.
        border = np.partition(scores, len(scores) - k)[len(scores) - k]
        keep = np.flatnonzero(scores >= border)
        ids, scores = ids[keep], scores[keep]
    order = np.lexsort((ids, -scores))[:k]
    return ids[order], scores[order]


def merge_ranked(parts: Sequence[tuple[IdArray, FloatArray]], k: int) -> tuple[IdArray, FloatArray]:
    """Merge ranked lists of disjoint ids whose scores are comparable into the ``k`` best."""
    if not parts:
        return np.empty(0, np.int64), np.empty(0, np.float32)
    ids = np.concatenate([part[0] for part in parts])
    scores = np.concatenate([part[1] for part in parts])
    return top_k(ids, scores, k)


def softmax_weights(scores: FloatArray, temperature: float) -> FloatArray:
    """Return positive weights that sum to one, larger for larger scores; ``temperature`` > 0."""
    shifted = (np.asarray(scores, dtype=np.float32) - np.max(scores)) / np.float32(temperature)
    weights = np.exp(shifted)
    return np.asarray(weights / weights.sum(), dtype=np.float32)
