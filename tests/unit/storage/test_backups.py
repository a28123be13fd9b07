# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies that are verified, rolling, and fit to go back to; setting aside."""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
from pathlib import Path

import pytest

from semantic_photos.domain.errors import CatalogError
from semantic_photos.domain.photo import Counts
from semantic_photos.storage import backups
from semantic_photos.storage.catalog import Catalog
from semantic_photos.storage.database import Database
from tests.unit.storage.conftest import PACK, Shelf
from tests.unit.storage.test_database import code_of


def counts_in(path: Path) -> Counts:
    database = Database.open(path)
    try:
        return Catalog(database).photos.counts(PACK)
    finally:
        database.close()


def test_a_backup_holds_what_is_still_in_the_log(shelf: Shelf, tmp_path: Path) -> None:
    shelf.indexed(*range(20))
    target = tmp_path / "safe" / "copy.sqlite"
    assert shelf.database.backup(target) == target
    shelf.indexed(50)
    assert target.stat().st_mode & 0o077 == 0
    assert [path.name for path in target.parent.iterdir()] == ["copy.sqlite"]
    assert counts_in(target) == Counts(indexed=20)


def test_a_backup_is_made_while_others_write(shelf: Shelf, tmp_path: Path) -> None:
    shelf.indexed(*range(100))
    stop = threading.Event()

    def write() -> None:
        number = 1000
        while not stop.is_set():
            shelf.indexed(number)
            number += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for number in range(3):
            shelf.database.backup(tmp_path / f"{number}.sqlite")
    finally:
        stop.set()
        thread.join()
    for number in range(3):
        copied = counts_in(tmp_path / f"{number}.sqlite")
        assert copied.indexed >= 100
        assert copied.pending <= 1


def test_only_the_newest_backups_are_kept(shelf: Shelf) -> None:
    made = []
    for number in range(4):
        shelf.indexed(number)
        made.append(shelf.database.roll_backup(keep=2))
    assert backups.rolling(shelf.path) == made[:1:-1]
    latest = Database.latest_backup(shelf.path)
    assert latest == made[-1]
    assert counts_in(latest) == Counts(indexed=4)


def test_a_damaged_backup_is_passed_over(shelf: Shelf) -> None:
    shelf.indexed(1)
    old, new = shelf.database.roll_backup(), shelf.database.roll_backup()
    content = bytearray(new.read_bytes())
    content[8192 * 3 : 8192 * 4] = os.urandom(8192)
    new.write_bytes(content)
    assert Database.latest_backup(shelf.path) == old
    old.write_bytes(b"")
    assert Database.latest_backup(shelf.path) is None


def test_going_back_sets_the_damaged_one_aside(shelf: Shelf) -> None:
    shelf.indexed(1, 2)
    made = shelf.database.roll_backup()
    shelf.database.close()
    shelf.path.write_bytes(b"nonsense")
    aside = Database.restore(shelf.path, made)
    assert aside is not None
    assert aside.read_bytes() == b"nonsense"
    shelf.open()
    assert shelf.catalog.photos.counts(PACK) == Counts(indexed=2)
    assert made.exists()


def test_going_back_without_a_catalog(shelf: Shelf) -> None:
    shelf.indexed(1)
    made = shelf.database.roll_backup()
    shelf.database.close()
    shelf.path.unlink()
    assert Database.restore(shelf.path, made) is None
    shelf.open()
    assert shelf.catalog.photos.counts(PACK) == Counts(indexed=1)


@pytest.mark.parametrize("content", [None, b"", b"text" * 1000])
def test_nobody_goes_back_to_what_is_no_backup(shelf: Shelf, tmp_path: Path, content: bytes | None) -> None:
    shelf.indexed(1)
    shelf.database.close()
    bad = tmp_path / "bad.sqlite"
    if content is not None:
        bad.write_bytes(content)
    assert code_of(lambda: Database.restore(shelf.path, bad)) == "catalog.bad-backup"
    shelf.open()
    assert shelf.catalog.photos.counts(PACK) == Counts(indexed=1)


def test_a_damaged_catalog_has_no_backup_made_of_it(shelf: Shelf, tmp_path: Path) -> None:
    shelf.indexed(*range(200))
    good = shelf.database.roll_backup()
    shelf.database.close()
    content = bytearray(shelf.path.read_bytes())
    # The last pages may be free, and what they hold is nobody's loss; here there are only pages in use.
    middle = len(content) // 2 // 8192 * 8192
    content[middle : middle + 8192 * 4] = bytes(8192 * 4)
    shelf.path.write_bytes(content)
    database = Database(shelf.path)
    assert code_of(database.roll_backup) == "catalog.corrupt"
    database.close()
    assert Database.latest_backup(shelf.path) == good
    assert not [path for path in good.parent.iterdir() if ".new" in path.name]


def test_a_copy_that_is_not_sound_is_not_kept(shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backups, "problem_of", lambda _path: "a page is torn")
    assert code_of(lambda: shelf.database.backup(tmp_path / "copy.sqlite")) == "catalog.corrupt"
    assert not (tmp_path / "copy.sqlite").exists()


def test_a_backup_that_cannot_be_written_is_said(shelf: Shelf, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert code_of(lambda: shelf.database.backup(tmp_path / "file" / "copy.sqlite")) == "catalog.readonly"


@pytest.mark.parametrize(
    ("number", "code"),
    [(errno.ENOSPC, "catalog.full"), (errno.EIO, "catalog.io"), (errno.EACCES, "catalog.readonly")],
)
def test_errors_of_the_system_have_names(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: str
) -> None:
    made = shelf.database.roll_backup()
    shelf.database.close()

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "replace", fail)
    assert code_of(lambda: Database.restore(shelf.path, made)) == code
    assert code_of(lambda: Database.open(tmp_path / "new.sqlite")) == code


def test_setting_aside_takes_the_log_along(shelf: Shelf, tmp_path: Path) -> None:
    shelf.indexed(1)
    # As after a kill: the log is still there.
    copies = {ending: Path(f"{shelf.path}{ending}").read_bytes() for ending in ("", "-wal", "-shm")}
    shelf.database.close()
    for ending, content in copies.items():
        Path(f"{shelf.path}{ending}").write_bytes(content)
    first = Database.set_aside(shelf.path)
    assert first.name.startswith("catalog.corrupt-")
    assert first.suffix == ".sqlite"
    assert {path.name for path in tmp_path.iterdir()} == {first.name, f"{first.name}-wal", f"{first.name}-shm"}
    Database.open(shelf.path).close()
    assert Database.set_aside(shelf.path) != first
    assert counts_in(first) == Counts(indexed=1)


def test_nothing_cannot_be_set_aside(tmp_path: Path) -> None:
    with pytest.raises(CatalogError):
        Database.set_aside(tmp_path / "catalog.sqlite")


def test_a_file_system_that_cannot_sync_folders_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "fsync", fail)
    backups.sync_folder(tmp_path)


def test_problems_are_told_apart(tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite"
    sqlite3.connect(other).execute("CREATE TABLE t (x)").connection.close()
    assert backups.problem_of(other) == "it is not a catalog"
