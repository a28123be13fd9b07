# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are damaged, empty, foreign, newer or older: each is named, nothing is lost in silence."""

from __future__ import annotations

import dataclasses
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from semantic_photos.domain.errors import CatalogError
from semantic_photos.domain.photo import Counts
from semantic_photos.storage import database as database_module
from semantic_photos.storage.catalog import Catalog
from semantic_photos.storage.database import Database
from semantic_photos.storage.schema import APPLICATION_ID, FIRST, LADDER, VERSION, Ladder
from tests.unit.storage.conftest import PACK, Shelf
from tests.unit.storage.test_database import code_of


@pytest.fixture
def path(shelf: Shelf) -> Path:
    """Return a closed catalog with a hundred photos."""
    shelf.indexed(*range(100))
    shelf.database.close()
    return shelf.path


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "catalog.empty"),
        (b"these are my notes\n" * 100, "catalog.foreign"),
        (b"\xff\xd8\xff\xe0" + bytes(5000), "catalog.foreign"),
        (b"SQLite format 3\0" + b"but then something else" * 400, "catalog.foreign"),
    ],
)
def test_what_is_no_catalog_is_refused_and_left_alone(
    path: Path, content: bytes, code: str, *, read_only: bool
) -> None:
    path.write_bytes(content)
    assert code_of(lambda: Database.open(path, read_only=read_only)) == code
    assert path.read_bytes() == content


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE notes (text)")
    assert code_of(lambda: Database.open(path)) == "catalog.foreign"


def pages(path: Path) -> int:
    return path.stat().st_size // 8192


def test_every_destroyed_page_is_noticed_when_a_small_catalog_is_opened(path: Path) -> None:
    whole = path.read_bytes()
    assert pages(path) > 10
    for page in range(pages(path)):
        path.write_bytes(whole[: page * 8192] + bytes([0xA5]) * 8192 + whole[(page + 1) * 8192 :])
        assert code_of(lambda: Database.open(path)) in ("catalog.corrupt", "catalog.foreign"), f"page {page}"


@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.99])
def test_a_catalog_that_was_cut_off_is_damaged(path: Path, share: float) -> None:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    assert code_of(lambda: Database.open(path)) == "catalog.corrupt"


def test_damage_in_a_large_catalog_is_named_when_it_is_met(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "CHECKED_BYTES", 0)
    whole = path.read_bytes()
    met = 0
    for page in range(1, pages(path)):
        path.write_bytes(whole[: page * 8192] + bytes([0xA5]) * 8192 + whole[(page + 1) * 8192 :])
        try:
            database = Database.open(path)
        except CatalogError as error:
            assert error.code == "catalog.corrupt"
            continue
        try:
            catalog = Catalog(database)
            catalog.vectors.all(PACK)
            catalog.listing.browsed()
        except CatalogError as error:
            assert error.code == "catalog.corrupt"
            met += 1
        else:
            assert catalog.check(), f"page {page}"
        database.close()
    assert met > 3


