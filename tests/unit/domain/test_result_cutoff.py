# SPDX-License-Identifier: GPL-3.0-or-later
"""Where good matches end: relative to the query, robust against a background that shows the thing, steerable."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semantic_photos.domain import result_cutoff

RNG = np.random.default_rng(3)
#: What photos get that have nothing to do with a query.
NOISE = (0.1 + 0.05 * RNG.normal(size=2000)).astype(np.float32)


def library(good: int, height: float = 0.5, n: int = 1000) -> np.ndarray:
    scores = np.concatenate([0.1 + 0.05 * RNG.normal(size=n), height + 0.03 * RNG.normal(size=good)])
    return -np.sort(-scores.astype(np.float32))


@pytest.mark.parametrize("good", [3, 40, 400])
def test_what_stands_apart_is_good(good: int) -> None:
    assert result_cutoff.count_good(library(good), NOISE) == good


def test_a_background_full_of_the_thing_hides_nothing() -> None:
    dogs = np.concatenate([NOISE[:700], 0.5 + 0.03 * RNG.normal(size=300).astype(np.float32)])
    assert 195 <= result_cutoff.count_good(library(200), dogs.astype(np.float32)) <= 205


def test_another_scale_is_the_same_question() -> None:
    scores = library(30)
    assert result_cutoff.count_good(scores * 0.3 + 0.2, NOISE * 0.3 + 0.2) == result_cutoff.count_good(scores, NOISE)


def test_the_example_itself_does_not_raise_the_border() -> None:
    scores = library(30)
    assert result_cutoff.count_good(np.concatenate([[1.0], scores]).astype(np.float32), NOISE) == 31


def test_nothing_and_only_itself() -> None:
    assert result_cutoff.count_good(np.empty(0, np.float32), NOISE) == 0
    assert result_cutoff.count_good(np.ones(1, np.float32), NOISE) == 1


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(-1, 1, width=32), max_size=60),
    st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=40),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_more_caution_never_takes_more(scores: list[float], others: list[float], a: float, b: float) -> None:
    best_first = -np.sort(-np.array(scores, np.float32))
    sample = np.array(others, np.float32)
    low, high = sorted((a, b))
    assert result_cutoff.count_good(best_first, sample, high) <= result_cutoff.count_good(best_first, sample, low)
