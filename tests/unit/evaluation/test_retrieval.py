# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures of models that know everything, nothing, or guess."""

import numpy as np
import pytest

from semantic_photos.domain.vectors import normalise
from semantic_photos.evaluation.queries import Queries
from semantic_photos.evaluation.retrieval import Collection, retrieval_figures, word_figures
from tests.fakes.judged import EACH, WORDS, bench_of, captioned, encode, labelled, world


def figures_of(photos, vectors, encoder, training=()):
    with bench_of(photos, vectors, encoder) as bench:
        found = retrieval_figures(bench, Collection.of("album", photos, training))
    return {name.removeprefix("album: "): values for name, values in found.items()}


def test_a_perfect_model_reaches_the_ceiling():
    figures = figures_of(*world(), encode)
    nouns = figures["one noun"]
    assert nouns["queries"].value == len(WORDS)
    assert nouns["precision_at_10"].value == nouns["ceiling"].value == 1.0
    assert nouns["map"].value == pytest.approx(1.0)
    assert figures["labels"]["zero_shot_top1"].value == 1.0
    assert figures["labels"]["map"].value == pytest.approx(1.0)
    assert figures["similar photos"]["precision_at_10"].value == 1.0


def test_a_figure_without_spread_has_no_width():
    figure = figures_of(*world(), encode)["one noun"]["precision_at_10"]
    assert (figure.low, figure.high, figure.count) == (1.0, 1.0, len(WORDS))


def test_photos_that_cannot_be_told_apart_share_the_worst_rank():
    assert figures_of(*world(), encode)["captions"]["median_rank"].value == EACH


def test_a_model_that_knows_no_word_finds_nothing():
    figures = figures_of(*world(), lambda _text: None)
    assert figures["captions"]["recall_at_10"].value == 0.0
    assert figures["one noun"]["unknown"].value == len(WORDS)
    assert figures["labels"]["zero_shot_top1"].value <= 0.5


def test_a_random_model_scores_at_chance():
    rng = np.random.default_rng(3)
    texts = [f"query {number}" for number in range(150)]
    asked = Queries(texts, rng.random((150, 120)) < rng.uniform(0.02, 0.4, size=(150, 1)))
    vectors = normalise(rng.normal(size=(120, 64)).astype(np.float32))
    photos = [captioned("a photo")] * 120
    with bench_of(photos, vectors, lambda _text: normalise(rng.normal(size=64).astype(np.float32))) as bench:
        figures = word_figures(asked, bench.search(), np.arange(120))
    assert figures["precision_at_10"].value == pytest.approx(figures["chance"].value, abs=0.02)
    assert figures["precision_at_10"].low < figures["chance"].value < figures["precision_at_10"].high


def test_a_broken_vector_costs_its_photo_but_not_the_report():
    photos, vectors = world()
    vectors[2 * EACH] = np.nan
    figures = figures_of(photos, vectors, encode)
    assert figures["one noun"]["precision_at_10"].value == pytest.approx(1.0)
    assert 0.9 < figures["one noun"]["map"].value < 1.0
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
    training = [captioned("two dogs in the sky ."), labelled("kite surfer", "kennel"), labelled("boat")]
    assert Collection.of("album", photos, training).words["unseen noun"].texts == []
    found = Collection.of("album", photos, [captioned("two dogs in the sky .")])
    assert found.words["unseen noun"].texts == ["kite"]
    assert found.words["unseen noun"].relevant.tolist() == [[True, False]]
    assert found.words["rare noun"].texts == ["dog"]


def test_captions_of_each_source_are_told_apart():
    photos = [captioned("a dog", source="one"), captioned("a boat", source="two")]
    figures = figures_of(photos, np.eye(4, dtype=np.float32)[[0, 0]], encode)
    assert figures["captions"]["recall_at_1"].value == 0.0
    assert figures["captions of one"]["captions"].value == 1
    assert {"captions of one", "captions of two"} <= set(figures)


def test_good_matches_that_hold_just_the_right_photos_are_perfect():
    found = figures_of(*world(), encode)["good matches, one noun"]
    assert found["precision"].value == found["recall"].value == 1.0
    assert found["empty"].value == 0.0
    assert found["photos"].value == EACH


def test_where_nothing_stands_out_nothing_is_good_and_recall_pays():
    photos, vectors = world()
    far = np.random.default_rng(0).normal(size=(400, 4)).astype(np.float32) * 3
    with bench_of(photos, vectors, background=far) as bench:
        found = retrieval_figures(bench, Collection.of("album", photos, []))["album: good matches, one noun"]
    assert found["empty"].value == 1.0
    assert found["recall"].value == 0.0
    assert np.isnan(found["precision"].value)


def test_an_index_without_captions_or_without_labels_is_measured_as_far_as_it_goes():
    vectors = np.eye(3, dtype=np.float32)
    assert set(figures_of([labelled("dog")] * 3, vectors, lambda _text: vectors[0])) == {"labels", "similar photos"}
    found = figures_of([captioned("a dog")] * 3, vectors, lambda _text: vectors[0])
    assert found["one noun"]["queries"].value == 0
    assert not figures_of([captioned()] * 3, vectors, lambda _text: None)