def test_a_check_says_what_it_found_and_not_what_it_did_not(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database.open(path)
    assert database.check() == []
    with database.read() as connection:
        connection.execute("ROLLBACK")
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("DELETE FROM sqlite_master WHERE name = 'photo_by_date'")
    database.close()
    # Anew, because a connection remembers the schema it has read.
    database = Database(path)
    assert database.check()
    database.close()
    assert code_of(database.check) == "catalog.closed"


def test_the_log_of_a_lost_catalog_is_not_applied_to_a_new_one(shelf: Shelf, tmp_path: Path) -> None:
    shelf.indexed(*range(50))
    log = Path(f"{shelf.path}-wal").read_bytes()
    shelf.database.close()
    shelf.path.unlink()
    Path(f"{shelf.path}-wal").write_bytes(log)
    shelf.open()
    assert shelf.catalog.folders.all() == []
    assert shelf.catalog.check() == []
    assert any(path.name.startswith("catalog.stray-") for path in tmp_path.iterdir())


def test_a_foreign_log_is_noticed_or_does_nothing(shelf: Shelf, path: Path, tmp_path: Path) -> None:
    other = Shelf(tmp_path / "other.sqlite")
    other.add(*range(300))
    Path(f"{path}-wal").write_bytes(Path(f"{other.path}-wal").read_bytes())
    other.database.close()
    try:
        shelf.open()
    except CatalogError as error:
        assert error.code in ("catalog.corrupt", "catalog.foreign")
    else:
        assert shelf.catalog.check() or shelf.catalog.photos.counts(PACK) == Counts(indexed=100)
        shelf.database.close()


def test_a_newer_catalog_is_refused_and_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    for read_only in (False, True):
        with pytest.raises(CatalogError) as caught:
            Database.open(path, read_only=read_only)
        assert caught.value.code == "catalog.newer"
        assert str(VERSION + 1) in str(caught.value)


# Migrations: versions that never were, so that the ladder is proven before it is needed.

NEXT = Ladder(
    VERSION + 2,
    (*LADDER.create, "CREATE TABLE later (photo_id INTEGER, tag TEXT)", "ALTER TABLE photo ADD COLUMN rating INTEGER"),
    {
        **LADDER.rungs,
        VERSION: ("CREATE TABLE later (photo_id INTEGER, tag TEXT)", "INSERT INTO later SELECT id, 'old' FROM photo"),
        VERSION + 1: ("ALTER TABLE photo ADD COLUMN rating INTEGER",),
    },
)


def schema_of(path: Path) -> set[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        return {(row[0], row[1]) for row in connection.execute("SELECT name, sql FROM sqlite_master")}


def version_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def test_every_older_version_has_a_rung() -> None:
    assert set(LADDER.rungs) == set(range(1, LADDER.version))
    assert int.from_bytes(b"SePh", "big") == APPLICATION_ID


def test_an_older_catalog_climbs_and_a_copy_is_kept(path: Path, tmp_path: Path) -> None:
    Database.open(path, ladder=NEXT).close()
    assert version_of(path) == VERSION + 2
    new = tmp_path / "new.sqlite"
    Database.open(new, ladder=NEXT).close()
    assert schema_of(path) == schema_of(new), "a climbed and a new catalog differ"
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM later").fetchone()[0] == 100
    (kept,) = (tmp_path / "backups").iterdir()
    assert f"before-v{VERSION + 2}" in kept.name
    assert version_of(kept) == VERSION
    assert Database.latest_backup(path) is None, "it is no rolling backup"
    Database.open(path, ladder=NEXT).close()


def test_a_catalog_of_the_first_version_becomes_one_of_today(tmp_path: Path) -> None:
    old, new = tmp_path / "old.sqlite", tmp_path / "new.sqlite"
    Database.open(old, ladder=Ladder(1, FIRST)).close()
    Database.open(old).close()
    Database.open(new).close()
    assert version_of(old) == VERSION
    assert schema_of(old) == schema_of(new)


def test_a_reader_does_not_climb(path: Path) -> None:
    assert code_of(lambda: Database.open(path, read_only=True, ladder=NEXT)) == "catalog.older"
    assert version_of(path) == VERSION


def test_a_rung_that_is_not_there_is_said(path: Path) -> None:
    gap = dataclasses.replace(NEXT, rungs={VERSION + 1: NEXT.rungs[VERSION + 1]})
    assert code_of(lambda: Database.open(path, ladder=gap)) == "catalog.older"


def test_a_climb_that_fails_stays_on_the_rung_it_reached(path: Path) -> None:
    broken = dataclasses.replace(NEXT, rungs={**NEXT.rungs, VERSION + 1: ("CREATE TABLE half (x)", "nonsense")})
    with pytest.raises(Exception, match="nonsense"):
        Database.open(path, ladder=broken)
    assert version_of(path) == VERSION + 1
    assert "half" not in {name for name, _ in schema_of(path)}
    Database.open(path, ladder=NEXT).close()
    assert version_of(path) == VERSION + 2
