# SPDX-License-Identifier: GPL-3.0-or-later
"""The only crossing between the window and the library: messages become signals, work goes to a lane and back."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import shiboken6
from PySide6.QtCore import QObject, Qt, Signal, Slot

from semantic_photos.domain.errors import CancelledError, UserFacingError
from semantic_photos.domain.messages import FoldersChanged, IndexChanged, IndexingProgress, Notice, PhotosChanged
from semantic_photos.domain.tags import TaggingProgress

if TYPE_CHECKING:
    from semantic_photos.services.library.facade import PhotoLibrary

_log = logging.getLogger(__name__)

T = TypeVar("T")


class Bridge(QObject):
    """Runs work away from the GUI thread and brings messages and results back into it.

    Signals:
        photos_changed: a ``PhotosChanged``.
        progress_changed: an ``IndexingProgress``.
        folders_changed: a ``FoldersChanged``.
        index_changed: an ``IndexChanged``.
        notice_changed: a ``Notice``.
        tagging_changed: a ``TaggingProgress``.
        failed: a ``UserFacingError`` that no one else answers for, or any other exception.

    Thread: lives in the GUI thread; the bus calls ``_forward`` methods on its own threads, which only emit.
    """

    photos_changed = Signal(object)
    progress_changed = Signal(object)
    folders_changed = Signal(object)
    index_changed = Signal(object)
    notice_changed = Signal(object)
    tagging_changed = Signal(object)
    failed = Signal(object)
    _delivered = Signal(object, object)

    def __init__(self, library: PhotoLibrary, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.library = library
        self._closed = False
        self._delivered.connect(self._deliver, Qt.ConnectionType.QueuedConnection)
        self._kinds: dict[type, Callable[[Any], None]] = {
            PhotosChanged: self._forward_photos,
            IndexingProgress: self._forward_progress,
            FoldersChanged: self._forward_folders,
            IndexChanged: self._forward_index,
            Notice: self._forward_notice,
            TaggingProgress: self._forward_tagging,
        }
        for kind, callback in self._kinds.items():
            library.bus.subscribe(kind, callback)

    def run(
        self,
        work: Callable[[], T],
        on_done: Callable[[T], None] | None = None,
        on_error: Callable[[Exception], None] | None = None,
        *,
        lane: str = "library",
    ) -> None:
        """Run ``work`` on a lane, then ``on_done`` with its result in the GUI thread.

        ``work`` is made from values and touches no widget. An exception goes to ``on_error``, or to ``failed`` when
        there is none; ``CancelledError`` goes nowhere. A callback whose widget is gone is dropped.

        Args:
            work: called on the lane.
            on_done: called in the GUI thread.
            on_error: called in the GUI thread.
            lane: ``library`` (in order, quick reads) or ``pool`` (slow work on files).
        """
        if self._closed:
            return
        lanes = self.library.lanes
        (lanes.library if lane == "library" else lanes.pool).submit(self._work, work, on_done, on_error)

    def tell(self, callback: Callable[[T], None], value: T) -> None:
        """Call ``callback`` with ``value`` in the GUI thread, from any thread: how far work on a lane is.

        Dropped, as a result is, when the window is closed or the callback's widget is gone. A widget's own signal
        would not do: work outlives its dialog, and Qt takes the signal away with it.
        """
        self._post(callback, value)

    def _work(
        self,
        work: Callable[[], Any],
        on_done: Callable[[Any], None] | None,
        on_error: Callable[[Exception], None] | None,
    ) -> None:
        if self._closed:
            return
        try:
            result = work()
        except CancelledError:
            return
        except Exception as error:  # noqa: BLE001  # the root of the lane's thread
            if not isinstance(error, UserFacingError):
                _log.exception("work for the window failed")
            callback: Callable[[Any], None] | None = on_error or self.failed.emit
            result = error
        else:
            callback = on_done
        if callback is not None:
            self._post(callback, result)

    def _post(self, callback: Callable[[Any], None], result: object) -> None:
        # Between the look and the emit the window may go; Qt's object is then deleted, which is no error here.
        try:
            if not self._closed:
                self._delivered.emit(callback, result)
        except RuntimeError:
            _log.debug("a result came after the window was closed")

    @Slot(object, object)
    def _deliver(self, callback: Callable[[Any], None], result: object) -> None:
        owner = getattr(callback, "__self__", None)
        if self._closed or (isinstance(owner, QObject) and not shiboken6.isValid(owner)):
            return
        callback(result)

    def close(self) -> None:
        """Bring nothing more into the GUI thread."""
        self._closed = True
        for kind, callback in self._kinds.items():
            self.library.bus.unsubscribe(kind, callback)

    def _emit(self, signal: Any, message: object) -> None:
        try:
            if not self._closed:
                signal.emit(message)
        except RuntimeError:
            _log.debug("a message came after the window was closed")

    def _forward_photos(self, message: PhotosChanged) -> None:
        self._emit(self.photos_changed, message)

    def _forward_progress(self, message: IndexingProgress) -> None:
        self._emit(self.progress_changed, message)

    def _forward_folders(self, message: FoldersChanged) -> None:
        self._emit(self.folders_changed, message)

    def _forward_index(self, message: IndexChanged) -> None:
        self._emit(self.index_changed, message)

    def _forward_notice(self, message: Notice) -> None:
        self._emit(self.notice_changed, message)

    def _forward_tagging(self, message: TaggingProgress) -> None:
        self._emit(self.tagging_changed, message)
