# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders, browsing, counts, and the catalog's look at itself."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from semantic_photos.domain.errors import FolderError
from semantic_photos.domain.photo import Counts, FileStamp, Folder, FolderCounts, PhotoFacts, PhotoId
from tests.unit.storage.conftest import PACK, Shelf


def test_folders_are_kept_in_order(shelf: Shelf) -> None:
    odd = Path(os.fsdecode(b"/caf\xe9"))
    added = [shelf.catalog.folders.add(path) for path in (Path("/b"), Path("/a"), odd)]
    shelf.reopen()
    assert shelf.catalog.folders.all() == [Folder(shelf.folder, shelf.root), *added]


def test_a_folder_is_added_once(shelf: Shelf) -> None:
    shelf.catalog.folders.set_online(shelf.folder, online=False)
    assert shelf.catalog.folders.add(shelf.root) == Folder(shelf.folder, shelf.root, online=False)
    assert len(shelf.catalog.folders.all()) == 1


@pytest.mark.parametrize("path", ["/photos/2024", "/"])
def test_folders_do_not_overlap(shelf: Shelf, path: str) -> None:
    with pytest.raises(FolderError) as caught:
        shelf.catalog.folders.add(Path(path))
    assert caught.value.code == "folder.overlap"
    assert "/photos" in str(caught.value)
    shelf.catalog.folders.add(Path("/photos-2"))


def test_removing_a_folder_forgets_its_photos_alone(shelf: Shelf) -> None:
    ids = shelf.indexed(1, 2)
    other = shelf.catalog.folders.add(Path("/other"))
    (kept,) = shelf.add(3, folder=other.id, root=other.path)
    shelf.catalog.queue.begin_decode([*ids, kept])
    assert shelf.catalog.folders.remove(shelf.folder) == ids
    assert shelf.catalog.photos.get([*ids, kept]).keys() == {kept}
    assert shelf.catalog.photos.counts(PACK) == Counts(pending=1)
    assert shelf.searchable() == []
    assert shelf.catalog.folders.remove(shelf.folder) == []
    shelf.catalog.queue.clear_marks()


def test_what_a_person_did_is_written_through(shelf: Shelf) -> None:
    seen: list[int] = []
    with shelf.database.transaction(durable=True) as connection:
        seen.append(connection.execute("PRAGMA synchronous").fetchone()[0])
    with shelf.database.transaction() as connection:
        seen.append(connection.execute("PRAGMA synchronous").fetchone()[0])
    assert seen == [2, 1]


def test_everything_that_can_be_seen_is_browsed_newest_first(shelf: Shelf) -> None:
    old, new, failed, missing, taken = shelf.add(1, 5, 2, 3, 4)
    shelf.catalog.queue.commit(PACK, [shelf.row(old), shelf.row(taken, facts=PhotoFacts(taken="1999-12-31T23:59:59"))])
    shelf.catalog.queue.mark_failed(failed, shelf.stamp(2), "photo.x", "Bad.")
    shelf.catalog.files.mark_missing([missing])
    assert shelf.catalog.listing.browsed().tolist() == [new, old, taken]
    shelf.catalog.folders.set_online(shelf.folder, online=False)
    assert shelf.catalog.listing.browsed().tolist() == []


@pytest.mark.parametrize("taken", ["0000-00-00T00:00:00", "yesterday", "9999-12-31T23:59:59", "0001-01-01T00:00:00"])
def test_a_camera_without_a_clock_does_no_harm(shelf: Shelf, taken: str) -> None:
    (photo_id,) = shelf.add(1)
    assert shelf.catalog.queue.commit(PACK, [shelf.row(photo_id, facts=PhotoFacts(taken=taken))]) == [photo_id]
    assert shelf.catalog.listing.browsed().tolist() == [photo_id]
    assert shelf.catalog.photos.get([photo_id])[photo_id].facts.taken == taken


