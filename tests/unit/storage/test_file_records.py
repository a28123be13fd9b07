# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are seen, change, move, go and come back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from semantic_photos.domain.errors import InternalError
from semantic_photos.domain.photo import ContentKey, Counts, FileStamp, FolderId, PhotoFacts, PhotoId, PhotoState
from tests.unit.storage.conftest import PACK, Shelf


def test_added_files_wait_in_the_order_given(shelf: Shelf) -> None:
    ids = shelf.add(3, 1, 2)
    photos = shelf.catalog.photos.get(ids)
    assert [photo.path.name for photo in photos.values()] == ["3.jpg", "1.jpg", "2.jpg"]
    assert {photo.state for photo in photos.values()} == {PhotoState.PENDING}
    assert shelf.catalog.photos.counts(PACK) == Counts(pending=3)


def test_a_name_that_is_no_text_survives(shelf: Shelf) -> None:
    raw = [b"/photos/caf\xe9 \xff.jpg", "/photos/🙂\n‮.jpg".encode(), b"/photos/%00?#&.jpg"]
    paths = [Path(os.fsdecode(path)) for path in raw]
    ids = shelf.catalog.files.add(shelf.folder, [(path, shelf.stamp(1)) for path in paths])
    shelf.reopen()
    assert set(shelf.catalog.files.in_folder(shelf.folder)) == set(raw)
    for photo_id, path in zip(ids, paths, strict=True):
        assert shelf.catalog.photos.get([photo_id])[photo_id].path == path
        assert shelf.catalog.photos.by_path(path) == shelf.catalog.photos.get([photo_id])[photo_id]
        known = shelf.catalog.files.at(path)
        assert known is not None
        assert known.id == photo_id


@pytest.mark.parametrize(
    "stamp",
    [
        FileStamp(0, -(10**18), 0),
        FileStamp(2**40, 2**63 - 1, 2**63 - 1),
        FileStamp(1, 15_000_000_000 * 10**9, 2**64 - 1),
        FileStamp(1, -(2**64), 2**63),
    ],
)
def test_any_stamp_of_a_file_system_is_kept(shelf: Shelf, stamp: FileStamp) -> None:
    path = shelf.root / "odd.jpg"
    (photo_id,) = shelf.catalog.files.add(shelf.folder, [(path, stamp)])
    assert shelf.catalog.files.in_folder(shelf.folder)[os.fsencode(path)].stamp.same_content(stamp)
    assert shelf.commit([photo_id]) == [photo_id], "a photo with an odd time could never be indexed"


def test_adding_again_keeps_the_id(shelf: Shelf) -> None:
    (photo_id,) = shelf.indexed(1)
    shelf.catalog.files.mark_missing([photo_id])
    assert shelf.add(1) == [photo_id]
    assert shelf.searchable() == [photo_id], "it came back unchanged"
    path = shelf.root / "1.jpg"
    assert shelf.catalog.files.add(shelf.folder, [(path, shelf.stamp(1, size=5))]) == [photo_id]
    assert shelf.catalog.photos.counts(PACK) == Counts(pending=1)


def test_adding_to_a_removed_folder_adds_nothing(shelf: Shelf) -> None:
    shelf.catalog.folders.remove(shelf.folder)
    assert shelf.add(1) == []
    assert shelf.catalog.photos.counts(PACK).total == 0


def test_a_changed_file_loses_vector_and_facts(shelf: Shelf) -> None:
    (photo_id,) = shelf.indexed(1)
    stamp = shelf.stamp(1, mtime_ns=5)
    shelf.catalog.files.mark_changed([(photo_id, stamp), (PhotoId(999), stamp)])
    photo = shelf.catalog.photos.get([photo_id])[photo_id]
    assert (photo.state, photo.stamp, photo.content_key, photo.facts) == (
        PhotoState.PENDING, stamp, None, PhotoFacts(),
    )  # fmt: skip
    assert shelf.searchable() == []
    assert len(shelf.catalog.vectors.get(PACK, [photo_id])[0]) == 0


def test_a_missing_photo_is_in_no_count_and_comes_back_whole(shelf: Shelf) -> None:
    (photo_id,) = shelf.indexed(1)
    shelf.catalog.files.mark_missing([photo_id])
    assert shelf.catalog.photos.counts(PACK) == Counts()
    assert shelf.catalog.photos.get([photo_id])[photo_id].missing
    assert shelf.catalog.listing.browsed().tolist() == []
    shelf.catalog.files.mark_found([photo_id])
    assert shelf.catalog.photos.counts(PACK) == Counts(indexed=1)


