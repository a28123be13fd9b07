# SPDX-License-Identifier: GPL-3.0-or-later
"""Frozen messages that cross threads, and the cancellation token of a long operation."""

from __future__ import annotations

import enum
import threading
from dataclasses import dataclass
from pathlib import Path

from semantic_photos.domain.errors import CancelledError
from semantic_photos.domain.photo import Counts, FolderId, PhotoId
from semantic_photos.domain.translatable import NO_MESSAGE, Message


class CancelToken:
    """Asks a long operation to stop; the operation checks at the head of each of its loops.

    Thread: any. A token is never un-cancelled; make a new one.
    """

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask the holder to stop at its next check."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        """Return whether a stop was requested."""
        return self._event.is_set()

    def raise_if_cancelled(self) -> None:
        """Leave the operation if a stop was requested.

        Raises:
            CancelledError: when ``cancel`` was called.
        """
        if self._event.is_set():
            raise CancelledError

    def wait(self, timeout_s: float) -> bool:
        """Sleep up to ``timeout_s`` seconds, less when cancelled; return whether it was cancelled."""
        return self._event.wait(timeout_s)


@dataclass(frozen=True, slots=True)
class PhotosChanged:
    """Photos that became searchable, whose facts changed, or that left the results.

    Listeners must be idempotent: a message does not promise that anything they show really changed.
    """

    added: tuple[PhotoId, ...] = ()
    updated: tuple[PhotoId, ...] = ()
    removed: tuple[PhotoId, ...] = ()


class IndexingPhase(enum.Enum):
    """What the background worker is doing."""

    IDLE = "idle"
    SCANNING = "scanning"
    INDEXING = "indexing"
    PAUSED = "paused"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class IndexingProgress:
    """Progress of the background worker; sent at most about ten times a second.

    Attributes:
        phase: what the worker is doing.
        counts: photos of the whole library by state.
        done: photos of the current run that are finished, indexed or failed.
        total: photos of the current run known so far.
        rate: photos a second over the last seconds; 0.0 while unknown.
        seconds_left: estimate for the rest of the run; None while unknown.
        current: the folder or file that is worked on, for display.
    """

    phase: IndexingPhase
    counts: Counts
    done: int = 0
    total: int = 0
    rate: float = 0.0
    seconds_left: float | None = None
    current: str = ""


@dataclass(frozen=True, slots=True)
class PackChangeProgress:
    """Progress of encoding with another model pack, while the current one answers queries.

    Attributes:
        done: indexed photos that have a vector of the other pack.
        total: indexed photos that are there.
        running: photos are left that can be encoded; False as well when there is no other pack.
    """

    done: int = 0
    total: int = 0
    running: bool = False


@dataclass(frozen=True, slots=True)
class FoldersChanged:
    """The set of watched folders, or whether one is online, changed."""

    folder_ids: tuple[FolderId, ...] = ()


@dataclass(frozen=True, slots=True)
class IndexChanged:
    """The search engine changed: ``engine`` is ``annoy`` or ``exact``, ``reason`` says why it is not annoy."""

    engine: str
    segment: int
    delta: int
    reason: Message = NO_MESSAGE


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the user should know: shown in the window's bar and kept until ``code`` is withdrawn.

    ``text`` is one sentence; an empty text withdraws the notice of the same ``code``. ``good`` news look like
    information and not like a warning.
    """

    code: str
    text: Message = NO_MESSAGE
    advice: Message = NO_MESSAGE
    path: Path | None = None
    good: bool = False
