# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns file system events into settled batches of paths; events are hints, a scan decides.

watchdog reports creations, moves, deletions and closes. A file is handed on when it was closed after writing, or,
when no close comes (hard links, files moved in, the first files of a copied folder), once its size and time stand
still. Whatever concerns folders, or was lost, asks for a comparison of the whole root.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer

from semantic_photos.domain.messages import Notice
from semantic_photos.domain.photo import Folder, is_photo_name
from semantic_photos.domain.translatable import NO_MESSAGE, Message

_log = logging.getLogger(__name__)

#: A batch is handed on when no event came for this long …
QUIET_S = 0.15
#: … or when it has waited this long, so that a steady stream is not held back for ever.
LONGEST_WAIT_S = 1.0
#: A file without a close is taken when its size and time were the same for this long.
SETTLE_S = 0.7
EMPTY_SETTLE_S = 10.0
#: More waiting paths than this: a comparison of the whole root is cheaper.
MOST_PATHS = 5_000
#: How often a root is checked: replaced, gone and unmounted roots send no event.
ROOT_POLL_S = 5.0

RAISE_LIMIT = "sudo sysctl fs.inotify.max_user_watches=1048576"
_ADVICE = Message("Raise the system's limit: {command}", command=RAISE_LIMIT)

_EVENTS: list[type[FileSystemEvent]] = [
    FileCreatedEvent, FileMovedEvent, FileDeletedEvent, FileClosedEvent,
    DirCreatedEvent, DirMovedEvent, DirDeletedEvent,
]  # fmt: skip


class _Handler(FileSystemEventHandler):
    """Puts events into a queue. It must never raise: an exception would end watchdog's thread for good."""

    def __init__(self, inbox: queue.SimpleQueue[FileSystemEvent | None]) -> None:
        self._inbox = inbox

    def dispatch(self, event: FileSystemEvent) -> None:
        self._inbox.put(event)


class _LossHook(logging.Handler):
    """Notices watchdog's only sign of a queue overflow: a warning in its log."""

    def __init__(self, on_loss: Callable[[], None]) -> None:
        super().__init__(logging.WARNING)
        self._on_loss = on_loss

    def emit(self, record: logging.LogRecord) -> None:
        if "lost" in record.getMessage():
            self._on_loss()


def _text(path: bytes | str) -> str:
    return os.fsdecode(path)


