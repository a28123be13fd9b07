# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

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


def test_recall_is_the_share_within_k():
    ranks = np.array([1, 3, 10, 11])
    assert metrics.recall_at(ranks, 1) == 0.25
    assert metrics.recall_at(ranks, 10) == 0.75
    assert np.isnan(metrics.recall_at(np.array([], dtype=np.int64), 1))


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


def test_top_hit_leaves_out_rows_without_an_answer():
    scores = np.array([[0.9, 0.1], [0.1, 0.9], [0.5, 0.4]], dtype=np.float32)
    relevant = np.array([[True, False], [True, False], [False, False]])
    assert metrics.top_hit(scores, relevant, 1) == 0.5
    assert metrics.top_hit(scores, relevant, 2) == 1.0
    assert np.isnan(metrics.top_hit(scores[2:], relevant[2:], 1))


def test_bootstrap_range_encloses_the_mean_and_narrows_with_more_queries():
    rng = np.random.default_rng(1)
    few, many = rng.random(50).astype(np.float32), rng.random(5000).astype(np.float32)
    low, high = metrics.bootstrap_range(few)
    assert low < few.mean() < high
    tight_low, tight_high = metrics.bootstrap_range(many)
    assert tight_high - tight_low < (high - low) / 3
