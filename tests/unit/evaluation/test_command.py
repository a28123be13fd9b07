# SPDX-License-Identifier: GPL-3.0-or-later
"""The command as it is run, on a pack that sees colours and pictures of one colour each."""

import json
import shutil
import zipfile

import numpy as np
import pytest
from PIL import Image

from semantic_photos.evaluation.__main__ import main
from semantic_photos.evaluation.bench import shipped_pack
from semantic_photos.ml.model_pack import load_pack
from semantic_photos.paths import resources
from tests.fakes.encoders import MEANINGS
from tests.fakes.packs import build_tiny_pack

pytestmark = pytest.mark.slow

COLOURS = ("red", "green", "blue", "yellow")
EACH = 20


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A pack, and a folder with pictures of one colour each, their indexes and what detectors saw."""
    place = tmp_path_factory.mktemp("evaluation")
    build_tiny_pack(place / "pack")
    photos = place / "photos"
    (photos / "deep").mkdir(parents=True)
    lines = {"photos": [], "photos-more": []}
    seen = []
    lines["photos"].append({"file": "t.png", "source": "album", "split": "train", "captions": ["a red field ."]})
    for colour in COLOURS:
        for number in range(EACH):
            name = f"{colour}-{number}.png"
            Image.new("RGB", (24, 16), MEANINGS[colour]).save(photos / "deep" / name)
            line = {"file": name, "source": "album", "split": "val"}
            said = {"labels": [colour]} if number % 2 else {"captions": [f"a thing in {colour} .", f"{colour} ."]}
            lines["photos-more" if number >= EACH - 2 else "photos"].append(line | said)
            seen.append({"file": name, "coco": {colour: 0.9}})
    for index, rows in lines.items():
        (photos / f"{index}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (photos / "objects.jsonl").write_text("".join(json.dumps(row) + "\n" for row in seen), encoding="utf-8")
    return place


def run(place, *arguments, photos="photos"):
    base = ["--photos", str(place / photos), "--pack", str(place / "pack"), "--cache", str(place / "cache")]
    return main([*base, *map(str, arguments)])


@pytest.fixture(scope="module")
def report(place):
    """The report over the folder, as a file."""
    assert run(place, "--json", place / "report.json") == 0
    return place / "report.json"


def figures_of(path):
    return json.loads(path.read_text(encoding="utf-8"))["figures"]


def test_a_pack_that_sees_what_is_there_is_perfect(place, report):
    figures = figures_of(report)
    assert figures["old val: labels"]["zero_shot_top1"]["value"] == 1.0
    assert figures["objects of coco"]["r_precision"] == {"value": 1.0, "low": 1.0, "high": 1.0, "count": 4}
    assert figures["old val: objects"]["objects"]["value"] == 4
    assert (
        figures["good matches"]["precision"]["value"] == figures["old val: good matches"]["precision"]["value"] == 1.0
    )
    assert figures["web val: captions"]["captions"]["value"] == 2 * len(COLOURS)
    assert 0 <= figures["tags"]["precision"]["value"] <= 1
    assert figures["speed"]["photos_per_second"]["value"] > 0
    assert figures["speed"]["phrase_ms_median"]["value"] <= figures["speed"]["phrase_ms_p95"]["value"]
    pack = json.loads(report.read_text(encoding="utf-8"))["pack"]
    assert pack["fingerprint"] == load_pack(place / "pack").fingerprint


def test_zips_and_folders_give_the_same_and_vectors_are_kept(place, report, tmp_path):
    for path in (place / "photos").glob("*.jsonl"):
        shutil.copy(path, tmp_path)
    with zipfile.ZipFile(tmp_path / "photos-1.zip", "w") as archive:
        for path in sorted((place / "photos" / "deep").iterdir()):
            archive.write(path, f"inside/{path.name}")
    report_of_zip = tmp_path / "report.json"
    arguments = ["--pack", str(place / "pack"), "--cache", str(tmp_path / "cache"), "--json", str(report_of_zip)]
    assert main(["life", "--photos", str(tmp_path), *arguments]) == 0
    assert {**figures_of(report_of_zip), "speed": 0} == {**figures_of(report), "speed": 0}
    (kept,) = (tmp_path / "cache").iterdir()
    with np.load(kept) as stored:
        assert stored["vectors"].shape == (EACH * len(COLOURS), load_pack(place / "pack").dim)
        half = {"keys": stored["keys"][:20], "vectors": stored["vectors"][:20]}
    # What is missing is encoded, and a damaged file costs only time.
    for damage in (lambda: np.savez(kept, **half), lambda: kept.write_bytes(b"PK no vectors")):
        damage()
        assert main(["life", "--photos", str(tmp_path), *arguments, "--only", "objects"]) == 0
        with np.load(kept) as stored:
            assert len(stored["keys"]) == EACH * len(COLOURS)


def test_two_packs_stand_side_by_side(place, capsys):
    assert run(place, "--beside", place / "pack", "--only", "objects", "cutoff") == 0
    out = capsys.readouterr().out
    assert "| objects of coco | r_precision | 1.000 [1.000, 1.000] | 1.000 [1.000, 1.000] | +0.000 [+0.000" in out


def test_an_earlier_report_stands_beside_a_pack_or_another_report(place, report, tmp_path, capsys):
    old = json.loads(report.read_text(encoding="utf-8"))
    old["figures"]["objects of coco"]["r_precision"] = {"value": 0.5, "low": 0.4, "high": 0.6, "count": 4}
    (tmp_path / "old.json").write_text(json.dumps(old), encoding="utf-8")
    assert run(place, "--beside", tmp_path / "old.json", "--only", "objects") == 0
    assert main(["compare", str(tmp_path / "old.json"), str(report)]) == 0
    line = "| objects of coco | r_precision | 0.500 [0.400, 0.600] | 1.000 [1.000, 1.000] | +0.500 | higher |"
    assert capsys.readouterr().out.count(line) == 2


@pytest.mark.parametrize("command", ["tags", "feedback", "concepts"])
def test_other_commands_measure_what_they_say(place, command, tmp_path):
    more = ["--seeds", "1"] if command == "concepts" else []
    base = ["--photos", str(place / "photos"), "--pack", str(place / "pack"), "--cache", str(place / "cache")]
    assert main([command, *base, *more, "--json", str(tmp_path / "report.json")]) == 0
    groups = " ".join(figures_of(tmp_path / "report.json"))
    assert {"tags": "tags from 0.50", "concepts": "concepts of 5 examples", "feedback": ""}[command] in groups


def test_contact_sheets_are_written_for_every_query(place, tmp_path, capsys):
    base = ["--photos", str(place / "photos" / "deep"), "--pack", str(place / "pack"), "--cache", str(place / "cache")]
    assert main(["sheets", *base, "--out", str(tmp_path / "sheets"), "--queries", "red", "green sky"]) == 0
    sheets = sorted((tmp_path / "sheets").iterdir())
    assert [path.name for path in sheets] == ["01-red.png", "02-green-sky.png"]
    assert str(sheets[0]) in capsys.readouterr().out
    with Image.open(sheets[0]) as sheet:
        assert sheet.size[0] > 800


def test_a_photo_that_cannot_be_decoded_costs_itself(place, report, tmp_path, capsys):
    shutil.copytree(place / "photos", tmp_path / "photos")
    (tmp_path / "photos" / "deep" / "red-1.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert run(place, "--json", tmp_path / "report.json", "--only", "retrieval", photos=tmp_path / "photos") == 0
    assert "red-1.png" in capsys.readouterr().err
    assert figures_of(tmp_path / "report.json")["old val: labels"]["zero_shot_top1"]["value"] < 1.0


def test_what_is_wrong_is_said_in_a_sentence(place, report, tmp_path, capsys):
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "photos.jsonl").write_text('{"file": "a.png", "split": "val"}\n', encoding="utf-8")
    (tmp_path / "zipped").mkdir()
    (tmp_path / "zipped" / "photos.jsonl").write_text('{"file": "a.png", "split": "val"}\n', encoding="utf-8")
    (tmp_path / "zipped" / "photos-1.zip").write_bytes(b"nothing of the kind")
    (tmp_path / "no.json").write_text('{"pack": {}}', encoding="utf-8")
    base = ["--photos", str(place / "photos"), "--pack", str(place / "pack"), "--cache", str(place / "cache")]
    for arguments, sentence in (
        (["--photos", str(tmp_path / "nowhere")], "no index"),
        (["--photos", str(tmp_path / "some")], "1 of 1 photos"),
        (["--photos", str(tmp_path / "zipped")], "cannot be read"),
        (["--pack", str(tmp_path / "some")], "pack.json is missing"),
        (["--beside", str(tmp_path / "no.json")], "no report"),
    ):
        assert main([*base, *arguments]) == 1
        assert sentence in capsys.readouterr().err


def test_without_a_pack_the_shipped_one_is_judged():
    assert shipped_pack().folder.parent == resources() / "packs"
