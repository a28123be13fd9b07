# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing goes through real child processes; what fails is listed, tried again, and changes nothing."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from pathlib import Path

import pytest

from semantic_photos.domain.messages import CancelToken
from semantic_photos.domain.photo import FileStamp
from semantic_photos.domain.tags import Act, Standing
from semantic_photos.media import sidecar
from semantic_photos.media.fingerprint import content_key
from semantic_photos.media.keywords import read_words
from semantic_photos.services.indexing.scanner import Scanner
from semantic_photos.services.metadata import keyword_files
from semantic_photos.storage.keyword_sync import WriteJob
from tests.fakes.keyword_world import World, elsewhere

pytestmark = pytest.mark.slow


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
    assert "No space left" in world.files.failed()[0].reason
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
    assert world.catalog.photos.get([photo])[photo].content_key == content_key(world.root.path / "a.jpg")
    assert world.catalog.vectors.searchable_ids("p").tolist() == [photo]
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
