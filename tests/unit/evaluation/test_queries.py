# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from semantic_photos.evaluation.queries import (
    caption_queries,
    label_queries,
    names_label,
    nouns_of,
    same_label,
    word_queries,
)
from semantic_photos.ml.word_forms import folded
from tests.fakes.judged import captioned, labelled


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("dogs", "dog"),
        ("beaches", "beach"),
        ("puppies", "puppy"),
        ("grass", "grass"),
        ("boxes", "box"),
        ("bus", "bus"),
        ("tennis", "tennis"),
        ("horse", "horse"),
        ("horses", "horse"),
    ],
)
def test_plurals_fold_to_their_singular(word, expected):
    assert folded(word) == expected


def test_each_caption_asks_for_its_own_photo():
    texts, owners = caption_queries([captioned("one", "two"), captioned("three")])
    assert texts == ["one", "two", "three"]
    assert owners.tolist() == [0, 0, 1]


def test_two_words_must_stand_in_one_caption():
    photos = [captioned("a dog on the beach"), captioned("a dog", "the beach"), captioned("dogs at beaches")]
    asked = word_queries(photos, words=2, least=1)
    row = asked.texts.index("beach dog")
    assert asked.relevant[row].tolist() == [True, False, True]


def test_one_word_counts_plurals_and_leaves_function_words_out():
    photos = [captioned("two dogs running"), captioned("a dog in the snow"), captioned("a cat")]
    asked = word_queries(photos, words=1, least=2, most=2)
    assert asked.texts == ["dogs"] or asked.texts == ["dog"]
    assert asked.relevant.tolist() == [[True, True, False]]


def test_rare_labels_are_not_asked():
    photos = [labelled("dog", "pet"), labelled("dog"), labelled("pet"), labelled("dog")]
    asked = label_queries(photos, least=3)
    assert asked.texts == ["dog"]
    assert asked.relevant.tolist() == [[True, True, False, True]]


def test_a_photo_is_not_its_own_neighbour():
    shared = same_label([labelled("dog", "pet"), labelled("pet"), labelled("car")])
    assert shared.tolist() == [[False, True, False], [True, False, False], [False, False, False]]
    assert shared.dtype == np.bool_


def test_nouns_are_told_by_where_they_stand():
    captions = [
        "A brown dog runs on the grass .", "Two dogs in a grassy field .", "The dog is jumping over a fence",
        "A red building near the bed .", "A man in front of the building .", "A dog on a bed and a man",
        "The man is running past a building .", "A man jumps on the grass", "Dressed in red , a man is on a bed .",
        "a field", "the fields .", "a field", "the fence , a fence", "in the grass .",
    ]  # fmt: skip
    assert nouns_of(captions) == {"dog", "grass", "field", "building", "bed", "man", "fence"}


def test_a_word_that_mostly_stands_elsewhere_is_no_noun():
    places = ["a jump ."] * 3 + ["dogs jump over it"] * 20
    assert "jump" not in nouns_of(places)
    assert "jump" in nouns_of(places[:10])


def test_rare_words_may_be_nouns_where_that_is_asked():
    assert nouns_of(["a jukebox ."]) == frozenset()
    assert nouns_of(["a jukebox ."], least=1) == {"jukebox"}


def test_only_nouns_are_asked_where_nouns_are_given():
    photos = [captioned("a dog runs on the beach")] * 2
    assert word_queries(photos, words=2, least=1, among={"dog", "beach"}).texts == ["beach dog"]
    assert word_queries(photos, words=1, least=1, among=frozenset()).relevant.shape == (0, 2)


def test_an_owner_is_the_same_word():
    asked = word_queries([captioned("the dog's ball")], words=1, least=1)
    assert asked.texts == ["ball", "dog"]


@pytest.mark.parametrize(
    ("tag", "label", "named"),
    [
        ("dog", "dog", True), ("dogs", "dog", True), ("dog", "guide dogs", True), ("guide dog", "dog", False),
        ("guide dog", "guide dogs", True), ("dog guide", "guide dog", False), ("shirt", "t-shirt", True),
        ("hot", "hotel", False), ("", "dog", False),
    ],
)  # fmt: skip
def test_a_tag_names_a_label_by_being_it_or_a_word_of_it(tag, label, named):
    assert names_label(tag, label) is named
