# SPDX-License-Identifier: GPL-3.0-or-later
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semantic_photos.evaluation import metrics


def test_rank_counts_from_one_and_finds_the_owner():
    scores = np.array([[0.9, 0.1, 0.5], [0.2, 0.3, 0.4]], dtype=np.float32)
    assert metrics.ranks_of(scores, np.array([2, 2])).tolist() == [2, 1]


def test_a_model_that_scores_everything_alike_is_last_not_first():
    scores = np.ones((2, 5), dtype=np.float32)
    assert metrics.ranks_of(scores, np.array([0, 4])).tolist() == [5, 5]


def test_a_score_that_is_not_a_number_is_the_lowest():
    scores = np.array([[np.nan, 0.1, -0.5]], dtype=np.float32)
    assert metrics.ranks_of(scores, np.array([0])).tolist() == [3]
    assert metrics.ranks_of(scores, np.array([1])).tolist() == [1]


def test_precision_looks_at_the_first_k_only():
    scores = np.array([[4.0, 3.0, 2.0, 1.0]], dtype=np.float32)
    relevant = np.array([[True, False, True, True]])
    assert metrics.precision_at(scores, relevant, 2).tolist() == [0.5]
    assert metrics.precision_at(scores, relevant, 100).tolist() == [0.75]


def test_ceiling_knows_that_three_answers_cannot_fill_ten_places():
    relevant = np.zeros((2, 20), dtype=bool)
    relevant[0, :3] = True
    relevant[1, :15] = True
    assert metrics.ceiling_at(relevant, 10) == pytest.approx((0.3 + 1.0) / 2)


def test_random_rankings_reach_chance():
    rng = np.random.default_rng(0)
    relevant = rng.random((200, 300)) < 0.1
    scores = rng.random((200, 300)).astype(np.float32)
    assert metrics.precision_at(scores, relevant, 10).mean() == pytest.approx(
        metrics.chance_precision(relevant), abs=0.02
    )


def test_top_hits_leave_out_rows_without_an_answer():
    scores = np.array([[0.9, 0.1], [0.1, 0.9], [0.5, 0.4]], dtype=np.float32)
    relevant = np.array([[True, False], [True, False], [False, False]])
    assert metrics.top_hits(scores, relevant, 1).tolist() == [1.0, 0.0]
    assert metrics.top_hits(scores, relevant, 2).tolist() == [1.0, 1.0]
    assert metrics.top_hits(scores[2:], relevant[2:], 1).tolist() == []


def test_average_precision_by_hand():
    scores = np.array([[4.0, 3.0, 2.0, 1.0]], dtype=np.float32)
    relevant = np.array([[True, False, True, False]])
    # Right at places 1 and 3: (1/1 + 2/3) / 2.
    assert metrics.average_precisions(scores, relevant).tolist() == [pytest.approx(5 / 6)]
    assert metrics.average_precisions(scores, np.zeros((1, 4), bool)).tolist() == [0.0]


@settings(max_examples=12, deadline=None)
@given(st.integers(1, 4), st.integers(0, 2))
def test_the_chance_of_average_precision_is_its_mean_over_all_orders(count, extra):
    total = count + extra
    orders = np.array(list(itertools.permutations(range(total))), dtype=np.float32)
    relevant = np.arange(total)[None, :] < np.full((len(orders), 1), count)
    values = metrics.average_precisions(orders, relevant)
    assert metrics.chance_average_precision(relevant[:1]) == pytest.approx(values.mean())


def test_the_precision_at_the_number_of_right_answers():
    scores = np.array([[4.0, 3.0, 2.0, 1.0], [1.0, 2.0, 3.0, 4.0]], dtype=np.float32)
    relevant = np.array([[True, False, True, False], [True, False, False, False]])
    assert metrics.r_precisions(scores, relevant).tolist() == [0.5, 0.0]
    assert metrics.r_precisions(scores[:1], relevant[:1] & False).tolist() == [0.0]


def test_what_was_not_answered_is_right_nowhere():
    scores = np.full((1, 4), -np.inf, dtype=np.float32)
    relevant = np.ones((1, 4), bool)
    for figure in (metrics.r_precisions(scores, relevant), metrics.average_precisions(scores, relevant)):
        assert figure.tolist() == [0.0]
    assert metrics.precision_at(scores, relevant, 2).tolist() == [0.0]
    assert metrics.top_hits(scores, relevant, 2).tolist() == [0.0]
    scores[0, 3] = 1.0
    assert metrics.average_precisions(scores, relevant).tolist() == [0.25]
