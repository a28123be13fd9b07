# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways to make a better ranking of a few votes, measured beside each other by ``evaluation.steering``.

The program uses the first of them; the others are here so that its choice can be checked with any pack. What they
gave is told in ``decisions/0012-votes-by-rocchio.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from semantic_photos.domain import relevance
from semantic_photos.domain.feedback import DISLIKED, LIKED, logistic, rocchio
from semantic_photos.domain.vectors import normalise

Floats = NDArray[np.float32]
#: Takes unit vectors of all photos (N, D), the question's unit vector (D,), and rows of liked and disliked photos;
#: gives scores (N,), higher is better.
Way = Callable[[Floats, Floats, list[int], list[int]], Floats]

#: Photos of the library that stand for "not this" beside the voted ones.
_NEGATIVES = 40


def by_rocchio(photos: Floats, query: Floats, liked: list[int], disliked: list[int]) -> Floats:
    """Rank as the program does."""
    return photos @ rocchio(query, photos[liked], photos[disliked])


def by_centred_rocchio(photos: Floats, query: Floats, liked: list[int], disliked: list[int]) -> Floats:
    """Rank as the program does, but with the library's middle taken off the votes: what all photos share is no word."""
    middle = photos.mean(axis=0)
    moved = query.copy()
    if liked:
        moved += LIKED * normalise(photos[liked].mean(axis=0) - middle)
    if disliked:
        moved -= DISLIKED * normalise(photos[disliked].mean(axis=0) - middle)
    return photos @ moved


def by_logistic(photos: Floats, query: Floats, liked: list[int], disliked: list[int]) -> Floats:
    """Rank by logistic regression on the votes, drawn towards the question."""
    return photos @ logistic(query, photos[liked], photos[disliked], ridge=0.1, scale=16.0)


def by_logistic_with_negatives(photos: Floats, query: Floats, liked: list[int], disliked: list[int]) -> Floats:
    """Rank by logistic regression on the votes and random photos of the library as further dislikes."""
    rng = np.random.default_rng(0)
    others = np.setdiff1d(rng.choice(len(photos), min(_NEGATIVES, len(photos)), replace=False), liked)
    return photos @ logistic(query, photos[liked], photos[[*disliked, *others.tolist()]], ridge=0.5, scale=16.0)


def by_nearest(photos: Floats, query: Floats, liked: list[int], disliked: list[int]) -> Floats:
    """Rank by the question and the nearest voted photo of each kind (nearest neighbours, not their mean)."""
    scores = _standard(photos @ query)
    if liked:
        scores += 0.5 * _standard((photos @ photos[liked].T).max(axis=1))
    if disliked:
        scores -= 0.15 * _standard((photos @ photos[disliked].T).max(axis=1))
    return scores


def by_neighbours(photos: Floats, query: Floats, liked: list[int], disliked: list[int]) -> Floats:
    """Rank as the program does, with the eight nearest photos of each liked one as further likes."""
    near = np.argsort(-(photos[liked] @ photos.T), axis=1)[:, :9].ravel() if liked else np.empty(0, np.int64)
    more = np.setdiff1d(near, disliked)
    return photos @ rocchio(query, photos[more], photos[disliked])


def _standard(scores: Floats) -> Floats:
    middle, spread = relevance.background(scores)
    return (scores - np.float32(middle)) / np.float32(spread)


#: What each way is called, the program's first.
WAYS: Mapping[str, Way] = MappingProxyType({
    "Rocchio": by_rocchio,
    "Rocchio, library's middle taken off": by_centred_rocchio,
    "logistic regression": by_logistic,
    "logistic regression, random negatives": by_logistic_with_negatives,
    "nearest voted photo": by_nearest,
    "Rocchio, neighbours of likes": by_neighbours,
})  # fmt: skip
