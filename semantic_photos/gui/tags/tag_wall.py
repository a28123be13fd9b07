# SPDX-License-Identifier: GPL-3.0-or-later
"""The photos of one tag as a grid, most or least certain first, confirmed and rejected many at a time."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStackedWidget, QStyleOptionViewItem, QVBoxLayout, QWidget

from semantic_photos.domain.messages import PhotosChanged
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.ports import IdArray
from semantic_photos.domain.query import Query, ResultPage
from semantic_photos.domain.tags import KEPT, Act, Standing
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.details.tag_panel import done
from semantic_photos.gui.grid.cell_overlays import UP
from semantic_photos.gui.grid.result_delegate import ResultDelegate
from semantic_photos.gui.grid.result_model import Facts, FetchFacts, ResultModel
from semantic_photos.gui.grid.result_view import ResultView
from semantic_photos.gui.grid.thumbnail_loader import ThumbnailLoader
from semantic_photos.gui.tags.confirm_line import ConfirmLine
from semantic_photos.gui.undo import UndoStack
from semantic_photos.gui.viewer.photo_viewer import PhotoViewer
from semantic_photos.gui.widgets import formatting, theme

#: Shortest time between two reloads after changes elsewhere.
_AGAIN_MS = 500


class Part(enum.Enum):
    """Which photos of a tag are shown."""

    OPEN = "open"
    KEPT = "kept"
    REJECTED = "rejected"


_STANDINGS: dict[Part, tuple[Standing, ...]] = {
    Part.OPEN: (Standing.AUTOMATIC,), Part.KEPT: KEPT, Part.REJECTED: (Standing.REJECTED,),
}  # fmt: skip


class TagWall(QStackedWidget):
    """Shows the photos of a tag as a grid, and one of them in the viewer.

    Signals:
        shown: the photos have changed; ``len(ids)`` are shown.
        answered: number of photos that were confirmed or rejected.
    """

    shown = Signal()
    answered = Signal(int)

    def __init__(self, bridge: Bridge, undo: UndoStack, loader: ThumbnailLoader, side: int) -> None:
        super().__init__()
        self._bridge, self._undo = bridge, undo
        self.tag, self.part, self.uncertain_first = "", Part.OPEN, False
        self._fixed: Sequence[tuple[PhotoId, float]] | None = None
        self._fixed_chances = False
        self._generation = 0
        self.confidences = np.empty(0, np.float32)
        self._page = ResultPage(Query(), 0, np.empty(0, np.int64), None)
        self.model = ResultModel(loader, _fetcher(bridge), self)
        self.view = ResultView(self.model, side)
        self.view.setItemDelegate(_SureDelegate(self))
        self.line = ConfirmLine(self.view)
        self.viewer = PhotoViewer(bridge, self.model)
        self.viewer.offer_explanation(offered=False)
        grid = QWidget()
        column = QVBoxLayout(grid)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.view)
        self.addWidget(grid)
        self.addWidget(self.viewer)
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(_AGAIN_MS)
        self._again.timeout.connect(lambda: self._load(anew=False))
        self.view.open_requested.connect(self.enlarge)
        self.view.marks.pressed.connect(self._on_mark)
        self.line.drawn.connect(self._on_line)
        self.viewer.closed.connect(self._on_viewer_closed)
        bridge.photos_changed.connect(self._on_changed)

    # What is shown

    @property
    def is_large(self) -> bool:
        """Return whether the viewer is open."""
        return self.currentWidget() is self.viewer

    @property
    def ids(self) -> IdArray:
        """Return the photos that are shown, int64 (N,)."""
        return self.model.ids

    def show_tag(self, tag: str, part: Part = Part.OPEN) -> None:
        """Show photos of another tag."""
        self.tag, self.part, self._fixed = tag, part, None
        self._load(anew=True)

    def show_likely(self, tag: str, likely: Sequence[tuple[PhotoId, float]], *, chances: bool = False) -> None:
        """Show photos that may belong to a custom concept; those confirmed or rejected leave the grid.

        Args:
            tag: name of the concept.
            likely: photos in order, each with its cosine, or with ``chances`` with its probability of having the tag.
            chances: the photos are the least certain ones, in no order of similarity.
        """
        self.tag, self.part, self._fixed, self._fixed_chances = tag, Part.OPEN, list(likely), chances
        self._load(anew=True)

    @property
    def is_fixed(self) -> bool:
        """Return whether suggestions for a custom concept are shown."""
        return self._fixed is not None

    @property
    def asks(self) -> bool:
        """Return whether the least certain suggestions are shown, each to be answered by itself."""
        return self._fixed is not None and self._fixed_chances

    @property
    def grows_surer(self) -> bool:
        """Return whether the most certain photos are the last ones."""
        return self.uncertain_first and not self.is_fixed

    def show_part(self, part: Part) -> None:
        """Show other photos of the same tag."""
        self.part, self._fixed = part, None
        self._load(anew=True)

    def set_uncertain_first(self, uncertain: bool) -> None:
        """Sort by probability: least certain first, or most certain first."""
        self.uncertain_first = uncertain
        self._load(anew=True)

    def _load(self, *, anew: bool) -> None:
        self._generation += 1
        generation, tags, tag = self._generation, self._bridge.library.tags, self.tag
        standings, uncertain, fixed = _STANDINGS[self.part], self.uncertain_first, self._fixed
        chances = self._fixed_chances

        def work() -> tuple[int, IdArray, np.ndarray]:
            if not tag:
                return generation, np.empty(0, np.int64), np.empty(0, np.float32)
            pairs: list[tuple[int, float | None]]
            if fixed is not None:
                decided = {int(photo) for photo, _ in tags.photos_with(tag, (*KEPT, Standing.REJECTED))}
                # A cosine is not a probability, so it is not shown.
                pairs = [
                    (int(photo), value if chances else None) for photo, value in fixed if int(photo) not in decided
                ]
            else:
                pairs = [
                    (int(photo), line.confidence if line.standing is Standing.AUTOMATIC else None)
                    for photo, line in tags.photos_with(tag, standings)
                ]
            ids = np.array([photo for photo, _ in pairs], np.int64)
            sure = np.array([np.nan if value is None else value for _, value in pairs], np.float32)
            if uncertain and fixed is None:
                order = np.argsort(np.abs(sure - 0.5), kind="stable")
                ids, sure = ids[order], sure[order]
            return generation, ids, sure

        self._bridge.run(work, lambda answer: self._on_loaded(*answer, anew=anew))

    def _on_loaded(self, generation: int, ids: IdArray, sure: np.ndarray, *, anew: bool) -> None:
        if generation != self._generation:
            return
        if not anew and np.array_equal(ids, self.ids):
            return
        bar, place = self.view.verticalScrollBar(), self.view.verticalScrollBar().value()
        kept, current = self.view.selected_ids(500), self.view.currentIndex().row()
        self._place(ids, sure)
        if anew:
            bar.setValue(0)
            self.view.show_row(0)
        else:
            self.view.select_ids(kept, kept[0] if kept else None)
            bar.setValue(place)
            if not self.view.selected_count():
                self.view.show_row(min(max(current, 0), len(ids) - 1))

    def _place(self, ids: IdArray, sure: np.ndarray) -> None:
        self.confidences = sure
        self._page = replace(self._page, generation=self._page.generation + 1, ids=ids)
        self.model.can_vote = self.part is Part.OPEN and self._undo.can_change
        self.model.set_page(self._page, again=True)
        offered = self.part is Part.OPEN and self._undo.can_change and not self.asks
        self.line.offer(offered=offered, from_end=self.grows_surer)
        if self.is_large:
            if len(ids):
                self.viewer.show_row(min(max(self.viewer.row, 0), len(ids) - 1))
            else:
                self.viewer.close_viewer()
        self.view.fetch_seen()
        self.shown.emit()

    def _on_changed(self, change: PhotosChanged) -> None:
        if self.tag and (change.updated or change.removed):
            # The thumbnails are shared with the main page, whose model drops those of changed files.
            self.model.forget(change.updated, pictures=False)
            if not self._again.isActive():
                self._again.start()

    # Changes

    def chosen_rows(self) -> list[int]:
        """Return the rows that actions apply to."""
        if self.is_large:
            return [self.viewer.row]
        return [self.model.row_of(photo_id) for photo_id in self.view.selected_ids()]

    def confirm(self) -> None:
        """Confirm the tag for the selected photos."""
        self._act(Act.CONFIRM, self.chosen_rows())

    def reject(self) -> None:
        """Reject the tag for the selected photos."""
        self._act(Act.REJECT, self.chosen_rows())

    def confirm_surer(self) -> None:
        """Confirm the tag for the current photo and all that are at least as certain."""
        row = self.viewer.row if self.is_large else self.view.currentIndex().row()
        if row >= 0 and self.part is Part.OPEN and not self.asks:
            rows = range(row, len(self.ids)) if self.grows_surer else range(row + 1)
            self._act(Act.CONFIRM, list(rows))

    def start_confirm_line(self) -> None:
        """Start a confirm line after the current photo, to be moved with keys."""
        if not self.is_large:
            self.line.begin()

    def _on_line(self, count: int) -> None:
        n = len(self.ids)
        self._act(Act.CONFIRM, range(n - count, n) if self.grows_surer else range(count))

    def _act(self, act: Act, rows: Sequence[int]) -> None:
        known = [row for row in rows if 0 <= row < len(self.ids)]
        already = (act is Act.CONFIRM and self.part is Part.KEPT) or (act is Act.REJECT and self.part is Part.REJECTED)
        if not known or already or not self._undo.can_change:
            return
        tag, tags = self.tag, self._bridge.library.tags
        photos = self.ids[known].tolist()
        keep = np.ones(len(self.ids), bool)
        keep[known] = False
        # They leave the grid at once; the catalog is read again afterwards.
        self._generation += 1
        bar = self.view.verticalScrollBar()
        place = bar.value()
        self._place(self.ids[keep], self.confidences[keep])
        bar.setValue(place)
        self.view.show_row(min(known[0], len(self.ids) - 1))
        self._undo.do(
            done(act, tag, len(photos)), lambda: tags.act(act, photos, tag), lambda _: self._on_acted(len(photos))
        )

    def _on_acted(self, count: int) -> None:
        self._again.start()
        self.answered.emit(count)

    def _on_mark(self, row: int, mark: str) -> None:
        self._act(Act.CONFIRM if mark == UP else Act.REJECT, [row])

    # Viewer

    def enlarge(self, row: int) -> None:
        """Show the photo of a row in the viewer."""
        if 0 <= row < len(self.ids):
            self.setCurrentWidget(self.viewer)
            self.viewer.show_row(row)
            self.viewer.setFocus()

    def _on_viewer_closed(self, row: int) -> None:
        self.setCurrentIndex(0)
        self.view.show_row(row)
        self.view.setFocus()
        self.view.fetch_seen()


class _SureDelegate(ResultDelegate):
    """Paints the probability of the tag on a cell."""

    def __init__(self, wall: TagWall) -> None:
        super().__init__(wall)
        self._wall = wall

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        super().paint(painter, option, index)
        sure = self._wall.confidences
        row = index.row()
        if row >= len(sure) or sure[row] != sure[row] or option.rect.width() < 90:
            return
        text = formatting.percent(float(sure[row]))
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        width = painter.fontMetrics().horizontalAdvance(text) + 14
        box = QRectF(option.rect.left() + 9, option.rect.top() + 9, width, painter.fontMetrics().height() + 4)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("stage", 0.72))
        painter.drawRoundedRect(box, 7, 7)
        painter.setPen(theme.color("on_stage"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
        painter.restore()


def _fetcher(bridge: Bridge) -> FetchFacts:
    def fetch(ids: Sequence[PhotoId], on_done: object) -> None:
        wanted, library = list(ids), bridge.library

        def give(facts: Facts) -> None:
            assert callable(on_done)
            on_done(facts)

        bridge.run(lambda: library.photos(wanted), give)

    return fetch
