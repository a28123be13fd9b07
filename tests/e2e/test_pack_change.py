# SPDX-License-Identifier: GPL-3.0-or-later
"""A better pack is installed: the old one answers until the new one is ready, and what the user did stays."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from semantic_photos.domain.messages import PackChangeProgress
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.query import Query
from semantic_photos.domain.tags import Act
from semantic_photos.paths import Paths
from semantic_photos.services.indexing.pack_change import READY
from semantic_photos.services.library.library import Library
from semantic_photos.services.library.pack_choice import KEEP_OLD_VECTORS_S, prune_old_packs
from tests.e2e.conftest import COLOURS, Program, make_photo
from tests.fakes.packs import build_tiny_pack

pytestmark = pytest.mark.slow

Opener = Callable[..., Library]


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    made = Paths.under(tmp_path / "home")
    build_tiny_pack(made.packs / "tiny-1", name="tiny-1")
    return made


def install_better(paths: Paths) -> None:
    build_tiny_pack(paths.packs / "tiny-2", side=48, name="tiny-2", version="0.0.2")


@pytest.fixture
def open_library(paths: Paths) -> Iterator[Opener]:
    opened: list[Library] = []

    def make(*, read_only: bool = False) -> Library:
        library = Library.open(paths, read_only=read_only)
        opened.append(library)
        assert library.indexer.wait_until_idle(60) or read_only
        return library

    yield make
    for library in opened:
        library.close()


def index(open_library: Opener, *folders: Path) -> Library:
    library = open_library()
    for folder in folders:
        library.add_folder(folder)
    assert library.indexer.wait_until_idle(60)
    return library


def pack_of(library: Library) -> str:
    assert library.pack is not None
    return library.pack.id


def found(library: Library, text: str) -> set[str]:
    page = library.search.run(Query.parse(text), limit=100)
    return {photo.path.name for photo in library.photos([PhotoId(i) for i in page.ids.tolist()]).values()}


def prepare(library: Library) -> list[PackChangeProgress]:
    told: list[PackChangeProgress] = []
    library.bus.subscribe(PackChangeProgress, told.append)
    library.pack_change.start()
    assert library.pack_change.settle(60)
    return told


def test_the_old_pack_answers_until_the_new_one_is_ready(open_library: Opener, paths: Paths, photos: Path) -> None:
    index(open_library, photos).close()
    install_better(paths)
    library = open_library()
    assert pack_of(library) == "tiny-1"
    everything = found(library, "red")
    assert len(everything) == 24
    assert library.counts().indexed == 24
    library.pack_change.pause()
    library.pack_change.start()
    assert not library.pack_change.settle(0.6), "paused"
    assert library.pack_change.progress() == PackChangeProgress(0, 24, running=True)
    library.pack_change.resume()
    answers = [found(library, "red")]
    while not library.pack_change.settle(0.01):
        answers.append(found(library, "red"))
    assert all(answer == everything for answer in answers)
    assert READY in library.notices()
    reader = open_library(read_only=True)
    assert (pack_of(reader), found(reader, "red")) == ("tiny-1", everything)
    reader.close()
    library.close()
    again = open_library()
    assert pack_of(again) == "tiny-2"
    assert again.indexer.indexed == 0, "nothing is encoded twice"
    assert found(again, "red") == everything
    assert not again.pack_change.is_needed
    assert READY not in again.notices()


def test_new_photos_are_found_at_once_and_prepared_too(open_library: Opener, paths: Paths, photos: Path) -> None:
    index(open_library, photos).close()
    install_better(paths)
    library = open_library()
    prepare(library)
    make_photo(photos / "late.jpg", "red", number=99)
    library.rescan()
    assert library.indexer.wait_until_idle(60)
    assert "late.jpg" in found(library, "red")
    end = time.monotonic() + 30
    while library.pack_change.progress().done < 25 and time.monotonic() < end:
        time.sleep(0.05)
    assert library.pack_change.progress() == PackChangeProgress(25, 25)


def test_what_the_user_did_carries_over(open_library: Opener, paths: Paths, photos: Path) -> None:
    library = index(open_library, photos)
    by_name = {p.path.name: p.id for p in library.photos([PhotoId(i) for i in range(1, 25)]).values()}
    red = [photo for name, photo in by_name.items() if name.startswith("red")]
    query = Query.parse("sunset")
    assert library.search.feedback is not None
    library.search.feedback.vote(query, red[:1], 1)
    library.tags.act(Act.ADD, red[:2], "holiday")
    library.tags.remark(red[:1], rating=4)
    library.custom_concepts.train("ours", red[:5])
    library.catalog.searches.add("warm", query)
    before = (library.search.feedback.all_votes(), library.tags.lines(red), library.tags.remarks(red))
    library.close()
    install_better(paths)
    library = open_library()
    prepare(library)
    library.close()
    library = open_library()
    assert pack_of(library) == "tiny-2"
    assert library.search.feedback is not None
    after = (library.search.feedback.all_votes(), library.tags.lines(red), library.tags.remarks(red))
    assert after == before
    assert [saved.name for saved in library.catalog.searches.list()] == ["warm"]
    assert library.custom_concepts.names() == ["ours"]
    # Its direction is learnt anew from the vectors of the new pack.
    page = library.search.run(Query.parse("ours"), limit=6)
    assert set(page.ids.tolist()) == set(red)


def test_a_fresh_library_uses_the_better_pack_at_once(open_library: Opener, paths: Paths, photos: Path) -> None:
    install_better(paths)
    library = index(open_library, photos)
    assert pack_of(library) == "tiny-2"
    assert not library.pack_change.is_needed
    assert len(found(library, "red")) == 24


def test_offline_photos_do_not_hold_it_up(open_library: Opener, paths: Paths, photos: Path, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    for number in range(4):
        make_photo(stick / f"away-{number}.jpg", "red", number=200 + number)
    library = index(open_library, photos, stick)
    os.rename(stick, tmp_path / "unplugged")
    library.rescan()
    assert library.indexer.wait_until_idle(60)
    library.close()
    install_better(paths)
    library = open_library()
    prepare(library)
    assert READY in library.notices()
    library.close()
    library = open_library()
    assert pack_of(library) == "tiny-2"
    os.rename(tmp_path / "unplugged", stick)
    library.rescan()
    assert library.indexer.wait_until_idle(60)
    assert len(found(library, "red")) == 28


def test_a_photo_that_is_damaged_meanwhile_does_not_hold_it_up(
    open_library: Opener, paths: Paths, photos: Path
) -> None:  # fmt: skip
    index(open_library, photos).close()
    install_better(paths)
    (photos / "red-00.jpg").write_bytes((photos / "red-00.jpg").read_bytes()[:200])
    library = open_library()
    prepare(library)
    assert library.pack_change.last == PackChangeProgress(23, 24)
    assert READY in library.notices()
    assert len(found(library, "red")) == 24


def test_old_vectors_go_a_month_after_the_change(open_library: Opener, paths: Paths, photos: Path) -> None:
    index(open_library, photos).close()
    install_better(paths)
    library = open_library()
    prepare(library)
    library.close()
    library = open_library()
    assert library.pack is not None
    assert prune_old_packs(paths, library.catalog, library.pack) == 0
    later = time.time() + KEEP_OLD_VECTORS_S + 1
    assert prune_old_packs(paths, library.catalog, library.pack, now=lambda: later) == 24
    assert {folder.name for folder in paths.index.iterdir()} <= {library.pack.fingerprint}
    assert len(found(library, "red")) == 24
    assert library.catalog.check() == []


def vectors(home: Path) -> dict[int, int]:
    with closing(sqlite3.connect(home / "data" / "catalog.sqlite")) as connection:
        return dict(connection.execute("SELECT pack_id, count(*) FROM embedding GROUP BY pack_id"))


def test_a_kill_in_the_middle_resumes(paths: Paths, tmp_path: Path, program: Program) -> None:
    photos = tmp_path / "photos"
    for number in range(200):
        make_photo(photos / f"{number}.jpg", list(COLOURS)[number % 4], number=number)
    home = tmp_path / "home"
    command = [sys.executable, "-m", "semantic_photos", "--home", str(home)]
    subprocess.run([*command, "index", str(photos), "--json"], check=True, capture_output=True, timeout=100)
    install_better(paths)
    running = subprocess.Popen([*command, "index", str(photos), "--json"], stdout=subprocess.PIPE, text=True)
    end = time.monotonic() + 60
    while len(vectors(home)) < 2 and time.monotonic() < end:
        time.sleep(0.005)
    running.kill()
    running.communicate()
    first = vectors(home)
    assert 0 < first[2] < 200
    with closing(sqlite3.connect(home / "data" / "catalog.sqlite")) as connection:
        kept = set(connection.execute("SELECT id FROM embedding"))
    doctor = subprocess.run([*command, "doctor"], check=True, capture_output=True, text=True, timeout=100).stdout
    assert f"Preparing better recognition: {first[2]} of 200 photos." in doctor
    done = subprocess.run([*command, "index", str(photos)], check=True, capture_output=True, text=True, timeout=100)
    assert str(READY.text) in done.stdout
    assert vectors(home) == {1: 200, 2: 200}
    with closing(sqlite3.connect(home / "data" / "catalog.sqlite")) as connection:
        assert kept <= set(connection.execute("SELECT id FROM embedding")), "what was done is not done again"