class Watcher:
    """Watches the roots and calls back from its own thread.

    Args:
        on_paths: called with settled paths (existing or not) that deserve a look.
        on_rescan: called with a root that must be compared as a whole.
        on_notice: called when watching is incomplete, or complete again (a notice with empty text).
    """

    def __init__(
        self,
        on_paths: Callable[[list[Path]], None],
        on_rescan: Callable[[Path], None],
        on_notice: Callable[[Notice], None],
        *,
        rescan_s: float = 3600.0,
    ) -> None:
        self._on_paths, self._on_rescan, self._on_notice = on_paths, on_rescan, on_notice
        self._rescan_s = rescan_s
        self._inbox: queue.SimpleQueue[FileSystemEvent | None] = queue.SimpleQueue()
        self._lock = threading.RLock()
        self._roots: dict[Path, tuple[int, int] | None] = {}
        self._observers: dict[Path, object] = {}
        self._stop = threading.Event()
        self._lost = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)
        self._hook = _LossHook(self._lost.set)
        self._log_source = logging.getLogger("watchdog")

    def start(self) -> None:
        """Begin to listen; roots are added with ``watch``."""
        self._log_source.addHandler(self._hook)
        self._thread.start()

    def close(self) -> None:
        """Stop all threads; no callback comes after this returns."""
        self._stop.set()
        self._inbox.put(None)
        if self._thread.is_alive():
            self._thread.join(timeout=5)
        self._log_source.removeHandler(self._hook)
        with self._lock:
            for root in list(self._observers):
                self._drop(root)

    def watch(self, folders: list[Folder]) -> None:
        """Watch exactly these roots; those that are missing are looked for again every few seconds."""
        with self._lock:
            wanted = {folder.path for folder in folders}
            for root in set(self._roots) - wanted:
                self._drop(root)
                del self._roots[root]
            for root in wanted - set(self._roots):
                self._roots[root] = None
                self._watch_root(root)

    def tell_coverage(self, folders: Mapping[Path, int]) -> None:
        """Tell whether all folders have a watch, counted in the kernel's own table where there is one.

        watchdog swallows the error of a reached limit, so asking it is no use.

        Args:
            folders: how many folders there are below each root, itself among them. Roots that are not there at the
                moment have no watch, and that is no limit.
        """
        total = sum(count for root, count in folders.items() if self._roots.get(root) is not None)
        watched = _kernel_watches()
        text = NO_MESSAGE
        if watched is not None and watched < total:
            text = Message(
                "Watching {watched:,} of {total:,} folders: the system's limit is reached. "
                "New photos in the other folders are found by regular rescans.",
                watched=watched,
                total=total,
            )
        self._on_notice(Notice("watch.limited", text, _ADVICE))

    # Watching roots

    def _watch_root(self, root: Path) -> None:
        identity = _identity(root)
        if identity is None:
            return
        try:
            observer = Observer()
            observer.schedule(_Handler(self._inbox), os.fspath(root), recursive=True, event_filter=_EVENTS)
            observer.start()
        except OSError as error:
            _log.warning("cannot watch %s: %s", root, error)
            self._roots[root] = identity
            self._notice_limit(root, error)
            return
        self._roots[root] = identity
        self._observers[root] = observer

    def _notice_limit(self, root: Path, error: OSError) -> None:
        self._on_notice(
            Notice(
                "watch.limited",
                Message(
                    "{path} cannot be watched ({reason}). New photos are found by rescans every few minutes.",
                    path=root,
                    reason=error.strerror,
                ),
                _ADVICE,
                root,
            )
        )
        self._rescan_s = min(self._rescan_s, 300.0)

    def _drop(self, root: Path) -> None:
        observer = self._observers.pop(root, None)
        if observer is None:
            return
        try:
            observer.stop()  # type: ignore[attr-defined]
            observer.join(timeout=5)  # type: ignore[attr-defined]
        except (RuntimeError, OSError) as error:
            _log.info("stopping the watch of %s: %s", root, error)

    def _poll_roots(self) -> list[Path]:
        """Return roots that came, went or were replaced since the last look."""
        changed = []
        with self._lock:
            for root, old in list(self._roots.items()):
                new = _identity(root)
                observer = self._observers.get(root)
                # The emitter's thread ends when its root is deleted, while the observer claims to live on.
                dead = observer is not None and not all(
                    emitter.is_alive()
                    for emitter in observer.emitters  # type: ignore[attr-defined]
                )
                if new == old and not dead:
                    continue
                changed.append(root)
                self._drop(root)
                self._roots[root] = None
                if new is not None:
                    self._watch_root(root)
        return changed

    # The thread that gathers

    def _run(self) -> None:
        gathering = _Gathering()
        next_poll = time.monotonic() + ROOT_POLL_S
        next_scan = time.monotonic() + self._rescan_s
        while not self._stop.is_set():
            try:
                self._take_events(gathering)
                if self._stop.is_set():
                    break
                now = time.monotonic()
                if now >= next_poll:
                    next_poll = now + ROOT_POLL_S
                    gathering.rescans.update(self._poll_roots())
                if self._lost.is_set() or now >= next_scan:
                    self._lost.clear()
                    next_scan = now + self._rescan_s
                    gathering.rescans.update(self._all_roots())
                self._hand_on(gathering, now)
            except Exception:  # noqa: BLE001  # a thread root: watching must go on
                _log.exception("the watcher stumbled")
                gathering = _Gathering()
                gathering.rescans.update(self._all_roots())

    def _take_events(self, gathering: _Gathering) -> None:
        timeout = QUIET_S if gathering.is_waiting else 0.5
        try:
            event = self._inbox.get(timeout=timeout)
        except queue.Empty:
            return
        while event is not None:
            self._sort_in(event, gathering)
            try:
                event = self._inbox.get_nowait()
            except queue.Empty:
                return

    def _all_roots(self) -> list[Path]:
        with self._lock:
            return list(self._roots)

    def _root_of(self, path: Path) -> Path | None:
        with self._lock:
            return next((root for root in self._roots if root == path or root in path.parents), None)

    def _sort_in(self, event: FileSystemEvent, gathering: _Gathering) -> None:
        now = time.monotonic()
        source = Path(_text(event.src_path))
        target = Path(_text(event.dest_path)) if event.dest_path else None
        if event.is_directory:
            for path in (source, target):
                root = self._root_of(path) if path is not None else None
                if root is not None:
                    gathering.rescans.add(root)
                    gathering.last_event = now
            return
        for path in (source, target):
            if path is None or not is_photo_name(path.name):
                continue
            closed = not isinstance(event, (FileCreatedEvent, FileModifiedEvent))
            gathering.note(path, now, closed=closed)

    def _hand_on(self, gathering: _Gathering, now: float) -> None:
        if not gathering.is_due(now):
            return
        if len(gathering.paths) > MOST_PATHS:
            roots = {self._root_of(path) for path in gathering.paths}
            gathering.rescans.update(root for root in roots if root is not None)
            gathering.paths.clear()
        rescans, gathering.rescans = gathering.rescans, set()
        ready = gathering.take_settled(now)
        # Deleted and renamed files first arrive as paths; a folder's rescan then finds the rest.
        if ready:
            self._on_paths(ready)
        for root in sorted(rescans):
            self._on_rescan(root)
        gathering.first_event = now if gathering.paths else None


