# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing goes through real child processes; what fails is listed, tried again, and changes nothing."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from semantic_photos.domain.messages import CancelToken
from semantic_photos.domain.photo import FileStamp, PhotoFacts, PhotoId
from semantic_photos.domain.tagging import Act, Standing
from semantic_photos.media import sidecar
from semantic_photos.media.decoder_pool import DecoderPool
from semantic_photos.media.edits import EditRequest
from semantic_photos.media.fingerprint import content_key
from semantic_photos.media.keyword_edit import edit
from semantic_photos.media.keywords import read_words
from semantic_photos.services import file_changes, keyword_files
from semantic_photos.services.concurrency import EventBus
from semantic_photos.services.file_changes import WriteReport
from semantic_photos.services.keyword_files import KeywordFiles
from semantic_photos.services.scanner import Scanner
from semantic_photos.storage.catalog import Catalog, IndexedPhoto
from semantic_photos.storage.database import Database
from semantic_photos.storage.exchange import Exchange, WriteJob
from semantic_photos.storage.tags import TagStore
from tests.fakes.encoders import word_vector
from tests.unit.media.test_keywords import BOMB, bag, packet

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def decoders() -> Iterator[DecoderPool]:
    pool = DecoderPool(1)
    yield pool
    pool.close()


class World:
    def __init__(self, folder: Path, decoders: DecoderPool) -> None:
        self.database = Database.open(folder / "catalog.sqlite")
        self.catalog, self.store = Catalog(self.database), TagStore(self.database)
        (folder / "photos").mkdir()
        self.root = self.catalog.add_folder(folder / "photos")
        self.exchange = Exchange(self.database)
        self.files = KeywordFiles(self.catalog, self.exchange, decoders, EventBus())

    def add(self, name: str) -> PhotoId:
        path = self.root.path / name
        Image.radial_gradient("L").resize((24, 18)).convert("RGB").save(path)
        status = path.stat()
        stamp = FileStamp(status.st_size, status.st_mtime_ns, status.st_ino)
        (photo,) = self.catalog.add_pending(self.root.id, [(path, stamp)])
        row = IndexedPhoto(photo, stamp, content_key(path), PhotoFacts(24, 18, "JPEG"), word_vector("red"))
        self.catalog.commit_batch("p", [row])
        return photo

    def tags(self, photo: PhotoId) -> dict[str, Standing]:
        return {line.tag: line.standing for line in self.store.lines([photo], rejected=True).get(photo, [])}

    def names(self) -> list[str]:
        return sorted(path.name for path in self.root.path.iterdir())


@pytest.fixture
def world(tmp_path: Path, decoders: DecoderPool) -> Iterator[World]:
    made = World(tmp_path, decoders)
    yield made
    made.files.close()
    made.database.close()


def test_a_full_disk_is_said_and_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = world.add("a.jpg"), world.add("b.jpg")
    world.store.act(Act.ADD, [a, b], "dog")
    real = os.write

    def full(descriptor: int, data: memoryview) -> int:
        if len(data) > 500:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(descriptor, data)

    with monkeypatch.context() as patched:
        patched.setattr(sidecar.os, "write", full)
        report = world.files.write()
    assert [failed.code for failed in report.failures] == ["write.no-space"] * 2
    assert "no space left" in world.files.failed()[0].reason
    assert world.names() == ["a.jpg", "b.jpg"]
    report = world.files.write(failed_only=True)
    assert (len(report.changes), report.failures, world.files.failed()) == (2, (), [])
    assert world.names() == ["a.jpg", "a.jpg.xmp", "b.jpg", "b.jpg.xmp"]


def test_one_folder_that_cannot_be_written_stops_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = world.add("a.jpg"), world.add("b.jpg")
    world.store.act(Act.ADD, [a, b], "dog")
    real = os.open

    def refuse(path: object, *arguments: int, **more: int) -> int:
        if ".a.jpg.xmp" in str(path):
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))
        return real(path, *arguments, **more)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(sidecar.os, "open", refuse)
        report = world.files.write()
    assert ([failed.code for failed in report.failures], len(report.changes)) == (["write.no-permission"], 1)


