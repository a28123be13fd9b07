# SPDX-License-Identifier: GPL-3.0-or-later
import json

import numpy as np
import pytest

from semantic_photos.evaluation.questions import (
    Shown,
    caption_questions,
    folded,
    label_questions,
    read_photos,
    same_label,
    word_questions,
)


def captioned(*captions: str) -> Shown:
    return Shown("a.webp", 1, "flickr8k", (), captions)


def labelled(*labels: str) -> Shown:
    return Shown("a.webp", 1, "shelf", labels, ())


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


def test_only_the_asked_split_is_read(tmp_path):
    index = tmp_path / "photos.jsonl"
    rows = [
        {"file": "a.webp", "shard": 1, "source": "s", "split": "train", "labels": ["Dog"]},
        {"file": "b.webp", "shard": 2, "source": "s", "split": "val", "labels": ["Cat"]},
        {"file": "c.webp", "shard": 2, "source": "s", "split": "val"},
    ]
    index.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    photos = read_photos(index)
    assert [photo.file for photo in photos] == ["b.webp", "c.webp"]
    assert photos[0].labels == ("cat",)


def test_each_caption_asks_for_its_own_photo():
    texts, owners = caption_questions([captioned("one", "two"), captioned("three")])
    assert texts == ["one", "two", "three"]
    assert owners.tolist() == [0, 0, 1]


def test_two_words_must_stand_in_one_caption():
    photos = [captioned("a dog on the beach"), captioned("a dog", "the beach"), captioned("dogs at beaches")]
    asked = word_questions(photos, words=2, least=1)
    row = asked.texts.index("beach dog")
    assert asked.relevant[row].tolist() == [True, False, True]


def test_one_word_counts_plurals_and_leaves_function_words_out():
    photos = [captioned("two dogs running"), captioned("a dog in the snow"), captioned("a cat")]
    asked = word_questions(photos, words=1, least=2, most=2)
    assert asked.texts == ["dogs"] or asked.texts == ["dog"]
    assert asked.relevant.tolist() == [[True, True, False]]


def test_rare_labels_are_not_asked():
    photos = [labelled("dog", "pet"), labelled("dog"), labelled("pet"), labelled("dog")]
    asked = label_questions(photos, least=3)
    assert asked.texts == ["dog"]
    assert asked.relevant.tolist() == [[True, True, False, True]]


def test_a_photo_is_not_its_own_neighbour():
    shared = same_label([labelled("dog", "pet"), labelled("pet"), labelled("car")])
    assert shared.tolist() == [[False, True, False], [True, False, False], [False, False, False]]
    assert shared.dtype == np.bool_
