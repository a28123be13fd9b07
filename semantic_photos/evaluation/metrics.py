# SPDX-License-Identifier: GPL-3.0-or-later
"""Retrieval figures as pure functions of score matrices (numpy only)."""

from __future__ import annotations

import dataclasses

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
    first = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.asarray(np.take_along_axis(relevant, first, axis=1).mean(axis=1), dtype=np.float32)


def ceiling_at(relevant: Bools, k: int) -> float:
    """Return the mean precision at ``k`` of a perfect ranking: short of 1 where there are fewer than ``k`` answers."""
    return float(np.minimum(relevant.sum(axis=1), k).mean() / k)


def chance_precision(relevant: Bools) -> float:
    """Return the mean precision of a random ranking."""
    return float(relevant.mean())


def top_hits(scores: Floats, relevant: Bools, k: int) -> Floats:
    """Return for each row with any right answer whether one is among the first ``k``: 0 or 1, in the order of rows."""
    asked = relevant.any(axis=1)
    first = np.argsort(-scores[asked], axis=1, kind="stable")[:, :k]
    return np.asarray(np.take_along_axis(relevant[asked], first, axis=1).any(axis=1), dtype=np.float32)


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
    order = np.argsort(-scores, axis=1, kind="stable")
    hits = np.take_along_axis(relevant, order, axis=1)
    precision = np.cumsum(hits, axis=1) / np.arange(1, scores.shape[1] + 1)
    return np.asarray((precision * hits).sum(axis=1) / np.maximum(hits.sum(axis=1), 1), dtype=np.float32)


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


@dataclasses.dataclass(frozen=True, slots=True)
class Cut:
    """What a cut through rankings is worth, one entry for each query, all float64 (Q,).

    Attributes:
        kept: Photos above the cut.
        right: Right answers among them.
        relevant: All right answers.
    """

    kept: NDArray[np.float64]
    right: NDArray[np.float64]
    relevant: NDArray[np.float64]

    @classmethod
    def at(cls, scores: Floats, relevant: Bools, border: Floats | float) -> Cut:
        """Cut (Q, N) scores at one border, or at one for each query, (Q,)."""
        above = scores >= (border if isinstance(border, float) else np.asarray(border)[:, None])
        return cls(
            above.sum(axis=1).astype(np.float64),
            (above & relevant).sum(axis=1).astype(np.float64),
            relevant.sum(axis=1).astype(np.float64),
        )

    @property
    def f1(self) -> NDArray[np.float64]:
        """Return the harmonic mean of precision and recall of each query; 0 where nothing right is above the cut."""
        return np.asarray(2.0 * self.right / np.maximum(self.kept + self.relevant, 1.0))


def best_border(scores: Floats, relevant: Bools, steps: int = 400) -> float:
    """Return the one border for all queries whose mean F1 is highest, tried at ``steps`` quantiles of the scores.

    Most of the scores are of no interest, so the quantiles are denser towards the top.
    """
    shares = 1.0 - np.geomspace(1.0, 1.0 / scores.size, steps)
    borders = np.unique(np.quantile(scores, shares))
    means = [Cut.at(scores, relevant, float(border)).f1.mean() for border in borders]
    return float(borders[int(np.argmax(means))])
