# SPDX-License-Identifier: GPL-3.0-or-later
"""The status bar: result and search time, indexing progress, thumbnail size."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QSlider, QWidget

from semantic_photos.domain.messages import IndexChanged, IndexingPhase, IndexingProgress
from semantic_photos.domain.photo import Counts
from semantic_photos.domain.query import ResultPage
from semantic_photos.domain.translatable import N_, Message
from semantic_photos.gui.widgets import formatting
from semantic_photos.gui.widgets.controls import ElidedLabel, IconButton, button, label
from semantic_photos.translation import tr, translated, trn

LEAST_SIDE, MOST_SIDE = 80, 400
#: The phases of indexing, without and with the number of photos.
_PHASES = {
    IndexingPhase.SCANNING: (Message("Scanning folders"), N_("Scanning folders: {done:,} of {total:,}")),
    IndexingPhase.INDEXING: (Message("Indexing"), N_("Indexing {done:,} of {total:,}")),
    IndexingPhase.PAUSED: (Message("Paused"), N_("Paused at {done:,} of {total:,}")),
}


class StatusBar(QFrame):
    """Result, progress and thumbnail size in one line.

    Signals:
        pause_toggled: True to pause indexing, False to resume.
        failures_requested: the user wants to see which photos could not be read.
        side_changed: the new thumbnail size in pixels.
    """

    pause_toggled = Signal(bool)
    failures_requested = Signal()
    side_changed = Signal(int)

    def __init__(self, side: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("status")
        self.setFixedHeight(42)
        self._engine = IndexChanged("exact", 0, 0)
        self._page: ResultPage | None = None
        self._paused = False
        self._found = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self._how = label(kind="dim")
        self._what = label(kind="dim")
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setFixedWidth(84)
        self._bar.setAccessibleName(tr("Indexing progress"))
        self._pause = IconButton("pause", tr("Pause indexing"))
        self._failures = button("", "link")
        self._smaller = IconButton("grid-small", tr("Smaller thumbnails  (Ctrl+−)"))
        self._larger = IconButton("grid-large", tr("Larger thumbnails  (Ctrl++)"))
        self._slider = QSlider(Qt.Orientation.Horizontal)
        self._slider.setRange(LEAST_SIDE, MOST_SIDE)
        self._slider.setSingleStep(10)
        self._slider.setPageStep(40)
        self._slider.setFixedWidth(96)
        self._slider.setValue(side)
        self._slider.setAccessibleName(tr("Thumbnail size"))
        self._place()
        self._connect()
        self.show_progress(IndexingProgress(IndexingPhase.IDLE, Counts()))

    def _place(self) -> None:
        row = self._row = QHBoxLayout(self)
        row.setContentsMargins(16, 0, 12, 0)
        row.setSpacing(10)
        row.addWidget(self._found, 1)
        row.addWidget(self._how)
        row.addSpacing(14)
        for part in (self._what, self._bar, self._pause, self._failures):
            row.addWidget(part)
        row.addSpacing(6)
        row.addWidget(self._smaller)
        row.addWidget(self._slider)
        row.addWidget(self._larger)

    def _connect(self) -> None:
        self._pause.clicked.connect(lambda: self.pause_toggled.emit(not self._paused))
        self._failures.clicked.connect(self.failures_requested)
        self._slider.valueChanged.connect(self.side_changed)
        self._smaller.clicked.connect(lambda: self.step_side(-1))
        self._larger.clicked.connect(lambda: self.step_side(1))

    def add_part(self, part: QWidget) -> None:
        """Add a widget for another background task."""
        self._row.insertWidget(self._row.indexOf(self._what), part)

    def step_side(self, steps: int) -> None:
        """Make thumbnails larger or smaller, by 12 % a step."""
        side = self._slider.value()
        for _ in range(abs(steps)):
            side = round(side * 1.12) if steps > 0 else round(side / 1.12)
        self._slider.setValue(side)

    def found_text(self) -> str:
        """Return the text about the result, not shortened."""
        return self._found.full_text()

    # What was found

    def show_page(self, page: ResultPage | None) -> None:
        """Show how many photos were found or searched, and how long it took."""
        self._page = page
        if page is None:
            self._found.set_text("")
            self._how.setText("")
            return
        if page.query.is_empty:
            text = trn("{count:,} photo", "{count:,} photos", len(page))
        else:
            # The number of good matches stands right below the photos.
            text = _searched(page) if len(page) else " · ".join((tr("Nothing found"), _searched(page)))
        self._found.set_text(text)
        if page.milliseconds < 10:
            self._how.setText(tr("{time:.1f} ms", time=page.milliseconds))
        else:
            self._how.setText(tr("{time:,.0f} ms", time=page.milliseconds))
        self._explain()

    def show_engine(self, engine: IndexChanged) -> None:
        """Remember how searches are answered, and why without the search index if so."""
        self._engine = engine
        self._explain()

    def _explain(self) -> None:
        reason = self._engine.reason
        if self._page is not None and self._page.engine == "annoy":
            said = tr("Search time. The search index chose likely photos, which were then compared one by one.")
        elif reason:
            said = tr("Search time. Each photo was compared. {reason}", reason=translated(reason))
        else:
            said = tr("Search time. Each photo was compared.")
        self._how.setToolTip(said)
        self._how.setAccessibleDescription(said)

    # Background tasks

    def show_progress(self, progress: IndexingProgress) -> None:
        """Show how far indexing is."""
        counts, phase = progress.counts, progress.phase
        self._paused = phase is IndexingPhase.PAUSED
        busy = (phase in _PHASES and (counts.pending > 0 or phase is not IndexingPhase.PAUSED)) or self._paused
        self._pause.set_icon("play" if self._paused else "pause")
        self._pause.set_name(tr("Resume indexing") if self._paused else tr("Pause indexing"))
        self._bar.setRange(0, max(progress.total, 0) if phase is not IndexingPhase.SCANNING else 0)
        self._bar.setValue(progress.done)
        self._what.setText(self._sentence(progress))
        self._what.setToolTip(formatting.shown(progress.current))
        for part in (self._what, self._bar, self._pause):
            part.setVisible(busy)
        self._failures.setText(trn("{count:,} unreadable", "{count:,} unreadable", counts.failed))
        self._failures.setAccessibleName(
            trn("{count:,} photo could not be read", "{count:,} photos could not be read", counts.failed)
        )
        self._failures.setToolTip(tr("Show the photos that could not be read, and why"))
        self._failures.setVisible(counts.failed > 0)

    @staticmethod
    def _sentence(progress: IndexingProgress) -> str:
        if progress.phase not in _PHASES:
            return ""
        name, counted = _PHASES[progress.phase]
        parts = [translated(Message(counted, done=progress.done, total=progress.total) if progress.total else name)]
        if progress.phase is IndexingPhase.INDEXING and progress.rate > 0:
            if progress.rate >= 1:
                parts.append(tr("{rate:.0f} per second", rate=progress.rate))
            if progress.seconds_left is not None:
                parts.append(tr("{time} left", time=formatting.duration(progress.seconds_left)))
        return " · ".join(parts)


def _searched(page: ResultPage) -> str:
    """Return how many photos were searched, and of how many while not all are ready."""
    if page.searched < page.total:
        return trn("{searched:,} of {count:,} photo searched", "{searched:,} of {count:,} photos searched",
                   page.total, searched=page.searched)  # fmt: skip
    return trn("{count:,} photo searched", "{count:,} photos searched", page.searched)
