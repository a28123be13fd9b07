# SPDX-License-Identifier: GPL-3.0-or-later
"""Votes make a better question, and one question is one question however it is typed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semantic_photos.domain import relevance_feedback
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.query import Query
from semantic_photos.domain.vectors import normalise


@pytest.mark.parametrize(("one", "other"), [("dog beach", "Beach  DOG"), ("cat -sofa", "-sofa cat")])
def test_order_and_case_do_not_matter(one: str, other: str) -> None:
    assert relevance_feedback.normal_form(Query.parse(one)) == relevance_feedback.normal_form(Query.parse(other))


def test_different_questions_are_different() -> None:
    a = Query.similar_to(PhotoId(1))
    forms = [
        relevance_feedback.normal_form(query)
        for query in (
            Query.parse("dog"), Query.parse("-dog"), Query.parse("dog cat"), a, a.with_text("dog"), a.with_focus("dog"),
            a.with_more_focus("dog", -1), a.with_region((0, 0, 0.5, 0.5)), Query.similar_to(PhotoId(2)),
            Query.similar_to_file(Path("/a")), Query.similar_to_file(Path("/b\udcff")),
        )
    ]  # fmt: skip
    assert len(set(forms)) == len(forms)
    for form in forms:
        form.encode()


class Meanings:
    """Photos that a word finds for two reasons, among others that it does not find."""

    def __init__(self) -> None:
        rng = np.random.default_rng(1)
        self.word, one, two, other = np.eye(8, dtype=np.float32)[:4]
        self.ones, self.twos, self.others = (
            normalise(what + 0.3 * rng.normal(size=(30, 8)).astype(np.float32))
            for what in (self.word + one, self.word + two, other)
        )
        self.middle = np.concatenate([self.ones, self.twos]).mean(axis=0)

    def apart(self, vector: np.ndarray) -> float:
        """Return how much higher the other photos of the first meaning stand than those of the second."""
        return float((self.ones[3:] @ vector).mean() - (self.twos[3:] @ vector).mean())


@pytest.mark.parametrize("with_sample", [False, True])
def test_votes_separate_two_meanings_of_a_word(with_sample: bool) -> None:
    made = Meanings()
    sample = np.concatenate([made.ones, made.twos, made.others])[::2] if with_sample else None
    with_feedback = relevance_feedback.with_feedback(made.word, made.ones[:3], made.twos[:3], made.middle, sample)
    assert np.linalg.norm(with_feedback) == pytest.approx(1, abs=1e-4)
    assert made.apart(with_feedback) > 0.2
    # What the word itself means is not lost.
    assert (made.ones[3:] @ with_feedback).mean() > (made.others @ with_feedback).mean() + 0.2


def test_one_vote_moves_less_than_three_and_a_vote_down_is_no_word_against_the_question() -> None:
    made = Meanings()
    none = made.ones[:0]
    moved = [
        made.apart(relevance_feedback.with_feedback(made.word, made.ones[:n], none, made.middle)) for n in (0, 1, 3)
    ]
    assert moved[0] < moved[1] < moved[2]
    with_feedback = relevance_feedback.with_feedback(made.word, none, made.twos[:1], made.middle)
    assert made.apart(with_feedback) > moved[0]
    assert (made.ones @ with_feedback).mean() > (made.ones @ made.word).mean() - 0.05


def test_without_votes_nothing_moves() -> None:
    query = normalise(np.arange(1, 5, dtype=np.float32))
    none, middle = np.empty((0, 4), np.float32), np.ones(4, np.float32)
    assert np.allclose(relevance_feedback.with_feedback(query, none, none, middle), query)
    # Votes for all that is found say nothing either.
    assert np.allclose(relevance_feedback.with_feedback(query, query[None], none, query), query)


@given(st.integers(0, 2_000_000))
def test_the_first_hits_are_some_and_not_all(searched: int) -> None:
    assert 1 <= relevance_feedback.hits_to_fetch(searched) <= max(1, min(300, searched // 3))


@given(st.lists(st.sampled_from([-1, 0, 1]), max_size=12))
@settings(max_examples=10, deadline=None)
def test_voted_photos_stand_at_the_ends_and_nothing_is_lost(votes: list[int]) -> None:
    ids = np.arange(len(votes), dtype=np.int64)
    scores = np.linspace(1, 0, len(votes), dtype=np.float32)
    cast = {PhotoId(i): vote for i, vote in enumerate(votes) if vote}
    order, moved, ups, downs = relevance_feedback.arranged(ids, scores, cast)
    assert sorted(order.tolist()) == ids.tolist()
    assert [scores[i] for i in order] == moved.tolist()
    assert all(cast.get(PhotoId(i)) == 1 for i in order[:ups].tolist())
    assert all(cast.get(PhotoId(i)) == -1 for i in order[len(order) - downs :].tolist())
    middle = order[ups : len(order) - downs].tolist()
    assert middle == sorted(middle)
