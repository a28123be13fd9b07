# SPDX-License-Identifier: GPL-3.0-or-later
"""The worth of custom concepts, on photos whose right answers are known."""

from __future__ import annotations

import numpy as np
import pytest

from semantic_photos.domain.vectors import normalise
from semantic_photos.evaluation.concepts import concept_figures, concepts_of, found_first
from tests.fakes.judged import WORDS, bench_of, labelled


def test_the_first_ones_count_against_what_is_there() -> None:
    relevant = np.array([True, False, True, False])
    assert found_first(np.array([4, 3, 2, 1], np.float32), relevant, 2) == 0.5
    assert found_first(np.array([4, 1, 3, 2], np.float32), relevant, 20) == 1.0


def test_only_known_words_are_concepts() -> None:
    photos = [labelled("dog", "xyzzy"), labelled("dog"), labelled("boat")]
    with bench_of(photos, np.eye(4, dtype=np.float32)[:3]) as bench:
        assert list(concepts_of(bench)) == ["dog", "boat"]
        assert concepts_of(bench)["dog"].tolist() == [True, True, False]


@pytest.mark.slow
def test_concepts_are_found_by_their_examples() -> None:
    rng = np.random.default_rng(0)
    axes = np.eye(24, dtype=np.float32)
    rows = np.repeat(np.arange(4), 30)
    vectors = normalise(axes[rows] + 0.1 * rng.normal(size=(120, 24)).astype(np.float32))

    # What somebody types is only roughly what the photos show, so that examples tell more than the word.
    def encode(text: str) -> np.ndarray | None:
        return normalise(axes[WORDS.index(text)] + 2 * axes[10]) if text in WORDS else None

    with bench_of([labelled(WORDS[row]) for row in rows], vectors, encode) as bench:
        figures = concept_figures(bench, seeds=2)
    assert figures["concepts of 5 examples"]["concept, without the word"].value > 0.9
    assert figures["concepts of 5 examples"]["concept, with the word"].value > 0.9
    shown = figures["figures shown for 5 examples"]
    assert shown["error"].value == pytest.approx(abs(shown["shown"].value - shown["true"].value), abs=0.3)
    assert 0 <= shown["called better"].value <= 1
