# SPDX-License-Identifier: GPL-3.0-or-later
"""The comparison of a folder with the catalog: nothing is lost, whatever happens to files and folders."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from semantic_photos.domain.errors import CancelledError
from semantic_photos.domain.messages import CancelToken
from semantic_photos.domain.photo import Folder, PhotoFacts
from semantic_photos.media.fingerprint import content_key
from semantic_photos.services.indexing.scanner import Scanner, ScanReport, folder_of, walk
from semantic_photos.storage.catalog import Catalog, IndexedPhoto
from semantic_photos.storage.database import Database

PACK = "test-pack"


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    database = Database.open(tmp_path / "catalog.sqlite")
    yield Catalog(database)
    database.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    return folder


@pytest.fixture
def folder(catalog: Catalog, root: Path) -> Folder:
    return catalog.folders.add(root)


def put(root: Path, name: str, content: bytes | None = None) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if content is not None else name.encode() * 50)
    return path


def scan(catalog: Catalog, folder: Folder, **kwargs: object) -> ScanReport:
    return Scanner(catalog, **kwargs).scan(folder, CancelToken())  # type: ignore[arg-type]


def index_all(catalog: Catalog) -> None:
    """Give every pending photo a vector, as the pipeline would."""
    photos = catalog.queue.pending(10_000, pack=PACK)
    rows = [
        IndexedPhoto(photo.id, photo.stamp, content_key(photo.path), PhotoFacts(), np.eye(4, dtype=np.float32)[i % 4])
        for i, photo in enumerate(photos)
    ]
    catalog.queue.commit(PACK, rows)


def searchable(catalog: Catalog) -> set[str]:
    ids = catalog.vectors.searchable_ids(PACK).tolist()
    return {photo.path.name for photo in catalog.photos.get(ids).values()}


def test_new_files_become_pending_and_are_then_unchanged(catalog: Catalog, folder: Folder, root: Path) -> None:
    put(root, "a.jpg")
    put(root, "deep/er/b.HEIC")
    put(root, "notes.txt")
    put(root, ".hidden.jpg")
    put(root, ".git/c.jpg")
    put(root, "@eaDir/d.jpg")
    first = scan(catalog, folder)
    assert (first.found, len(first.new)) == (2, 2)
    second = scan(catalog, folder)
    assert (second.unchanged, second.new, second.has_work) == (2, [], False)


def test_a_changed_file_is_pending_again_even_if_its_time_went_back(
    catalog: Catalog, folder: Folder, root: Path
) -> None:
    path = put(root, "a.jpg")
    scan(catalog, folder)
    index_all(catalog)
    os.utime(path, ns=(1, 1))
    report = scan(catalog, folder)
    assert len(report.changed) == 1
    assert searchable(catalog) == set()
    assert catalog.photos.counts(PACK).pending == 1


def test_a_deleted_file_leaves_the_results_and_comes_back_with_its_vector(
    catalog: Catalog, folder: Folder, root: Path, tmp_path: Path
) -> None:
    path = put(root, "a.jpg")
    put(root, "b.jpg")
    scan(catalog, folder)
    index_all(catalog)
    aside = tmp_path / "aside.jpg"
    os.rename(path, aside)
    assert len(scan(catalog, folder).missing) == 1
    assert searchable(catalog) == {"b.jpg"}
    os.rename(aside, path)
    report = scan(catalog, folder)
    assert len(report.restored) == 1
    assert searchable(catalog) == {"a.jpg", "b.jpg"}
    assert catalog.photos.counts(PACK).pending == 0


@pytest.mark.parametrize("target", ["renamed.jpg", "other/place/a.jpg"])
def test_a_renamed_file_keeps_id_and_vector(catalog: Catalog, folder: Folder, root: Path, target: str) -> None:
    path = put(root, "a.jpg")
    put(root, "b.jpg")
    (photo_id,) = [i for i in scan(catalog, folder).new if catalog.photos.get([i])[i].path == path]
    index_all(catalog)
    (root / target).parent.mkdir(parents=True, exist_ok=True)
    os.rename(path, root / target)
    report = scan(catalog, folder)
    assert report.moved == [photo_id]
    assert (report.new, report.missing) == ([], [])
    assert catalog.photos.get([photo_id])[photo_id].path == root / target
    assert catalog.photos.counts(PACK).pending == 0


def test_a_renamed_folder_keeps_all_vectors(catalog: Catalog, folder: Folder, root: Path) -> None:
    for number in range(30):
        put(root, f"album/{number}.jpg")
    scan(catalog, folder)
    index_all(catalog)
    os.rename(root / "album", root / "summer")
    report = scan(catalog, folder)
    assert len(report.moved) == 30
    assert catalog.photos.counts(PACK).indexed == 30
    assert catalog.photos.counts(PACK).total == 30


def test_a_move_to_another_root_is_seen_from_both_sides(catalog: Catalog, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for place in (here, there):
        place.mkdir()
        put(place, "stay.jpg", place.name.encode() * 40)
    first, second = catalog.folders.add(here), catalog.folders.add(there)
    path = put(here, "a.jpg")
    scan(catalog, first)
    scan(catalog, second)
    index_all(catalog)
    shutil.move(path, there / "a.jpg")
    assert len(scan(catalog, first).missing) == 1
    assert len(scan(catalog, second).moved) == 1
    assert catalog.photos.counts(PACK).pending == 0


def test_two_copies_of_one_missing_photo_take_it_over_only_once(catalog: Catalog, folder: Folder, root: Path) -> None:
    path = put(root, "a.jpg", b"same" * 100)
    scan(catalog, folder)
    index_all(catalog)
    path.unlink()
    put(root, "b.jpg", b"same" * 100)
    put(root, "c.jpg", b"same" * 100)
    report = scan(catalog, folder)
    assert len(report.moved) == 1
    assert len(report.new) == 1


@pytest.mark.parametrize("how", ["gone", "empty"])
def test_a_missing_root_deletes_nothing(catalog: Catalog, folder: Folder, root: Path, how: str) -> None:
    put(root, "a.jpg")
    scan(catalog, folder)
    index_all(catalog)
    shutil.rmtree(root)
    if how == "empty":
        root.mkdir()
    report = scan(catalog, folder)
    assert report.offline
    assert report.missing == []
    assert searchable(catalog) == {"a.jpg"}


def test_a_folder_that_was_always_empty_is_not_offline(catalog: Catalog, folder: Folder) -> None:
    assert not scan(catalog, folder).offline


def test_links_are_not_followed(catalog: Catalog, folder: Folder, root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    put(outside, "secret.jpg")
    put(root, "a.jpg")
    (root / "loop").symlink_to(root)
    (root / "out").symlink_to(outside)
    (root / "link.jpg").symlink_to(outside / "secret.jpg")
    assert scan(catalog, folder).found == 1


def test_names_that_are_no_text_survive(catalog: Catalog, folder: Folder, root: Path) -> None:
    raw = os.fsencode(root) + b"/caf\xe9 \xff.jpg"
    with open(raw, "wb") as file:
        file.write(b"x" * 100)
    put(root, "neue\nZeile 🙂 \u202eabc.jpg")
    report = scan(catalog, folder)
    assert report.found == 2
    paths = {os.fsencode(photo.path) for photo in catalog.photos.get(report.new).values()}
    assert raw in paths
    assert scan(catalog, folder).unchanged == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_folder_loses_nothing(catalog: Catalog, folder: Folder, root: Path) -> None:
    put(root, "closed/a.jpg")
    put(root, "b.jpg")
    scan(catalog, folder)
    index_all(catalog)
    (root / "closed").chmod(0)
    try:
        report = scan(catalog, folder)
    finally:
        (root / "closed").chmod(0o755)
    assert report.missing == []
    assert len(report.unreadable) == 1


def test_the_programs_own_folders_are_left_out(catalog: Catalog, folder: Folder, root: Path) -> None:
    put(root, "cache/thumb.jpg")
    put(root, "a.jpg")
    assert scan(catalog, folder, skip=(root / "cache",)).found == 1


def test_single_paths_are_compared_like_a_scan(catalog: Catalog, folder: Folder, root: Path) -> None:
    scanner = Scanner(catalog)
    first, second = put(root, "a.jpg"), put(root, "b.jpg")
    assert len(scanner.look_at(folder, [first, second, root / "notes.txt"]).new) == 2
    index_all(catalog)
    os.rename(first, root / "c.jpg")
    second.unlink()
    report = scanner.look_at(folder, [root / "c.jpg", first, second])
    assert len(report.moved) == 1
    assert len(report.missing) == 1
    assert searchable(catalog) == {"c.jpg"}


def test_paths_outside_or_hidden_are_ignored(catalog: Catalog, folder: Folder, root: Path, tmp_path: Path) -> None:
    outside = put(tmp_path / "elsewhere", "a.jpg")
    hidden = put(root, ".trash/b.jpg")
    assert Scanner(catalog).look_at(folder, [outside, hidden]).found == 0


def test_a_scan_can_be_stopped(root: Path) -> None:
    put(root, "a.jpg")
    token = CancelToken()
    token.cancel()
    with pytest.raises(CancelledError):
        list(walk(root, ScanReport(), token))


def test_the_root_of_a_path(catalog: Catalog, folder: Folder, root: Path, tmp_path: Path) -> None:
    assert folder_of([folder], root / "x" / "y.jpg") == folder
    assert folder_of([folder], tmp_path / "photos-2" / "y.jpg") is None


def test_a_folder_in_a_photos_place_makes_it_missing(catalog: Catalog, folder: Folder, root: Path) -> None:
    path = put(root, "a.jpg")
    put(root, "b.jpg")
    scan(catalog, folder)
    known = catalog.files.at(path)
    assert known is not None
    path.unlink()
    path.mkdir()
    report = Scanner(catalog).look_at(folder, [path])
    assert report.missing == [known.id]
