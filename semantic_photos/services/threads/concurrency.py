# SPDX-License-Identifier: GPL-3.0-or-later
"""An event bus for messages between threads, and lanes for work off the caller's thread."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from semantic_photos.domain.errors import CancelledError

_log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")
M = TypeVar("M")

_Reference = Callable[[], Callable[[Any], None] | None]


def _reference(callback: Callable[[Any], None]) -> _Reference:
    # Bound methods are held weakly, so that a closed window is not kept alive by the bus. A plain function or
    # lambda has no other owner and would vanish at once: it is held until it is unsubscribed.
    if hasattr(callback, "__self__") and hasattr(callback, "__func__"):
        return weakref.WeakMethod(callback)
    return lambda: callback


class EventBus:
    """Publish and subscribe by the type of the message.

    Thread: every method may be called from any thread. A listener runs on the publisher's thread and must be
    quick; one that fails is logged and the others go on.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[type, list[_Reference]] = {}

    def subscribe(self, kind: type[M], callback: Callable[[M], None]) -> None:
        """Call ``callback`` with every message that is exactly of type ``kind``."""
        with self._lock:
            self._listeners.setdefault(kind, []).append(_reference(callback))

    def unsubscribe(self, kind: type[M], callback: Callable[[M], None]) -> None:
        """Stop calling ``callback``; unknown ones are ignored."""
        with self._lock:
            kept = [reference for reference in self._listeners.get(kind, []) if reference() != callback]
            self._listeners[kind] = kept

    def publish(self, message: object) -> None:
        """Tell all listeners of the message's type."""
        with self._lock:
            references = list(self._listeners.get(type(message), ()))
        dead = []
        for reference in references:
            callback = reference()
            if callback is None:
                dead.append(reference)
                continue
            try:
                callback(message)
            except Exception:  # noqa: BLE001  # a root: one bad listener must not silence the others
                _log.exception("a listener of %s failed", type(message).__name__)
        if dead:
            with self._lock:
                listeners = self._listeners.get(type(message), [])
                self._listeners[type(message)] = [reference for reference in listeners if reference not in dead]


class Lane:
    """Threads that take work in order; work that was not begun is dropped when the lane closes."""

    def __init__(self, name: str, threads: int) -> None:
        self._executor = ThreadPoolExecutor(max_workers=threads, thread_name_prefix=name)

    def submit(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Queue ``work``.

        Returns:
            Its future; one that already failed with ``CancelledError`` when the lane is closed.
        """
        try:
            return self._executor.submit(work, *args, **kwargs)
        except RuntimeError:
            refused: Future[T] = Future()
            refused.set_exception(CancelledError())
            return refused

    def close(self) -> None:
        """Drop what waits, and wait for what runs."""
        self._executor.shutdown(wait=True, cancel_futures=True)


class Lanes:
    """One serial lane for everything that reads the library, and a small pool for the rest.

    Attributes:
        library: one thread, so that queries are answered in the order they were asked.
        pool: a few threads for thumbnails, previews and other slow work on single files.
    """

    def __init__(self, pool_threads: int = 3) -> None:
        self.library = Lane("library", 1)
        self.pool = Lane("pool", pool_threads)

    def close(self) -> None:
        """Close both lanes."""
        self.library.close()
        self.pool.close()
