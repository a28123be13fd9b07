# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulated votes: what is counted before and after, and that every rule understands a person."""

from __future__ import annotations

import numpy as np
import pytest

from semantic_photos.domain.vectors import normalise
from semantic_photos.evaluation.composed import Word
from semantic_photos.evaluation.feedback_ways import WAYS, Ballot, logistic, rocchio
from semantic_photos.evaluation.voting import voting_figures


def made_photos(noise: float = 0.15) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return vectors of 300 photos, the word's vector, and which of the 120 that it finds are meant (every third)."""
    rng = np.random.default_rng(3)
    axes = np.eye(12, dtype=np.float32)
    found, meant = np.arange(300) < 120, np.arange(300) % 3 == 0
    kinds = np.where(found[:, None], axes[0] + np.where(meant[:, None], axes[1], axes[2]), axes[3])
    return normalise(kinds + noise * rng.normal(size=(300, 12)).astype(np.float32)), axes[0], found & meant


def test_every_rule_finds_more_of_what_is_meant() -> None:
    vectors, word, meant = made_photos()
    every = np.ones(300, np.bool_)
    asked = Word("word", meant, every, meant, ~meant)
    rows = voting_figures(vectors, vectors[::2], [(asked, word)], seed=0)
    about = "feedback on the word"
    (before,) = rows[f"{about}: before"]
    assert 0.1 < before < 0.7
    for name in WAYS:
        (after,), (gain,) = rows[f"{about}: {name}"], rows[f"{about}: gain by {name}"]
        assert gain == pytest.approx(after - before)
        assert gain > 0.1, name
    (seen,), (voted,) = rows[f"{about}: list as seen, before"], rows[f"{about}: list as seen, after"]
    assert voted > seen
    assert 0 <= rows[f"{about}: gain by one up"][0] < rows[f"{about}: gain by what is special"][0] + 1e-6
    # Among the photos nearest to one that is meant all are: nothing to vote down is no question.
    assert "feedback on similar: before" not in rows


def test_photos_like_an_example_are_asked_for_without_the_example() -> None:
    vectors, word, meant = made_photos(noise=0.45)
    every = np.ones(300, np.bool_)
    rows = voting_figures(vectors, vectors[::2], [(Word("word", meant, every, meant, ~meant), word)], seed=1)
    about = "feedback on similar"
    before, after = (np.array(rows[f"{about}: {name}"]) for name in ("before", "what is special"))
    assert len(before) == len(after) == 2
    assert after.mean() > before.mean() + 0.05


def test_a_narrower_meaning_is_asked_for_among_the_photos_of_the_word() -> None:
    vectors, word, meant = made_photos()
    every, found = np.ones(300, np.bool_), np.arange(300) < 120
    wide, narrow = Word("wide", found, every, found, ~found), Word("narrow", meant, every, meant, ~meant)
    rows = voting_figures(vectors, vectors[::2], [(wide, word), (narrow, word)], seed=0)
    # "wide" together with "narrow" is 40 of its 120 photos; the other way round it would be all of them.
    assert len(rows["feedback on narrower: before"]) == 1
    assert rows["feedback on narrower: gain by what is special"][0] > 0.1


def test_questions_without_both_kinds_of_votes_are_not_asked() -> None:
    vectors, word, _ = made_photos()
    every, none = np.ones(300, np.bool_), np.zeros(300, np.bool_)
    assert voting_figures(vectors, vectors, [(Word("all", every, every, every, none), word)], seed=0) == {}
    assert voting_figures(vectors, vectors, [(Word("none", none, every, none, every), word)], seed=0) == {}


def test_rules_without_votes_leave_the_question_as_it_is() -> None:
    query = normalise(np.arange(1, 5, dtype=np.float32))
    none = np.empty((0, 4), np.float32)
    assert np.allclose(rocchio(query, none, none), query)
    assert np.allclose(logistic(query, none, none), query)
    assert np.isfinite(logistic(query, query[None], none)).all()
    ballot = Ballot(np.eye(4, dtype=np.float32), np.eye(4, dtype=np.float32), query, [], [])
    for name, way in WAYS.items():
        assert np.argmax(way(ballot)) == 3, name
