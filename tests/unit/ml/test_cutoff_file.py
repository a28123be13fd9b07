# SPDX-License-Identifier: GPL-3.0-or-later
"""The cut-off of a pack is read strictly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from semantic_photos.domain.errors import PackError
from semantic_photos.ml.cutoff_file import parse_cutoff
from semantic_photos.ml.model_pack import load_pack
from semantic_photos.ml.text_encoder import WordTableEncoder
from tests.fakes.encoders import VOCABULARY
from tests.fakes.packs import build_tiny_pack, read_manifest, write_manifest

GOOD: dict[str, Any] = {
    "format": 1, "slope": 1.2, "offset": -6.5, "alone": [0.1, 0.3, 0.6], "each": [0.1, 0.2, 0.7], "excluded": 0.3,
    "least_trust": 0.5, "words": {"dog": 2.3, "hot dog": -0.4},
}  # fmt: skip


def test_a_cutoff_is_what_the_file_says() -> None:
    cutoff = parse_cutoff(json.dumps(GOOD).encode(), "cutoff.json")
    assert (cutoff.slope, cutoff.offset, cutoff.excluded, cutoff.least_trust) == (1.2, -6.5, 0.3, 0.5)
    assert cutoff.words == GOOD["words"]
    assert cutoff.longest == 2
    assert [cutoff.level(caution) for caution in (0.0, 0.25, 0.5, 1.0)] == pytest.approx([0.1, 0.2, 0.3, 0.6])
    assert cutoff.level(0.5, words=2) == 0.2


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2}, {"slope": 0}, {"slope": float("nan")}, {"offset": 1e9}, {"alone": [0.1, 0.3]},
        {"alone": [0.3, 0.1, 0.6]}, {"each": [0.0, 0.2, 0.7]}, {"excluded": 1.0}, {"words": ["dog"]},
        {"words": {"Dog": 1.0}}, {"words": {"dog": float("inf")}}, {"least_trust": -1}, {"alone": None},
    ],
)  # fmt: skip
def test_numbers_that_make_no_sense_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(PackError, match=r"cutoff\.json"):
        parse_cutoff(json.dumps({**GOOD, **change}).encode(), "cutoff.json")


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff", b"[" * 5000])
def test_garbage_is_refused(data: bytes) -> None:
    with pytest.raises(PackError):
        parse_cutoff(data, "cutoff.json")


def _with_cutoff(folder: Path) -> Path:
    (folder / "cutoff.json").write_text(json.dumps(GOOD), encoding="utf-8")
    write_manifest(folder, {**read_manifest(folder), "cutoff": "cutoff.json"})
    return folder


def test_a_pack_may_bring_one_and_needs_ordinary_photos_for_it(tmp_path: Path) -> None:
    assert load_pack(build_tiny_pack(tmp_path / "plain")).cutoff is None
    pack = load_pack(_with_cutoff(build_tiny_pack(tmp_path / "tiny")))
    assert pack.cutoff is not None
    assert pack.fingerprint == load_pack(tmp_path / "plain").fingerprint
    with pytest.raises(PackError, match="background"):
        load_pack(_with_cutoff(build_tiny_pack(tmp_path / "bare", background=False)))


def test_trust_of_words_is_read_strictly(tmp_path: Path) -> None:
    folder = build_tiny_pack(tmp_path / "tiny")
    manifest = read_manifest(folder)
    manifest["text"]["trust"] = "word_trust.npy"
    trust = np.ones(len(VOCABULARY), np.float32)
    trust[VOCABULARY.index("plum")] = 0.25
    np.save(folder / "word_trust.npy", trust)
    write_manifest(folder, manifest)
    words = WordTableEncoder(load_pack(folder))
    assert (words.trust("red plum"), words.trust("red"), words.trust("qqqq the")) == (0.25, 1.0, 1.0)
    for wrong in (trust * 2, trust * np.float32("nan"), trust[:-1], trust.astype(np.float64)):
        np.save(folder / "word_trust.npy", wrong)
        write_manifest(folder, manifest)
        with pytest.raises(PackError, match="word_trust"):
            load_pack(folder)


def test_only_words_of_the_packs_list_are_offered_and_all_are_understood(tmp_path: Path) -> None:
    folder = build_tiny_pack(tmp_path)
    manifest = read_manifest(folder)
    manifest["text"]["offered"] = "word_offered.npy"
    offered = np.ones(len(VOCABULARY), np.uint8)
    offered[VOCABULARY.index("plum")] = 0
    np.save(folder / "word_offered.npy", offered)
    write_manifest(folder, manifest)
    words = WordTableEncoder(load_pack(folder))
    plum = words.encode("plum")
    assert plum is not None
    assert "plum" in words
    assert words.completions("plu", 9) == []
    assert "plum" not in [word for word, _ in words.neighbours(plum, 50)]
    assert "plum" not in words.suggestions("plun", 5)
    for wrong in (offered * 2, offered[:-1], offered.astype(np.int64), offered.astype(np.float32)):
        np.save(folder / "word_offered.npy", wrong)
        write_manifest(folder, manifest)
        with pytest.raises(PackError, match="word_offered"):
            load_pack(folder)
