# SPDX-License-Identifier: GPL-3.0-or-later
"""Retrieval figures as pure functions of score matrices (numpy only).

A score of minus infinity means that an item was not answered at all: it counts as right nowhere in the ranking.
"""

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
    return np.asarray(_hits(scores, relevant)[:, :k].mean(axis=1), dtype=np.float32)


def r_precisions(scores: Floats, relevant: Bools) -> Floats:
    """Return the precision of each query at its number R of right answers; 0 for a query without any.

    Recall is the same there (Manning, Raghavan and Schütze, "Introduction to Information Retrieval", 2008, 8.4).

    Args:
        scores: (Q, N), higher is better.
        relevant: (Q, N), what counts as right.
    """
    count = relevant.sum(axis=1)
    within = np.arange(scores.shape[1]) < count[:, None]
    return np.asarray((_hits(scores, relevant) & within).sum(axis=1) / np.maximum(count, 1), dtype=np.float32)


def _hits(scores: Floats, relevant: Bools) -> Bools:
    """Return which places (Q, N) of each ranking hold a right answer."""
    order = np.argsort(-scores, axis=1, kind="stable")
    return np.asarray(np.take_along_axis(relevant & (scores > -np.inf), order, axis=1))


def ceiling_at(relevant: Bools, k: int) -> float:
    """Return the mean precision at ``k`` of a perfect ranking: short of 1 where there are fewer than ``k`` answers."""
    return float(np.minimum(relevant.sum(axis=1), k).mean() / k)


def chance_precision(relevant: Bools) -> float:
    """Return the mean precision of a random ranking."""
    return float(relevant.mean())


def top_hits(scores: Floats, relevant: Bools, k: int) -> Floats:
    """Return for each row with any right answer whether one is among the first ``k``: 0 or 1, in the order of rows."""
    asked = relevant.any(axis=1)
    return np.asarray(_hits(scores[asked], relevant[asked])[:, :k].any(axis=1), dtype=np.float32)


def average_precisions(scores: Floats, relevant: Bools) -> Floats:
    """Return the average precision of each query over the whole ranking; their mean is the mAP.

    The mean, over a query's right answers, of the precision down to each of them (Manning, Raghavan and Schütze,
    "Introduction to Information Retrieval", 2008, section 8.4).

    Args:
        scores: (Q, N), higher is better.
        relevant: (Q, N); a query without any right answer gets 0.

    Returns:
        (Q,) values in 0..1.
    """
    hits = _hits(scores, relevant)
    precision = np.cumsum(hits, axis=1) / np.arange(1, scores.shape[1] + 1)
    return np.asarray((precision * hits).sum(axis=1) / np.maximum(relevant.sum(axis=1), 1), dtype=np.float32)


def chance_average_precision(relevant: Bools) -> float:
    """Return the mean average precision that a random ranking is expected to reach.

    For R right answers among N, each right answer at place i has on average (i - 1)(R - 1)/(N - 1) others before it.
    """
    found = relevant.sum(axis=1).astype(np.float64)
    total = relevant.shape[1]
    if total < 2:
        return float(relevant.mean())
    places = np.arange(1, total + 1)
    harmonic = float((1.0 / places).sum())
    rest = (found - 1.0) / (total - 1.0)
    each = (harmonic + rest * (total - harmonic)) / total
    return float(np.where(found > 0, each, 0.0).mean())