def test_a_photo_that_changes_while_it_is_written_to_is_left_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = world.add("a.jpg")
    world.store.act(Act.ADD, [photo], "dog")
    path = world.root.path / "a.jpg"
    real = sidecar._compare

    def meanwhile(temporary: Path, data: bytes) -> None:
        real(temporary, data)
        path.write_bytes(b"another program's work")

    with monkeypatch.context() as patched:
        patched.setattr(sidecar, "_compare", meanwhile)
        report = world.files.write(embed=True)
    assert report.failures[0].code == "write.changed"
    assert path.read_bytes() == b"another program's work"
    assert world.files.write(embed=True).failures[0].code == "write.changed", "it waits to be read again"


def test_embedding_is_no_change_to_the_library(world: World) -> None:
    photo = world.add("a.jpg")
    world.store.act(Act.ADD, [photo], "animal|dog")
    (change,) = world.files.write(embed=True).changes
    assert (change.embedded, change.added) == (True, ("animal|dog",))
    report = Scanner(world.catalog).scan(world.root, CancelToken())
    assert (report.changed, report.unchanged) == ([], 1)
    assert world.catalog.photos([photo])[photo].content_key == content_key(world.root.path / "a.jpg")
    assert world.catalog.searchable_ids("p").tolist() == [photo]
    assert world.files.read() == 0
    assert world.tags(photo) == {"animal|dog": Standing.MANUAL}


def test_a_removed_tag_leaves_sidecar_and_photo(world: World) -> None:
    photo = world.add("a.jpg")
    added = world.store.act(Act.ADD, [photo], "dog")
    world.files.write()
    world.files.write(embed=True)
    world.store.revert(added)
    report = world.files.write(embed=True)
    assert [(change.embedded, change.removed) for change in report.changes] == [(True, ("dog",)), (False, ("dog",))]
    world.files.read()
    assert world.tags(photo) == {}


def test_a_photo_that_says_it_all_needs_no_sidecar(world: World) -> None:
    photo = world.add("a.jpg")
    change = world.store.act(Act.ADD, [photo], "dog")
    world.files.write(embed=True)
    world.store.revert(change)
    world.exchange.wrote([(WriteJob(photo, world.root.path / "a.jpg", FileStamp(1, 1, 1), (), ()), "")])
    os.utime(world.root.path / "a.jpg", (1, 1))
    world.files.read()
    assert world.tags(photo) == {"dog": Standing.IMPORTED}
    assert world.files.write().changes == ()
    assert world.names() == ["a.jpg"]


def test_automatic_tags_are_written_only_when_asked(world: World) -> None:
    photo = world.add("a.jpg")
    world.store.suggest({photo: {"dog": 0.9, "cat": 0.6}})
    assert world.files.write() == world.files.write(dry_run=True)
    assert world.names() == ["a.jpg"]
    (change,) = world.files.write(automatic=0.8).changes
    assert change.added == ("dog",)
    world.files.read()
    assert world.tags(photo) == {"dog": Standing.AUTOMATIC, "cat": Standing.AUTOMATIC}, "ours are not foreign"
    world.store.remove_automatic()
    (change,) = world.files.write().changes
    assert change.removed == ("dog",)


def test_adobes_name_and_an_existing_sidecar(world: World) -> None:
    a, b = world.add("a.jpg"), world.add("b.jpg")
    world.store.act(Act.ADD, [a, b], "dog")
    world.files.write([a])
    shutil.move(world.root.path / "a.jpg.xmp", world.root.path / "a.xmp")
    world.store.act(Act.ADD, [a], "cat")
    targets = [change.target.name for change in world.files.write(adobe=True).changes]
    assert targets == ["a.xmp", "b.xmp"]
    assert [change.target.name for change in world.files.write().changes] == []


