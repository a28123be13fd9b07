# SPDX-License-Identifier: GPL-3.0-or-later
"""Composed pictures have the answers they claim, and heat maps of a (tiny) pack that sees colours point at them."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semantic_photos.evaluation.__main__ import main
from semantic_photos.evaluation.photos import AnnotatedPhoto
from semantic_photos.evaluation.pictures import PhotoImages
from semantic_photos.evaluation.queries import sure_caption_words, sure_labels
from semantic_photos.evaluation.regions import Compositions, pairs
from tests.fakes.encoders import MEANINGS
from tests.fakes.packs import build_tiny_pack

COLOURS = ("red", "green", "blue", "yellow")


def shown() -> list[AnnotatedPhoto]:
    labelled = [AnnotatedPhoto(f"l{n}.png", "made", (COLOURS[n % 4],)) for n in range(32)]
    said = [f"the {COLOURS[n % 4]} wall" for n in range(48)]
    return labelled + [AnnotatedPhoto(f"c{n}.png", "said", (), (said[n],) * 5) for n in range(48)]


def known(word: str) -> bool:
    return word in COLOURS


def archive(folder: Path, photos: list[AnnotatedPhoto]) -> Path:
    path = folder / "photos-1.zip"
    rng = np.random.default_rng(4)
    with zipfile.ZipFile(path, "w") as target:
        for n, photo in enumerate(photos):
            colour = np.array(MEANINGS[COLOURS[n % 4]]) + rng.integers(-15, 15, 3)
            buffer = io.BytesIO()
            Image.new("RGB", (32, 32), tuple(int(c) for c in np.clip(colour, 0, 255))).save(buffer, "PNG")
            target.writestr(photo.file, buffer.getvalue())
    return path


def judged_files(folder: Path) -> list[str]:
    """Write the made photos, their index and a pack; return the arguments that name them."""
    photos = shown()
    rows = [
        {"file": one.file, "source": one.source, "split": "val", "labels": one.labels, "captions": one.captions}
        for one in photos
    ]  # fmt: skip
    (folder / "photos").mkdir()
    (folder / "photos" / "photos.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8"
    )  # fmt: skip
    archive(folder / "photos", photos)
    build_tiny_pack(folder / "pack")
    return ["--photos", str(folder / "photos"), "--pack", str(folder / "pack"), "--cache", str(folder / "cache")]


def test_one_photo_of_a_pair_shows_the_word_and_the_other_does_not() -> None:
    photos = shown()
    for words in (sure_labels(photos, known), sure_caption_words(photos, known)):
        assert {word.text for word in words} == set(COLOURS)
        found = pairs(words, 20, seed=1)
        assert len(found) == 20
        for pair in found:
            assert pair.word.shown[pair.wanted]
            assert pair.word.apart[pair.other]
            assert pair.other_word.shown[pair.other]


@pytest.mark.parametrize("inset", [False, True])
def test_the_wanted_photo_lies_where_it_is_said(tmp_path: Path, inset: bool) -> None:
    photos = shown()
    with PhotoImages([archive(tmp_path, photos)]) as pictures:
        composing = Compositions(photos, pictures)
        for pair in pairs(sure_labels(photos, known), 2, seed=2):
            picture, box = composing.inset(pair) if inset else composing.side_by_side(pair)
            x, y = (box[0] + box[2]) / 2 * picture.width, (box[1] + box[3]) / 2 * picture.height
            assert picture.getpixel((int(x), int(y))) == composing.photo(pair.wanted).getpixel((80, 80))


@pytest.mark.slow
def test_the_command_on_a_pack_that_sees_colours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["regions", *judged_files(tmp_path), "--pairs", "8"]
    assert main([*arguments, "--json", str(tmp_path / "report.json")]) == 0
    figures = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["figures"]
    assert figures["pointing, labels"]["right half"]["value"] == 1
    assert figures["focus, captions"]["with"]["value"] > 0.9
    assert figures["focus, labels"]["gain"]["value"] > 0
    assert figures["region, captions"]["cut out"]["value"] > 0.9
    assert "| pointing, labels | right half | 1.000" in capsys.readouterr().out
