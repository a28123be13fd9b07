# SPDX-License-Identifier: GPL-3.0-or-later
"""The real window on a large library: how long until results are shown, and how long the window ever stands still.

    python -m tests.benchmarks.window --photos 100000 FOLDER [--home DIR] [--shots DIR]

FOLDER's photos are indexed as usual, then hard-linked under other names until there are as many as asked for; each copy
has the vector of its photo, a little moved, so that results look like results. The window is the program's own, with
the scanner, the watcher and the worker at work. While it is driven, a timer that should ring every five milliseconds
tells how long the window's thread was kept from ringing it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit

from semantic_photos.domain.messages import CancelToken
from semantic_photos.domain.photo import FileStamp
from semantic_photos.domain.vectors import normalise
from semantic_photos.gui import app
from semantic_photos.gui.main_window import MainWindow
from semantic_photos.gui.result_pane import ResultPane
from semantic_photos.gui.search_bar import SearchBar
from semantic_photos.gui.search_controller import SearchController
from semantic_photos.paths import Paths
from semantic_photos.services.library import Library
from semantic_photos.storage.catalog import IndexedPhoto

BEAT_MS = 5
#: How far a copy lies from its photo, as a part of a vector's length.
MOVED = 0.25
AT_ONCE = 5_000


def make_library(paths: Paths, originals: Path, copies: Path, count: int) -> None:
    """Fill a library: the originals by the pipeline, their copies into the catalog."""
    with Library.open(paths) as library:
        library.add_folder(originals)
        while library.counts().pending or not library.counts().indexed:
            time.sleep(0.2)
        assert library.pack is not None
        fingerprint = library.pack.fingerprint
        ids, vectors = library.catalog.vectors_for(fingerprint, library.catalog.searchable_ids(fingerprint))
        photos = library.catalog.photos(ids.tolist())
        copies.mkdir(parents=True)
    with Library.open(paths) as library:
        folder = library.catalog.add_folder(copies)
        rng = np.random.default_rng(1)
        for start in range(0, count - len(ids), AT_ONCE):
            rows = range(start, min(start + AT_ONCE, count - len(ids)))
            place = copies / f"{start // AT_ONCE:03d}"
            place.mkdir()
            chosen = rng.integers(0, len(ids), len(rows))
            noise = rng.normal(size=(len(rows), vectors.shape[1])).astype(np.float32) / np.sqrt(vectors.shape[1])
            moved = normalise(vectors[chosen] + MOVED * noise)
            files = []
            for row, which in zip(rows, chosen, strict=True):
                original = photos[int(ids[which])].path
                target = place / f"{original.stem} {row}{original.suffix}"
                os.link(original, target)
                status = target.stat()
                files.append((target, FileStamp(status.st_size, status.st_mtime_ns)))
            made = library.catalog.add_pending(folder.id, files)
            library.catalog.commit_batch(
                fingerprint,
                [
                    IndexedPhoto(photo, stamp, known.content_key, known.facts, vector)  # type: ignore[arg-type]
                    for photo, (_, stamp), vector, known in zip(
                        made, files, moved, (photos[int(ids[which])] for which in chosen), strict=True
                    )
                ],
            )
        library.index.rebuild(CancelToken())


class Pulse:
    """Rings in the window's thread and remembers the longest silence."""

    def __init__(self) -> None:
        self.timer = QTimer(interval=BEAT_MS, timerType=Qt.TimerType.PreciseTimer)
        self.timer.timeout.connect(self.beat)
        self.last, self.gaps = time.perf_counter(), [0.0]
        self.timer.start()

    def beat(self) -> None:
        now = time.perf_counter()
        self.gaps.append((now - self.last) * 1000)
        self.last = now

    def take(self) -> dict[str, float]:
        gaps, self.gaps, self.last = self.gaps, [0.0], time.perf_counter()
        return {"longest_gap_ms": round(max(gaps), 1), "gaps_over_50_ms": sum(gap > 50 for gap in gaps)}


def wait(done: Callable[[], object], seconds: float = 120.0) -> float:
    """Let the window work until ``done``; return the milliseconds it took."""
    start = time.perf_counter()
    while not done():
        if time.perf_counter() - start > seconds:
            raise TimeoutError("it did not happen in time")
        QApplication.processEvents()
        time.sleep(0.0005)
    return (time.perf_counter() - start) * 1000


