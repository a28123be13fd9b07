# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists by date and name: right after whatever was written, without being made again for what does not move a photo."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path, PurePath

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from semantic_photos.domain.errors import CancelledError, InternalError
from semantic_photos.domain.messages import CancelToken
from semantic_photos.domain.photo import FolderId, PhotoFacts, PhotoId
from semantic_photos.domain.ports import IdArray
from semantic_photos.storage import listing
from semantic_photos.storage.database import Database
from semantic_photos.storage.listing import Listing
from semantic_photos.storage.schema import CREATE, FAILED, LADDER, Ladder
from tests.unit.storage.conftest import Shelf

NOBODY = np.empty(0, np.int64)


@pytest.fixture(params=["one by one", "all at once", "kept and mended"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let libraries of a few photos go the ways that large ones go."""
    if request.param != "one by one":
        monkeypatch.setattr(listing, "FEW", 0)
        monkeypatch.setattr(listing, "_CHUNK", 3)
        monkeypatch.setattr(listing, "_PARTS", 2)
    monkeypatch.setattr(listing, "_MENDED", 10**9 if request.param == "all at once" else 0.001)
    return str(request.param)


@pytest.fixture
def mended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an order of a few photos be kept and mended, as one of many is."""
    monkeypatch.setattr(listing, "FEW", 0)
    monkeypatch.setattr(listing, "_MENDED", 0.001)


# What is right: plain questions and plain Python


def plainly_browsed(database: Database, failed: bool, missing: bool) -> list[int]:
    where = ["1"] if failed else [f"state <> {FAILED}"]
    if not missing:
        where.append("missing_since IS NULL AND folder_id IN (SELECT id FROM folder WHERE online)")
    with database.read() as connection:
        sql = f"SELECT id FROM photo WHERE {' AND '.join(where)} ORDER BY sort_key DESC, id DESC"
        return [row[0] for row in connection.execute(sql)]


def plainly_by_name(database: Database, ids: set[int]) -> list[int]:
    with database.read() as connection:
        rows = connection.execute("SELECT id, path FROM photo").fetchall()
    known = [(natural(PurePath(os.fsdecode(path)).name), path, number) for number, path in rows if number in ids]
    return [row[2] for row in sorted(known)]


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return numbers, compared by value, and texts; very long digits are text."""
    parts = []
    for digits, letters in re.findall(r"([0-9]+)|([^0-9]+)", name.casefold()):
        parts.append((0, int(digits), "") if digits and len(digits) < 19 else (1, 0, digits or letters))
    return tuple(parts)


def agrees(database: Database, lists: Listing, some: IdArray) -> None:
    """Insist that all lists are those of plain questions, of all photos and of some."""
    for failed in (False, True):
        for missing in (False, True):
            right = plainly_browsed(database, failed, missing)
            assert lists.browsed(failed=failed, missing=missing).tolist() == right
            among = lists.browsed(failed=failed, missing=missing, among=some)
            assert among.tolist() == [i for i in right if i in set(some.tolist())]
    everything = plainly_browsed(database, True, True)
    for ids in (some, np.array([*everything, *everything[:1]], np.int64)):
        wanted = set(ids.tolist())
        assert lists.by_date(ids).tolist() == [i for i in everything if i in wanted]
        assert lists.by_name(ids).tolist() == plainly_by_name(database, wanted)


# A library that lives

_NAMES = ["IMG_9.jpg", "img_10.JPG", "IMG_09.jpg", "Straße 1.jpg", "a\udcff.jpg", "9.jpg", f"b{'9' * 20}.jpg", "é.jpg"]
_HAPPENS = ["index", "fail", "retry", "miss", "restore", "touch", "tag", "offline", "online", "purge", "drop", "give"]
_number = st.integers(0, 20)
_EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.lists(_number, min_size=1, max_size=4), st.sampled_from(_NAMES)),
        st.tuples(st.just("move"), _number, st.sampled_from(_NAMES)),
        st.tuples(
            st.sampled_from(_HAPPENS),
            _number,
        ),
    ),
    min_size=1,
    max_size=12,
)


class Life:
    """Two folders in which anything happens."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf, self.catalog = shelf, shelf.catalog
        self.folders: list[tuple[FolderId, Path]] = [(shelf.folder, shelf.root)]
        self.folders.append((self.catalog.folders.add(Path("/more")).id, Path("/more")))

    def ids(self) -> list[PhotoId]:
        return [PhotoId(i) for i in plainly_browsed(self.shelf.database, True, True)]

    def happens(self, event: tuple[object, ...]) -> None:
        what, number = event[0], event[1]
        if what == "add":
            assert isinstance(number, list)
            folder, root = self.folders[number[0] % 2]
            files = [(root / f"{n % 5}" / str(event[2]), self.shelf.stamp(n % 3)) for n in number]
            self.catalog.files.add(folder, files)
            return
        assert isinstance(number, int)
        folder, root = self.folders[number % 2]
        if what in ("offline", "online"):
            self.catalog.folders.set_online(folder, online=what == "online")
        elif what == "drop" and number < 2:
            self.catalog.folders.remove(folder)
            self.folders[number % 2] = (self.catalog.folders.add(root).id, root)
        elif what == "purge":
            self.shelf.time += 100
            self.catalog.files.purge_missing(10)
        elif ids := self.ids():
            self._to(what, ids[number % len(ids)], number, event)

    def _to(self, what: object, photo_id: PhotoId, number: int, event: tuple[object, ...]) -> None:
        folder, root = self.folders[number % 2]
        stamp = self.catalog.photos.get([photo_id])[photo_id].stamp
        if what == "move":
            # Onto a searchable photo nothing moves, and what was written until then is taken back.
            with contextlib.suppress(InternalError):
                self.catalog.files.move(photo_id, root / "moved" / str(event[2]), self.shelf.stamp(number % 4), folder)
        elif what == "index":
            facts = PhotoFacts(4, 3, "JPEG", taken=f"20{number:02}-01-01T10:00:00" if number % 2 else "")
            self.catalog.queue.commit("pack-a", [self.shelf.row(photo_id, facts=facts)])
        elif what == "fail":
            self.catalog.queue.mark_failed(photo_id, stamp, "decode.broken", "The file is damaged.")
        elif what == "retry":
            self.catalog.queue.retry([photo_id])
        elif what == "miss":
            self.catalog.files.mark_missing([photo_id])
        elif what == "restore":
            self.catalog.files.mark_found([photo_id])
        elif what == "touch":
            self.catalog.files.mark_changed([(photo_id, self.shelf.stamp(number))])
        elif what == "tag":
            tag(self.shelf, photo_id)
        elif what == "give":
            with self.shelf.database.transaction() as connection:
                connection.execute("UPDATE photo SET folder_id = ? WHERE id = ?", (folder, photo_id))


def tag(shelf: Shelf, photo_id: PhotoId) -> None:
    with shelf.database.transaction() as connection:
        connection.execute("INSERT OR IGNORE INTO tag (id, name) VALUES (1, 'dog')")
        connection.execute("INSERT OR REPLACE INTO photo_tag VALUES (?, 1, 2, NULL, 0)", (photo_id,))


@pytest.mark.usefixtures("way")
def test_lists_are_right_whatever_was_written() -> None:
    memory = Path("/dev/shm")

    @settings(max_examples=60, deadline=None, database=None)
    @given(_EVENTS, st.lists(_number, max_size=8))
    @example([("add", [0], "a.jpg"), ("add", [0], "b.jpg"), ("move", 0, "a.jpg"), ("move", 1, "a.jpg"), ("index", 3),
              ("add", [0], "a.jpg"), ("move", 2, "a.jpg")], [])  # fmt: skip
    def check(events: list[tuple[object, ...]], some: list[int]) -> None:
        with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
            shelf = Shelf(Path(folder) / "catalog.sqlite")
            life, ids = Life(shelf), np.array([*some, 999], np.int64)
            lists = shelf.catalog.listing
            for event in events:
                life.happens(event)
                agrees(shelf.database, lists, ids)
            shelf.database.close()

    check()


@given(st.lists(st.text(st.sampled_from("0019aAéß-.\x01\U0001f436"), min_size=1, max_size=24), max_size=12))
@settings(deadline=None, database=None)
def test_names_sort_by_the_value_of_their_numbers(names: list[str]) -> None:
    long = [f"{name}{'7' * 19}{name}" for name in names]
    both = [*names, *long]
    keys = {name: listing._natural(os.fsencode(f"/photos/{name}")) for name in both}
    assert sorted(both, key=keys.__getitem__) == sorted(both, key=natural)
    assert all((keys[a] == keys[b]) == (natural(a) == natural(b)) for a in both for b in both)


# What is kept


def statements(database: Database, ask: Callable[[], object]) -> list[str]:
    """Return what SQLite is asked meanwhile, by this thread."""
    asked: list[str] = []
    with database.read() as connection:
        connection.set_trace_callback(asked.append)
    try:
        ask()
    finally:
        with database.read() as connection:
            connection.set_trace_callback(None)
    return asked


def made_again(asked: list[str]) -> bool:
    return any("FROM photo ORDER BY" in statement for statement in asked)


def test_tags_and_votes_leave_the_list_as_it_is(shelf: Shelf) -> None:
    ids = shelf.indexed(*range(20))
    lists = shelf.catalog.listing
    before = lists.browsed()
    tag(shelf, ids[3])
    with shelf.database.transaction() as connection:
        connection.execute("INSERT INTO remark (photo_id, rating) VALUES (?, 4)", (ids[5],))
    assert lists.browsed() is before
    with pytest.raises(ValueError, match="read-only"):
        before[0] = 1


@pytest.mark.usefixtures("mended")
def test_a_new_photo_is_put_in_its_place_without_listing_all(shelf: Shelf) -> None:
    shelf.indexed(*range(100, 300))
    lists, everything = shelf.catalog.listing, np.arange(1, 300)
    assert made_again(statements(shelf.database, lambda: agrees(shelf.database, lists, NOBODY)))
    shelf.indexed(50, 200, 500)
    lists.browsed(), lists.by_name(everything)
    shelf.catalog.files.mark_missing([PhotoId(7)])
    asked = statements(shelf.database, lambda: (lists.browsed(), lists.by_name(everything)))
    assert not made_again(asked)
    assert len(asked) < 100
    agrees(shelf.database, lists, NOBODY)


@pytest.mark.usefixtures("mended")
def test_more_changes_than_the_catalog_remembers(shelf: Shelf) -> None:
    shelf.indexed(*range(30))
    lists = shelf.catalog.listing
    agrees(shelf.database, lists, NOBODY)
    with shelf.database.transaction() as connection:
        connection.execute("UPDATE photo SET sort_key = sort_key + 1000 WHERE id = 3")
        connection.executemany("UPDATE photo SET sort_key = sort_key + ? WHERE id = 9", [(1,)] * 6_000)
    assert made_again(statements(shelf.database, lists.browsed))
    agrees(shelf.database, lists, NOBODY)
    with shelf.database.read() as connection:
        assert connection.execute("SELECT count(*) FROM photo_change").fetchone()[0] < 6_000


@pytest.mark.usefixtures("mended")
def test_who_sees_an_earlier_moment_gets_its_list(shelf: Shelf) -> None:
    shelf.indexed(*range(20))
    lists, other = shelf.catalog.listing, Database.open(shelf.path)
    with other.read() as earlier:
        earlier.execute("SELECT count(*) FROM photo").fetchone()
        shelf.indexed(20, 21)
        later = lists.by_date(np.arange(1, 30))
        assert len(later) == 22
        assert len(lists._dates.of(earlier)) == 20
    assert lists.by_date(np.arange(1, 30)).tolist() == later.tolist()
    other.close()


@pytest.mark.usefixtures("mended")
def test_what_another_program_wrote_is_listed(shelf: Shelf) -> None:
    shelf.indexed(*range(20))
    reader = Database.open(shelf.path, read_only=True)
    lists = Listing(reader)
    agrees(reader, lists, NOBODY)
    shelf.indexed(30)
    shelf.catalog.files.mark_missing([PhotoId(4)])
    agrees(reader, lists, NOBODY)
    reader.close()


def test_folders_come_and_go(shelf: Shelf, mended: None) -> None:
    there, other = shelf.catalog.folders.add(Path("/there")).id, shelf.folder
    (kept, given), lists = shelf.indexed(1, 2), shelf.catalog.listing
    for folder, online, left in ((there, False, [given, kept]), (other, False, []), (other, True, [given, kept])):
        shelf.catalog.folders.set_online(folder, online=online)
        assert lists.browsed().tolist() == left
        assert lists.browsed(missing=True).tolist() == [given, kept]
    with shelf.database.transaction() as connection:
        connection.execute("UPDATE photo SET folder_id = ? WHERE id = ?", (there, given))
    assert lists.browsed().tolist() == [kept]


def test_ordering_by_name_can_be_given_up(shelf: Shelf, mended: None) -> None:
    shelf.indexed(*range(20))
    token, lists, ids = CancelToken(), shelf.catalog.listing, np.arange(1, 20)
    token.cancel()
    with pytest.raises(CancelledError):
        lists.by_name(ids, token)
    assert lists.by_name(ids).tolist() == plainly_by_name(shelf.database, set(ids.tolist()))


# A catalog from before


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A catalog of the version before changes were counted, with two photos."""
    path, before = tmp_path / "old.sqlite", LADDER.create[: -len(LADDER.rungs[4])]
    assert (*before, *LADDER.rungs[4]) == CREATE
    rungs = {version: rung for version, rung in LADDER.rungs.items() if version < 4}
    database = Database.open(path, ladder=Ladder(4, before, rungs))
    with database.transaction() as connection:
        connection.execute("INSERT INTO folder (path) VALUES (?)", (b"/photos",))
        for name in (b"two.jpg", b"one.jpg"):
            connection.execute(
                "INSERT INTO photo (folder_id, path, size, mtime_ns, sort_key) VALUES (1, ?, 1, 1, 1)",
                (b"/photos/" + name,),
            )
    database.close()
    return path


def test_a_catalog_from_before_is_listed(old: Path, mended: None) -> None:
    database = Database.open(old)
    lists = Listing(database)
    agrees(database, lists, NOBODY)
    with database.transaction() as connection:
        connection.execute("UPDATE photo SET path = ?, sort_key = 5 WHERE id = 1", (b"/photos/a.jpg",))
    agrees(database, lists, NOBODY)
    database.close()
