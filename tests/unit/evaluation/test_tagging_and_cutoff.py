# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from semantic_photos.evaluation.cutoff import cutoff_figures, perfect_figures
from semantic_photos.evaluation.retrieval import Material
from semantic_photos.evaluation.tagging import caption_tag_figures, label_tag_figures
from tests.fakes.judged import captioned, encode, labelled, world

TAGS = ["dog", "boat", "tree"]


def test_tags_against_labels_by_hand():
    photos = [labelled("guide dogs", "park"), labelled("boat")]
    confidences = np.array([[0.9, 0.5, 0.1], [0.4, 0.2, 0.1]], dtype=np.float32)
    figures = label_tag_figures(photos, TAGS, confidences, 0.3)
    # Three tags stand among the first five of each photo: one of three is right twice.
    assert figures["precision_at_5"].value == pytest.approx(2 / 6)
    # "park" cannot be named by any tag.
    assert figures["nameable"].value == pytest.approx(2 / 3)
    assert figures["recall_at_5"].value == pytest.approx(2 / 3)
    # Shown: dog (right) and boat (wrong) of the first, dog (wrong) of the second.
    assert figures["shown_precision"].value == pytest.approx(1 / 3)
    assert figures["shown_recall"].value == pytest.approx(1 / 3)
    assert figures["shown_per_photo"].value == 1.5
    assert figures["shown_none"].value == 0.0


def test_sure_tags_reach_the_ceiling_and_silent_ones_show_nothing():
    photos = [labelled("dog"), labelled("boat")]
    sure = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], dtype=np.float32)
    figures = label_tag_figures(photos, TAGS, sure, 0.3)
    assert figures["shown_precision"].value == figures["shown_recall"].value == 1.0
    silent = label_tag_figures(photos, TAGS, np.zeros((2, 3), np.float32), 0.3)
    assert silent["shown_none"].value == 1.0
    assert np.isnan(silent["shown_precision"].value)
    assert silent["shown_recall"].value == 0.0


def test_no_more_tags_count_as_shown_than_the_program_shows():
    tags = [f"tag{letter}" for letter in "abcdefghijkl"]
    figures = label_tag_figures([labelled("taga")], tags, np.ones((1, 12), np.float32), 0.3)
    assert figures["shown_per_photo"].value == 8


def test_tags_against_captions_by_hand():
    photos = [captioned("two dogs", "a tree")]
    figures = caption_tag_figures(photos, ["dog", "boat", "dog tree"], np.array([[0.9, 0.8, 0.7]], np.float32), 0.3)
    assert figures["shown_precision"].value == pytest.approx(1 / 3)  # dog and tree stand in no one caption


def test_a_band_that_holds_just_the_right_ones_is_perfect():
    photos, vectors = world()
    # Photos that show none of it, with a little of everything: mean and deviation of any word are small.
    background = np.abs(np.random.default_rng(0).normal(size=(200, 4))).astype(np.float32) * 0.05
    figures = cutoff_figures(Material.of(photos), vectors, encode, background)
    assert figures["queries"].value == 4
    for rule in ("good", "constant", "tuned"):
        assert figures[f"{rule}_precision"].value == figures[f"{rule}_recall"].value == 1.0
        assert figures[f"{rule}_empty"].value == 0.0
        assert figures[f"{rule}_photos"].value == 12


def test_a_band_that_nothing_reaches_is_empty_and_costs_recall():
    photos, vectors = world()
    # Other photos score widely, far above what any photo of these reaches: nothing stands out.
    background = np.random.default_rng(0).normal(size=(400, 4)).astype(np.float32) * 3
    figures = cutoff_figures(Material.of(photos), vectors, encode, background)
    assert figures["good_empty"].value == 1.0
    assert figures["good_recall"].value == 0.0
    assert np.isnan(figures["good_precision"].value)
    assert figures["constant_f1"].value == 1.0


def test_the_best_cut_of_a_ranking_by_hand():
    scores = np.array([[0.9, 0.85, 0.8, 0.1, 0.05, 0.0]], np.float32)
    relevant = np.array([[True, False, True, False, True, False]])
    figures = perfect_figures(scores, relevant)
    # The first five hold all three: precision 3/5, recall 1; no cut reaches 0.7 at 0.5.
    assert figures["perfect_f1"].value == pytest.approx(0.75)
    assert figures["perfect_precision"].value == pytest.approx(0.6)
    assert figures["perfect_as_wanted"].value == 0
    assert perfect_figures(scores, scores > 0.5)["perfect_as_wanted"].value == 1
