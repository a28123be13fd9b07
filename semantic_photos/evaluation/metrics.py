# SPDX-License-Identifier: GPL-3.0-or-later
"""Retrieval figures as pure functions of score matrices (numpy only)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


def ranks_of(scores: Floats, answers: Ints) -> Ints:
    """Return the rank of each query's one right answer.

    Equal scores count against the query: a model that scores everything alike is ranked last, not first.

    Args:
        scores: (Q, N), higher is better; a score that is not finite counts as the lowest.
        answers: (Q,) column of the right answer of each query.

    Returns:
        (Q,) ranks, 1 is best.
    """
    clean = np.where(np.isfinite(scores), scores, -np.inf)
    own = clean[np.arange(len(answers)), answers]
    better_or_equal = (clean >= own[:, None]).sum(axis=1)
    return np.asarray(better_or_equal, dtype=np.int64)


def recall_at(ranks: Ints, k: int) -> float:
    """Return the share of queries whose right answer is among the first ``k``."""
    return float((ranks <= k).mean()) if len(ranks) else float("nan")


def precision_at(scores: Floats, relevant: Bools, k: int) -> Floats:
    """Return the share of relevant items among the first ``k`` of each query.

    Args:
        scores: (Q, N), higher is better.
        relevant: (Q, N), what counts as right.
        k: Length of the list looked at; N if there are fewer.

    Returns:
        (Q,) values in 0..1.
    """
    k = min(k, scores.shape[1])
    first = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.asarray(np.take_along_axis(relevant, first, axis=1).mean(axis=1), dtype=np.float32)


def ceiling_at(relevant: Bools, k: int) -> float:
    """Return the mean precision at ``k`` of a perfect ranking: short of 1 where there are fewer than ``k`` answers."""
    return float(np.minimum(relevant.sum(axis=1), k).mean() / k)


def chance_precision(relevant: Bools) -> float:
    """Return the mean precision of a random ranking."""
    return float(relevant.mean())


def top_hit(scores: Floats, relevant: Bools, k: int) -> float:
    """Return the share of rows with at least one right answer among their first ``k``.

    Args:
        scores: (Q, N), higher is better.
        relevant: (Q, N); rows without any right answer are left out.
        k: Length of the list looked at.
    """
    asked = relevant.any(axis=1)
    if not asked.any():
        return float("nan")
    first = np.argsort(-scores[asked], axis=1, kind="stable")[:, :k]
    return float(np.take_along_axis(relevant[asked], first, axis=1).any(axis=1).mean())


def bootstrap_range(values: Floats, rounds: int = 1000, seed: int = 0) -> tuple[float, float]:
    """Return the 95 % range of the mean of ``values`` under resampling of the queries."""
    rng = np.random.default_rng(seed)
    picks = rng.integers(0, len(values), size=(rounds, len(values)))
    low, high = np.quantile(values[picks].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)
