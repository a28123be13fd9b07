# SPDX-License-Identifier: GPL-3.0-or-later
"""The cut-off that is fitted finds what photos were made to show."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from semantic_photos.domain.result_cutoff import WordCut
from semantic_photos.domain.vectors import normalise
from semantic_photos.ml.cutoff_file import parse_cutoff
from semantic_photos.training.cutoff_fit import as_json, fit_cutoff, read_scores
from tests.fakes.encoders import DIM, MEANINGS, FakeTextEncoder, word_vector

LABELS = [word for word, colour in MEANINGS.items() if colour is not None][:12]


def test_levels_rise_and_held_out_photos_above_the_default_mostly_show_the_word() -> None:
    rng = np.random.default_rng(4)
    noise = rng.normal(size=(3000, DIM)).astype(np.float32)
    background, vectors = normalise(noise[:1000]), noise[1000:].copy()
    scores = {}
    for label in LABELS:
        shown = rng.random(2000) < 0.03
        vectors[shown] += 6.0 * word_vector(label)
        scores[label] = np.where(shown, 0.9, 0.0)
    scores["nonsense"] = np.full(2000, 0.9)
    vectors = normalise(vectors)
    text = FakeTextEncoder()
    cutoff, report = fit_cutoff(text, background, vectors, scores)
    assert parse_cutoff(as_json(cutoff).encode(), "cutoff.json") == cutoff
    assert set(cutoff.words) == set(LABELS)
    assert report["alone"][1]["precision"] > 0.5
    assert report["alone"][0]["recall"] >= report["alone"][1]["recall"] >= report["alone"][2]["recall"]
    # A library that shows none of a word has nothing above its border.
    cut = WordCut.of("red", word_vector("red"), background, cutoff, "red", 1.0)
    none = vectors[scores["red"] < 0.5]
    assert (cut.probabilities(none) >= cutoff.level(1.0)).mean() < 0.02


def test_too_few_labels_are_an_error() -> None:
    with pytest.raises(ValueError, match="labels"):
        fit_cutoff(FakeTextEncoder(), np.eye(DIM, dtype=np.float32), np.eye(DIM, dtype=np.float32), {})


def test_scores_are_joined_over_detectors_and_unknown_where_none_looked(tmp_path: Path) -> None:
    lines = [
        {"file": "a", "one": {"dog": 0.4}, "two": {"Dog": 0.7, "Tree": 0.3}},
        {"file": "b", "one": {}},
        {"file": "elsewhere", "one": {"cat": 0.9}},
    ]
    with gzip.open(tmp_path / "objects.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
    scores = read_scores(tmp_path / "objects.jsonl.gz", ["a", "b", "c"])
    assert scores["dog"].tolist()[:2] == [0.7, 0.0]
    assert np.isnan(scores["dog"][2])
    assert scores["tree"][0] == 0.3
    assert np.isnan(scores["tree"][1])
    assert "cat" not in scores
