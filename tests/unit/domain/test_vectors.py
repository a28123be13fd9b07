# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from semantic_photos.domain.vectors import (
    decorrelated,
    merge_ranked,
    normalise,
    softmax_weights,
    top_k,
    usable_rows,
    weighted_sum,
)

_FLOATS = st.floats(-100, 100, width=32)


@given(arrays(np.float32, (5, 4), elements=_FLOATS))
def test_normalised_rows_have_length_one_or_are_zero(vectors: np.ndarray) -> None:
    lengths = np.linalg.norm(normalise(vectors), axis=1)
    usable = usable_rows(vectors)
    assert np.allclose(lengths[usable], 1.0, atol=1e-5)
    assert np.all(lengths[~usable] == 0.0)


def test_normalise_keeps_direction_shape_and_type() -> None:
    result = normalise(np.array([[3.0, 4.0]], np.float64))
    assert result.dtype == np.float32
    assert result.tolist() == [[pytest.approx(0.6), pytest.approx(0.8)]]
    assert normalise(np.array([0.0, 2.0], np.float32)).tolist() == [0.0, 1.0]


def test_usable_rows_sees_nan_infinity_and_zero() -> None:
    rows = np.array([[1, 0], [np.nan, 1], [np.inf, 1], [0, 0], [1e-9, 0]], np.float32)
    assert usable_rows(rows).tolist() == [True, False, False, False, False]


def test_weighted_sum_mixes_pushes_away_and_may_vanish() -> None:
    x, y = np.array([1, 0], np.float32), np.array([0, 1], np.float32)
    assert weighted_sum([]) is None
    assert weighted_sum([(1.0, x), (-1.0, x)]) is None
    mixed = weighted_sum([(1.0, x), (-1.0, y)])
    assert mixed is not None
    assert mixed.tolist() == [pytest.approx(np.sqrt(0.5)), pytest.approx(-np.sqrt(0.5))]
    minus = weighted_sum([(-0.5, x)])
    assert minus is not None
    assert minus.tolist() == [-1.0, 0.0]


@given(st.lists(st.integers(-3, 3), max_size=30), st.integers(-2, 35))
def test_top_k_is_the_head_of_a_full_sort(values: list[int], k: int) -> None:
    # Few different scores, so that ties are the rule.
    ids = np.array([(i * 7919) % 101 for i in range(len(values))], np.int64)
    scores = np.array(values, np.float32)
    found, found_scores = top_k(ids, scores, k)
    expected = sorted(zip((-scores).tolist(), ids.tolist(), strict=True))[: max(k, 0)]
    assert found.tolist() == [photo_id for _, photo_id in expected]
    assert found_scores.tolist() == [-negative for negative, _ in expected]


def test_merge_ranked_orders_over_all_parts() -> None:
    one = (np.array([1, 2], np.int64), np.array([0.9, 0.1], np.float32))
    two = (np.array([3], np.int64), np.array([0.5], np.float32))
    ids, scores = merge_ranked([one, two], 2)
    assert ids.tolist() == [1, 3]
    assert scores.tolist() == [pytest.approx(0.9), pytest.approx(0.5)]
    empty_ids, empty_scores = merge_ranked([], 5)
    assert len(empty_ids) == len(empty_scores) == 0


@given(arrays(np.float32, 6, elements=st.floats(-1, 1, width=32)), st.floats(0.01, 2))
def test_softmax_weights_sum_to_one_and_follow_the_scores(scores: np.ndarray, temperature: float) -> None:
    weights = softmax_weights(scores, temperature)
    assert weights.sum() == pytest.approx(1.0, abs=1e-5)
    assert np.all(np.diff(weights[np.argsort(scores)]) >= -1e-7)


def test_what_photos_differ_in_anyhow_is_taken_out_of_a_direction() -> None:
    rng = np.random.default_rng(2)
    sample = rng.normal(size=(400, 6)).astype(np.float32) * np.array([5, 1, 1, 1, 1, 1], np.float32)
    directions = np.array([[1, 1, 0, 0, 0, 0], [0, 0, 1, 1, 0, 0]], np.float32)
    found = decorrelated(directions, sample, 0.01)
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert abs(found[0, 0]) < 0.2 * abs(found[0, 1])
    assert np.allclose(found[1], normalise(directions[1]), atol=0.15)
    assert np.allclose(decorrelated(directions[0], sample, 0.01), found[0], atol=1e-5)
    # Much is added where little is known: then nothing is taken out.
    assert np.allclose(decorrelated(directions, sample, 1e4), normalise(directions), atol=1e-3)
    # One photo differs in nothing.
    assert np.isfinite(decorrelated(directions, sample[:1])).all()
