# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures of a world where the right answer is known: every photo points along the axis of its word."""

import numpy as np
import pytest

from semantic_photos.evaluation.questions import Shown
from semantic_photos.evaluation.report import all_figures

WORDS = ["dog", "boat", "tree", "house"]
EACH = 12


def world() -> tuple[list[Shown], np.ndarray]:
    photos, rows = [], []
    for axis, word in enumerate(WORDS):
        for _ in range(EACH):
            photos.append(Shown("x.webp", 1, "flickr8k", (), (f"a {word}",)))
            photos.append(Shown("x.webp", 1, "shelf", (word,), ()))
            rows += [np.eye(len(WORDS))[axis]] * 2
    return photos, np.array(rows, dtype=np.float32)


def encode(text: str) -> np.ndarray | None:
    row = np.array([float(word in text.split()) for word in WORDS], dtype=np.float32)
    return row / np.linalg.norm(row) if row.any() else None


def test_a_perfect_model_reaches_the_ceiling():
    figures = all_figures(*world(), encode)
    assert figures["one_word"]["precision_at_10"] == figures["one_word"]["ceiling"] == 1.0
    assert figures["labels"]["photo_names_label_top1"] == 1.0
    assert figures["labels"]["similar_precision_at_10"] == 1.0


def test_photos_that_cannot_be_told_apart_share_the_worst_rank():
    assert all_figures(*world(), encode)["captions"]["median_rank"] == EACH


def test_a_model_that_knows_no_word_finds_nothing():
    figures = all_figures(*world(), lambda _text: None)
    assert figures["captions"]["recall_at_10"] == 0.0
    assert figures["labels"]["photo_names_label_top1"] <= 0.5


def test_a_broken_vector_costs_its_photo_but_not_the_report():
    photos, vectors = world()
    vectors[0] = np.nan
    figures = all_figures(photos, vectors, encode)
    assert figures["one_word"]["precision_at_10"] == pytest.approx(1.0)
    assert figures["captions"]["photos"] == len(WORDS) * EACH
