# SPDX-License-Identifier: GPL-3.0-or-later
"""Automatic tags: calibrated, in [0, 1], and never from a damaged list."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from semantic_photos.domain.errors import InternalError, PackError
from semantic_photos.domain.ports import FloatArray
from semantic_photos.domain.vectors import normalise
from semantic_photos.ml.model_pack import ModelPack
from semantic_photos.ml.tag_classifier import parse_tags, tag_confidences
from tests.fakes.encoders import FakeImageEncoder


def good() -> dict[str, Any]:
    return {
        "calibration": {"a": 2.0, "b": -1.0},
        "tags": [
            {"tag": "dog", "category": "animal", "mean": 0.1, "std": 0.05},
            {"tag": "hot dog", "category": "food", "mean": 0.0, "std": 0.1},
        ],
    }


def vector_of(text: str) -> FloatArray | None:
    return np.array([1, 0], np.float32) if text.endswith("dog") else None


def parse(root: Any) -> Any:
    return parse_tags(json.dumps(root).encode(), "tags.json", vector_of, 2)


def test_the_confidence_is_the_formula_of_the_format() -> None:
    vectors = normalise(np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32))
    matrix = normalise(np.random.default_rng(2).normal(size=(4, 3)).astype(np.float32))
    mean, std = np.array([0.1, 0.2, -0.1, 0], np.float32), np.array([0.1, 0.3, 0.2, 1], np.float32)
    got = tag_confidences(vectors, matrix, mean, std, 1.7, -2.0)
    assert got.dtype == np.float32
    for n in range(5):
        for t in range(4):
            cosine = float(vectors[n] @ matrix[t])
            want = 1 / (1 + math.exp(-(1.7 * (cosine - float(mean[t])) / float(std[t]) - 2.0)))
            assert got[n, t] == pytest.approx(want, abs=1e-5)


def test_it_stays_between_zero_and_one_however_far_a_score_is_out() -> None:
    matrix = np.eye(2, dtype=np.float32)
    got = tag_confidences(matrix, matrix, np.zeros(2, np.float32), np.full(2, 1e-6, np.float32), 1e3, 0.0)
    assert np.isfinite(got).all()
    assert got.min() >= 0
    assert got.max() <= 1
    assert got[0, 0] > 0.999


def test_no_photos_have_no_tags_and_other_vectors_are_our_mistake(pack: ModelPack) -> None:
    assert pack.tag_confidences(np.empty((0, pack.dim), np.float32)).shape == (0, 10)
    for shape in ((3, pack.dim - 1), (pack.dim,)):
        with pytest.raises(InternalError):
            pack.tag_confidences(np.zeros(shape, np.float32))


def test_a_red_photo_is_tagged_red(pack: ModelPack) -> None:
    photo = np.full((1, 32, 32, 3), (215, 25, 25), np.uint8)
    confidences = pack.tag_confidences(FakeImageEncoder().encode(photo))[0]
    assert pack.tags[int(np.argmax(confidences))].tag == "red"
    assert confidences.max() > 0.5


def test_a_list_is_read() -> None:
    table = parse(good())
    assert [stat.tag for stat in table.stats] == ["dog", "hot dog"]
    assert table.stats[1].category == "food"
    assert table.matrix.tolist() == [[1, 0], [1, 0]]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("calibration",), None), (("calibration", "a"), 0), (("calibration", "a"), float("nan")),
        (("calibration", "b"), float("inf")), (("tags",), 3), (("tags", 0), "dog"), (("tags", 0, "std"), 0),
        (("tags", 0, "std"), -1), (("tags", 0, "mean"), "x"), (("tags", 0, "mean"), float("nan")),
        (("tags", 1, "tag"), "dog"), (("tags", 1, "tag"), ""), (("tags", 1, "tag"), "a\ndog"),
        (("tags", 1, "tag"), "zebra"),
    ],
)  # fmt: skip
def test_a_damaged_list_is_refused(path: tuple[str | int, ...], value: Any) -> None:
    root: Any = good()
    section = root
    for step in path[:-1]:
        section = section[step]
    section[path[-1]] = value
    with pytest.raises(PackError, match=r"tags\.json"):
        parse(root)


@pytest.mark.parametrize("data", [b"", b"\xff", b"[]", b"[" * 100_000])
def test_what_is_no_list_is_refused(data: bytes) -> None:
    with pytest.raises(PackError, match=r"tags\.json"):
        parse_tags(data, "tags.json", vector_of, 2)


def test_a_prior_moves_the_odds_of_its_tag_alone() -> None:
    root = good()
    before = parse(root).confidences(np.array([[0.1, 0]], np.float32))
    root["tags"][1]["prior"] = -2.0
    table = parse(root)
    after = table.confidences(np.array([[0.1, 0]], np.float32))
    assert after[0, 0] == before[0, 0]
    odds = np.log(after / (1 - after)) - np.log(before / (1 - before))
    assert odds[0, 1] == pytest.approx(-2.0, abs=1e-3)


@pytest.mark.parametrize("least", ["much", None, -0.1, 1.1, float("nan"), []])
def test_a_least_confidence_that_is_none_is_refused(least: object) -> None:
    root = good()
    root["tags"][0]["least"] = least
    with pytest.raises(PackError, match=r"tags\.json"):
        parse(root)


@pytest.mark.parametrize("prior", ["much", None, 1e9, float("nan"), float("inf"), []])
def test_a_prior_that_is_none_is_refused(prior: object) -> None:
    root = good()
    root["tags"][0]["prior"] = prior
    with pytest.raises(PackError, match=r"tags\.json"):
        parse(root)
