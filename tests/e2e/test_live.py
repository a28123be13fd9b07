# SPDX-License-Identifier: GPL-3.0-or-later
"""An open library follows its folders, and lasts."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from semantic_photos.domain.errors import BusyError, FolderError
from semantic_photos.domain.messages import IndexingPhase, PhotosChanged
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.query import Query
from semantic_photos.paths import Paths
from semantic_photos.services.library.library import Library
from tests.e2e.conftest import make_photo

pytestmark = pytest.mark.slow

Opener = Callable[..., Library]


@pytest.fixture
def open_library(tmp_path: Path, pack: Path) -> Iterator[Opener]:
    opened: list[Library] = []

    def make(*, watch: bool = True, read_only: bool = False) -> Library:
        library = Library.open(Paths.under(tmp_path / "home"), pack_folder=pack, watch=watch, read_only=read_only)
        opened.append(library)
        return library

    yield make
    for library in opened:
        library.close()


def found(library: Library, text: str, n: int = 100) -> list[str]:
    page = library.search.run(Query.parse(text), limit=n)
    photos = library.photos([PhotoId(i) for i in page.ids.tolist()])
    return [photos[PhotoId(i)].path.name for i in page.ids.tolist()]


def eventually(condition: Callable[[], bool], seconds: float = 15.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


def test_a_watched_folder_is_followed(open_library: Opener, photos: Path) -> None:
    library = open_library()
    changes: list[PhotosChanged] = []
    library.bus.subscribe(PhotosChanged, changes.append)
    library.add_folder(photos)
    assert library.indexer.wait_until_idle(60)
    assert library.counts().indexed == 24

    make_photo(photos / "sub" / "new.jpg", "red", number=77)
    assert eventually(lambda: "new.jpg" in found(library, "red"))
    make_photo(photos / "second.jpg", "red", number=78)
    assert eventually(lambda: "second.jpg" in found(library, "red"))

    encoded = library.indexer.indexed
    os.rename(photos / "second.jpg", photos / "third.jpg")
    assert eventually(lambda: "third.jpg" in found(library, "red") and "second.jpg" not in found(library, "red"))
    os.rename(photos / "sub", photos / "other")
    assert eventually(lambda: (photos / "other" / "new.jpg") in all_paths(library))
    assert eventually(lambda: library.counts().pending == 0)
    assert library.indexer.indexed == encoded, "a rename must not run the network"

    (photos / "third.jpg").unlink()
    assert eventually(lambda: "third.jpg" not in found(library, "red"))
    assert any(change.added for change in changes)
    assert any(change.removed for change in changes)


def all_paths(library: Library) -> set[Path]:
    ids = [PhotoId(i) for i in library.catalog.listing.browsed().tolist()]
    return {photo.path for photo in library.photos(ids).values()}


def test_a_root_that_vanishes_keeps_its_photos(open_library: Opener, photos: Path, tmp_path: Path) -> None:
    library = open_library()
    library.add_folder(photos)
    assert library.indexer.wait_until_idle(60)
    os.rename(photos, tmp_path / "unplugged")
    assert eventually(lambda: not library.folders()[0].online)
    assert found(library, "red") == []
    assert library.counts().offline == 24
    assert any("is offline" in notice.text for notice in library.notices())
    os.rename(tmp_path / "unplugged", photos)
    assert eventually(lambda: len(found(library, "red")) == 24)
    assert library.indexer.indexed == 24
    assert not library.notices()


def test_a_restart_encodes_nothing(open_library: Opener, photos: Path) -> None:
    library = open_library()
    library.add_folder(photos)
    assert library.indexer.wait_until_idle(60)
    before = found(library, "red")
    library.close()
    again = open_library()
    assert again.indexer.wait_until_idle(60)
    assert again.indexer.indexed == 0
    assert found(again, "red") == before


def test_pause_and_resume(open_library: Opener, photos: Path) -> None:
    library = open_library()
    library.indexer.pause()
    library.add_folder(photos)
    assert not eventually(lambda: library.counts().indexed > 0, seconds=1.0)
    assert library.indexer.progress.phase is IndexingPhase.PAUSED
    library.indexer.resume()
    assert library.indexer.wait_until_idle(60)
    assert library.counts().indexed == 24


def test_a_removed_folder_leaves_the_results_and_the_files(open_library: Opener, photos: Path) -> None:
    library = open_library()
    folder = library.add_folder(photos)
    assert library.indexer.wait_until_idle(60)
    library.remove_folder(folder.id)
    assert found(library, "red") == []
    assert library.counts().total == 0
    assert len(list(photos.iterdir())) == 24


def test_a_failed_photo_can_be_tried_again(open_library: Opener, photos: Path) -> None:
    library = open_library()
    whole = (photos / "red-00.jpg").read_bytes()
    (photos / "red-00.jpg").write_bytes(whole[:200])
    library.add_folder(photos)
    assert library.indexer.wait_until_idle(60)
    assert [failed.path.name for failed in library.failures()] == ["red-00.jpg"]
    (photos / "red-00.jpg").write_bytes(whole)
    assert eventually(lambda: "red-00.jpg" in found(library, "red") and not library.failures())


def test_one_writer_and_many_readers(open_library: Opener, photos: Path) -> None:
    library = open_library()
    library.add_folder(photos)
    assert library.indexer.wait_until_idle(60)
    with pytest.raises(BusyError):
        open_library()
    reader = open_library(watch=False, read_only=True)
    assert found(reader, "blue", 1)[0].startswith("blue")


def test_folders_that_make_no_sense(open_library: Opener, photos: Path) -> None:
    library = open_library()
    with pytest.raises(FolderError):
        library.add_folder(photos / "nothing")
    with pytest.raises(FolderError):
        library.add_folder(photos / "red-00.jpg")


def test_focus_moves_the_results(open_library: Opener, tmp_path: Path) -> None:
    from PIL import Image

    from tests.e2e.conftest import COLOURS

    photos = tmp_path / "photos"
    for colour in COLOURS:
        make_photo(photos / f"{colour}.jpg", colour)
    both = Image.new("RGB", (96, 96), COLOURS["red"])
    both.paste(COLOURS["blue"], (48, 0, 96, 96))
    both.save(photos / "both.png")
    library = open_library(watch=False)
    library.add_folder(photos)
    assert library.indexer.wait_until_idle(60)
    photo = library.catalog.photos.by_path(photos / "both.png")
    assert photo is not None
    for colour in ("red", "blue"):
        page = library.search.run(Query.similar_to(photo.id).with_focus(colour), limit=5)
        order = [library.photos([PhotoId(i)])[PhotoId(i)].path.stem for i in page.ids.tolist()]
        other = "blue" if colour == "red" else "red"
        assert order.index(colour) < order.index(other)


def test_thumbnails_and_previews(open_library: Opener, photos: Path) -> None:
    library = open_library(watch=False)
    library.add_folder(photos)
    assert library.indexer.wait_until_idle(60)
    photo = library.catalog.photos.by_path(photos / "red-00.jpg")
    assert photo is not None
    assert (library.thumbnail(photo) or b"")[:2] == b"\xff\xd8"
    shutil.rmtree(library.paths.thumbnails)
    assert (library.thumbnail(photo) or b"")[:2] == b"\xff\xd8"
    preview = library.preview(photo.path, 64)
    assert max(preview.shape[:2]) <= 64
    assert preview[30, 30, 0] > 180
