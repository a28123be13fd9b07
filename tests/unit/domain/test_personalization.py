# SPDX-License-Identifier: GPL-3.0-or-later
"""The correction as maths: what moves and what stays, what is proven, what is refused, what survives on disk."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semantic_photos.domain.errors import CancelledError
from semantic_photos.domain.messages import CancelToken
from semantic_photos.domain.personalization import OTHERS, Evidence, personalize
from semantic_photos.domain.personalization_map import PersonalizationMap, Shift, as_text, from_text, linear_map
from semantic_photos.domain.vectors import normalise

DIM = 24


def _around(rng: np.random.Generator, middle: np.ndarray, count: int, spread: float = 0.12) -> np.ndarray:
    return normalise(middle + rng.normal(0, spread, (count, DIM)).astype(np.float32))


def _evidence(*, wrong: bool = True, count: int = 40, seed: int = 0, noise: bool = False) -> Evidence:
    """Photos of six things; the person's word for the first means something else to the pack if ``wrong``."""
    rng = np.random.default_rng(seed)
    things = normalise(rng.normal(size=(6, DIM)).astype(np.float32))
    words = things.copy()
    if wrong:
        words[0] = normalise(rng.normal(size=DIM).astype(np.float32))
    kind = np.arange(count) % 6
    photos = np.concatenate([_around(rng, things[k], 1) for k in kind])
    said = np.zeros((count, 6), np.float32)
    said[np.arange(count), rng.integers(0, 6, count) if noise else kind] = 1.0
    library = np.concatenate([_around(rng, thing, 40) for thing in things])
    anchors = normalise(rng.normal(size=(60, DIM)).astype(np.float32))
    none = np.zeros((0, DIM), np.float32)
    return Evidence(tuple("abcdef"), words, photos, said, np.zeros(6, np.bool_), none, np.zeros(0, np.int64),
                    library, anchors)  # fmt: skip


def test_a_word_that_means_something_else_is_moved_and_proven() -> None:
    evidence = _evidence(count=72)
    outcome = personalize(evidence)
    assert outcome.better, outcome.reason
    assert outcome.moved == ("a",)
    assert all(one.after >= one.before for one in outcome.figures if one.name != OTHERS)
    before, after = (
        evidence.library[:40] @ evidence.words[0],
        evidence.library[:40] @ outcome.shift.words(evidence.words[0]),
    )
    assert after.mean() > before.mean() + 0.2
    assert next(one for one in outcome.figures if one.name == OTHERS).after > 0.7


@pytest.mark.parametrize("seed", range(3))
def test_what_is_found_already_and_what_is_chance_change_nothing(seed: int) -> None:
    for evidence in (_evidence(wrong=False, seed=seed), _evidence(wrong=False, noise=True, seed=seed)):
        outcome = personalize(evidence)
        assert not outcome.better
        assert outcome.reason


def test_few_confirmations_are_told_and_nothing_is_fitted() -> None:
    outcome = personalize(_evidence(count=12))
    assert not outcome.better
    assert ": 12 are usable" in outcome.reason
    assert outcome.shift.is_none


def test_it_can_be_given_up() -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(CancelledError):
        personalize(_evidence(), token=token)


@settings(max_examples=10)
@given(st.integers(0, 1000))
def test_words_far_from_all_that_moved_stay_as_they_are(seed: int) -> None:
    rng = np.random.default_rng(seed)
    keys = normalise(rng.normal(size=(2, DIM)).astype(np.float32))
    others = normalise(rng.normal(size=(30, DIM)).astype(np.float32))
    shift = Shift(linear_map(keys, 0.5 * others[:2], others, 0.1), keys)
    moved = shift.words(others)
    far = (others @ keys.T).max(axis=1) < 0.5
    assert np.array_equal(moved[far], others[far])
    assert np.allclose(np.linalg.norm(moved, axis=1), 1.0, atol=1e-5)
    assert np.allclose(shift.words(others[0]), moved[0], atol=1e-6)


def test_behind_the_head_and_before_the_words_is_the_same() -> None:
    rng = np.random.default_rng(4)
    a, photo, word = rng.normal(size=(DIM, DIM)), rng.normal(size=DIM), rng.normal(size=DIM)
    assert np.isclose((photo + photo @ a) @ word, photo @ (word + a @ word))


def _stored() -> str:
    rng = np.random.default_rng(1)
    keys = normalise(rng.normal(size=(2, DIM)).astype(np.float32))
    return as_text(PersonalizationMap("pack", Shift(linear_map(keys, 0.3 * keys[::-1], keys[:0], 0.1), keys), 40, "{}"))


def test_a_stored_correction_comes_back() -> None:
    again = from_text(_stored())
    assert (again.pack, again.dim, again.confirmations, len(again.shift.keys)) == ("pack", DIM, 40, 2)
    assert as_text(again) == _stored()


@pytest.mark.parametrize(
    ("key", "value"),
    [("format", 9), ("dim", 3), ("dim", True), ("words", -1), ("check", 0), ("rows", "!"), ("pack", 3), ("rows", None),
     ("confirmations", "many")],
)  # fmt: skip
def test_a_damaged_correction_is_refused_with_a_sentence(key: str, value: object) -> None:
    with pytest.raises(ValueError, match=r"unknown|wrong"):
        from_text(json.dumps({**json.loads(_stored()), key: value}))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "3", "[" * 100_000])
def test_what_is_no_correction_at_all_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="unknown content"):
        from_text(text)


def test_numbers_that_are_none_are_refused() -> None:
    broken = Shift(np.full((DIM, DIM), np.nan, np.float32), np.ones((1, DIM), np.float32))
    with pytest.raises(ValueError, match="invalid numbers"):
        from_text(as_text(PersonalizationMap("pack", broken)))
