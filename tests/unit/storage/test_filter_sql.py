# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters asked of a catalog: each finds what a person means by it, also after files moved or went."""

from __future__ import annotations

import datetime
import os
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semantic_photos.domain.alternatives import filters
from semantic_photos.domain.filter_registry import FILTERS, FilterKind
from semantic_photos.domain.filters import All, AnyOf, Is, Named, Node, Not
from semantic_photos.domain.photo import PhotoFacts, PhotoId
from semantic_photos.domain.query_language import read
from semantic_photos.storage.database import Database
from semantic_photos.storage.filter_sql import Filters
from semantic_photos.storage.listing import Listing
from semantic_photos.storage.schema import FIRST, LADDER, Ladder
from tests.unit.storage.conftest import Shelf


class Album:
    """A shelf with photos of which something is known, named by their files."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self.filters = Filters(shelf.database, today=lambda: datetime.date(2024, 7, 10))
        self.listing = Listing(shelf.database)
        self.ids: dict[str, PhotoId] = {}

    def add(self, name: str, **facts: object) -> PhotoId:
        number = len(self.ids)
        path = self.shelf.root / name
        (photo_id,) = self.shelf.catalog.files.add(self.shelf.folder, [(path, self.shelf.stamp(number))])
        known = PhotoFacts(**({"format": "JPEG", "width": 4, "height": 3} | facts))  # type: ignore[arg-type]
        self.shelf.catalog.queue.commit("pack-a", [self.shelf.row(photo_id, facts=known)])
        self.ids[Path(os.fsencode(name).decode("utf-8", "replace")).name] = photo_id
        return photo_id

    def tag(self, name: str, tag: str, standing: int = 2) -> None:
        with self.shelf.database.transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO tag (name) VALUES (?)", (tag,))
            connection.execute(
                "INSERT INTO photo_tag SELECT ?, id, ?, NULL, 0 FROM tag WHERE name = ?",
                (self.ids[name], standing, tag),
            )

    def remark(self, name: str, rating: int = 0, favourite: int = 0, caption: str = "") -> None:
        with self.shelf.database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO remark VALUES (?, ?, ?, ?)", (self.ids[name], rating, favourite, caption)
            )

    def find(self, text: str) -> set[str]:
        tree = filters(read(text).tree)
        assert tree is not None, text
        found = set(self.filters.ids(tree).tolist())
        return {name for name, photo_id in self.ids.items() if photo_id in found}


@pytest.fixture(scope="module")
def ready() -> Iterator[Album]:
    """An album that tests only ask: made once for all of them."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        shelf = Shelf(Path(folder) / "catalog.sqlite")
        yield filled(Album(shelf))
        shelf.database.close()


def test_answers_of_a_thread_that_ended_are_not_those_of_the_next(shelf: Shelf) -> None:
    shelf.indexed(1, 2)
    questions, seen = Filters(shelf.database), []

    def ask() -> None:
        (mask,) = questions.masks([Is("favourite")])
        seen.append((np.flatnonzero(mask).tolist(), len(mask)))

    favourites: list[int] = []
    for number in range(3, 6):
        # The system gives the number of a thread that ended to the next one.
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
        assert seen[-1] == (favourites, number)
        (new,) = shelf.indexed(number)
        with shelf.database.transaction() as connection:
            connection.execute("INSERT INTO remark (photo_id, favourite) VALUES (?, 1)", (new,))
        favourites.append(int(new))


def test_many_cameras(shelf: Shelf) -> None:
    with shelf.database.transaction() as connection:
        rows = [(f"/photos/more/{n}".encode(), f"Canon {n}") for n in range(200)]
        connection.executemany(
            "INSERT INTO photo (folder_id, path, camera, size, mtime_ns, sort_key) VALUES (1, ?, ?, 1, 1, 1)", rows
        )
        # As many as some builds of SQLite allow in all.
        connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 99)
    assert len(Filters(shelf.database).ids(Named("camera", "canon"))) == 200


@pytest.fixture
def album(shelf: Shelf) -> Album:
    return filled(Album(shelf))


def filled(made: Album) -> Album:
    made.add("Holiday/Day 1/IMG_4821.jpg", taken="2024-07-10T08:00:00", camera="Canon EOS R5")
    made.add("Holiday/IMG_4822.png", format="PNG", taken="2023-12-31T23:59:59", latitude=48.85, longitude=2.35)
    made.add("Straße/Äpfel 100%.heic", format="HEIF", taken="2024-01-01T00:00:00", latitude=-16.5, longitude=179.99)
    made.add("work/a_b.jpg", taken="2024-07-09T23:59:59", camera="SONY ILCE-7", latitude=-16.5, longitude=-179.99)
    made.tag("IMG_4821.jpg", "animal|dog")
    made.tag("IMG_4822.png", "Birthday party", 1)
    made.tag("a_b.jpg", "animal|dog", 4)
    made.tag("Äpfel 100%.heic", "fruit", 0)
    made.remark("IMG_4821.jpg", rating=5, favourite=1, caption="Our Dog at the lake")
    made.remark("IMG_4822.png", rating=-1)
    made.remark("a_b.jpg", rating=3)
    return made


