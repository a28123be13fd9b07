# SPDX-License-Identifier: GPL-3.0-or-later
"""Real file system events become settled paths, soon and without loss."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from semantic_photos.domain.messages import Notice
from semantic_photos.domain.photo import Folder, FolderId
from semantic_photos.services.indexing import watcher as watcher_module
from semantic_photos.services.indexing.watcher import Watcher

pytestmark = pytest.mark.slow


class Recorder:
    """Keeps what a watcher reports."""

    def __init__(self) -> None:
        self.paths: list[Path] = []
        self.rescans: list[Path] = []
        self.notices: list[Notice] = []

    def wait_for(self, condition: Callable[[], bool], seconds: float = 5.0) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if condition():
                return True
            time.sleep(0.02)
        return condition()


@pytest.fixture
def seen() -> Recorder:
    return Recorder()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    return folder


@pytest.fixture
def watcher(seen: Recorder, root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watcher]:
    monkeypatch.setattr(watcher_module, "ROOT_POLL_S", 0.3)
    made = Watcher(seen.paths.extend, seen.rescans.append, seen.notices.append)
    made.start()
    made.watch([Folder(FolderId(1), root)])
    yield made
    made.close()


@pytest.mark.usefixtures("watcher")
def test_a_written_file_is_reported_soon_after_its_close(seen: Recorder, root: Path) -> None:
    with (root / "a.jpg").open("wb") as file:
        file.write(b"x" * 1000)
    closed = time.monotonic()
    assert seen.wait_for(lambda: root / "a.jpg" in seen.paths)
    assert time.monotonic() - closed < 2.0


@pytest.mark.usefixtures("watcher")
def test_only_the_final_name_counts(seen: Recorder, root: Path) -> None:
    (root / "a.jpg.part").write_bytes(b"x")
    os.rename(root / "a.jpg.part", root / "a.jpg")
    assert seen.wait_for(lambda: root / "a.jpg" in seen.paths)
    assert {path.name for path in seen.paths} == {"a.jpg"}


@pytest.mark.usefixtures("watcher")
def test_a_file_without_a_close_is_reported_when_it_stands_still(seen: Recorder, root: Path, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x" * 10)
    os.link(tmp_path / "a.jpg", root / "a.jpg")
    assert seen.wait_for(lambda: root / "a.jpg" in seen.paths)


@pytest.mark.usefixtures("watcher")
def test_rename_and_delete_report_both_names(seen: Recorder, root: Path) -> None:
    (root / "a.jpg").write_bytes(b"x")
    assert seen.wait_for(lambda: bool(seen.paths))
    seen.paths.clear()
    os.rename(root / "a.jpg", root / "b.jpg")
    assert seen.wait_for(lambda: {path.name for path in seen.paths} == {"a.jpg", "b.jpg"})
    (root / "b.jpg").unlink()
    assert seen.wait_for(lambda: [path.name for path in seen.paths].count("b.jpg") == 2)


@pytest.mark.usefixtures("watcher")
def test_a_copied_folder_asks_for_a_comparison(seen: Recorder, root: Path, tmp_path: Path) -> None:
    source = tmp_path / "album"
    source.mkdir()
    for number in range(50):
        (source / f"{number}.jpg").write_bytes(b"x")
    shutil.copytree(source, root / "album")
    assert seen.wait_for(lambda: root in seen.rescans)


@pytest.mark.usefixtures("watcher")
def test_a_root_that_goes_and_comes_is_noticed_and_watched_again(seen: Recorder, root: Path) -> None:
    shutil.rmtree(root)
    assert seen.wait_for(lambda: root in seen.rescans)
    seen.rescans.clear()
    root.mkdir()
    assert seen.wait_for(lambda: root in seen.rescans)
    (root / "new.jpg").write_bytes(b"x")
    assert seen.wait_for(lambda: root / "new.jpg" in seen.paths)


@pytest.mark.usefixtures("watcher")
def test_lost_events_ask_for_a_comparison(seen: Recorder, root: Path) -> None:
    import logging

    logging.getLogger("watchdog.observers.inotify_c").warning("Some filesystem events were lost")
    assert seen.wait_for(lambda: root in seen.rescans)


def test_a_failing_listener_does_not_end_the_watching(root: Path, seen: Recorder) -> None:
    calls: list[Path] = []

    def fail_once(paths: list[Path]) -> None:
        calls.extend(paths)
        if len(calls) == 1:
            raise ValueError("no")

    made = Watcher(fail_once, seen.rescans.append, seen.notices.append)
    made.start()
    made.watch([Folder(FolderId(1), root)])
    try:
        (root / "a.jpg").write_bytes(b"x")
        assert seen.wait_for(lambda: len(calls) == 1)
        (root / "b.jpg").write_bytes(b"x")
        assert seen.wait_for(lambda: root / "b.jpg" in calls)
        assert root in seen.rescans
    finally:
        made.close()


def test_coverage_counts_the_kernels_watches(watcher: Watcher, seen: Recorder, root: Path) -> None:
    for folders, limited in (({root: 1}, False), ({root: 10_000}, True), ({root: 1, root / "away": 10_000}, False)):
        watcher.tell_coverage(folders)
        assert seen.notices[-1].code == "watch.limited"
        assert bool(seen.notices[-1].text) == limited


def test_a_root_that_went_away_is_no_limit(watcher: Watcher, seen: Recorder, root: Path, tmp_path: Path) -> None:
    root.rename(tmp_path / "elsewhere")
    assert seen.wait_for(lambda: root in seen.rescans)
    watcher.tell_coverage({root: 10_000})
    assert seen.notices[-1].text == ""
