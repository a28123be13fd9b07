# SPDX-License-Identifier: GPL-3.0-or-later
"""Thresholds of automatic tags and the worth of teaching, on photos whose right answers are known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from semantic_photos.domain.tag_tree import TagTree
from semantic_photos.evaluation import proving, subjects, thresholds
from tests.fakes.judged import captioned, labelled
from tests.unit.evaluation.test_steering import judged_files

TREE = TagTree.parse("animal|dog: puppy\nfruit|apple\nfruit|peach")


def test_a_tag_is_right_by_label_by_caption_and_from_above() -> None:
    photos = [labelled("dog"), captioned("a boat", "two dogs on a boat"), labelled("shelf")]
    found = thresholds.tagged(photos, ["dog", "animal", "dog boat", "tree"], np.ones((3, 4), np.float32), TREE)
    assert found.right.tolist() == [
        [True, True, False, False], [True, False, True, False], [False, False, False, False],
    ]  # fmt: skip
    assert found.said.tolist() == [2, 2, 0]


def test_what_another_tag_speaks_against_is_not_set() -> None:
    confidences = np.array([[0.9, 0.85], [0.9, 0.2]], np.float32)
    found = thresholds.tagged([labelled("apple")] * 2, ["apple", "peach"], confidences, TREE)
    assert np.allclose(found.confidences, [[0.0, 0.0], [0.9, 0.0]])


def test_the_threshold_is_the_lowest_that_keeps_to_the_target() -> None:
    # Sure tags are right, the others are not, and between 0.6 and 0.7 half of them are.
    confidences = np.array([[c] for c in (0.95, 0.9, 0.85, 0.8, 0.65, 0.62, 0.5, 0.4)], np.float32)
    right = np.array([[True], [True], [True], [True], [True], [False], [False], [False]])
    found = thresholds.Tagged(confidences, right, np.ones(8, np.int64))
    assert thresholds.least_for(found, 0.8) == pytest.approx(0.51)
    assert thresholds.least_for(found, 0.9) == pytest.approx(0.63)
    figures = thresholds.figures_at(found, 0.7)
    assert figures["precision"].value == 1.0
    assert figures["recall"].value == 0.5
    assert figures["photos_with_tag"].value == 0.5
    nothing = thresholds.Tagged(confidences, ~right & False, np.ones(8, np.int64))
    assert thresholds.least_for(nothing) == 1.0


def test_the_first_ones_count_against_what_is_there() -> None:
    relevant = np.array([True, False, True, False])
    assert subjects.found_first(np.array([4, 3, 2, 1], np.float32), relevant, 2) == 0.5
    assert subjects.found_first(np.array([4, 1, 3, 2], np.float32), relevant, 20) == 1.0


@pytest.mark.slow
def test_the_commands_on_a_pack_that_sees_colours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = judged_files(tmp_path)
    words += ["--cache", str(tmp_path / "cache.npz")]
    assert thresholds.main([*words, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["labelled"]["thresholds"]["0.50"]["recall"]["value"] > 0.9
    assert set(report["halves"]) == {"least", "precision", "photos_with_tag"}
    assert thresholds.main(words) == 0
    assert "32 labelled photos" in capsys.readouterr().out
    assert subjects.main([*words, "--json", "--seeds", "2"]) == 0
    figures = json.loads(capsys.readouterr().out)["figures"]
    assert figures["5"]["taught, with the word"]["value"] > 0.9
    assert proving.main([*words, "--json", "--seeds", "1"]) == 0
    assert "5 examples, word: after, true" in json.loads(capsys.readouterr().out)["figures"]
    assert proving.main([*words, "--seeds", "1"]) == 0
    assert subjects.main([*words, "--seeds", "1"]) == 0
    assert "5 examples" in capsys.readouterr().out
    assert thresholds.main(["--images", "x", "--index", str(tmp_path / "photos.jsonl"), "--pack", str(tmp_path)]) == 1
    assert subjects.main(["--images", "x", "--index", str(tmp_path / "photos.jsonl"), "--pack", str(tmp_path)]) == 1