DOG, PARTY, APPLE, WORK = "IMG_4821.jpg", "IMG_4822.png", "Äpfel 100%.heic", "a_b.jpg"


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ('"img_48"', {DOG, PARTY}),
        ('"dog at the lake"', {DOG}),
        ('"birthday"', {PARTY}),
        ('"fruit"', {APPLE}),
        ("file:ÄPFEL", {APPLE}),
        ("file:äpf", {APPLE}),
        ("file:100%", {APPLE}),
        ("file:a_b", {WORK}),
        ("file:xyz", set()),
        ("folder:holiday", {DOG, PARTY}),
        ('folder:"day 1"', {DOG}),
        ("folder:holiday/day", {DOG}),
        ("folder:/photos/holiday", {DOG, PARTY}),
        ("folder:straße", {APPLE}),
        ("folder:photos", {DOG, PARTY, APPLE, WORK}),
        ("tag:dog", {DOG}),
        ("tag:animal", {DOG}),
        ("tag:animal/dog", {DOG}),
        ("tag:anim", set()),
        ('tag:"birthday party"', {PARTY}),
        ("tag:/", set()),
        ("camera:canon", {DOG}),
        ("-camera:canon", {PARTY, APPLE, WORK}),
        ("rating:5", {DOG}),
        ("rating:>=3", {DOG, WORK}),
        ("rating:0", {APPLE}),
        ("rating:rejected", {PARTY}),
        ("rating:0..3", {APPLE, WORK}),
        ("type:jpg", {DOG, WORK}),
        ("type:heic", {APPLE}),
        ("date:2024", {DOG, APPLE, WORK}),
        ("date:2023-12-31", {PARTY}),
        ("date:2023..2024", {DOG, PARTY, APPLE, WORK}),
        ("date:today", {DOG}),
        ("date:yesterday", {WORK}),
        ("date:last year", {PARTY}),
        ("before:2024", {PARTY}),
        ("after:2024-07-09", {DOG}),
        ("after:2023 before:2024-07", {APPLE}),
        ("near:48.86,2.34,2", {PARTY}),
        ("near:48.95,2.35,5", set()),
        ("near:-16.5,180,5", {APPLE, WORK}),
        ("near:90,0,20000", {PARTY, APPLE, WORK}),
        ("is:favourite", {DOG}),
        ("is:untagged", {APPLE, WORK}),
        ("is:tagged", {DOG, PARTY}),
        ("is:rated", {DOG, PARTY, WORK}),
        ("is:failed", set()),
        ("tag:dog OR type:png", {DOG, PARTY}),
        ("-(tag:dog OR type:png)", {APPLE, WORK}),
        ("date:2024 (type:heic OR camera:sony) -is:favourite", {APPLE, WORK}),
    ],
)
def test_a_filter_finds_what_is_meant(ready: Album, typed: str, names: set[str]) -> None:
    assert ready.find(typed) == names


@pytest.mark.parametrize("kind", FILTERS, ids=lambda kind: kind.name)
def test_every_filter_finds_photos_and_its_negation_all_others(ready: Album, kind: FilterKind) -> None:
    found = [ready.find(f"{kind.name}:{value}") for value in (*kind.examples, *kind.values)]
    assert any(found)
    for names, value in zip(found, (*kind.examples, *kind.values), strict=True):
        assert ready.find(f"-{kind.name}:{value}") == set(ready.ids) - names
    for values in (kind.values, kind.values[:1]):
        either = " OR ".join(f"{kind.name}:{value}" for value in values)
        if either:
            assert ready.find(either) == set().union(*map(ready.find, either.split(" OR ")))


def test_orientation_is_that_of_the_photo_as_shown(shelf: Shelf) -> None:
    album = Album(shelf)
    # What the decoder reports is turned by EXIF already; nothing is known of a photo that waits.
    for name, size in {"tall": (3000, 4000), "wide": (4000, 3000), "square": (900, 900), "almost": (900, 901)}.items():
        album.add(name, width=size[0], height=size[1])
    (waiting,) = shelf.catalog.files.add(shelf.folder, [(shelf.root / "new.jpg", shelf.stamp(9))])
    album.ids["waiting"] = waiting
    assert album.find("orientation:portrait") == {"tall", "almost"}
    assert album.find("orientation:landscape") == {"wide"}
    assert album.find("orientation:square") == {"square"}
    assert album.find("-orientation:portrait") == {"wide", "square", "waiting"}
    assert album.find("orientation:portrait OR orientation:landscape OR orientation:square") == set(album.ids) - {
        "waiting"
    }


