# SPDX-License-Identifier: GPL-3.0-or-later
"""Ratings and captions written into files, many photos at once, and hostile neighbours among them."""

from __future__ import annotations

import pytest

from semantic_photos.domain.tags import Act
from semantic_photos.media.keyword_edit import edit
from semantic_photos.media.keyword_edit_values import EditRequest
from semantic_photos.media.keywords import read_words
from semantic_photos.services.metadata import keyword_changes
from semantic_photos.services.metadata.keyword_changes import WriteReport
from tests.fakes.keyword_world import World, elsewhere
from tests.unit.media.test_keywords import BOMB, bag, packet

pytestmark = pytest.mark.slow


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
    monkeypatch.setattr(keyword_changes, "PORTION", 3)
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
