# SPDX-License-Identifier: GPL-3.0-or-later
"""The indexing worker: one thread that scans, decodes ahead, encodes in batches and commits.

The order of things keeps every promise: a photo's vector and state are written in one transaction, and only then
does the index learn of it, so that a kill at any moment loses at most the batch in flight, which is done again.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from semantic_photos.domain.errors import CancelledError, CatalogError
from semantic_photos.domain.messages import (
    CancelToken,
    FoldersChanged,
    IndexChanged,
    IndexingPhase,
    IndexingProgress,
    Notice,
    PhotosChanged,
)
from semantic_photos.domain.photo import Folder, FolderId, PhotoId
from semantic_photos.domain.ports import ImageEncoder
from semantic_photos.domain.translatable import NO_MESSAGE, Message
from semantic_photos.index.hybrid_index import HybridIndex
from semantic_photos.media.decoder_pool import DecoderPool
from semantic_photos.media.thumbnails import ThumbnailStore
from semantic_photos.services.indexing.pipeline import Pipeline
from semantic_photos.services.indexing.scanner import Scanner, ScanReport, folder_of
from semantic_photos.services.indexing.worker_progress import ProgressMeter
from semantic_photos.services.threads.concurrency import EventBus
from semantic_photos.storage.catalog import Catalog

_log = logging.getLogger(__name__)

#: Seconds until the worker tries again after the catalog could not be written (a full disk, say).
RETRY_S = 15.0

_Command = Callable[[], None]


class Indexer:
    """Keeps catalog and index in step with the folders, on a thread of its own.

    Attributes:
        indexed: photos that became searchable since the start.
        on_compared: called on its thread when a root has been compared.
        last_reports: what the last comparison of each root found.

    Thread: the public methods may be called from any thread and return at once; the work happens on the thread
    ``indexer``, the only writer of the catalog's photos.
    """

    def __init__(
        self,
        catalog: Catalog,
        index: HybridIndex,
        encoder: ImageEncoder | None,
        decoders: DecoderPool,
        thumbnails: ThumbnailStore,
        bus: EventBus,
        *,
        scanner: Scanner,
    ) -> None:
        self._catalog, self._index, self._bus, self._scanner = catalog, index, bus, scanner
        self._pack = encoder.fingerprint if encoder is not None else ""
        self._pipeline = (
            Pipeline(catalog, encoder, decoders, thumbnails, on_committed=self._committed, on_failed=self._failed)
            if encoder is not None
            else None
        )
        self._inbox: queue.SimpleQueue[_Command] = queue.SimpleQueue()
        self._waiting_scans: deque[FolderId] = deque()
        self._stop = CancelToken()
        self._scan_token = CancelToken()
        self._paused = threading.Event()
        self._idle = threading.Event()
        self._commands = 0
        self._lock = threading.Lock()
        self._meter = ProgressMeter(bus, lambda: catalog.photos.counts(self._pack))
        self._rebuild: threading.Thread | None = None
        self._thread = threading.Thread(target=self._run, name="indexer", daemon=True)
        self.on_compared: Callable[[], None] = lambda: None
        self.last_reports: dict[FolderId, ScanReport] = {}
        self.indexed = 0

    # What others ask for

    def start(self) -> None:
        """Start the worker."""
        self._thread.start()

    def scan(self, folders: Sequence[Folder]) -> None:
        """Compare these roots with the catalog, then index what is new."""
        ids = [folder.id for folder in folders]
        self._put(lambda: self._waiting_scans.extend(i for i in ids if i not in self._waiting_scans))

    def look_at(self, paths: Sequence[Path]) -> None:
        """Look at single paths, in answer to events."""
        wanted = list(paths)
        self._put(lambda: self._look_at(wanted))

    def refresh(self) -> None:
        """Look for pending photos again, after rows were changed elsewhere (a retry, say)."""
        self._put(self._refetch)

    def forget(self, folder_id: FolderId, ids: Sequence[PhotoId]) -> None:
        """Take the photos of a removed folder out of the index, after whatever of them was in flight."""

        def work() -> None:
            self._index.remove([int(i) for i in ids])
            self.last_reports.pop(folder_id, None)
            self._refetch()

        self._put(work)

    def pause(self) -> None:
        """Stop taking up photos; what is in flight is finished and kept."""
        self._paused.set()
        self._put(lambda: None)

    def resume(self) -> None:
        """Go on."""
        self._paused.clear()
        self._put(lambda: None)

    @property
    def is_paused(self) -> bool:
        """Return whether the worker is paused."""
        return self._paused.is_set()

    @property
    def progress(self) -> IndexingProgress:
        """Return how far the worker is. Never blocks."""
        return self._meter.last

    def wait_until_idle(self, timeout_s: float | None = None) -> bool:
        """Block until nothing is left to do; return False when the time ran out first."""
        return self._idle.wait(timeout_s)

    def close(self, timeout_s: float = 10.0) -> None:
        """Stop soon: the batch in flight is dropped and will be done again at the next start."""
        self._stop.cancel()
        self._scan_token.cancel()
        self._put(lambda: None)
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        if self._rebuild is not None:
            self._rebuild.join(timeout_s)

    def _put(self, command: _Command) -> None:
        with self._lock:
            self._commands += 1
            self._idle.clear()
        self._inbox.put(command)

    # The thread

    def _run(self) -> None:
        _be_nice()
        while not self._stop.cancelled:
            try:
                self._step()
            except CancelledError:
                continue
            except CatalogError as error:
                self._catalog_trouble(error)
            except Exception as error:  # noqa: BLE001  # thread root: the worker must survive and the user must know
                _log.exception("the indexer stumbled")
                self._bus.publish(
                    Notice(
                        "indexer.bug",
                        Message("Indexing was interrupted by a program error: {error}.", error=repr(error)),
                        Message("It continues automatically. See the log file for details."),
                    )
                )
                self._drop_work()
                self._stop.wait(1.0)
        if self._pipeline is not None:
            self._pipeline.drop()
        self._meter.show(IndexingPhase.STOPPED, force=True)
        self._idle.set()

    def _step(self) -> None:
        """Do one small thing: a command, a scan, a photo; or wait for one."""
        busy = bool(self._waiting_scans) or (self._pipeline is not None and self._pipeline.has_work)
        runnable = busy and not (self._paused.is_set() and not (self._pipeline and self._pipeline.in_flight))
        if self._take_command(block=not runnable):
            return
        if not runnable:
            return
        if self._waiting_scans and not self._paused.is_set():
            self._scan_next()
            return
        assert self._pipeline is not None
        self._meter.begin()
        self._pipeline.advance(take_new=not self._paused.is_set())
        self._meter.show(IndexingPhase.INDEXING, current=self._pipeline.current)
        if not self._pipeline.has_work:
            self._catalog.queue.clear_marks()
            self._meter.end()
        self._consider_rebuild()

    def _take_command(self, *, block: bool) -> bool:
        if block and self._inbox.empty():
            paused = self._paused.is_set()
            self._meter.show(IndexingPhase.PAUSED if paused else IndexingPhase.IDLE, force=True)
            with self._lock:
                if self._commands == 0 and (not paused or not self._has_backlog()):
                    self._idle.set()
        try:
            command = self._inbox.get(timeout=60.0) if block else self._inbox.get_nowait()
        except queue.Empty:
            if block and not self._paused.is_set() and self._catalog.queue.retry_due():
                self._refetch()
            return False
        try:
            command()
        except CatalogError:
            self._put(command)
            raise
        finally:
            with self._lock:
                self._commands -= 1
        return True

    def _has_backlog(self) -> bool:
        return bool(self._waiting_scans) or (self._pipeline is not None and self._pipeline.has_work)

    def _catalog_trouble(self, error: CatalogError) -> None:
        _log.error("the catalog cannot be written: %s", error)
        self._drop_work()
        self._bus.publish(Notice(error.code, Message("Indexing is paused: {reason}", reason=error), error.advice))
        self._meter.show(IndexingPhase.PAUSED, force=True)
        if not self._stop.wait(RETRY_S):
            self._bus.publish(Notice(error.code))
            self._refetch()

    def _drop_work(self) -> None:
        if self._pipeline is not None:
            self._pipeline.drop()

    def _refetch(self) -> None:
        if self._pipeline is not None:
            self._pipeline.refetch()

    # Scanning

    def _scan_next(self) -> None:
        folder_id = self._waiting_scans.popleft()
        try:
            self._scan_one(folder_id)
        except CatalogError:
            # Tried again when the catalog can be used again; otherwise its photos were missed until the next hour.
            self._waiting_scans.appendleft(folder_id)
            raise

    def _scan_one(self, folder_id: FolderId) -> None:
        folder = next((folder for folder in self._catalog.folders.all() if folder.id == folder_id), None)
        if folder is None:
            return
        self._scan_token = CancelToken()
        if self._stop.cancelled:
            self._scan_token.cancel()
        self._meter.show(IndexingPhase.SCANNING, current=str(folder.path), force=True)
        report = self._scanner.scan(folder, self._scan_token)
        self.last_reports[folder_id] = report
        self._set_online(folder, online=not report.offline)
        self._apply(report)
        self._tell_about(folder, report)
        self.on_compared()

    def _look_at(self, paths: Sequence[Path]) -> None:
        folders = self._catalog.folders.all()
        by_root: dict[FolderId, list[Path]] = {}
        for path in paths:
            folder = folder_of(folders, path)
            if folder is not None:
                by_root.setdefault(folder.id, []).append(path)
        for folder in folders:
            if folder.id in by_root:
                self._apply(self._scanner.look_at(folder, by_root[folder.id]))

    def _set_online(self, folder: Folder, *, online: bool) -> None:
        if folder.online == online:
            return
        ids = self._catalog.folders.set_online(folder.id, online=online)
        if online:
            self._make_searchable(ids)
            # Those that waited when the folder went away were left out of the queue.
            self._refetch()
        else:
            self._index.remove(ids)
        text = NO_MESSAGE
        if not online:
            text = Message("{path} is offline. Its photos come back when it does.", path=folder.path)
        self._bus.publish(Notice(f"folder.offline.{folder.id}", text, path=folder.path))
        self._bus.publish(FoldersChanged((folder.id,)))
        ids_tuple = tuple(ids)
        self._bus.publish(PhotosChanged(added=ids_tuple) if online else PhotosChanged(removed=ids_tuple))

    def _apply(self, report: ScanReport) -> None:
        """Bring the index in step with what a scan wrote."""
        gone = [*report.missing, *report.changed]
        if gone:
            self._index.remove(gone)
        back = [*report.restored, *(i for i in report.moved if i not in set(report.changed))]
        if back:
            self._make_searchable(back)
        if gone or back:
            self._bus.publish(
                PhotosChanged(added=tuple(report.restored), updated=tuple(report.moved), removed=tuple(gone))
            )
        if report.has_work or back:
            self._refetch()

    def _make_searchable(self, ids: Sequence[PhotoId]) -> None:
        for start in range(0, len(ids), 4096):
            found, vectors = self._catalog.vectors.get(self._pack, ids[start : start + 4096])
            if len(found):
                self._index.add([int(i) for i in found], vectors)

    def _tell_about(self, folder: Folder, report: ScanReport) -> None:
        code = f"folder.unreadable.{folder.id}"
        if report.unreadable:
            path, reason = report.unreadable[0]
            text = Message.counted(
                "The folder {path} cannot be read: {reason}.",
                "{count:,} folders cannot be read, for example {path}: {reason}.",
                len(report.unreadable),
                path=path,
                reason=reason,
            )
            self._bus.publish(Notice(code, text, path=path))
        else:
            self._bus.publish(Notice(code))

    # What the pipeline reports

    def _committed(self, ids: Sequence[PhotoId], vectors: object) -> None:
        self._index.add([int(i) for i in ids], vectors)  # type: ignore[arg-type]
        self.indexed += len(ids)
        self._meter.finished(len(ids))
        self._bus.publish(PhotosChanged(added=tuple(ids)))

    def _failed(self, ids: Sequence[PhotoId]) -> None:
        self._meter.finished(len(ids))
        self._bus.publish(PhotosChanged(removed=tuple(ids)))

    def _consider_rebuild(self) -> None:
        if self._rebuild is not None and self._rebuild.is_alive():
            return
        if not self._stop.cancelled and self._index.rebuild_due():
            self._rebuild = threading.Thread(target=self._rebuild_segment, name="segment-builder", daemon=True)
            self._rebuild.start()

    def _rebuild_segment(self) -> None:
        try:
            self._index.rebuild(self._stop)
        except CancelledError:
            return
        except Exception:  # noqa: BLE001  # thread root: the old segment and the delta go on answering
            _log.exception("building a segment failed")
        segment, delta, _ = self._index.sizes
        self._bus.publish(IndexChanged(self._index.engine, segment, delta, self._index.reason))


def _be_nice() -> None:
    """Let the user's own programs go first. On Linux a priority belongs to a thread."""
    try:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 5)
    except (AttributeError, OSError):
        _log.debug("no thread priorities here")
