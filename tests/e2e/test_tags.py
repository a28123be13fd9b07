# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags from the command line: set, reviewed, written beside the photos, read by others."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from semantic_photos.paths import Paths
from tests.e2e.conftest import Program, make_photo

pytestmark = pytest.mark.slow


def review(program: Program, tmp_path: Path, *decisions: tuple[Path, str, str]) -> dict[str, Any]:
    file = tmp_path / "review.jsonl"
    lines = [json.dumps({"path": str(path), "tag": tag, "decision": what}) for path, tag, what in decisions]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    answer: dict[str, Any] = program.json("tags", "--review", file)
    return answer


def sources(program: Program, photo: Path) -> dict[str, str]:
    (row,) = program.json("tags", photo)["photos"]
    return {tag["tag"]: tag["source"] for tag in row["tags"]}


def test_from_automatic_tags_to_sidecars_and_back(program: Program, photos: Path, tmp_path: Path) -> None:
    digests = {path: hashlib.sha256(path.read_bytes()).digest() for path in photos.iterdir()}
    program.run("index", photos)
    # These photos show nothing but colours, and colours are no automatic tags unless they are asked for.
    assert program.json("tags", "--auto", "--least", "0.5")["changed"] < 24
    settings = Paths.under(program.home).settings
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(json.dumps({"tag_colours": True}), encoding="utf-8")
    report = program.json("tags", "--auto", "--least", "0.5")
    assert (report["photos"], report["changed"] >= 24) == (24, True)
    assert program.json("tags", "--auto", "--least", "0.5")["changed"] == 0
    red, blue = photos / "red-00.jpg", photos / "blue-02.jpg"
    done = review(
        program, tmp_path, (red, "red", "confirm"), (red, "holiday|sea side", "add"), (blue, "blue", "reject")
    )
    assert (done["decisions"], done["changed"], done["failed"]) == (3, 3, 0)
    assert sources(program, red)["red"] == "confirmed"
    assert "blue" not in sources(program, blue)
    program.json("tags", "--auto", "--least", "0.1")
    assert "blue" not in sources(program, blue)
    assert sources(program, red)["holiday|sea side"] == "manual"

    planned = program.json("tags", "--write", "--dry-run")
    assert [change["added"] for change in planned["changes"]] == [["holiday|sea side", "red"]]
    assert list(photos.glob("*.xmp")) == []
    assert program.json("tags", "--write")["written"] == 1
    assert program.json("tags", "--write") == {
        "dry_run": False, "written": 0, "unchanged": 2, "failed": 0, "changes": [], "failures": [],
    }  # fmt: skip
    assert [path.name for path in photos.glob("*.xmp")] == ["red-00.jpg.xmp"]
    assert digests == {path: hashlib.sha256(path.read_bytes()).digest() for path in digests}

    assert program.json("tags", "--remove-automatic")["removed"] > 0
    assert sources(program, red)["red"] == "confirmed"
    review(program, tmp_path, (red, "red", "remove"))
    (change,) = program.json("tags", "--write")["changes"]
    assert (change["removed"], change["added"]) == (["red"], [])


def test_a_second_library_reads_what_was_written(program: Program, photos: Path, tmp_path: Path, pack: Path) -> None:
    program.run("index", photos)
    red, green = photos / "red-00.jpg", photos / "green-01.jpg"
    review(program, tmp_path, (red, "animal|dog", "add"), (green, "שלום", "add"), (green, "👩‍👩‍👧", "add"))
    program.json("tags", "--write", red)
    (change,) = program.json("tags", "--write", "--embed", green)["changes"]
    assert change["embedded"]
    other = Program(tmp_path / "other", pack)
    other.run("index", photos)
    assert sources(other, red)["animal|dog"] == "imported"
    assert {tag for tag, source in sources(other, green).items() if source == "imported"} == {"שלום", "👩‍👩‍👧"}
    # The embedded write is no new photo to the library that did it.
    report = program.json("index", photos)
    assert (report["indexed"], report["unchanged"]) == (0, 24)
    # A sidecar that changes is read again, though its photo did not change.
    text = (photos / "red-00.jpg.xmp").read_text(encoding="utf-8").replace("dog", "cat")
    (photos / "red-00.jpg.xmp").write_text(text, encoding="utf-8")
    other.run("index", photos)
    found = sources(other, red)
    assert found.get("animal|cat") == "imported"
    assert "animal|dog" not in found


def test_complaints(program: Program, photos: Path, tmp_path: Path) -> None:
    program.run("index", photos)
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"path": "x", "tag": "y", "decision": "maybe"}\n')
    assert "decision" in program.run("tags", "--review", bad, code=2).stderr
    bad.write_text('{"path": "/nowhere.jpg", "tag": "y", "decision": "add"}\n')
    assert "not in the library" in program.run("tags", "--review", bad, code=1).stderr
    assert "0 to 1" in program.run("tags", "--auto", "--least", "7", code=2).stderr


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
@pytest.mark.parametrize("how", [[], ["--embed"]])
def test_an_independent_reader_finds_the_fields(program: Program, photos: Path, tmp_path: Path, how: list[str]) -> None:
    program.run("index", photos)
    red = photos / "red-00.jpg"
    review(program, tmp_path, (red, "animal|dog", "add"), (red, "日本|東京", "add"))
    (change,) = program.json("tags", "--write", *how)["changes"]
    answer = subprocess.run(
        ["exiftool", "-j", "-XMP:all", "-validate", "-warning", change["target"]], capture_output=True, check=True
    )
    (fields,) = json.loads(answer.stdout)
    assert sorted(fields["Subject"]) == ["dog", "東京"]
    assert sorted(fields["HierarchicalSubject"]) == ["animal|dog", "日本|東京"]
    assert sorted(fields["TagsList"]) == ["animal/dog", "日本/東京"]