def test_a_sidecar_that_is_none_is_not_written_over(world: World) -> None:
    photo = world.add("a.jpg")
    world.store.act(Act.ADD, [photo], "dog")
    (world.root.path / "a.jpg.xmp").write_text("my notes")
    report = world.files.write()
    assert report.failures[0].code == "write.unreadable"
    assert (world.root.path / "a.jpg.xmp").read_text() == "my notes"


def test_names_that_are_no_text(world: World) -> None:
    name = os.fsdecode(b"caf\xe9\xff.jpg")
    photo = world.add(name)
    world.store.act(Act.ADD, [photo], "dog")
    world.files.write()
    assert world.files.write(embed=True).failures == ()
    assert (world.root.path / f"{name}.xmp").exists()
    assert world.files.read() == 0


def test_cancelled_between_photos(world: World) -> None:
    photos = [world.add(f"{number}.jpg") for number in range(3)]
    world.store.act(Act.ADD, photos, "dog")
    token = CancelToken()
    report = world.files.write(token=token, on_progress=lambda done, total: token.cancel())
    assert (report.cancelled, len(report.changes)) == (True, 1)


# Other programs


def elsewhere(path: Path, *want: str, drop: tuple[str, ...] = ()) -> None:
    """Change a sidecar as another program does."""
    path.write_bytes(edit(EditRequest(path, True, path.exists(), want, drop)).data or b"")


def test_a_half_written_sidecar_takes_no_tags_away(world: World) -> None:
    photo, path = world.add("a.jpg"), world.root.path / "a.jpg.xmp"
    elsewhere(path, "dog", "beach")
    world.files.read()
    world.store.act(Act.ADD, [photo], "cat")
    world.files.write()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    world.files.read()
    assert set(world.tags(photo)) == {"dog", "beach", "cat"}
    assert world.files.write().failures[0].code == "write.unreadable"
    path.write_bytes(whole)
    world.files.read()
    assert world.files.write().changes == ()
    assert set(read_words(world.root.path / "a.jpg").tags) == {"dog", "beach", "cat"}


def test_keywords_taken_off_elsewhere_are_not_brought_back(world: World) -> None:
    photo, path = world.add("a.jpg"), world.root.path / "a.jpg.xmp"
    elsewhere(path, "dog", "cat")
    world.files.read()
    elsewhere(path, drop=("dog",))
    assert world.files.write(dry_run=True).changes == ()
    elsewhere(path, "sea", drop=("cat",))
    assert world.files.write().changes == ()
    assert read_words(world.root.path / "a.jpg").tags == ("sea",)
    assert world.tags(photo) == {"sea": Standing.IMPORTED}


@pytest.mark.parametrize("killed", [False, True])
def test_automatic_tags_stay_automatic_whatever_happens_while_they_are_written(
    world: World, monkeypatch: pytest.MonkeyPatch, killed: bool
) -> None:
    photo = world.add("a.jpg")
    world.store.suggest({photo: {"dog": 0.95}})
    real = keyword_files.put_in_place

    def and_then(*arguments: object, **more: bool) -> None:
        real(*arguments, **more)  # type: ignore[arg-type]
        if killed:
            raise KeyboardInterrupt
        world.files.read()

    with monkeypatch.context() as patched:
        patched.setattr(keyword_files, "put_in_place", and_then)
        if killed:
            with pytest.raises(KeyboardInterrupt):
                world.files.write(automatic=0.9)
        else:
            world.files.write(automatic=0.9)
    world.files.read()
    assert world.tags(photo) == {"dog": Standing.AUTOMATIC}
    world.store.remove_automatic()
    assert world.files.write().changes[0].removed == ("dog",)


