# SPDX-License-Identifier: GPL-3.0-or-later
"""Good matches are those that stand out from the background."""

from __future__ import annotations

import numpy as np

from semantic_photos.domain import relevance
from semantic_photos.domain.vectors import normalise


def test_planted_matches_are_good_and_the_background_is_not() -> None:
    rng = np.random.default_rng(3)
    sample = normalise(rng.normal(size=(500, 64)).astype(np.float32))
    question = normalise(rng.normal(size=64).astype(np.float32))
    mean, std = relevance.background(question, sample)
    planted = normalise(question + 0.3 * normalise(rng.normal(size=(12, 64)).astype(np.float32)))
    others = normalise(rng.normal(size=(200, 64)).astype(np.float32))
    scores = np.sort(np.concatenate([planted @ question, others @ question]))[::-1]
    assert 12 <= relevance.count_good(scores, mean, std) <= 18


def test_a_flat_background_does_not_divide_by_zero() -> None:
    same = np.tile(normalise(np.ones(8, np.float32)), (10, 1))
    mean, std = relevance.background(same[0], same)
    assert std > 0
    assert relevance.count_good(np.asarray([mean], np.float32), mean, std) == 0