def test_names_follow_files_that_move_and_go(album: Album) -> None:
    catalog, shelf = album.shelf.catalog, album.shelf
    catalog.files.mark_missing([album.ids[DOG]])
    assert album.find("is:missing") == {DOG}
    catalog.files.move(album.ids[DOG], shelf.root / "New" / "renamed.jpg", shelf.stamp(0), shelf.folder)
    assert album.find("file:img_4821") == set()
    assert album.find("file:renamed folder:new") == {DOG}
    catalog.folders.remove(shelf.folder)
    assert album.find('"e"') == set()
    with shelf.database.read() as connection:
        assert connection.execute("SELECT count(*) FROM place").fetchone()[0] == 0


def test_answers_are_of_now(album: Album) -> None:
    assert album.find("rating:2") == set()
    album.remark(WORK, rating=2)
    assert album.find("rating:2") == {WORK}
    album.add("later.jpg", camera="Canon")
    assert album.find("camera:canon") == {DOG, "later.jpg"}


def test_paths_that_are_no_text(album: Album) -> None:
    name = os.fsdecode(b"fol\xffder/odd\xfename.jpg")
    photo_id = album.add(name)
    tree = read('file:name.jpg folder:"der"').tree
    assert isinstance(tree, All)
    assert album.filters.ids(tree).tolist() == [photo_id]
    assert album.find('"\ud800"') == set()


def test_the_person_s_own_names_are_told_with_their_numbers(album: Album) -> None:
    assert album.filters.named("tag") == [("Birthday party", 1), ("animal|dog", 1), ("fruit", 1)]
    assert album.filters.named("camera") == [("Canon EOS R5", 1), ("SONY ILCE-7", 1)]
    assert album.filters.named("type") == [("jpg", 2), ("heic", 1), ("png", 1)]
    assert album.filters.named("folder")[:3] == [("photos", 4), ("Holiday", 2), ("Day 1", 1)]


def test_lists_are_sorted_as_people_sort(album: Album) -> None:
    ids = np.array(list(album.ids.values()), np.int64)
    shown = {photo_id: name for name, photo_id in album.ids.items()}
    assert [shown[PhotoId(i)] for i in album.listing.by_date(ids)] == [DOG, WORK, APPLE, PARTY]
    assert [shown[PhotoId(i)] for i in album.listing.browsed()] == [DOG, WORK, APPLE, PARTY]
    names = ["IMG_10.jpg", "IMG_9.jpg", "img_9b.jpg", f"{'9' * 5000}.jpg"[:200]]
    photos = [album.add(name) for name in names]
    order = album.listing.by_name(np.array([*photos, 999], np.int64)).tolist()
    assert [photos.index(PhotoId(i)) for i in order] == [3, 1, 2, 0]


_TYPED = ["tag:dog", "type:jpg", "rating:>=3", "date:2024", "is:untagged", "file:img", "near:0,0,20000"]


def _evaluated(album: Album, tree: Node) -> set[str]:
    if isinstance(tree, Not):
        return set(album.ids) - _evaluated(album, tree.part)
    if isinstance(tree, All | AnyOf):
        parts = [_evaluated(album, part) for part in tree.parts]
        return set.intersection(*parts) if isinstance(tree, All) else set.union(*parts)
    return album.find(str(tree))


def test_trees_are_boolean_algebra(ready: Album) -> None:
    typed = st.recursive(
        st.sampled_from(_TYPED),
        lambda inner: st.one_of(
            st.lists(inner, min_size=2, max_size=3).map(lambda parts: "(" + " OR ".join(parts) + ")"),
            st.lists(inner, min_size=2, max_size=3).map(lambda parts: "(" + " ".join(parts) + ")"),
            inner.map(lambda part: f"-{part}" if not part.startswith("-") else part),
        ),
        max_leaves=6,
    )

    @settings(max_examples=10, deadline=None, database=None)
    @given(typed)
    def check(text: str) -> None:
        tree = read(text).tree
        assert tree is not None
        assert ready.find(text) == _evaluated(ready, tree)

    check()


def test_a_catalog_from_before_gets_its_names(tmp_path: Path) -> None:
    path = tmp_path / "old.sqlite"
    before = {version: rung for version, rung in LADDER.rungs.items() if version == 1}
    old = Database.open(path, ladder=Ladder(2, (*FIRST, *LADDER.rungs[1]), before))
    with old.transaction() as connection:
        connection.execute("INSERT INTO folder (path) VALUES (?)", (b"/photos",))
        for name in (b"a/one.jpg", b"a/two.jpg", b"b\xff/three.jpg"):
            connection.execute(
                "INSERT INTO photo (folder_id, path, size, mtime_ns, sort_key) VALUES (1, ?, 1, 1, 1)",
                (b"/photos/" + name,),
            )
    old.close()
    database = Database.open(path)
    found = Filters(database)
    for typed, ids in (("file:one", [1]), ("folder:a", [1, 2]), ("folder:b", [3]), ("file:three.jpg", [3])):
        tree = read(typed).tree
        assert tree is not None
        assert found.ids(filters(tree) or tree).tolist() == ids
    database.close()
