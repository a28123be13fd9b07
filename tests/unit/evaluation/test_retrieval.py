# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures of models that know everything, nothing, or guess."""

import numpy as np
import pytest

from semantic_photos.evaluation.questions import Questions
from semantic_photos.evaluation.retrieval import Material, all_figures, word_figures
from tests.fakes.judged import EACH, WORDS, captioned, encode, labelled, world


def figures_of(photos, vectors, encoder, training=()):
    return all_figures(Material.of(photos, training), vectors, encoder)


def test_a_perfect_model_reaches_the_ceiling():
    figures = figures_of(*world(), encode)
    nouns = figures["one_noun"]
    assert nouns["queries"].value == len(WORDS)
    assert nouns["precision_at_10"].value == nouns["ceiling"].value == 1.0
    assert nouns["map"].value == pytest.approx(1.0)
    assert figures["labels"]["zero_shot_top1"].value == 1.0
    assert figures["labels"]["map"].value == pytest.approx(1.0)
    assert figures["similar"]["precision_at_10"].value == 1.0


def test_a_figure_without_spread_has_no_width():
    figure = figures_of(*world(), encode)["one_noun"]["precision_at_10"]
    assert (figure.low, figure.high, figure.count) == (1.0, 1.0, len(WORDS))


def test_photos_that_cannot_be_told_apart_share_the_worst_rank():
    assert figures_of(*world(), encode)["captions"]["median_rank"].value == EACH


def test_a_model_that_knows_no_word_finds_nothing():
    figures = figures_of(*world(), lambda _text: None)
    assert figures["captions"]["recall_at_10"].value == 0.0
    assert figures["one_noun"]["unknown"].value == len(WORDS)
    assert figures["labels"]["zero_shot_top1"].value <= 0.5


def test_a_random_model_scores_at_chance():
    rng = np.random.default_rng(3)
    texts = [f"query {number}" for number in range(150)]
    asked = Questions(texts, rng.random((150, 120)) < rng.uniform(0.02, 0.4, size=(150, 1)))
    vectors = rng.normal(size=(120, 64)).astype(np.float32)
    figures = word_figures(asked, vectors, lambda _text: rng.normal(size=64).astype(np.float32))
    assert figures["precision_at_10"].value == pytest.approx(figures["chance"].value, abs=0.02)
    assert figures["map"].value == pytest.approx(figures["map_chance"].value, abs=0.02)
    assert figures["precision_at_10"].low < figures["chance"].value < figures["precision_at_10"].high


def test_a_broken_vector_costs_its_photo_but_not_the_report():
    photos, vectors = world()
    vectors[2 * EACH] = np.nan
    figures = figures_of(photos, vectors, encode)
    assert figures["one_noun"]["precision_at_10"].value == pytest.approx(1.0)
    assert 0.9 < figures["one_noun"]["map"].value < 1.0
    assert figures["captions"]["captions"].value == 2 * EACH * len(WORDS)


def test_recall_resamples_photos_and_not_captions():
    # Ten photos with five captions each that are all found or all missed: ten draws, not fifty.
    photos = [captioned(*[f"word{'abcdefghij'[number]} zz"] * 5) for number in range(10)]
    vectors = np.eye(10, dtype=np.float32)

    def half(text):
        number = "abcdefghij".find(text[4:5])
        return np.eye(10, dtype=np.float32)[number if number < 5 else (number + 1) % 10]

    recall = figures_of(photos, vectors, half)["captions"]["recall_at_1"]
    assert (recall.value, recall.count) == (0.5, 10)
    # The binomial spread of ten draws is +-0.31, of fifty it would be +-0.14.
    assert recall.low < 0.3
    assert recall.high > 0.7


def test_words_that_were_trained_on_are_not_unseen():
    photos = [captioned("a kite in the sky", "the kite .", "a kite ."), captioned("a dog .", "the dog .", "dogs .")]
    training = [captioned("two dogs in the sky ."), labelled("kite surfer", "kennel")]
    material = Material.of(photos, [*training, labelled("boat")])
    assert material.words["unseen_word"].texts == []
    material = Material.of(photos, [captioned("two dogs in the sky .")])
    assert material.words["unseen_word"].texts == ["kite"]
    assert material.words["unseen_noun"].relevant.tolist() == [[True, False]]
    assert material.words["rare_noun"].texts == ["dog"]


def test_an_index_without_captions_or_without_labels_is_measured_as_far_as_it_goes():
    vectors = np.eye(3, dtype=np.float32)
    assert set(figures_of([labelled("dog")] * 3, vectors, lambda _text: vectors[0])) == {"labels", "similar"}
    found = figures_of([captioned("a dog")] * 3, vectors, lambda _text: vectors[0])
    assert found["one_noun"]["queries"].value == 0
    assert not figures_of([captioned()] * 3, vectors, lambda _text: None)
