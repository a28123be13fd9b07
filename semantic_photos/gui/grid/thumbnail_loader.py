# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads thumbnails, visible ones first, on a thread pool, and keeps them in a cache of pixmaps."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, Qt, QThreadPool, Signal, Slot
from PySide6.QtGui import QImage, QPixmap

from semantic_photos.domain.errors import UserFacingError
from semantic_photos.domain.photo import Photo, PhotoId
from semantic_photos.gui.widgets.images import thumbnail_image
from semantic_photos.translation import tr, translated

_log = logging.getLogger(__name__)

#: Bytes of pixmaps in the cache.
CACHE_BYTES = 160_000_000
THREADS = 3

_Arrival = tuple[PhotoId, int, QImage | None, str]


class ThumbnailLoader(QObject):
    """Loads the thumbnails of the photos that were requested last.

    A new request replaces the old one: what was scrolled away before its turn is never loaded. Each photo has a
    generation, so that a late thumbnail of a file that has changed meanwhile is dropped.

    Signals:
        loaded: list of the ids whose thumbnail, or the reason why there is none, is now known.

    Thread: lives in the GUI thread; only ``_drain`` runs on the pool, and only ``QImage`` leaves it.
    """

    loaded = Signal(object)
    _arrived = Signal()

    def __init__(self, fetch: Callable[[Photo], bytes | None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._fetch = fetch
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(THREADS)
        self._lock = threading.Lock()
        self._wanted: list[tuple[Photo, int]] = []
        self._running: set[PhotoId] = set()
        self._workers = 0
        self._arrivals: list[_Arrival] = []
        self._closed = False
        self._generation: dict[PhotoId, int] = {}
        self._pixmaps: OrderedDict[PhotoId, QPixmap] = OrderedDict()
        self._bytes = 0
        self._failures: dict[PhotoId, str] = {}
        self._arrived.connect(self._take, Qt.ConnectionType.QueuedConnection)

    def pixmap(self, photo_id: PhotoId) -> QPixmap | None:
        """Return the thumbnail if it is in the cache."""
        found = self._pixmaps.get(photo_id)
        if found is not None:
            self._pixmaps.move_to_end(photo_id)
        return found

    def failure(self, photo_id: PhotoId) -> str:
        """Return why there is no thumbnail, or an empty string."""
        return self._failures.get(photo_id, "")

    def held(self) -> tuple[set[PhotoId], set[PhotoId]]:
        """Return the photos whose thumbnail is in the cache, and those known to have none."""
        return set(self._pixmaps), set(self._failures)

    def request(self, photos: Sequence[Photo]) -> None:
        """Load these thumbnails in order, and drop earlier requests."""
        wanted = [
            (photo, self._generation.get(photo.id, 0))
            for photo in photos
            if photo.id not in self._pixmaps and photo.id not in self._failures
        ]
        wanted.reverse()
        with self._lock:
            self._wanted = wanted
            start = 0 if self._closed else min(THREADS, len(wanted)) - self._workers
            self._workers += max(start, 0)
        for _ in range(start):
            self._pool.start(self._drain)

    def forget(self, ids: Sequence[PhotoId]) -> None:
        """Drop the thumbnails and failures of photos whose files have changed."""
        for photo_id in ids:
            self._generation[photo_id] = self._generation.get(photo_id, 0) + 1
            self._failures.pop(photo_id, None)
            self._drop(photo_id)

    def close(self, timeout_ms: int = 4000) -> bool:
        """Drop all requests and wait for the pool; return whether it ended in time."""
        self.abandon()
        return self._pool.waitForDone(timeout_ms)

    def abandon(self) -> None:
        """Drop all requests, without waiting."""
        with self._lock:
            self._closed = True
            self._wanted = []

    def _drain(self) -> None:
        while True:
            with self._lock:
                while self._wanted and self._wanted[-1][0].id in self._running:
                    self._wanted.pop()
                if self._closed or not self._wanted:
                    self._workers -= 1
                    return
                photo, generation = self._wanted.pop()
                self._running.add(photo.id)
            image, reason = self._picture_of(photo)
            with self._lock:
                self._running.discard(photo.id)
                self._arrivals.append((photo.id, generation, image, reason))
                tell = len(self._arrivals) == 1 and not self._closed
            if tell:
                try:
                    self._arrived.emit()
                except RuntimeError:
                    _log.debug("a thumbnail came after the window was closed")

    def _picture_of(self, photo: Photo) -> tuple[QImage | None, str]:
        try:
            data = self._fetch(photo)
        except UserFacingError as error:
            return None, translated(error)
        except Exception as error:  # noqa: BLE001  # the root of a pool thread
            if not self._closed:
                _log.warning("no thumbnail of %s: %r", photo.path.name, error)
            return None, tr("The thumbnail could not be loaded.")
        image = thumbnail_image(data)
        if image.isNull():
            return None, tr("This file contains no image.")
        return image.convertToFormat(QImage.Format.Format_RGB32), ""

    @Slot()
    def _take(self) -> None:
        with self._lock:
            arrivals, self._arrivals = self._arrivals, []
        ids = []
        for photo_id, generation, image, reason in arrivals:
            if generation != self._generation.get(photo_id, 0):
                continue
            if image is None:
                self._failures[photo_id] = reason
            else:
                self._keep(photo_id, QPixmap.fromImage(image))
            ids.append(photo_id)
        if ids:
            self.loaded.emit(ids)

    def _keep(self, photo_id: PhotoId, pixmap: QPixmap) -> None:
        self._drop(photo_id)
        self._pixmaps[photo_id] = pixmap
        self._bytes += pixmap.width() * pixmap.height() * 4
        while self._bytes > CACHE_BYTES and len(self._pixmaps) > 1:
            self._drop(next(iter(self._pixmaps)))

    def _drop(self, photo_id: PhotoId) -> None:
        old = self._pixmaps.pop(photo_id, None)
        if old is not None:
            self._bytes -= old.width() * old.height() * 4
