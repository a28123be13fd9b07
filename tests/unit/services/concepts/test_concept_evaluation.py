# SPDX-License-Identifier: GPL-3.0-or-later
"""Held-out figures without leaks, and questions that are worth asking, on made-up vectors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semantic_photos.domain.vectors import normalise
from semantic_photos.services.concepts.concept_direction import fit_direction
from semantic_photos.services.concepts.concept_evaluation import (
    HoldOutResult,
    folds_of,
    hold_out,
    photos_to_review,
    probabilities,
)


def _world(concept: float, seed: int = 1, n: int = 300, examples: int = 8) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return photos, which of them are examples, and which show the subject, as far apart as ``concept`` says."""
    rng = np.random.default_rng(seed)
    photos = rng.normal(size=(n, 24))
    shows = np.arange(n) < 2 * examples
    photos[shows] += concept * np.eye(24)[0]
    return normalise(photos.astype(np.float32)), np.arange(n) < examples, shows


def test_what_is_no_subject_is_not_found_when_held_out() -> None:
    photos, own, _ = _world(0.0)
    figures = hold_out("x", photos[own], photos, None, own=own, first=20).figures
    assert figures.after <= 3, "a held-out example that teaches would be found at once"
    assert not figures.better
    photos, own, _ = _world(9.0)
    assert hold_out("x", photos[own], photos, None, own=own, first=20).figures.after == 8


def test_a_copy_of_an_example_does_not_give_it_away() -> None:
    photos, own, _ = _world(0.0)
    photos[1:8:2] = photos[0:8:2]
    folds = folds_of(photos[own])
    assert folds[0::2].tolist() == folds[1::2].tolist()
    assert len(set(folds.tolist())) == 4
    assert hold_out("x", photos[own], photos, None, own=own, first=20).figures.after <= 3


def test_rejected_photos_are_met_unlearnt() -> None:
    photos, own, shows = _world(4.0)
    wrong = photos[shows & ~own]
    said = shows
    figures = hold_out("x", photos[own], photos, None, own=said, wrong=wrong, first=5).figures
    # Held out they stand in the way as any photo would; learnt from and met as well, none of them ever could.
    assert figures.among == 300 - 16
    assert figures.after <= 8


def test_only_what_was_given_is_looked_for() -> None:
    photos, own, _ = _world(6.0)
    given = np.arange(8) < 5
    proof = hold_out("x", photos[own], photos, None, own=own, given=given)
    assert (proof.figures.examples, len(proof.scores)) == (5, 5)


def test_a_known_word_is_what_was_before() -> None:
    photos, own, _ = _world(6.0)
    word = np.eye(24, dtype=np.float32)[3]
    figures = hold_out("x", photos[own], photos, word, own=own, first=20).figures
    assert figures.by_word
    assert figures.better
    assert "the word alone" in figures.figures
    assert figures.verdict == "The concept is better."


@pytest.mark.parametrize(
    ("before", "after", "gained", "lost", "words"),
    [(1, 3, 2, 0, "chance"), (3, 3, 1, 1, "no better"), (5, 5, 0, 0, "all"), (4, 2, 0, 2, "worse"),
     (0, 5, 5, 0, "is better")],
)  # fmt: skip
def test_the_verdict_says_no_more_than_the_figures(before: int, after: int, gained: int, lost: int, words: str) -> None:
    assert words in HoldOutResult(5, before, after, 20, 900, False, gained, lost).verdict


def test_the_uncertain_are_asked_about_once_each() -> None:
    photos, own, shows = _world(5.0)
    concept = fit_direction("x", photos[own], photos, own=own)
    held = hold_out("x", photos[own], photos, None, own=own).scores
    free = photos[~own]
    chances = probabilities(concept, held, free @ concept.vector)
    assert chances[shows[~own]].mean() > 10 * chances[~shows[~own]].mean()
    twice = np.concatenate([free, free])
    asked = photos_to_review(np.concatenate([chances, chances]), lambda rows: twice[rows], 12)
    assert len(set((asked % len(free)).tolist())) == len(asked) >= 6
    doubt = np.abs(np.concatenate([chances, chances])[asked] - 0.5)
    assert (np.diff(doubt) >= 0).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 30), st.integers(0, 10_000))
def test_chances_grow_with_likeness_and_folds_are_whole(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = normalise(rng.normal(size=(count, 6)).astype(np.float32))
    folds = folds_of(np.concatenate([vectors, vectors]), seed)
    assert (folds[:count] == folds[count:]).all()
    photos = normalise(rng.normal(size=(120, 6)).astype(np.float32))
    own = np.arange(120) < 5
    concept = fit_direction("x", photos[own], photos, own=own, seed=seed)
    scores = np.sort(photos @ concept.vector)
    chances = probabilities(concept, rng.normal(2, 1, 5).astype(np.float32), scores)
    assert np.isfinite(chances).all()
    assert ((chances >= 0) & (chances <= 1)).all()