def test_moved_photos_are_found_by_content(shelf: Shelf) -> None:
    ids = shelf.indexed(1, 2)
    key = shelf.row(ids[0]).content_key
    assert shelf.catalog.files.find_moved(key, 1001) == [], "nothing is missing"
    assert shelf.catalog.files.missing_sizes() == frozenset()
    shelf.catalog.files.mark_missing(ids)
    assert shelf.catalog.files.missing_sizes() == {1001, 1002}
    assert [photo.id for photo in shelf.catalog.files.find_moved(key, 1001)] == [ids[0]]
    assert shelf.catalog.files.find_moved(key, 1002) == []
    assert shelf.catalog.files.find_moved(ContentKey("0"), 1001) == []


def test_of_two_missing_copies_the_later_one_is_taken(shelf: Shelf) -> None:
    first, second = shelf.add(1, 2)
    same = ContentKey("c" * 32)
    stamp = shelf.stamp(1)
    shelf.catalog.files.mark_changed([(second, stamp)])
    shelf.catalog.queue.commit(
        PACK, [shelf.row(first, content_key=same), shelf.row(second, content_key=same, stamp=stamp)]
    )
    shelf.catalog.files.mark_missing([second])
    shelf.time += 60
    shelf.catalog.files.mark_missing([first, second])
    assert [photo.id for photo in shelf.catalog.files.find_moved(same, 1001)] == [first, second]


def test_a_moved_photo_keeps_id_vector_and_facts(shelf: Shelf) -> None:
    (photo_id,) = shelf.indexed(1)
    other = shelf.catalog.folders.add(Path("/elsewhere"))
    shelf.catalog.files.mark_missing([photo_id])
    stamp = shelf.stamp(1, mtime_ns=77, inode=9)
    path = other.path / "new.jpg"
    assert shelf.catalog.files.move(photo_id, path, stamp, other.id) is PhotoState.INDEXED
    photo = shelf.catalog.photos.get([photo_id])[photo_id]
    assert (photo.path, photo.folder_id, photo.stamp, photo.missing) == (path, other.id, stamp, False)
    assert photo.facts.width == 40
    assert shelf.searchable() == [photo_id]


def test_a_moved_photo_of_another_size_is_read_again(shelf: Shelf) -> None:
    (photo_id,) = shelf.indexed(1)
    state = shelf.catalog.files.move(photo_id, shelf.root / "new.jpg", shelf.stamp(1, size=1), shelf.folder)
    assert state is PhotoState.PENDING
    assert shelf.searchable() == []


def test_a_photo_that_was_never_indexed_waits_after_a_move(shelf: Shelf) -> None:
    (photo_id,) = shelf.add(1)
    assert shelf.catalog.files.move(photo_id, shelf.root / "b.jpg", shelf.stamp(1), shelf.folder) is PhotoState.PENDING


def test_a_move_replaces_a_waiting_row_but_no_searchable_one(shelf: Shelf) -> None:
    moved, waiting, indexed = shelf.add(1, 2, 3)
    shelf.commit([moved, indexed])
    shelf.catalog.files.move(moved, shelf.root / "2.jpg", shelf.stamp(1), shelf.folder)
    assert waiting not in shelf.catalog.photos.get([waiting])
    with pytest.raises(InternalError):
        shelf.catalog.files.move(moved, shelf.root / "3.jpg", shelf.stamp(1), shelf.folder)
    assert shelf.catalog.photos.get([moved])[moved].path == shelf.root / "2.jpg"
    assert shelf.catalog.photos.counts(PACK) == Counts(indexed=2)


def test_only_known_photos_move_and_only_to_known_folders(shelf: Shelf) -> None:
    with pytest.raises(InternalError):
        shelf.catalog.files.move(PhotoId(9), shelf.root / "a.jpg", shelf.stamp(1), shelf.folder)
    (photo_id,) = shelf.add(1)
    with pytest.raises(InternalError):
        shelf.catalog.files.move(photo_id, Path("/x/a.jpg"), shelf.stamp(1), FolderId(77))
    assert shelf.catalog.photos.get([photo_id])[photo_id].path == shelf.root / "1.jpg"


def test_only_what_is_missing_for_long_is_forgotten(shelf: Shelf) -> None:
    first, second, third = shelf.indexed(1, 2, 3)
    shelf.catalog.files.mark_missing([first])
    shelf.time += 100
    shelf.catalog.files.mark_missing([first, second])
    assert shelf.catalog.files.purge_missing(50) == 1, "marking again must not make it younger"
    assert set(shelf.catalog.photos.get([first, second, third])) == {second, third}
    assert len(shelf.catalog.vectors.get(PACK, [first])[0]) == 0
