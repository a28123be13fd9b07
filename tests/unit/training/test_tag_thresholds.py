# SPDX-License-Identifier: GPL-3.0-or-later
"""Thresholds of automatic tags: what counts as right and wrong, and what a few photos may decide."""

from __future__ import annotations

import json

import numpy as np

from semantic_photos.domain.tag_tree import TagTree
from semantic_photos.training.tag_thresholds import (
    NEVER,
    SILENCE,
    TARGET,
    Truth,
    choose,
    figures,
    fit_thresholds,
    held_out,
    truth_of,
    with_thresholds,
)

TREE = TagTree.parse("animal|dog: puppy\nanimal|cat\nperson|woman")


def test_labels_captions_and_detectors_say_what_is_right_and_detectors_what_is_absent() -> None:
    tags = ["dog", "animal", "person", "birthday cake", "beach"]
    photos = [
        {"labels": ["Puppies"]},
        {"labels": ["puppy"]},
        {"captions": ["A woman cuts birthday cakes."]},
        {"captions": ["Waves on the beach", "Sand"]},
        {},
    ]
    scores = {
        "dog": np.array([0.3, 0.0, 0.0, 0.9, 0.05]),
        "person": np.array([0.0, 0.2, 0.0, np.nan, 0.0]),
    }
    confidences = np.full((5, 5), 0.9, np.float32)
    truth = truth_of(photos, tags, confidences, scores, TREE)
    right = truth.right > 0
    assert right[1].tolist() == [True, True, False, False, False], "a synonym, and what stands above it"
    assert right[2].tolist() == [False, False, True, True, False], "words of a caption, and what stands above them"
    assert right[3].tolist() == [True, True, False, False, True], "a detector's dog"
    assert not right[4].any()
    # Not seen at all is wrong; seen a little, or never looked for, cannot be said.
    assert truth.wrong[4].tolist() == [1.0, 1.0, 1.0, 0.0, 0.0]
    assert truth.wrong[1, 2] == 0.0
    assert truth.wrong[0, 0] == 0.0
    assert truth.wrong[0, 2] == 1.0
    # Nobody mentions a beach, and no detector knows one: wrong in part.
    assert truth.wrong[1, 4] == np.float32(truth.silence["labels"])
    assert truth.wrong[3, 2] == np.float32(truth.silence["several captions"])
    assert 0.0 < truth.silence["one caption"] <= 1.0


def test_silence_weighs_as_much_as_it_proved_wrong_among_known_kinds() -> None:
    photos = [{"captions": ["Nothing of it"]}] * 400
    seen = np.where(np.arange(400) < 100, 0.9, 0.0)
    truth = truth_of(photos, ["dog", "castle"], np.full((400, 2), 0.9, np.float32), {"dog": seen}, TagTree({}))
    assert abs(truth.silence["one caption"] - 0.75) < 0.01
    none = truth_of(photos, ["castle"], np.full((400, 1), 0.9, np.float32), {}, TagTree({}))
    assert none.silence["one caption"] == SILENCE


def _world(count: int = 4000, seed: int = 1) -> tuple[np.ndarray, Truth]:
    """Return nine tags that are mostly right from 0.4 on, one from 0.8 on, one never, and one that is hardly seen."""
    rng = np.random.default_rng(seed)
    confidences = rng.random((count, 12)).astype(np.float32) * (rng.random((count, 12)) < 0.05)
    confidences[:, 11] = 0.0
    confidences[0, 11] = 0.75
    chance = np.where(confidences >= 0.4, 0.95, 0.1)
    chance[:, 9] = np.where(confidences[:, 9] >= 0.8, 0.95, 0.1)
    chance[:, 10:] = 0.0
    right = (rng.random(confidences.shape) < chance) & (confidences > 0)
    return confidences, Truth(right.astype(np.float32), ((confidences > 0) & ~right).astype(np.float32), {})


def test_each_tag_gets_its_own_threshold_and_one_wrong_photo_silences_none() -> None:
    confidences, truth = _world()
    thresholds = fit_thresholds(confidences, truth)
    assert (thresholds[:9] < 0.5).all()
    assert 0.65 < thresholds[9] < 0.85
    assert thresholds[10] > 0.95, "always wrong"
    assert thresholds[11] < 0.8, "its only photo was wrong; above it the others speak"


def test_what_is_chosen_is_right_often_enough_on_other_photos_and_reaches_more_of_them() -> None:
    confidences, truth = _world()
    thresholds, report = choose(confidences, truth)
    assert report["held_out"]["precision"] >= TARGET
    assert report["never"] == (thresholds >= NEVER).sum()
    others, their_truth = _world(seed=2)
    fresh = figures(others, their_truth, thresholds)
    assert fresh["precision"] >= TARGET - 0.03, "two standard errors of other photos"
    common = [figures(others, their_truth, step / 100) for step in range(30, 100)]
    as_right = [one["photos_with_tag"] for one in common if one["precision"] >= fresh["precision"]]
    assert fresh["photos_with_tag"] > max(as_right, default=0.0)
    assert held_out(confidences, truth, 0.95)["tags_per_photo"] <= report["held_out"]["tags_per_photo"]


def test_the_file_keeps_everything_else() -> None:
    text = json.dumps({"calibration": {"a": 1.0, "b": 0.0}, "tags": [{"tag": "dog", "mean": 0.1}, {"tag": "cat"}]})
    root = json.loads(with_thresholds(text, np.array([0.43, NEVER], np.float32)))
    assert root["tags"] == [{"tag": "dog", "mean": 0.1, "least": 0.43}, {"tag": "cat", "least": 1.0}]
    assert root["calibration"] == {"a": 1.0, "b": 0.0}
