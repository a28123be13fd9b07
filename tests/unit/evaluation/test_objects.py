# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects judged by detectors: what counts as shown, ranking, good matches, minus words."""

import numpy as np
import pytest

from semantic_photos.domain.tag_tree import TagTree
from semantic_photos.evaluation.objects import Objects, cutoff_figures, minus_figures, minus_pairs, object_figures
from semantic_photos.evaluation.retrieval import Collection
from tests.fakes.judged import EACH, WORDS, bench_of, captioned, detected, encode

TREE = TagTree.parse("animal|dog: puppy\nanimal|cat")
KINDS = {"coco": frozenset({"dog", "cat"}), "oiv7": frozenset({"dog", "puppy", "animal", "lamp"})}
ALL = {"coco": frozenset(WORDS)}


def objects_of(*detections):
    return Objects.of([captioned("", **one) for one in detections], KINDS, TREE)


def test_between_half_and_an_eighth_nothing_is_known():
    found = objects_of({"coco": {"dog": 0.5}}, {"coco": {"dog": 0.49}}, {"coco": {"dog": 0.12}}, {"coco": {}})
    dog = found.names.index("dog")
    assert found.shown[dog].tolist() == [True, False, False, False]
    assert found.absent[dog].tolist() == [False, False, False, True]


def test_the_highest_of_all_detectors_counts():
    found = objects_of({"coco": {}, "oiv7": {"dog": 0.6}}, {"coco": {"dog": 0.05}, "oiv7": {"dog": 0.2}})
    dog = found.names.index("dog")
    assert found.shown[dog].tolist() == [True, False]
    assert found.absent[dog].tolist() == [False, False]


def test_where_no_detector_looked_nothing_is_absent():
    found = objects_of({"coco": {}}, {"coco": {}, "oiv7": {}})
    assert found.absent[found.names.index("lamp")].tolist() == [False, True]
    assert found.absent[found.names.index("dog")].tolist() == [True, True]


def test_a_kind_shows_what_it_is_a_kind_of_and_second_names_are_not_asked():
    found = objects_of({"coco": {"dog": 0.9}, "oiv7": {}}, {"coco": {}, "oiv7": {"puppy": 0.7}})
    assert set(found.names) == {"dog", "cat", "animal", "lamp"}
    assert found.shown[found.names.index("animal")].tolist() == [True, True]
    assert found.shown[found.names.index("dog")].tolist() == [True, True]
    assert found.detectors[found.names.index("dog")] == "coco"


def test_a_pack_that_sees_everything_is_perfect_and_one_that_knows_no_word_finds_nothing():
    photos, vectors = detected("coco")
    objects = Objects.of(photos, ALL, TREE)
    with bench_of(photos, vectors) as bench:
        figures = object_figures(bench, objects)
    assert figures["objects of coco"]["r_precision"].value == 1.0
    assert figures["objects of coco"]["average_precision"].value == pytest.approx(1.0)
    assert figures["objects of coco"]["chance"].value == pytest.approx(1 / len(WORDS))
    assert figures["objects in album"]["objects"].value == len(WORDS)
    assert figures["object: dog"]["photos"].value == EACH
    with bench_of(photos, vectors, lambda _text: None) as bench:
        figures = object_figures(bench, objects)
    assert figures["objects of coco"]["r_precision"].value == 0.0
    assert figures["objects of coco"]["unknown"].value == len(WORDS)


def test_photos_in_doubt_count_neither_way():
    photos, vectors = detected("coco")
    # As like a dog as any dog, and the detector is in doubt: they take no place from the dogs.
    doubtful = [captioned("a thing", coco={"dog": 0.3})] * 30
    rows = np.concatenate([np.repeat(vectors[:1], 30, axis=0), vectors])
    with bench_of([*doubtful, *photos], rows) as bench:
        figures = object_figures(bench, Objects.of(bench.photos, ALL, TREE))
    assert figures["object: dog"]["r_precision"].value == 1.0


