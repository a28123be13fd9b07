# SPDX-License-Identifier: GPL-3.0-or-later
"""A pool of decoder processes behind a queue: a hostile photo fails alone.

Each child works on one photo at a time. One that crashes, hangs or takes too much memory is replaced; the photo it
was working on fails with the reason, and the queue goes on.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from semantic_photos.domain.errors import CancelledError, PhotoError, UserFacingError
from semantic_photos.domain.translatable import Message
from semantic_photos.media.decode_request import DecodedPhoto, DecodeRequest
from semantic_photos.media.decoder_process import DecoderGoneError, DecoderProcess, DecoderStartError
from semantic_photos.media.keyword_edit_values import EditedFile, EditRequest

_log = logging.getLogger(__name__)

T = TypeVar("T")

#: After so many photos a child is replaced: what its libraries leak goes with it.
PHOTOS_PER_CHILD = 2000
#: Attempts to start a child, with a growing pause between them.
_START_ATTEMPTS = 3
#: After these a child is not used again.
_FATAL = frozenset({"photo.too-slow", "photo.crashed-decoder", "photo.out-of-memory"})

_Work = Callable[[DecoderProcess], Any]
_Job = tuple[int, int, _Work, "Future[Any]"]


class DecoderPool:
    """Decodes photos in child processes, which are started when they are first needed.

    Thread: every method may be called from any thread. Each child belongs to one thread ``decoder-N``, in which
    callbacks of the futures run.

    Args:
        processes: most children at the same time, at least 1.
    """

    def __init__(self, processes: int) -> None:
        self.processes = max(1, processes)
        self._condition = threading.Condition()
        self._jobs: list[_Job] = []
        self._numbers = itertools.count()
        self._threads: list[threading.Thread] = []
        self._children: dict[int, DecoderProcess] = {}
        self._idle = 0
        self._closed = False

    def submit(self, request: DecodeRequest, *, urgent: bool | None = None) -> Future[DecodedPhoto]:
        """Queue a photo.

        Args:
            request: what is wanted.
            urgent: go before everything that is not; None means urgent when no square is wanted, because then
                the user is waiting for it.

        Returns:
            A future of the photo. It may be cancelled while it waits. It raises PhotoError, PackError, or
            CancelledError of this program when the pool was closed first.
        """
        first = urgent if urgent is not None else request.recipe is None
        future: Future[DecodedPhoto] = Future()
        return self._queue(lambda child: child.decode(request), future, first=first)

    def submit_edit(self, request: EditRequest) -> Future[EditedFile]:
        """Queue the computation of a file with other keywords, behind the photos on the screen.

        Returns:
            A future of the file; it raises as that of ``submit``.
        """
        future: Future[EditedFile] = Future()
        return self._queue(lambda child: child.edit(request), future, first=False)

    def _queue(self, work: _Work, future: Future[T], *, first: bool) -> Future[T]:
        with self._condition:
            if self._closed:
                future.set_exception(CancelledError())
                return future
            heapq.heappush(self._jobs, (0 if first else 1, next(self._numbers), work, future))
            if self._idle < len(self._jobs) and len(self._threads) < self.processes:
                number = len(self._threads)
                thread = threading.Thread(target=self._work, args=(number,), name=f"decoder-{number}", daemon=True)
                self._threads.append(thread)
                thread.start()
            self._condition.notify()
        return future

    def pids(self) -> list[int]:
        """Return the process numbers of the children, for diagnosis."""
        with self._condition:
            return [child.pid for child in self._children.values()]

    def close(self) -> None:
        """End all children, now; what is queued or in work is cancelled. Safe to call twice."""
        with self._condition:
            self._closed = True
            left, self._jobs = self._jobs, []
            for child in self._children.values():
                child.kill()
            self._condition.notify_all()
            threads = list(self._threads)
        for *_, future in left:
            if future.set_running_or_notify_cancel():
                future.set_exception(CancelledError())
        deadline = time.monotonic() + 0.8
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, deadline - time.monotonic()))

    def _work(self, number: int) -> None:
        """Serve the queue until the pool is closed."""
        child: DecoderProcess | None = None
        while (job := self._next()) is not None:
            future = job[3]
            if not future.set_running_or_notify_cancel():
                continue
            try:
                try:
                    child = self._ready(number, child)
                    decoded = job[2](child)
                except DecoderGoneError:
                    # It died while it had nothing to do, and so lately that the system had not said so yet.
                    child = self._ready(number, self._replace(number, child, None))
                    try:
                        decoded = job[2](child)
                    except DecoderGoneError:
                        raise _no_decoder() from None
            except Exception as error:  # thread root: whatever it is, it belongs to this photo  # noqa: BLE001
                if isinstance(error, UserFacingError):
                    if error.code in _FATAL:
                        child = self._replace(number, child, None)
                elif not isinstance(error, CancelledError):
                    _log.exception("decoder thread %d stumbled", number)
                    child = self._replace(number, child, None)
                future.set_exception(CancelledError() if self._closed else error)
            else:
                future.set_result(decoded)
                if child.photos >= PHOTOS_PER_CHILD:
                    child = self._replace(number, child, None)
        self._replace(number, child, None)

    def _next(self) -> _Job | None:
        with self._condition:
            self._idle += 1
            try:
                while not self._jobs and not self._closed:
                    self._condition.wait()
                return None if self._closed else heapq.heappop(self._jobs)
            finally:
                self._idle -= 1

    def _ready(self, number: int, child: DecoderProcess | None) -> DecoderProcess:
        """Return a living child, a new one if need be.

        Raises:
            PhotoError: ``photo.no-decoder`` when none can be started.
            CancelledError: when the pool was closed meanwhile.
        """
        if child is not None and child.alive:
            return child
        # It died while it had nothing to do: no photo is to blame.
        self._replace(number, child, None)
        for attempt in range(_START_ATTEMPTS):
            if attempt:
                with self._condition:
                    self._condition.wait_for(lambda: self._closed, timeout=float(attempt))
            if self._closed:
                raise CancelledError
            fresh: DecoderProcess | None = None
            try:
                fresh = DecoderProcess()
                # Known before it is ready, so that closing the pool ends it at once.
                self._replace(number, None, fresh)
                fresh.wait_until_ready()
            except DecoderStartError as error:
                self._replace(number, fresh, None)
                if not self._closed:
                    _log.error("a decoder cannot be started: %s", error)
                continue
            return fresh
        raise _no_decoder()

    def _replace(self, number: int, old: DecoderProcess | None, new: DecoderProcess | None) -> DecoderProcess | None:
        """Close a child and register another; return the other."""
        if old is not None:
            old.close()
        with self._condition:
            if new is not None:
                self._children[number] = new
                if self._closed:
                    # Started while the pool was closed; the thread sees it at its next step.
                    new.kill()
            else:
                self._children.pop(number, None)
        return new


def _no_decoder() -> PhotoError:
    return PhotoError(
        Message("The decoder could not be started. The computer may be out of memory."),
        code="photo.no-decoder",
        retry=True,
    )