class _Gathering:
    """Paths that wait to settle, and roots that need a comparison."""

    def __init__(self) -> None:
        self.paths: dict[Path, _Waiting] = {}
        self.rescans: set[Path] = set()
        self.last_event = 0.0
        self.first_event: float | None = None

    @property
    def is_waiting(self) -> bool:
        return bool(self.paths or self.rescans)

    def note(self, path: Path, now: float, *, closed: bool) -> None:
        waiting = self.paths.get(path)
        if waiting is None:
            self.paths[path] = _Waiting(closed=closed, since=now, stamp=None)
        else:
            waiting.closed = waiting.closed or closed
        self.last_event = now
        if self.first_event is None:
            self.first_event = now

    def is_due(self, now: float) -> bool:
        if not self.is_waiting:
            return False
        waited = now - (self.first_event if self.first_event is not None else self.last_event)
        return now - self.last_event >= QUIET_S or waited >= LONGEST_WAIT_S

    def take_settled(self, now: float) -> list[Path]:
        ready = []
        for path, waiting in list(self.paths.items()):
            if waiting.closed or waiting.has_settled(path, now):
                ready.append(path)
                del self.paths[path]
        return ready


@dataclass(slots=True)
class _Waiting:
    closed: bool
    since: float
    stamp: tuple[int, int] | None

    def has_settled(self, path: Path, now: float) -> bool:
        try:
            status = os.lstat(path)
        except OSError:
            return True  # gone again: the look will find that out
        stamp = (status.st_size, status.st_mtime_ns)
        if stamp != self.stamp:
            self.stamp, self.since = stamp, now
            return False
        # Some programs make an empty file first and fill it later: give those more time.
        return now - self.since >= (SETTLE_S if status.st_size else EMPTY_SETTLE_S)


def _identity(root: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(root)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _kernel_watches() -> int | None:
    """Count this process's inotify watches in /proc, or return None where there is no such table."""
    total, seen = 0, False
    try:
        for descriptor in os.listdir("/proc/self/fdinfo"):
            try:
                with open(f"/proc/self/fdinfo/{descriptor}", encoding="ascii", errors="replace") as lines:
                    count = sum(line.startswith("inotify ") for line in lines)
            except OSError:
                continue
            total += count
            seen = seen or count > 0
    except OSError:
        return None
    return total if seen else None
