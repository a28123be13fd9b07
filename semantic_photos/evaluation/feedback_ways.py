# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways to make a better ranking of a few votes, measured beside each other by ``evaluation.steering``.

The program uses the first of them; the others are here so that its choice can be checked with any pack. What they
gave is told in ``decisions/0012-votes-by-rocchio.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from semantic_photos.domain import result_cutoff
from semantic_photos.domain.relevance_feedback import hits_to_fetch, with_feedback
from semantic_photos.domain.vectors import normalise

Floats = NDArray[np.float32]
#: Photos of the library that stand for "not this" beside the voted ones.
_NEGATIVES = 40
#: Weights of the first rule.
_LIKED, _DISLIKED = 1.0, 0.3


@dataclass(frozen=True, slots=True, eq=False)
class Ballot:
    """Votes for one question.

    Attributes:
        photos: unit vectors (N, D) of all photos that are searched.
        sample: unit vectors (B, D) of ordinary photos.
        query: unit vector (D,).
        up: rows of ``photos`` that were voted up.
        down: rows that were voted down.
    """

    photos: Floats
    sample: Floats
    query: Floats
    up: list[int]
    down: list[int]

    @property
    def liked(self) -> Floats:
        """Return the vectors (U, D) of what was voted up."""
        return self.photos[self.up]

    @property
    def disliked(self) -> Floats:
        """Return the vectors (V, D) of what was voted down."""
        return self.photos[self.down]

    @property
    def middle(self) -> Floats:
        """Return the mean (D,) of the first hits."""
        first = hits_to_fetch(len(self.photos))
        return np.asarray(self.photos[np.argsort(-(self.photos @ self.query))[:first]].mean(axis=0))


#: Gives scores (N,) of all photos, higher is better.
Way = Callable[[Ballot], Floats]


def by_program(ballot: Ballot) -> Floats:
    """Rank as the program does."""
    return ballot.photos @ with_feedback(ballot.query, ballot.liked, ballot.disliked, ballot.middle, ballot.sample)


def by_special(ballot: Ballot) -> Floats:
    """Rank as the program does where it has no ordinary photos to compare with."""
    return ballot.photos @ with_feedback(ballot.query, ballot.liked, ballot.disliked, ballot.middle)


def by_rocchio(ballot: Ballot) -> Floats:
    """Rank by Rocchio's rule on the photos as they are."""
    return ballot.photos @ rocchio(ballot.query, ballot.liked, ballot.disliked)


def by_centred_rocchio(ballot: Ballot) -> Floats:
    """Rank by Rocchio's rule with the library's middle taken off the votes: what all photos share is no word."""
    middle = ballot.photos.mean(axis=0)
    moved = ballot.query.copy()
    if ballot.up:
        moved += _LIKED * normalise(ballot.liked.mean(axis=0) - middle)
    if ballot.down:
        moved -= _DISLIKED * normalise(ballot.disliked.mean(axis=0) - middle)
    return ballot.photos @ moved


def by_logistic(ballot: Ballot) -> Floats:
    """Rank by logistic regression on the votes, drawn towards the question."""
    return ballot.photos @ logistic(ballot.query, ballot.liked, ballot.disliked, ridge=0.1, scale=16.0)


def by_logistic_with_negatives(ballot: Ballot) -> Floats:
    """Rank by logistic regression on the votes and random photos of the library as further dislikes."""
    rng, count = np.random.default_rng(0), len(ballot.photos)
    others = np.setdiff1d(rng.choice(count, min(_NEGATIVES, count), replace=False), ballot.up)
    against = ballot.photos[[*ballot.down, *others.tolist()]]
    return ballot.photos @ logistic(ballot.query, ballot.liked, against, ridge=0.5, scale=16.0)


def by_nearest(ballot: Ballot) -> Floats:
    """Rank by the question and the nearest voted photo of each kind (nearest neighbours, not their mean)."""
    scores = _standard(ballot.photos @ ballot.query)
    if ballot.up:
        scores += 0.5 * _standard((ballot.photos @ ballot.liked.T).max(axis=1))
    if ballot.down:
        scores -= 0.15 * _standard((ballot.photos @ ballot.disliked.T).max(axis=1))
    return scores


def by_neighbours(ballot: Ballot) -> Floats:
    """Rank by Rocchio's rule, with the eight nearest photos of each liked one as further likes."""
    near = np.argsort(-(ballot.liked @ ballot.photos.T), axis=1)[:, :9].ravel() if ballot.up else np.empty(0, np.int64)
    more = np.setdiff1d(near, ballot.down)
    return ballot.photos @ rocchio(ballot.query, ballot.photos[more], ballot.disliked)


def _standard(scores: Floats) -> Floats:
    middle, spread = result_cutoff.background(scores)
    return (scores - np.float32(middle)) / np.float32(spread)


#: What each way is called, the program's first.
WAYS: Mapping[str, Way] = MappingProxyType({
    "what is special": by_program,
    "what is special, without ordinary photos": by_special,
    "Rocchio": by_rocchio,
    "Rocchio, library's middle taken off": by_centred_rocchio,
    "logistic regression": by_logistic,
    "logistic regression, random negatives": by_logistic_with_negatives,
    "nearest voted photo": by_nearest,
    "Rocchio, neighbours of likes": by_neighbours,
})  # fmt: skip


def rocchio(query: Floats, liked: Floats, disliked: Floats) -> Floats:
    """Return a unit vector (D,): Rocchio 1971, "Relevance feedback in information retrieval".

    Args:
        query: unit vector (D,).
        liked: unit vectors (U, D); may be empty.
        disliked: unit vectors (V, D); may be empty.
    """
    moved = query.copy()
    if len(liked):
        moved += np.float32(_LIKED) * liked.mean(axis=0)
    if len(disliked):
        moved -= np.float32(_DISLIKED) * disliked.mean(axis=0)
    mixed = normalise(moved)
    return mixed if mixed.any() else query


def logistic(query: Floats, liked: Floats, disliked: Floats, *, ridge: float = 1.0, scale: float = 8.0) -> Floats:
    """Return a unit vector (D,): ridge-regularised logistic regression on the votes, drawn towards the question.

    Args:
        query: unit vector (D,); the weights are drawn towards ``scale`` times it.
        liked: unit vectors (U, D).
        disliked: unit vectors (V, D).
        ridge: strength of the pull, > 0.
        scale: length of the weights before any vote, > 0.
    """
    rows = np.concatenate([liked, disliked]).astype(np.float64)
    if not len(rows):
        return np.asarray(query, np.float32)
    wanted = np.r_[np.ones(len(liked)), np.zeros(len(disliked))]
    prior = scale * np.asarray(query, np.float64)
    # The optimum is the prior plus a sum of rows, so Newton's steps need only as many numbers as there are votes.
    gram = rows @ rows.T
    start = rows @ prior
    alpha, offset = np.zeros(len(rows)), -float(start.mean())
    for _ in range(20):
        probability = 1.0 / (1.0 + np.exp(-np.clip(start + gram @ alpha + offset, -30, 30)))
        curvature = np.maximum(probability * (1 - probability), 1e-3)
        residual = (wanted - probability) / ridge - alpha
        step = np.linalg.solve(np.eye(len(rows)) + gram * curvature / ridge, residual)
        alpha += step
        offset += float((wanted - probability).sum() / (curvature.sum() + 1.0))
        if np.abs(step).max() < 1e-6:
            break
    weights = normalise((prior + rows.T @ alpha).astype(np.float32))
    return weights if weights.any() else np.asarray(query, np.float32)
