# SPDX-License-Identifier: GPL-3.0-or-later
"""How long the window's thread is kept from working, and how much memory the program has."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEventLoop, Qt, QTimer
from PySide6.QtWidgets import QApplication

BEAT_MS = 5
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
