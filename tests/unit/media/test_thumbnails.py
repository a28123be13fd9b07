# SPDX-License-Identifier: GPL-3.0-or-later
"""The cache of thumbnails: whole files or none, never over its limit, and nobody minds when it is deleted."""

from __future__ import annotations

import os
import shutil
import threading
import time
from pathlib import Path

import pytest

from semantic_photos.domain.photo import ContentKey
from semantic_photos.media.thumbnails import ThumbnailStore


def key(number: int) -> ContentKey:
    return ContentKey(f"{number * 7919:032x}")


def age(path: Path | None, days: float) -> None:
    assert path is not None
    then = time.time() - days * 86400
    os.utime(path, (then, then))


def test_what_was_put_is_found_also_by_the_next_run(tmp_path: Path) -> None:
    store = ThumbnailStore(tmp_path / "t", 1_000_000)
    assert store.find(key(1)) is None
    store.put(key(1), b"one")
    store.put(key(2), b"two")
    store.put(key(1), b"one again")
    found = ThumbnailStore(tmp_path / "t", 1_000_000).find(key(1))
    assert found is not None
    assert found.read_bytes() == b"one again"
    assert store.size == len(b"one again") + len(b"two")


def test_the_folder_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = ThumbnailStore(tmp_path / "t", 1_000_000).put(key(1), b"one")
    assert path is not None
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


def test_the_limit_is_kept_and_the_longest_unused_goes_first(tmp_path: Path) -> None:
    store = ThumbnailStore(tmp_path / "t", 10_000)
    for number in range(10):
        age(store.put(key(number), b"x" * 1000), days=100 - number)
    # Looking at an old one makes it young.
    assert store.find(key(0)) is not None
    store.put(key(10), b"x" * 1000)
    assert store.size <= 10_000
    assert store.find(key(0)) is not None
    assert store.find(key(10)) is not None
    assert store.find(key(1)) is None
    files = [p for p in (tmp_path / "t").rglob("*") if p.is_file()]
    assert sum(p.stat().st_size for p in files) == store.size


def test_a_full_cache_of_an_earlier_run_is_counted(tmp_path: Path) -> None:
    first = ThumbnailStore(tmp_path / "t", 1_000_000)
    for number in range(30):
        age(first.put(key(number), b"x" * 1000), days=2)
    later = ThumbnailStore(tmp_path / "t", 5_000)
    later.put(key(99), b"x" * 1000)
    assert later.size <= 5_000
    assert later.find(key(99)) is not None


def test_looking_does_not_write_every_time(tmp_path: Path) -> None:
    store = ThumbnailStore(tmp_path / "t", 1_000_000)
    path = store.put(key(1), b"one")
    age(path, days=0.5)
    assert path is not None
    before = path.stat().st_mtime_ns
    store.find(key(1))
    assert path.stat().st_mtime_ns == before


def test_deleting_the_folder_while_running_is_harmless(tmp_path: Path) -> None:
    store = ThumbnailStore(tmp_path / "t", 1_000_000)
    store.put(key(1), b"one")
    shutil.rmtree(tmp_path / "t")
    assert store.find(key(1)) is None
    assert store.put(key(1), b"one") is not None
    assert store.find(key(1)) is not None
    store.clear()
    assert store.find(key(1)) is None
    assert store.size == 0


def test_an_empty_file_counts_as_none(tmp_path: Path) -> None:
    store = ThumbnailStore(tmp_path / "t", 1_000_000)
    path = store.put(key(1), b"one")
    assert path is not None
    path.write_bytes(b"")
    assert store.find(key(1)) is None


def test_half_written_files_are_not_found_and_go_in_time(tmp_path: Path) -> None:
    store = ThumbnailStore(tmp_path / "t", 1_000_000)
    path = store.put(key(1), b"one")
    assert path is not None
    old, new = path.parent / ".old.part", path.parent / ".new.part"
    old.write_bytes(b"hal")
    new.write_bytes(b"hal")
    age(old, days=1)
    store.prune()
    assert not old.exists()
    assert new.exists()
    assert path.exists()


def test_a_cache_that_cannot_be_written_is_no_trouble(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "t").write_text("a file where the folder should be")
    store = ThumbnailStore(tmp_path / "t", 1_000_000)
    assert store.put(key(1), b"one") is None
    assert store.put(key(2), b"two") is None
    assert store.find(key(1)) is None
    assert len([r for r in caplog.records if "cannot be written" in r.message]) == 1


@pytest.mark.parametrize("name", ["../../escape", "", "AB" * 16, "a/b" * 10, "ab"])
def test_what_is_no_key_names_no_file(tmp_path: Path, name: str) -> None:
    store = ThumbnailStore(tmp_path / "t", 1_000_000)
    assert store.put(ContentKey(name), b"one") is None
    assert store.find(ContentKey(name)) is None
    assert not list(tmp_path.rglob("*.jpg"))


def test_readers_never_see_half_a_file(tmp_path: Path) -> None:
    store = ThumbnailStore(tmp_path / "t", 10_000_000)
    contents = [bytes([letter]) * 50_000 for letter in b"abc"]
    store.put(key(1), contents[0])
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            for content in contents:
                store.put(key(1), content)

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(300):
            found = store.find(key(1))
            assert found is not None
            assert found.read_bytes() in contents
    finally:
        stop.set()
        for writer in writers:
            writer.join()
