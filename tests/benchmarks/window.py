# SPDX-License-Identifier: GPL-3.0-or-later
"""The real window on a large library: how long until results are shown, and how long the window ever stands still.

    xvfb-run -a python -m tests.benchmarks.window --photos 100000 FOLDER [--home DIR] [--shots DIR] [--json]

FOLDER's photos are indexed as usual, then hard-linked under other names until there are as many as asked for
(``large_library.py``). The window is the program's own, with the scanner, the watcher and the worker at work. While a
person's acts are done (``window_acts.py``), a timer that should ring every five milliseconds tells how long the
window's thread was kept from ringing it. ``ms`` is the time until what the act is for is there; ``rss_mb`` is the
memory in use after it, ``own_mb`` that without mapped files. In the last lines one round of acts is done
again and again: memory should not grow. ``gc_max`` is the longest stop that Python's cycle collector made.
Where the window's thread was, py-spy tells best: a look from within would disturb what is looked at.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from semantic_photos.gui.grid.result_pane import ResultPane
from semantic_photos.gui.shell import app
from semantic_photos.paths import Paths
from semantic_photos.services.library.library import Library
from tests.benchmarks.large_library import make_coming, make_library
from tests.benchmarks.pulse import Figures, Pulse, memory, wait
from tests.benchmarks.window_acts import Acts

COMING = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--home", type=Path, help="kept for the next time")
    parser.add_argument("--shots", type=Path, help="where pictures of the window go")
    parser.add_argument("--rounds", type=int, default=5, help="how often the last acts are done again")
    parser.add_argument("--only", nargs="+", default=[], help="acts with one of these words in their names")
    parser.add_argument("--json", action="store_true", help="figures for programs")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        home = options.home or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="semantic-photos-")))
        paths = Paths.under(home).create()
        copies, coming = home / "photos", home / "coming"
        if not copies.exists():
            # Links cannot leave a file system, so the originals come along.
            shutil.copytree(options.folder, home / "originals", dirs_exist_ok=True)
            make_library(paths, home / "originals", copies, options.photos)
        # What came in the last time has become part of the library.
        shutil.rmtree(coming, ignore_errors=True)
        make_coming(options.folder, coming, COMING, seed=time.time_ns() % 2**32)
        if options.shots is not None:
            options.shots.mkdir(parents=True, exist_ok=True)
        for name, figures in measured(paths, copies, coming, options):
            line = json.dumps({"act": name, **figures}) if options.json else told(name, figures)
            print(line, flush=True)


def measured(paths: Paths, copies: Path, coming: Path, options: argparse.Namespace) -> Figures:
    """Open the window, do everything, close it; yield the name of each act and its figures."""
    yield "before", {"load": round(os.getloadavg()[0], 1), "cores": os.cpu_count(), **memory()}
    application = app.make_application()
    application.setQuitOnLastWindowClosed(False)
    pulse = Pulse()
    session = app.Session(lambda: Library.open(paths, watch=True), [], None)
    session.window.resize(1400, 900)
    try:
        start = time.perf_counter()
        session.start()
        wait(lambda: (pane := session.window.findChild(ResultPane)) and pane.view.model().rowCount())
        yield "opening", {"ms": round((time.perf_counter() - start) * 1000), **pulse.take()}
        acts = Acts(session.window, pulse, options.shots, options.only)
        yield from acts.all(copies, coming, options.rounds, start)
    finally:
        ended: list[bool] = []
        session.ended.connect(lambda: ended.append(True))
        start = time.perf_counter()
        session.close()
        wait(lambda: ended)
        print(told("closing", {"ms": round((time.perf_counter() - start) * 1000), **pulse.take()}), file=sys.stderr)


def told(name: str, figures: dict[str, object]) -> str:
    """Return a line for people."""
    return f"{name:32} " + "  ".join(f"{key} {value}" for key, value in figures.items())


if __name__ == "__main__":
    main()
