# SPDX-License-Identifier: GPL-3.0-or-later
"""The command as a person runs it, on a pack that sees colours and pictures of one colour each."""

import contextlib
import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from semantic_photos.evaluation.__main__ import main, shipped_pack
from semantic_photos.evaluation.measure import words_sha
from semantic_photos.ml.model_pack import load_pack
from semantic_photos.paths import resources
from tests.fakes.encoders import MEANINGS
from tests.fakes.packs import build_tiny_pack

pytestmark = pytest.mark.slow

COLOURS = ("red", "green", "blue", "yellow")
EACH = 12


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A pack, a folder with pictures of one colour each, and their index."""
    place = tmp_path_factory.mktemp("evaluation")
    build_tiny_pack(place / "pack")
    (place / "photos" / "deep").mkdir(parents=True)
    lines = [{"file": "t.png", "shard": 1, "source": "album", "split": "train", "captions": ["a red field ."]}]
    for colour in COLOURS:
        rgb = MEANINGS[colour]
        for number in range(EACH):
            name = f"{colour}-{number}.png"
            Image.new("RGB", (24, 16), rgb).save(place / "photos" / "deep" / name)
            line = {"file": name, "shard": 1, "source": "album", "split": "val"}
            said = {"labels": [colour]} if number % 2 else {"captions": [f"a thing in {colour} .", f"{colour} ."]}
            lines.append(line | said)
    (place / "photos.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    with zipfile.ZipFile(place / "photos.zip", "w") as archive:
        for path in sorted((place / "photos" / "deep").iterdir()):
            archive.write(path, f"inside/{path.name}")
    return place


def run(place, *arguments, images="photos"):
    return main(
        ["--images", str(place / images), "--index", str(place / "photos.jsonl"), "--pack", str(place / "pack")]
        + [str(argument) for argument in arguments]
    )


@pytest.fixture(scope="module")
def report(place):
    """The report over the folder, as a file."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert run(place, "--json") == 0
    (place / "report.json").write_text(printed.getvalue(), encoding="utf-8")
    return place / "report.json"


def test_a_pack_that_sees_what_is_there_is_perfect(place, report):
    found = json.loads(report.read_text(encoding="utf-8"))
    figures = found["figures"]
    assert figures["labels"]["zero_shot_top1"] == {"value": 1.0, "low": 1.0, "high": 1.0, "count": EACH * 2}
    assert figures["labels"]["map"]["value"] == pytest.approx(1.0)
    assert figures["tags"]["recall_at_5"]["value"] == 1.0
    assert figures["speed"]["encode_per_second"]["value"] > 0
    assert figures["speed"]["query_ms_p50"]["value"] <= figures["speed"]["query_ms_p95"]["value"]
    assert found["pack"]["fingerprint"] == load_pack(place / "pack").fingerprint


def test_zips_and_folders_give_the_same(place, report, capsys):
    assert run(place, "--json", images="photos.zip") == 0
    zipped = json.loads(capsys.readouterr().out)["figures"]
    folder = json.loads(report.read_text(encoding="utf-8"))["figures"]
    assert {**zipped, "speed": None} == {**folder, "speed": None}


def test_lines_name_each_figure_with_its_range(place, capsys):
    assert run(place) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.split()[:2] == ["labels", "zero_shot_top1"] and "[1.000, 1.000]" in line for line in lines)


def test_two_reports_are_compared(place, report, tmp_path, capsys):
    old = json.loads(report.read_text(encoding="utf-8"))
    old["figures"]["labels"]["zero_shot_top1"] = {"value": 0.5, "low": 0.4, "high": 0.6, "count": 24}
    old["figures"]["labels"]["map"]["low"] = 0.2
    old["figures"]["labels"]["bygone"] = 3.0
    del old["figures"]["tags"]["shown_recall"]
    (tmp_path / "old.json").write_text(json.dumps(old), encoding="utf-8")
    assert run(place, "--compare", tmp_path / "old.json") == 0
    lines = {" ".join(line.split()[:2]): line for line in capsys.readouterr().out.splitlines()}
    assert lines["labels zero_shot_top1"].split()[2:] == ["0.5", "1", "+0.5", "part,", "higher"]
    assert lines["labels map"].endswith("overlap")
    assert lines["labels bygone"].endswith("gone")
    assert lines["tags shown_recall"].endswith("new")


