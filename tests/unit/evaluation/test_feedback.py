# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulated votes: what is counted before and after, and that the rules understand them."""

from __future__ import annotations

import numpy as np
import pytest

from semantic_photos.domain.vectors import normalise
from semantic_photos.evaluation.feedback import Votes, feedback_figures, vote_rows
from semantic_photos.evaluation.queries import SureWord
from tests.fakes.judged import bench_of, labelled


def made_photos(noise: float = 0.15) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return vectors of 300 photos, the word's vector, and which of the 120 that it finds are meant (every third)."""
    rng = np.random.default_rng(3)
    axes = np.eye(12, dtype=np.float32)
    found, meant = np.arange(300) < 120, np.arange(300) % 3 == 0
    kinds = np.where(found[:, None], axes[0] + np.where(meant[:, None], axes[1], axes[2]), axes[3])
    return normalise(kinds + noise * rng.normal(size=(300, 12)).astype(np.float32)), axes[0], found & meant


def test_votes_find_more_of_what_is_meant() -> None:
    vectors, word, meant = made_photos()
    every = np.ones(300, np.bool_)
    found = vote_rows(vectors, vectors[::2], [(SureWord("word", meant, every, meant, ~meant), word)], seed=0)
    rows = {name: values[0] for name, values in found["the word"].items()}
    assert 0.1 < rows["before"] < 0.7
    assert rows["gain"] == pytest.approx(rows["after"] - rows["before"])
    assert rows["gain"] > 0.1
    assert rows["gain by plain Rocchio"] > 0.1
    assert rows["as listed, after"] > rows["as listed, before"]
    assert 0 <= rows["gain by one up"] < rows["gain"] + 1e-6
    # Among the photos nearest to one that is meant all are: nothing to vote down is no query.
    assert "similar photos" not in found


def test_photos_like_an_example_are_asked_for_without_the_example() -> None:
    vectors, word, meant = made_photos(noise=0.45)
    every = np.ones(300, np.bool_)
    found = vote_rows(vectors, vectors[::2], [(SureWord("word", meant, every, meant, ~meant), word)], seed=1)
    before, after = (np.array(found["similar photos"][name]) for name in ("before", "after"))
    assert len(before) == len(after) == 2
    assert after.mean() > before.mean() + 0.05


def test_a_narrower_meaning_is_asked_for_among_the_photos_of_the_word() -> None:
    vectors, word, meant = made_photos()
    every, found = np.ones(300, np.bool_), np.arange(300) < 120
    wide, narrow = SureWord("wide", found, every, found, ~found), SureWord("narrow", meant, every, meant, ~meant)
    rows = vote_rows(vectors, vectors[::2], [(wide, word), (narrow, word)], seed=0)["narrower"]
    # "wide" together with "narrow" is 40 of its 120 photos; the other way round it would be all of them.
    assert len(rows["before"]) == 1
    assert rows["gain"][0] > 0.1


def test_queries_without_both_kinds_of_votes_are_not_asked() -> None:
    vectors, word, _ = made_photos()
    every, none = np.ones(300, np.bool_), np.zeros(300, np.bool_)
    assert vote_rows(vectors, vectors, [(SureWord("all", every, every, every, none), word)], seed=0) == {}
    assert vote_rows(vectors, vectors, [(SureWord("none", none, every, none, every), word)], seed=0) == {}


def test_without_votes_the_query_stays_as_it_is() -> None:
    query = normalise(np.arange(1, 5, dtype=np.float32))
    votes = Votes(np.eye(4, dtype=np.float32), np.eye(4, dtype=np.float32), query, [], [])
    for scores in (votes.by_program(), votes.by_rocchio()):
        assert np.argmax(scores) == 3


def test_figures_over_labels() -> None:
    vectors, word, meant = made_photos()
    photos = [labelled("dog") if one else labelled("boat") for one in meant]
    with bench_of(photos, vectors, lambda text: word if text == "dog" else None, background=vectors[::2]) as bench:
        figures = feedback_figures(bench)
    assert figures["feedback on the word, labels"]["gain"].value > 0.1