def test_photos_come_in_the_order_asked_for(shelf: Shelf) -> None:
    a, b, c = shelf.add(1, 2, 3)
    assert list(shelf.catalog.photos.get([c, PhotoId(99), a, b])) == [c, a, b]
    assert shelf.catalog.photos.get([]) == {}
    assert shelf.catalog.photos.by_path(Path("/nowhere.jpg")) is None
    assert shelf.catalog.files.at(Path("/nowhere.jpg")) is None


def test_counts_add_up_to_what_was_seen(shelf: Shelf) -> None:
    ids = shelf.indexed(*range(5))
    shelf.add(10, 11)
    shelf.catalog.queue.mark_failed(ids[0], shelf.stamp(0), "photo.x", "Bad.")
    other = shelf.catalog.folders.add(Path("/stick"))
    shelf.add(20, 21, 22, folder=other.id, root=other.path)
    shelf.catalog.folders.set_online(other.id, online=False)
    assert shelf.catalog.photos.counts(PACK) == Counts(indexed=4, pending=2, failed=1, offline=3)
    assert shelf.catalog.photos.counts("") == Counts(indexed=0, pending=6, failed=1, offline=3)


def test_each_folder_knows_what_it_holds(shelf: Shelf) -> None:
    ids = shelf.indexed(*range(5))
    shelf.add(10, 11)
    shelf.catalog.queue.mark_failed(ids[0], shelf.stamp(0), "photo.x", "Bad.")
    stick, empty = shelf.catalog.folders.add(Path("/stick")), shelf.catalog.folders.add(Path("/empty"))
    away = shelf.add(20, 21, 22, folder=stick.id, root=stick.path)
    shelf.catalog.folders.set_online(stick.id, online=False)
    shelf.catalog.files.mark_missing([ids[0], ids[1], away[0]])
    counts = shelf.catalog.folders.counts()
    assert counts == {shelf.folder: FolderCounts(5, 0, 2), stick.id: FolderCounts(2, 0, 1)}
    shelf.catalog.files.mark_found(ids[:1])
    assert shelf.catalog.folders.counts()[shelf.folder] == FolderCounts(5, 1, 1)
    shelf.catalog.folders.remove(stick.id)
    assert set(shelf.catalog.folders.counts()) == {shelf.folder}
    assert empty.id not in counts


def test_texts_are_remembered(shelf: Shelf) -> None:
    assert shelf.catalog.meta("a") is None
    shelf.catalog.set_meta("a", "1")
    shelf.catalog.set_meta("a", "2 ✓ \udcff")
    shelf.reopen()
    assert shelf.catalog.meta("a") == "2 ✓ ?"


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        ("DELETE FROM embedding WHERE photo_id = 1", "Indexed photos without a vector: 1."),
        ("UPDATE photo SET state = 0, pack_id = 0 WHERE id = 2", "Vectors of photos that are not indexed: 1."),
        ("UPDATE tally SET photos = 9 WHERE photos > 0", "Wrong photo counts: 1."),
        ("DELETE FROM tally", "Groups of photos that are not counted: 1."),
    ],
)
def test_broken_promises_are_found(shelf: Shelf, damage: str, sentence: str) -> None:
    shelf.indexed(1, 2, 3)
    with shelf.database.transaction() as connection:
        connection.execute(damage)
    assert sentence in shelf.catalog.check()
    shelf.database.close()


def test_orphans_are_found(shelf: Shelf) -> None:
    shelf.indexed(1)
    with shelf.database.read() as connection:
        connection.execute("ROLLBACK")
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("DELETE FROM photo")
    assert any("embedding" in problem for problem in shelf.catalog.check())
    shelf.database.close()


def test_a_copied_stamp_without_inode_is_the_same_file(shelf: Shelf) -> None:
    (photo_id,) = shelf.add(1)
    stamp = shelf.stamp(1)
    assert shelf.catalog.queue.commit(PACK, [shelf.row(photo_id, stamp=FileStamp(stamp.size, stamp.mtime_ns))])