def test_killed_while_writing_two_hundred_sidecars(program: Program, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    for number in range(200):
        make_photo(folder / f"{number:03d}.jpg", "red", number=number, size=(8, 8))
    program.run("index", folder)
    review(program, tmp_path, *((folder / f"{number:03d}.jpg", "animal|dog", "add") for number in range(200)))
    process = program.start("tags", "--write")
    deadline = time.monotonic() + 60
    while len(list(folder.glob("*.xmp"))) < 60 and time.monotonic() < deadline:
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    written = sorted(folder.glob("*.xmp"))
    assert 60 <= len(written) < 200, "it was not killed in the middle"
    whole = {path.read_bytes() for path in written}
    assert len(whole) == 1, "a sidecar is half written"
    assert b"animal|dog" in next(iter(whole))
    report = program.json("tags", "--write")
    assert (report["written"], report["failed"]) == (200 - len(written), 0)
    assert {path.read_bytes() for path in folder.glob("*.xmp")} == whole


def test_work_goes_out_and_comes_into_another_library(
    program: Program, photos: Path, tmp_path: Path, pack: Path
) -> None:
    program.run("index", photos)
    review(program, tmp_path, (photos / "red-00.jpg", "animal|dog", "add"), (photos / "blue-02.jpg", "blue", "reject"))
    file = tmp_path / "work.json"
    assert program.json("export", file)["photos"] == 2
    shutil.move(photos, tmp_path / "moved")
    other = Program(tmp_path / "other", pack)
    other.run("index", tmp_path / "moved")
    report = other.json("import", file)
    assert (report["photos"], report["not_found"], report["changed"]) == (2, 0, 2)
    assert sources(other, tmp_path / "moved" / "red-00.jpg")["animal|dog"] == "manual"
    assert "blue" not in sources(other, tmp_path / "moved" / "blue-02.jpg")
    assert "--digikam" in other.run("import", code=2).stderr


@pytest.mark.skipif(shutil.which("exiftool") is None or shutil.which("exiv2") is None, reason="no exiftool or exiv2")
@pytest.mark.parametrize("how", [[], ["--embed"]])
def test_independent_readers_find_caption_and_rating(
    program: Program, photos: Path, tmp_path: Path, how: list[str]
) -> None:
    program.run("index", photos)
    red, work = photos / "red-00.jpg", tmp_path / "work.json"
    review(program, tmp_path, (red, "animal|dog", "add"))
    program.json("export", work)
    held = json.loads(work.read_text(encoding="utf-8"))
    caption = "Küste\nzweite Zeile, lang=“de” | / 🏖 שלום"
    held["photos"][0] |= {"rating": 4, "caption": caption}
    work.write_text(json.dumps(held), encoding="utf-8")
    program.run("import", work)
    preview = program.json("tags", "--write", "--dry-run", *how)["changes"]
    (change,) = program.json("tags", "--write", *how)["changes"]
    assert [change] == preview
    assert (change["rating"], change["caption"]) == (4, caption)
    answer = subprocess.run(
        ["exiftool", "-j", "-n", "-XMP:all", "-validate", "-warning", change["target"]], capture_output=True, check=True
    )
    (fields,) = json.loads(answer.stdout)
    assert (fields["Rating"], fields["Description"], fields["Validate"]) == (4, caption, "0 0 0")
    told = subprocess.run(["exiv2", "-px", change["target"]], capture_output=True, check=True).stdout.decode()
    assert f'lang="x-default" {caption}' in told
    assert any(line.split()[0] == "Xmp.xmp.Rating" and line.split()[-1] == "4" for line in told.splitlines() if line)
    # What another program changes then comes in, and the other one is not touched by it.
    subprocess.run(
        ["exiftool", "-overwrite_original", "-XMP:Rating=2", change["target"]], capture_output=True, check=True
    )
    other = Program(tmp_path / "other", program.pack)
    other.run("index", photos)
    program.run("index", photos)
    assert program.json("tags", "--write", *how)["changes"] == []
    for library in (program, other):
        library.run("export", work)
        (mine,) = [one for one in json.loads(work.read_text(encoding="utf-8"))["photos"] if one.get("rating")]
        assert (mine["rating"], mine["caption"]) == (2, caption)


def test_a_subject_is_taught_answered_and_forgotten(program: Program, photos: Path) -> None:
    program.run("index", photos)
    reds = sorted(photos.glob("red-*"))
    trained = program.json("teach", "Bella", *reds[:5], "--ask", "3")
    assert (trained["examples"], trained["held_out"]["examples"]) == (5, 5)
    assert trained["held_out"]["before_by"] == "similar"
    assert "Of your 5 examples" in trained["held_out"]["figures"]
    assert 1 <= len(trained["ask"]) <= 3
    blue = photos / "blue-02.jpg"
    again = program.json("teach", "bella", "--yes", reds[5], "--no", blue)
    assert (again["name"], again["examples"], again["rejected"]) == ("Bella", 6, 1)
    assert str(blue) not in [row["path"] for row in (*again["ask"], *again["likely"])]
    assert program.json("teach", "Bella", "--forget") == {"name": "Bella", "forgotten": True, "photos": 7}
    assert "Bella" not in sources(program, reds[0])
    program.run("teach", "Bella", "--forget", code=2)