def test_faint_objects_are_those_with_low_scores_and_the_others_are_left_out():
    photos, vectors = detected("coco")
    faint = [captioned("a dog", coco={"dog": 0.55})] * 6
    away = np.tile(np.array([0.4, 0.9, 0.0, 0.0], np.float32) / np.sqrt(0.97), (6, 1)).astype(np.float32)
    with bench_of([*photos, *faint], np.concatenate([vectors, away])) as bench:
        group = object_figures(bench, Objects.of(bench.photos, ALL, TREE))["objects of coco"]
    # Only dogs are ever faint; they come before the photos without any dog, once the plain dogs are out of the way.
    assert group["r_precision_faint"].count == 1
    assert group["r_precision_faint"].value == 1.0
    assert group["r_precision"].value == 1.0


def test_the_good_matches_are_what_is_there_and_nothing_where_nothing_is():
    photos, vectors = detected("coco")
    with bench_of(photos, vectors) as bench:
        figures = cutoff_figures(bench, Objects.of(photos, ALL, TREE))
    found = figures["good matches"]
    assert found["objects"].value == len(WORDS)
    assert found["precision"].value == found["recall"].value == found["recall_of_all_photos"].value == 1.0
    assert figures["good matches of dog"]["good"].value == figures["good matches of dog"]["right"].value == EACH


def test_a_cutoff_that_calls_anything_good_is_never_rightly_empty():
    photos, vectors = detected("coco")
    # No photo of the background scores at all, so even the faintest trace of a word stands out.
    traces = vectors + np.float32(0.2)
    traces /= np.linalg.norm(traces, axis=1, keepdims=True)
    nothing = np.zeros((50, 4), np.float32)
    with bench_of(photos, traces, background=nothing) as bench:
        found = cutoff_figures(bench, Objects.of(photos, ALL, TREE))["good matches"]
    assert found["rightly_empty"].value == 0.0
    assert found["wrong_photos"].value > 0


def beach_photos():
    """Thirty beaches, ten of them with a dog, and twenty photos of something else."""
    beach, dog = np.eye(4, dtype=np.float32)[:2]
    both = (beach + dog) / np.sqrt(np.float32(2))
    photos = [captioned("a beach .", coco={"dog": 0.9})] * 10 + [captioned("a beach .", coco={})] * 20
    photos += [captioned("a lamp .", coco={})] * 20
    return photos, np.stack(
        [both] * 10
        + [beach * np.float32(0.6) + np.eye(4, dtype=np.float32)[3] * np.float32(0.8)] * 20
        + [np.eye(4, dtype=np.float32)[2]] * 20
    )


def beach_words(text):
    axes = {"beach": 0, "dog": 1, "lamp": 2}
    row = np.array([float(any(axes.get(word) == axis for word in text.split())) for axis in range(4)], np.float32)
    return row / np.linalg.norm(row) if row.any() else None


def test_minus_words_take_away_what_is_clearly_shown():
    photos, vectors = beach_photos()
    objects = Objects.of(photos, {"coco": frozenset({"dog"})}, TREE)
    collection = Collection.of("album", photos, [])
    with bench_of(photos, vectors, beach_words) as bench:
        group = minus_figures(bench, [collection], objects, TREE)["minus words"]
    assert group["queries"].value == 1
    assert group["clearly_shown"].value == 0.0
    assert group["still_right"].value == group["still_right_without_minus"].value == 1.0
    assert group["clearly_shown_without_minus"].value == 0.5


def test_a_thing_is_not_taken_away_from_itself():
    photos = [captioned("a dog .", coco={"dog": 0.9})] * 10 + [captioned("a dog .", coco={})] * 10
    objects = Objects.of(photos, {"coco": frozenset({"dog"})}, TREE)
    assert minus_pairs(photos, [Collection.of("album", photos, [])], objects, TREE)[0] == []


def test_without_detections_there_is_nothing_to_measure():
    photos = [captioned("a dog .")] * 3
    objects = Objects.of(photos, {}, TREE)
    assert objects.names == ()
    with bench_of(photos, np.eye(4, dtype=np.float32)[:3], encode) as bench:
        assert cutoff_figures(bench, objects) == {}
