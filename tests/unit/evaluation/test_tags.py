# SPDX-License-Identifier: GPL-3.0-or-later
"""Automatic tags against labels, captions and detectors."""

import numpy as np
import pytest

from semantic_photos.domain.tag_tree import TagTree
from semantic_photos.evaluation.tags import Tagged, TagTruth, figures_at, tag_figures, threshold_figures
from tests.fakes.judged import EACH, WORDS, bench_of, captioned, detected, labelled, world

TREE = TagTree.parse("animal|dog: puppy\nfruit|apple\nfruit|peach")
KINDS = {"coco": frozenset({"dog"}), "oiv7": frozenset({"lamp"})}


def test_a_tag_is_right_by_label_by_caption_and_from_above():
    photos = [labelled("dog"), captioned("a boat", "two dogs on a boat"), labelled("shelf")]
    truth = TagTruth.of(photos, ["dog", "animal", "dog boat", "tree"], {}, TREE)
    assert truth.right.tolist() == [
        [True, True, False, False], [True, False, True, False], [False, False, False, False],
    ]  # fmt: skip
    assert not truth.unsure.any()
    assert not truth.checked.any()


def test_detectors_make_tags_right_wrong_or_unsure():
    photos = [
        labelled(coco={"dog": 0.7}), labelled(coco={"dog": 0.3}), labelled(coco={}), labelled("dog", coco={"dog": 0.3}),
    ]  # fmt: skip
    truth = TagTruth.of(photos, ["dog", "animal", "lamp", "boat"], KINDS, TREE)
    assert truth.right[:, 0].tolist() == truth.right[:, 1].tolist() == [True, False, False, True]
    assert truth.unsure[:, 0].tolist() == [False, True, False, False]
    # The detector that knows lamps looked at none of them.
    assert truth.unsure[:, 2].all()
    assert truth.checked.tolist() == [True, True, True, False]


def test_figures_leave_tags_in_doubt_out():
    photos = [labelled(coco={"dog": 0.7}), labelled(coco={"dog": 0.3}), labelled("boat", coco={})]
    truth = TagTruth.of(photos, ["dog", "boat"], KINDS, TREE)
    figures = figures_at(truth, np.array([[True, True], [True, False], [False, True]]))
    # Set: dog (right) and boat (wrong), dog (in doubt), boat (right).
    assert figures["precision"].value == pytest.approx(2 / 3)
    assert figures["precision_checked"].value == 1.0
    assert figures["recall"].value == 1.0
    assert figures["tags_a_photo"].value == pytest.approx(4 / 3)
    assert figures["photos_with_tag"].value == 1.0
    silent = figures_at(truth, np.zeros((3, 2), np.bool_))
    assert np.isnan(silent["precision"].value)
    assert silent["photos_with_tag"].value == 0.0


def test_tags_are_chosen_as_the_program_chooses_them():
    photos, vectors = detected("coco")
    with bench_of(photos, vectors) as bench:
        tagged = Tagged.of(bench, {"coco": frozenset(WORDS)}, TREE)
        figures = tag_figures(bench, tagged)
    assert figures["tags"]["precision"].value == figures["tags"]["recall"].value == 1.0
    assert figures["tag: dog"]["set"].value == EACH
    assert figures["album, captioned: tags"]["photos"].value == len(photos)
    assert figures["tags in album"]["tags_a_photo"].value == 1.0


def test_the_lowest_threshold_that_keeps_to_the_target():
    photos, vectors = world()
    # Dogs look a little like boats and trees: up to 0.53 these tags are set on them, too.
    vectors[:, 1:3] += 0.8 * vectors[:, :1]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    with bench_of(photos, vectors) as bench:
        figures = threshold_figures(bench, Tagged.of(bench, {}, TREE))
    assert figures["album, labelled: lowest threshold with precision 0.8"]["threshold"].value == 0.55
    assert figures["album, labelled: tags from 0.50"]["precision"].value == pytest.approx(2 / 3)


def test_a_photo_without_a_vector_gets_no_tags():
    photos, vectors = world()
    vectors[0] = np.nan
    with bench_of(photos, vectors) as bench:
        tagged = Tagged.of(bench, {}, TREE)
    assert not tagged.at()[0].any()
    assert tagged.at()[2].any()
