# SPDX-License-Identifier: GPL-3.0-or-later
"""A background thread for one kind of slow work: in order, reports failures, shuts down cleanly."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable

from semantic_photos.domain.errors import CancelledError, SemanticPhotosError
from semantic_photos.domain.messages import Notice
from semantic_photos.domain.translatable import Message
from semantic_photos.services.threads.concurrency import EventBus

_log = logging.getLogger(__name__)

#: Seconds between two checks for closing.
_LOOK_S = 0.1

_Work = Callable[[], object]


class Background:
    """Works through what it is given, on a thread that is started when it is first needed.

    Thread: any.

    Args:
        name: of the thread, and of the notice (``NAME.trouble``) that tells of a failure.
        what: what it does, as the subject of the sentence about a failure.
        bus: where notices go.
    """

    def __init__(self, name: str, what: Message, bus: EventBus) -> None:
        self._name, self._what, self._bus = name, what, bus
        self._inbox: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self.closed = False

    def put(self, work: _Work) -> None:
        """Queue work; after ``close`` it is dropped."""
        with self._lock:
            if self.closed:
                return
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name=self._name, daemon=True)
                self._thread.start()
            self._inbox.put(work)

    def settle(self, timeout_s: float | None = None) -> bool:
        """Wait until all that is queued now is done; return False when the time ran out, or it was closed, first."""
        if self._thread is None or self.closed:
            return True
        done = threading.Event()
        self.put(done.set)
        end = None if timeout_s is None else time.monotonic() + timeout_s
        # Work that is queued when it closes is dropped, so its end would never be reported.
        while not done.wait(_LOOK_S if end is None else max(0.0, min(_LOOK_S, end - time.monotonic()))):
            if self.closed or (end is not None and time.monotonic() >= end):
                return False
        return True

    def close(self, timeout_s: float = 10.0) -> None:
        """End the thread after the work in hand; whoever gave it is to make it short. Safe to call twice."""
        with self._lock:
            self.closed = True
        if self._thread is not None:
            self._inbox.put(None)
            self._thread.join(timeout_s)

    def _serve(self) -> None:
        code = f"{self._name}.trouble"
        while (work := self._inbox.get()) is not None and not self.closed:
            try:
                work()
            except CancelledError:
                continue
            except SemanticPhotosError as error:
                _log.warning("%s: %s", self._name, error)
                if not self.closed:
                    self._bus.publish(Notice(code, Message("{task} stopped: {reason}", task=self._what, reason=error)))
            except Exception as error:  # thread root: it must survive and the user must know  # noqa: BLE001
                _log.exception("%s stumbled", self._name)
                self._bus.publish(
                    Notice(
                        code,
                        Message(
                            "{task} stopped because of a program error: {error}.", task=self._what, error=repr(error)
                        ),
                    )
                )
            else:
                self._bus.publish(Notice(code))
