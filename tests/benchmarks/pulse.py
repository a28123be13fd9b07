# SPDX-License-Identifier: GPL-3.0-or-later
"""How long the window's thread is kept from working, and how much memory the program has."""

from __future__ import annotations

import faulthandler
import gc
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEventLoop, Qt, QTimer
from PySide6.QtWidgets import QApplication

BEAT_MS = 5
#: A silence that is looked into.
SILENT_MS = 40
#: Names of acts and what was measured.
Figures = Iterator[tuple[str, dict[str, object]]]


class Pulse:
    """Rings in the window's thread and remembers each silence."""

    def __init__(self) -> None:
        self.timer = QTimer(interval=BEAT_MS, timerType=Qt.TimerType.PreciseTimer)
        self.timer.timeout.connect(self.beat)
        self.last: float = time.perf_counter()
        self.gaps: list[float] = []
        # Python's own collector stops every thread.
        self.collecting, self.collected = 0.0, [0.0]
        gc.callbacks.append(self._on_collection)
        self.timer.start()

    def _on_collection(self, phase: str, _info: dict[str, int]) -> None:
        now = time.perf_counter()
        if phase == "start":
            self.collecting = now
        else:
            self.collected.append((now - self.collecting) * 1000)

    def beat(self) -> None:
        now = time.perf_counter()
        self.gaps.append((now - self.last) * 1000)
        self.last = now

    def take(self) -> dict[str, object]:
        """Return figures of the silences since the last time, the one that goes on included, and begin anew."""
        self.beat()
        gaps, self.gaps = np.array(self.gaps), []
        collected, self.collected = max(self.collected), [0.0]
        return {
            "gap_p50": round(float(np.percentile(gaps, 50)), 1), "gap_p95": round(float(np.percentile(gaps, 95)), 1),
            "gap_max": round(float(gaps.max()), 1), "over_50": int((gaps > 50).sum()), "gc_max": round(collected, 1),
            **memory(),
        }  # fmt: skip

    def skip(self) -> None:
        """Begin anew."""
        self.gaps, self.collected, self.last = [], [0.0], time.perf_counter()


class Silences:
    """Has the places of all threads written down, by a thread without Python, whenever the pulse is silent for long.

    Nothing looks at frames from a thread of Python: that would keep painters alive beyond their paint event.
    """

    def __init__(self, pulse: Pulse) -> None:
        self._file = tempfile.TemporaryFile("w+")  # noqa: SIM115  # until the process ends
        self._read = 0
        pulse.timer.timeout.connect(self._arm)

    def _arm(self) -> None:
        faulthandler.dump_traceback_later(SILENT_MS / 1000, file=self._file)

    def take(self) -> list[tuple[str, int]]:
        """Return places that were seen since the last time, with how often, most often first."""
        faulthandler.cancel_dump_traceback_later()
        self._file.seek(self._read)
        seen = self._file.read()
        self._read = self._file.tell()
        dumps = [dump.split("\n\n") for dump in seen.split("Timeout (")[1:]]
        return Counter(" | ".join(filter(None, map(_place, dump))) for dump in dumps).most_common(4)


def _place(thread: str) -> str:
    """Return the innermost functions of a thread, or nothing of one that only waits."""
    frames = re.findall(r'File "[^"]*?([^/"]+)", line (\d+) in (\S+)', thread)
    if not frames or frames[0][0] in ("threading.py", "queue.py", "thread.py", "inotify_c.py"):
        return ""
    return " < ".join(f"{file}:{line} {name}" for file, line, name in frames[:4])


def memory() -> dict[str, object]:
    """Return the megabytes in use where the system tells: all, and those that are not files mapped into memory."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return {}
    known = dict(line.split(":", 1) for line in lines if ":" in line)
    return {name: int(known[key].split()[0]) // 1024 for name, key in (("rss_mb", "VmRSS"), ("own_mb", "RssAnon"))}


def rest(milliseconds: int) -> None:
    """Let the window work for so long."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def wait(done: Callable[[], object], seconds: float = 120.0) -> float:
    """Let the window work until ``done``; return the milliseconds it took.

    Raises:
        TimeoutError: when it did not happen in time.
    """
    start = time.perf_counter()
    while not done():
        if time.perf_counter() - start > seconds:
            raise TimeoutError("it did not happen in time")
        QApplication.processEvents()
        time.sleep(0.0005)
    return (time.perf_counter() - start) * 1000
