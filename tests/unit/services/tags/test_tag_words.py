# SPDX-License-Identifier: GPL-3.0-or-later
"""Thresholds of single tags, and numbers of a preview."""

from __future__ import annotations

import numpy as np
import pytest

from semantic_photos.ml.tag_classifier import TagStat
from semantic_photos.services.tags.tag_preview import TagPreview, about
from semantic_photos.services.tags.tag_words import PRECISE, strengths

TAGS = (
    TagStat("dog", "animal", 0.0, 1.0, least=0.3),
    TagStat("cat", "animal", 0.0, 1.0, least=0.9),
    TagStat("car", "vehicle", 0.0, 1.0),
    TagStat("joy", "mood", 0.0, 1.0, least=1.0),
    TagStat("red", "colour", 0.0, 1.0),
)


def test_a_tag_is_set_from_its_own_threshold_on_at_the_default() -> None:
    confidences = np.array([[0.3, 0.9, 0.7, 1.0, 0.7], [0.29, 0.89, 0.69, 0.99, 0.69]], np.float32)
    on = strengths(confidences, TAGS) >= PRECISE
    assert on.tolist() == [[True, True, True, False, True], [False] * 5]
    assert (strengths(confidences, TAGS, colours=False) >= PRECISE)[0].tolist() == [True, True, True, False, False]


def test_a_stricter_run_raises_all_thresholds_and_a_looser_one_lowers_them() -> None:
    steps = np.linspace(0.0, 1.0, 1001, dtype=np.float32)
    found = strengths(np.repeat(steps[:, None], 5, axis=1), TAGS)
    assert (np.diff(found, axis=0) >= 0).all()
    for least, dog, cat in ((0.5, 0.155, 0.794), (0.7, 0.3, 0.9), (0.9, 0.623, 0.972)):
        borders = [float(steps[np.argmax(column >= least)]) for column in found.T[:3]]
        assert borders == pytest.approx([dog, cat, least], abs=0.002)
    assert not found[:, 3].any()


def test_a_preview_counts_for_every_least_confidence() -> None:
    preview = TagPreview(4, [{"dog": 0.9, "car": 0.5}, {"dog": 0.7}, {}, {"beach": 0.6, "cat": 0.6}])
    assert preview.examined == 4
    every = preview.at(0.4, 2)
    assert (every.tags, every.photos, every.commonest) == (5, 3, (("dog", 2), ("beach", 1)))
    few = preview.at(0.7)
    assert (few.tags, few.photos, few.commonest) == (2, 2, (("dog", 2),))
    assert preview.at(0.95).commonest == ()
    assert TagPreview(0, []).at(0.4).tags == 0


@pytest.mark.parametrize(
    ("count", "told"), [(0, 0), (1, 1), (99, 99), (100, 100), (104, 100), (105, 110), (912, 910), (12_345, 12_000)]
)
def test_large_numbers_are_told_to_two_digits(count: int, told: int) -> None:
    assert about(count) == told