def drive(window: MainWindow, pulse: Pulse, shots: Path | None) -> Iterator[tuple[str, dict[str, object]]]:
    """Do what a person does; yield the name of each act and its figures."""
    controller, pane = window.findChild(SearchController), window.findChild(ResultPane)
    bar = window.findChild(SearchBar)
    assert bar is not None
    field = bar.findChild(QLineEdit)
    assert field is not None
    assert controller is not None
    assert pane is not None
    view = pane.view
    shown: list[object] = []
    # An empty answer to half a word waits a moment before it is shown; the answer itself is what is timed.
    controller.answered.connect(lambda page, _again: shown.append(page))

    def act(name: str, do: Callable[[], object], done: Callable[[], object]) -> tuple[str, dict[str, object]]:
        pulse.take()
        start = time.perf_counter()
        do()
        wait(done)
        took = (time.perf_counter() - start) * 1000
        # What comes after the answer, thumbnails above all, may not stop the window either.
        QTest.qWait(400)
        figures: dict[str, object] = {"ms": round(took, 1), **pulse.take(), "photos": view.model().rowCount()}
        if shots is not None:
            window.grab().save(str(shots / f"{name.replace(' ', '-')}.png"))
        return name, figures

    def type_text(text: str) -> dict[str, object]:
        times = []
        for letter in text:
            before, start = len(shown), time.perf_counter()
            QTest.keyClick(field, letter)
            if letter in " -":
                QTest.qWait(20)
                continue
            wait(lambda before=before: len(shown) > before)
            times.append((time.perf_counter() - start) * 1000)
        return {"p50_ms": round(float(np.median(times)), 1), "worst_ms": round(max(times), 1)}

    for text in ("dog beach", "red car", "people -snow"):
        bar.clear()
        field.setFocus()
        QTest.qWait(300)
        pulse.take()
        figures = type_text(text)
        yield f"type {text}", {**figures, **pulse.take(), "photos": view.model().rowCount()}
        QTest.qWait(500)
        if shots is not None:
            window.grab().save(str(shots / f"type-{text.replace(' ', '-')}.png"))
    before = len(shown)
    yield act("all photos", bar.clear, lambda: len(shown) > before)
    track = view.verticalScrollBar()
    yield act("jump to the end", lambda: track.setValue(track.maximum()), lambda: True)

    def scroll() -> None:
        track.setValue(0)
        for step in range(200):
            track.setValue(step * 400)
            QApplication.processEvents()

    yield act("scroll 200 steps", scroll, lambda: True)
    yield act("choose all", view.selectAll, lambda: True)
    yield act(
        "choose one",
        lambda: view.setCurrentIndex(view.model().index(70_000 % view.model().rowCount(), 0)),
        lambda: True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--home", type=Path, help="kept for the next time")
    parser.add_argument("--shots", type=Path, help="where pictures of the window go")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        home = options.home or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="semantic-photos-")))
        paths = Paths.under(home).create()
        copies = home / "photos"
        if not copies.exists():
            # Links cannot leave a file system, so the originals come along.
            shutil.copytree(options.folder, home / "originals", dirs_exist_ok=True)
            make_library(paths, home / "originals", copies, options.photos)
        if options.shots is not None:
            options.shots.mkdir(parents=True, exist_ok=True)
        result: dict[str, object] = {"cores": os.cpu_count(), "load": os.getloadavg()[0]}
        application = app.make_application()
        application.setQuitOnLastWindowClosed(False)
        pulse = Pulse()
        session = app.Session(lambda: Library.open(paths), [], None)
        session.window.resize(1400, 900)
        try:
            start = time.perf_counter()
            session.start()
            wait(lambda: (pane := session.window.findChild(ResultPane)) and pane.view.model().rowCount())
            result["opening"] = {"ms": round((time.perf_counter() - start) * 1000), **pulse.take()}
            for name, figures in drive(session.window, pulse, options.shots):
                result[name] = figures
        finally:
            ended: list[bool] = []
            session.ended.connect(lambda: ended.append(True))
            start = time.perf_counter()
            session.close()
            wait(lambda: ended)
            result["closing"] = {"ms": round((time.perf_counter() - start) * 1000), **pulse.take()}
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