def test_a_reading_waits_for_the_photo_that_is_written(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = world.add("a.jpg")
    world.store.act(Act.ADD, [photo], "dog")
    real = keyword_files.put_in_place
    reading = threading.Thread(target=world.files.read)
    waited: list[bool] = []

    def meanwhile(*arguments: object, **more: bool) -> None:
        real(*arguments, **more)  # type: ignore[arg-type]
        reading.start()
        reading.join(0.2)
        waited.append(reading.is_alive())

    monkeypatch.setattr(keyword_files, "put_in_place", meanwhile)
    world.files.write()
    reading.join(10)
    assert (waited, reading.is_alive()) == ([True], False)


def test_a_plain_writing_leaves_automatic_keywords(world: World) -> None:
    photo = world.add("a.jpg")
    world.store.suggest({photo: {"dog": 0.95}})
    world.files.write(automatic=0.9)
    assert world.files.write().changes == ()
    assert read_words(world.root.path / "a.jpg").tags == ("dog",)
    world.store.remove_automatic()
    assert world.files.write().changes[0].removed == ("dog",)


def test_a_sidecar_that_two_photos_share_is_left_alone(world: World) -> None:
    a, b = world.add("a.jpg"), world.add("a.png")
    elsewhere(world.root.path / "a.xmp", "dog")
    world.files.read()
    shared = (world.root.path / "a.xmp").read_bytes()
    world.store.act(Act.REJECT, [a], "dog")
    world.store.act(Act.ADD, [a], "cat")
    assert [change.target.name for change in world.files.write().changes] == ["a.jpg.xmp"]
    assert (world.root.path / "a.xmp").read_bytes() == shared
    world.files.read()
    assert world.tags(b) == {"dog": Standing.IMPORTED}
    assert world.tags(a) == {"dog": Standing.REJECTED, "cat": Standing.MANUAL}


def test_embedding_keeps_the_time_of_the_photo(world: World) -> None:
    photo, path = world.add("a.jpg"), world.root.path / "a.jpg"
    before = path.stat().st_mtime_ns
    world.store.act(Act.ADD, [photo], "dog")
    assert world.files.write(embed=True).failures == ()
    assert path.stat().st_mtime_ns == before
    os.link(path, world.root.path.parent / "other.jpg")
    world.store.act(Act.ADD, [photo], "cat")
    assert world.files.write(embed=True, dry_run=True).failures[0].code == "write.hard-link"
    assert world.files.write(embed=True).failures[0].code == "write.hard-link"


def test_what_could_not_be_written_is_not_ours(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    photo, path = world.add("a.jpg"), world.root.path / "a.jpg.xmp"
    world.store.suggest({photo: {"dog": 0.95}})

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(sidecar.os, "write", full)
        assert world.files.write(automatic=0.9).failures[0].code == "write.no-space"
    elsewhere(path, "dog")
    world.files.read()
    assert world.tags(photo) == {"dog": Standing.IMPORTED}


# Ratings and captions


def test_only_what_the_person_set_is_written(world: World) -> None:
    mine, theirs = world.add("mine.jpg"), world.add("theirs.jpg")
    elsewhere(world.root.path / "theirs.jpg.xmp", "sea")
    path = world.root.path / "theirs.jpg.xmp"
    path.write_bytes(edit(EditRequest(path, True, True, rating=3, caption="from elsewhere")).data or b"")
    world.files.read()
    assert world.files.write().changes == ()
    world.store.remark([mine], rating=4, caption="Bella\nam See")
    world.store.remark([theirs], rating=5)
    preview = world.files.write(dry_run=True)
    assert [(c.photo.name, c.rating, c.caption) for c in preview.changes] == [
        ("mine.jpg", 4, "Bella\nam See"), ("theirs.jpg", 5, None),
    ]  # fmt: skip
    assert world.names() == ["mine.jpg", "theirs.jpg", "theirs.jpg.xmp"]
    assert len(world.files.write().changes) == 2
    said = [read_words(world.root.path / name) for name in ("mine.jpg", "theirs.jpg")]
    assert [(words.rating, words.caption) for words in said] == [(4, "Bella\nam See"), (5, "from elsewhere")]
    assert world.files.write().changes == ()


def test_a_rating_changed_elsewhere_after_writing_comes_in(world: World) -> None:
    photo = world.add("a.jpg")
    world.store.remark([photo], rating=4, caption="mine")
    world.files.write()
    path = world.root.path / "a.jpg.xmp"
    path.write_bytes(edit(EditRequest(path, True, True, rating=2)).data or b"")
    assert world.files.write().changes == (), "it is not written over"
    world.files.read()
    remark = world.store.remarks([photo])[photo]
    assert (remark.rating, remark.caption) == (2, "mine")


def test_what_is_taken_off_goes_from_the_files(world: World) -> None:
    photo = world.add("a.jpg")
    world.store.remark([photo], rating=4, caption="mine")
    world.files.write(embed=True)
    world.store.remark([photo], rating=0, caption="")
    (change,) = world.files.write(embed=True).changes
    assert (change.rating, change.caption, change.embedded) == (0, "", True)
    words = read_words(world.root.path / "a.jpg")
    assert (words.rating or 0, words.caption) == (0, "")
    assert world.files.write(embed=True).changes == ()


def test_a_photo_that_says_its_rating_needs_no_sidecar(world: World) -> None:
    photo = world.add("a.jpg")
    world.store.remark([photo], rating=4)
    world.files.write(embed=True)
    world.store.act(Act.ADD, [photo], "dog")
    world.files.write(embed=True)
    assert world.files.write().changes == ()
    assert world.names() == ["a.jpg"]


def test_more_photos_than_a_portion_holds(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_changes, "PORTION", 3)
    photos = [world.add(f"{number}.jpg") for number in range(8)]
    world.store.act(Act.ADD, photos, "dog")
    told: list[tuple[int, int]] = []
    report = world.files.write(on_progress=lambda done, total: told.append((done, total)))
    assert (len(report.changes), told) == (8, [(number, 8) for number in range(1, 9)])
    assert world.files.write() == WriteReport(unchanged=8)


# What is made to hurt, in one writing with photos that are well


def test_hostile_neighbours_are_listed_and_stop_nobody(world: World) -> None:
    names = ["bomb.jpg", "broken.jpg", "gone.jpg", "many.jpg", "odd.jpg", "well.jpg"]
    photos = dict(zip(names, (world.add(name) for name in names), strict=True))
    folder = world.root.path
    (folder / "bomb.jpg.xmp").write_bytes(BOMB)
    (folder / "broken.jpg.xmp").write_bytes(packet(bag("dc:subject", "dog"))[:-60])
    (folder / "many.jpg.xmp").write_bytes(packet(bag("dc:subject", *(f"keyword {i}" for i in range(10_000)))))
    odd = ["AC/DC|live", "two\nlines", "👩‍👩‍👧 família", "שלום עולם", "a‮gpj.exe", "x" * 500]
    world.store.act(Act.ADD, list(photos.values()), "dog")
    world.store.remark([photos["broken.jpg"], photos["odd.jpg"]], rating=3, caption="שלום | / 👩‍👩‍👧\nzweite")
    for tag in odd:
        world.store.act(Act.ADD, [photos["odd.jpg"]], tag)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    (folder / "gone.jpg").unlink()
    report = world.files.write()
    assert {failed.path.name: failed.code for failed in report.failures} == {
        "bomb.jpg": "write.unreadable", "broken.jpg": "write.unreadable", "gone.jpg": "write.gone",
    }  # fmt: skip
    assert all(failed.reason for failed in world.files.failed())
    assert sorted(change.photo.name for change in report.changes) == ["many.jpg", "odd.jpg", "well.jpg"]
    untouched = [name for name in before if name.endswith(".jpg") or name.startswith("b")]
    assert all((folder / name).read_bytes() == before[name] for name in untouched if name != "gone.jpg")
    words = read_words(folder / "odd.jpg")
    assert set(words.tags) == {line.tag for line in world.store.lines([photos["odd.jpg"]])[photos["odd.jpg"]]}
    assert (words.rating, words.caption) == (3, "שלום | / 👩‍👩‍👧\nzweite")
    assert len(read_words(folder / "many.jpg").tags) == 10_000
    again = world.files.write()
    assert again.changes == ()
    assert len(again.failures) == 3
