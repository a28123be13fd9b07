# SPDX-License-Identifier: GPL-3.0-or-later
"""Votes make a better question, and one question is one question however it is typed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semantic_photos.domain import feedback
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.query import Query
from semantic_photos.domain.vectors import normalise


@pytest.mark.parametrize(("one", "other"), [("dog beach", "Beach  DOG"), ("cat -sofa", "-sofa cat")])
def test_order_and_case_do_not_matter(one: str, other: str) -> None:
    assert feedback.normal_form(Query.parse(one)) == feedback.normal_form(Query.parse(other))


def test_different_questions_are_different() -> None:
    a = Query.similar_to(PhotoId(1))
    forms = [
        feedback.normal_form(query)
        for query in (
            Query.parse("dog"), Query.parse("-dog"), Query.parse("dog cat"), a, a.with_text("dog"), a.with_focus("dog"),
            a.with_more_focus("dog", -1), a.with_region((0, 0, 0.5, 0.5)), Query.similar_to(PhotoId(2)),
            Query.similar_to_file(Path("/a")), Query.similar_to_file(Path("/b\udcff")),
        )
    ]  # fmt: skip
    assert len(set(forms)) == len(forms)
    for form in forms:
        form.encode()


@pytest.mark.parametrize("steer", [feedback.rocchio, feedback.logistic])
def test_votes_separate_two_meanings_of_a_word(steer) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(1)
    word, one, two = np.eye(8, dtype=np.float32)[:3]
    ones = normalise(word + one + 0.3 * rng.normal(size=(30, 8)).astype(np.float32))
    twos = normalise(word + two + 0.3 * rng.normal(size=(30, 8)).astype(np.float32))
    steered = steer(word, ones[:3], twos[:3])
    assert np.linalg.norm(steered) == pytest.approx(1, abs=1e-4)
    assert (ones[3:] @ steered).mean() > (twos[3:] @ steered).mean() + 0.1


def test_without_votes_nothing_moves() -> None:
    query = normalise(np.arange(1, 5, dtype=np.float32))
    none = np.empty((0, 4), np.float32)
    assert np.allclose(feedback.rocchio(query, none, none), query)
    assert np.allclose(feedback.logistic(query, none, none), query)
    assert np.isfinite(feedback.logistic(query, query[None], none)).all()


@given(st.lists(st.sampled_from([-1, 0, 1]), max_size=12))
@settings(max_examples=10, deadline=None)
def test_voted_photos_stand_at_the_ends_and_nothing_is_lost(votes: list[int]) -> None:
    ids = np.arange(len(votes), dtype=np.int64)
    scores = np.linspace(1, 0, len(votes), dtype=np.float32)
    cast = {PhotoId(i): vote for i, vote in enumerate(votes) if vote}
    order, moved, ups, downs = feedback.arranged(ids, scores, cast)
    assert sorted(order.tolist()) == ids.tolist()
    assert [scores[i] for i in order] == moved.tolist()
    assert all(cast.get(PhotoId(i)) == 1 for i in order[:ups].tolist())
    assert all(cast.get(PhotoId(i)) == -1 for i in order[len(order) - downs :].tolist())
    middle = order[ups : len(order) - downs].tolist()
    assert middle == sorted(middle)