def test_references_stand_beside_the_pack(place, tmp_path, capsys):
    pack = load_pack(place / "pack")
    files = [f"{colour}-{number}.png" for colour in COLOURS for number in range(EACH)]
    rng = np.random.default_rng(0)
    stored = {
        "files": np.array(files),
        "words_sha": np.array(words_sha(pack)),
        "facts": np.array(json.dumps({"recipe_photos": 3})),
        "recipe_photos": rng.normal(size=(len(files), pack.dim)).astype(np.float32),
        "head_photos": np.repeat(np.eye(4, dtype=np.float32), EACH, axis=0),
        "head_words": np.array(COLOURS),
        "head_vectors": np.eye(4, dtype=np.int8) * 127,
        "head_scales": np.full(4, 1 / 127, np.float32),
        "head_weights": np.ones(4, np.float32),
    }
    np.savez(tmp_path / "references.npz", **stored)
    assert run(place, "--reference", tmp_path / "references.npz", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["references"]["teacher, our head"]["labels"]["zero_shot_top1"]["value"] == 1.0
    assert found["references"]["original recipe"]["labels"]["map"]["value"] < 0.6
    assert found["reference_facts"] == {"recipe_photos": 3}
    assert found["factors"]["original recipe"]["labels"]["map"]["value"] > 1.5
    assert found["factors"]["teacher, our head"]["labels"]["map"]["low"] == pytest.approx(1.0)
    assert run(place, "--reference", tmp_path / "references.npz") == 0
    assert "this pack / original recipe" in capsys.readouterr().out

    np.savez(tmp_path / "others.npz", **{**stored, "words_sha": np.array("0" * 64)})
    assert run(place, "--reference", tmp_path / "others.npz") == 1
    assert "another pack" in capsys.readouterr().err
    np.savez(tmp_path / "few.npz", **{**stored, "files": np.array(files[:-1]), "recipe_photos": np.zeros((47, 16))})
    assert run(place, "--reference", tmp_path / "few.npz") == 1
    assert "no vector for 1 of the photos" in capsys.readouterr().err


def test_contact_sheets_are_written_for_every_query(place, tmp_path):
    assert run(place, "--contact-sheets", tmp_path / "sheets", "--json") == 0
    sheets = sorted((tmp_path / "sheets").iterdir())
    assert len(sheets) == 20
    with Image.open(sheets[0]) as sheet:
        assert sheet.size[0] > 800


def test_a_photo_that_cannot_be_decoded_costs_itself(place, tmp_path, capsys):
    for path in (place / "photos" / "deep").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "red-1.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert run(place, "--json", images=tmp_path) == 0
    printed = capsys.readouterr()
    assert "red-1.png" in printed.err
    assert json.loads(printed.out)["figures"]["labels"]["zero_shot_top1"]["value"] < 1.0


def test_what_is_wrong_is_said_in_a_sentence(place, tmp_path, capsys):
    (tmp_path / "no.zip").write_bytes(b"nothing of the kind")
    (tmp_path / "empty.jsonl").write_text("", encoding="utf-8")
    (tmp_path / "no.json").write_text('{"pack": {}}', encoding="utf-8")
    (tmp_path / "no.npz").write_bytes(b"PK nothing")
    (tmp_path / "some").mkdir()
    base = ["--images", str(place / "photos"), "--index", str(place / "photos.jsonl"), "--pack", str(place / "pack")]
    for arguments, sentence in (
        (["--images", str(tmp_path / "no.zip")], "cannot be read"),
        (["--images", str(tmp_path / "nowhere")], "cannot be read"),
        (["--images", str(tmp_path / "some")], "48 of 48 photos"),
        (["--index", str(tmp_path / "empty.jsonl")], "no photo of the split"),
        (["--pack", str(tmp_path / "some")], "pack.json is missing"),
        (["--compare", str(tmp_path / "no.json")], "no report"),
        (["--reference", str(tmp_path / "no.npz")], "no file of references"),
    ):
        assert main([*base, *arguments]) == 1
        assert sentence in capsys.readouterr().err


def test_without_a_pack_the_shipped_one_is_judged():
    assert shipped_pack().folder.parent == resources() / "packs"
