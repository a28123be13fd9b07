# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line is a contract: its JSON, its exit codes, its sentences."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import Program, make_photo

pytestmark = pytest.mark.slow


def names(answer: dict[str, object]) -> list[str]:
    results = answer["results"]
    assert isinstance(results, list)
    return [Path(result["path"]).name for result in results]


def fingerprint(folder: Path) -> dict[str, tuple[str, int]]:
    return {
        str(path): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_index_search_similar_tags_words(program: Program, photos: Path) -> None:
    before = fingerprint(photos)
    report = program.json("index", photos)
    assert {key: report[key] for key in ("found", "indexed", "unchanged", "failed")} == {
        "found": 24, "indexed": 24, "unchanged": 0, "failed": 0,
    }  # fmt: skip
    assert report["seconds"] > 0

    answer = program.json("search", "red", "-n", "6")
    assert set(answer) >= {"query", "results", "unknown_words", "searched", "milliseconds"}
    assert answer["query"] == "red"
    assert answer["searched"] == 24
    assert all(name.startswith("red") for name in names(answer))
    assert len(answer["results"]) == 6
    scores = [result["score"] for result in answer["results"]]
    assert scores == sorted(scores, reverse=True)

    assert not any(name.startswith("red") for name in names(program.json("search", "-red", "-n", "12")))

    # A misspelled filter is told once, and not as an unknown word as well.
    assert program.run("search", "tpye:jpg").stderr.count("type") == 1

    likes = program.json("similar", photos / "blue-02.jpg", "-n", "6")
    assert all(name.startswith("blue") for name in names(likes))
    assert names(likes)[0] == "blue-02.jpg"

    tags = program.json("tags", photos / "green-01.jpg")["photos"]
    assert tags[0]["path"].endswith("green-01.jpg")
    # Things stand before colours.
    found = tags[0]["tags"]
    assert "green" in {tag["tag"] for tag in found}
    assert found[0]["source"] == "automatic"
    assert 0 <= found[0]["confidence"] <= 1
    assert len(program.json("tags", "--all")["photos"]) == 24

    words = program.json("words", "red")
    assert words["word"] == "red"
    assert {"word", "score", "photos"} == set(words["neighbours"][0])

    assert fingerprint(photos) == before


def test_nothing_is_encoded_again(program: Program, photos: Path) -> None:
    program.json("index", photos)
    again = program.json("index", photos)
    assert (again["indexed"], again["unchanged"]) == (0, 24)


def test_moves_deletions_and_changes_are_followed(program: Program, photos: Path) -> None:
    program.json("index", photos)
    os.rename(photos / "red-00.jpg", photos / "renamed.jpg")
    (photos / "red-04.jpg").unlink()
    make_photo(photos / "red-08.jpg", "blue", number=99)
    report = program.json("index", photos)
    assert (report["indexed"], report["moved"], report["missing"]) == (1, 1, 1)
    found = names(program.json("search", "red", "-n", "5"))
    assert "renamed.jpg" in found
    assert not {"red-00.jpg", "red-04.jpg", "red-08.jpg"} & set(found)


def test_a_copy_is_taken_over_without_the_network(program: Program, photos: Path) -> None:
    program.json("index", photos)
    shutil.copy(photos / "red-00.jpg", photos / "copy.jpg")
    assert program.json("index", photos)["indexed"] == 1
    assert "copy.jpg" in names(program.json("search", "red", "-n", "7"))


def test_bad_files_are_listed_with_reasons_and_the_rest_goes_on(program: Program, photos: Path) -> None:
    (photos / "empty.jpg").write_bytes(b"")
    (photos / "text.jpg").write_text("not a picture")
    whole = (photos / "red-00.jpg").read_bytes()
    (photos / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    os.mkfifo(photos / "pipe.jpg")
    report = program.json("index", photos)
    assert report["indexed"] == 24
    assert {Path(failure["path"]).name for failure in report["failures"]} == {"empty.jpg", "text.jpg", "cut.jpg"}
    assert all(failure["reason"].endswith(".") for failure in report["failures"])
    doctor = program.json("doctor")
    assert doctor["counts"] == {"total": 27, "indexed": 24, "pending": 0, "failed": 3, "offline": 0}
    assert doctor["ok"]


def test_questions_from_a_file(program: Program, photos: Path, tmp_path: Path) -> None:
    program.json("index", photos)
    questions = tmp_path / "questions.jsonl"
    questions.write_text('{"query": "red"}\n\n{"query": "blue -red"}\n')
    lines = program.run("search", "--queries", questions, "-n", "3").stdout.splitlines()
    answers = [json.loads(line) for line in lines]
    assert [answer["query"] for answer in answers] == ["red", "blue -red"]
    assert names(answers[1])[0].startswith("blue")


def test_unknown_words_are_named(program: Program, photos: Path) -> None:
    program.json("index", photos)
    answer = program.json("search", "red xqzzv")
    assert answer["unknown_words"] == ["xqzzv"]
    assert names(answer)[0].startswith("red")
    assert program.json("search", "xqzzv")["results"] == []


@pytest.mark.parametrize(
    "words",
    [
        ("search", "dog"),
        ("index", "/nowhere/at/all"),
        ("similar", "nothing.jpg"),
        ("words", "red", "-n", "0"),
        ("--pack", "/nowhere", "index", "."),
    ],
)
def test_errors_are_one_sentence_and_exit_code_2(program: Program, words: tuple[str, ...]) -> None:
    done = program.run(*words, code=2)
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr


def test_a_question_without_words_is_an_error(program: Program, photos: Path) -> None:
    program.json("index", photos)
    assert "no word" in program.run("search", "...", code=2).stderr


def test_a_damaged_catalog_is_said_and_can_be_set_aside(program: Program, photos: Path) -> None:
    program.json("index", photos)
    catalog = program.home / "data" / "catalog.sqlite"
    for extra in ("-wal", "-shm"):
        Path(f"{catalog}{extra}").unlink(missing_ok=True)
    catalog.write_bytes(b"this is no database" * 500)
    assert len(program.run("search", "red", code=2).stderr.strip().splitlines()) == 1
    assert not json.loads(program.run("doctor", "--json", code=1).stdout)["ok"]
    assert program.json("doctor", "--repair")["repaired"]
    assert any("corrupt" in name.name for name in catalog.parent.iterdir())
    report = program.json("index", photos)
    assert report["indexed"] + report["unchanged"] == 24
    assert len(program.json("search", "red", "-n", "100")["results"]) == 24


def test_a_damaged_pack_is_refused_by_name(program: Program, photos: Path, tmp_path: Path) -> None:
    shutil.copytree(program.pack, tmp_path / "bad")
    encoder = tmp_path / "bad" / "encoder.onnx"
    data = bytearray(encoder.read_bytes())
    data[len(data) // 2] ^= 0xFF
    encoder.write_bytes(data)
    program.pack = tmp_path / "bad"
    assert "encoder.onnx" in program.run("index", photos, code=2).stderr


def test_searching_beside_a_running_index(program: Program, photos: Path) -> None:
    program.json("index", photos)
    for number in range(300):
        make_photo(photos / "more" / f"{number}.png", "red", number=number)
    running = program.start("index", photos, "--json")
    lock = program.home / "data" / "library.lock"
    try:
        while running.poll() is None and lock.read_text().strip() != str(running.pid):
            time.sleep(0.01)
        # Stopped where it is, or it may be ready before the others look.
        running.send_signal(signal.SIGSTOP)
        assert names(program.json("search", "red", "-n", "3"))[0]
        assert "already open" in program.run("index", photos, code=2).stderr.lower()
    finally:
        running.send_signal(signal.SIGCONT)
        out, _ = running.communicate(timeout=100)
    assert json.loads(out)["indexed"] == 300


def test_the_terminal_conversation(program: Program, photos: Path) -> None:
    done = program.run("--terminal", photos, stdin="red\n1\nxqzzv\n\n")
    assert "24 photos found" in done.stdout
    assert "red-" in done.stdout
    assert "Unknown word: xqzzv" in done.stdout


def test_without_a_display_the_program_goes_on_in_the_terminal(program: Program, photos: Path) -> None:
    done = program.run(photos, env={"DISPLAY": "", "WAYLAND_DISPLAY": "", "QT_QPA_PLATFORM": ""}, stdin="\n")
    assert "No display found" in done.stderr
    assert "24 photos found" in done.stdout


def test_everything_written_lies_in_home(program: Program, photos: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "user"
    elsewhere.mkdir()
    env = {
        "HOME": str(elsewhere),
        "XDG_DATA_HOME": "",
        "XDG_CACHE_HOME": "",
        "XDG_CONFIG_HOME": "",
        "XDG_STATE_HOME": "",
    }
    program.run("index", photos, env=env)
    assert list(elsewhere.rglob("*")) == []
    assert (program.home / "data" / "catalog.sqlite").exists()
