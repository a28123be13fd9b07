# SPDX-License-Identifier: GPL-3.0-or-later
"""Composed pictures have the answers they claim, and the command measures a real (tiny) pack."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semantic_photos.evaluation import composed, steering
from semantic_photos.evaluation.photos import Shown
from semantic_photos.evaluation.pictures import PhotoImages
from tests.fakes.encoders import MEANINGS
from tests.fakes.packs import build_tiny_pack

COLOURS = ("red", "green", "blue", "yellow")


def shown() -> list[Shown]:
    labelled = [Shown(f"l{n}.png", 1, "made", (COLOURS[n % 4],), ()) for n in range(32)]
    said = [f"the {COLOURS[n % 4]} wall" for n in range(48)]
    return labelled + [Shown(f"c{n}.png", 1, "flickr8k", (), (said[n],) * 5) for n in range(48)]


def archive(folder: Path, photos: list[Shown]) -> Path:
    path = folder / "photos.zip"
    rng = np.random.default_rng(4)
    with zipfile.ZipFile(path, "w") as target:
        for n, photo in enumerate(photos):
            colour = np.array(MEANINGS[COLOURS[n % 4]]) + rng.integers(-15, 15, 3)
            buffer = io.BytesIO()
            Image.new("RGB", (32, 32), tuple(int(c) for c in np.clip(colour, 0, 255))).save(buffer, "PNG")
            target.writestr(photo.file, buffer.getvalue())
    return path


def test_one_photo_of_a_pair_shows_the_word_and_the_other_does_not() -> None:
    photos = shown()
    for words in (composed.labels(photos, set(COLOURS)), composed.caption_words(photos, set(COLOURS))):
        assert {word.text for word in words} == set(COLOURS)
        found = composed.pairs(words, 20, seed=1)
        assert len(found) == 20
        for pair in found:
            assert pair.word.shown[pair.wanted]
            assert pair.word.apart[pair.other]
            assert pair.other_word.shown[pair.other]


@pytest.mark.parametrize("inset", [False, True])
def test_the_wanted_photo_lies_where_it_is_said(tmp_path: Path, inset: bool) -> None:
    photos = shown()
    with PhotoImages([archive(tmp_path, photos)]) as pictures:
        composing = composed.Compositions(photos, pictures)
        for pair in composed.pairs(composed.labels(photos, set(COLOURS)), 2, seed=2):
            picture, box = composing.inset(pair) if inset else composing.side_by_side(pair)
            x, y = (box[0] + box[2]) / 2 * picture.width, (box[1] + box[3]) / 2 * picture.height
            assert picture.getpixel((int(x), int(y))) == composing.photo(pair.wanted).getpixel((80, 80))


def test_values_that_are_none_are_left_out() -> None:
    assert steering.summary([float("nan")]) == {"count": 0.0}
    told = steering.summary([0.0, 1.0, float("nan")])
    assert told["count"] == 2
    assert told["low"] <= told["mean"] <= told["high"]


def judged_files(folder: Path) -> list[str]:
    """Write the made photos, their index and a pack; return the arguments that name them."""
    photos = shown()
    index = folder / "photos.jsonl"
    rows = [
        {"file": one.file, "shard": 1, "source": one.source, "split": "val", "labels": one.labels,
         "captions": one.captions}
        for one in photos
    ]  # fmt: skip
    index.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    pack = build_tiny_pack(folder / "pack")
    return ["--images", str(archive(folder, photos)), "--index", str(index), "--pack", str(pack)]


@pytest.mark.slow
def test_the_command_on_a_pack_that_sees_colours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [*judged_files(tmp_path), "--pairs", "8"]
    assert steering.main([*words, "--json", "--cache", str(tmp_path / "cache.npz")]) == 0
    figures = json.loads(capsys.readouterr().out)["figures"]
    assert figures["pointing: right half, labels"]["mean"] == 1
    assert figures["focus: similar with focus, captions"]["mean"] > 0.9
    assert figures["focus: gain, labels"]["mean"] > 0
    assert figures["region: cut out, captions"]["mean"] > 0.9
    assert steering.main([*words, "--cache", str(tmp_path / "cache.npz")]) == 0
    assert "pointing: right half, labels" in capsys.readouterr().out
    assert steering.main(["--images", "x", "--index", str(tmp_path / "photos.jsonl"), "--pack", str(tmp_path)]) == 1
