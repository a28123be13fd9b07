# SPDX-License-Identifier: GPL-3.0-or-later
"""What a test of the window left behind: timers that still run, threads that still live."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import shiboken6
from PySide6.QtCore import QCoreApplication, QEvent, QTimer

#: Seconds that threads get to end: they are told to by then, and may be in the middle of something.
GRACE_S = 3.0

#: Timers that Python code started. Timers of Qt itself are started in C++ and never come by.
_started: weakref.WeakSet[QTimer] = weakref.WeakSet()


def _remember_starts() -> None:
    start: Callable[..., None] = QTimer.start

    def remembered(timer: QTimer, *interval: Any) -> None:
        _started.add(timer)
        start(timer, *interval)

    QTimer.start = remembered  # type: ignore[method-assign, assignment]


_remember_starts()


class LeakCheck:
    """Remembers what lives before a test; ``left`` names what has been added and lives on."""

    def __init__(self) -> None:
        self._threads = set(threading.enumerate())
        self._timers = list(_running())

    def left(self) -> list[str]:
        """Return the timers and threads that stay, after what is to be deleted has been."""
        _delete()
        if self._new_timers():
            # Widgets of the test that nothing but a cycle of references holds.
            gc.collect()
            _delete()
        end = time.monotonic() + GRACE_S
        while self._new_threads() and time.monotonic() < end:
            QCoreApplication.processEvents()
            time.sleep(0.005)
        threads = [f"thread {thread.name}" for thread in self._new_threads()]
        return [_described(timer) for timer in self._new_timers()] + threads

    def _new_timers(self) -> list[QTimer]:
        return [timer for timer in _running() if not any(timer is old for old in self._timers)]

    def _new_threads(self) -> list[threading.Thread]:
        # A thread of Qt's pool that once called into Python is known to Python as a dummy for ever.
        return [
            thread
            for thread in threading.enumerate()
            if thread not in self._threads and not isinstance(thread, threading._DummyThread)
        ]


def _running() -> Iterator[QTimer]:
    return (timer for timer in list(_started) if shiboken6.isValid(timer) and timer.isActive())


def _delete() -> None:
    QCoreApplication.processEvents()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


def _described(timer: QTimer) -> str:
    return f"timer of {type(timer.parent()).__name__}, {timer.interval()} ms"
