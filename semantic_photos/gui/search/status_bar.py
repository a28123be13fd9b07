# SPDX-License-Identifier: GPL-3.0-or-later
"""The line at the bottom: what was found and how, what the background worker does, how large thumbnails are."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QSlider, QWidget

from semantic_photos.domain.messages import IndexChanged, IndexingPhase, IndexingProgress
from semantic_photos.domain.photo import Counts
from semantic_photos.domain.query import ResultPage
from semantic_photos.gui.widgets import formatting
from semantic_photos.gui.widgets.controls import ElidedLabel, IconButton, button, label

LEAST_SIDE, MOST_SIDE = 80, 400
#: What the phases are called.
_PHASES = {
    IndexingPhase.SCANNING: "Comparing folders",
    IndexingPhase.INDEXING: "Indexing",
    IndexingPhase.PAUSED: "Paused",
}


class StatusBar(QFrame):
    """Result, progress and thumbnail size in one line.

    Signals:
        pause_toggled: True to pause the worker, False to go on.
        failures_requested: a user wants to see which photos could not be read.
        side_changed: another side for thumbnails was chosen.
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
        self._bar.setAccessibleName("Photos that are ready")
        self._pause = IconButton("pause", "Pause")
        self._failures = button("", "link")
        self._smaller = IconButton("grid-small", "Smaller thumbnails  (Ctrl+−)")
        self._larger = IconButton("grid-large", "Larger thumbnails  (Ctrl++)")
        self._slider = QSlider(Qt.Orientation.Horizontal)
        self._slider.setRange(LEAST_SIDE, MOST_SIDE)
        self._slider.setSingleStep(10)
        self._slider.setPageStep(40)
        self._slider.setFixedWidth(96)
        self._slider.setValue(side)
        self._slider.setAccessibleName("Size of thumbnails")
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
        """Take in something else that goes on."""
        self._row.insertWidget(self._row.indexOf(self._what), part)

    def step_side(self, steps: int) -> None:
        """Make thumbnails larger or smaller by steps of a tenth."""
        side = self._slider.value()
        for _ in range(abs(steps)):
            side = round(side * 1.12) if steps > 0 else round(side / 1.12)
        self._slider.setValue(side)

    def found_text(self) -> str:
        """Return what is said about the result."""
        return self._found.full_text()

    # What was found

    def show_page(self, page: ResultPage | None) -> None:
        """Show how many photos were found, in how many, how fast and by which engine."""
        self._page = page
        if page is None:
            self._found.set_text("")
            self._how.setText("")
            return
        text = formatting.summary(page)
        if not page.query.is_empty:
            # Where the good matches end is told right below the photos.
            searched = f"searching {formatting.coverage(page)}"
            text = searched.capitalize() if len(page) else f"{text} · {searched}"
        self._found.set_text(text)
        time = f"{page.milliseconds:.1f}" if page.milliseconds < 10 else f"{page.milliseconds:,.0f}"
        self._how.setText(f"{time} ms · {page.engine}")
        self._explain()

    def show_engine(self, engine: IndexChanged) -> None:
        """Remember how searches are answered, and why not by Annoy."""
        self._engine = engine
        self._explain()

    def _explain(self) -> None:
        reason = self._engine.reason
        if self._page is not None and self._page.engine == "annoy":
            said = "Candidates come from an Annoy index and are then compared exactly."
        else:
            said = "Every photo is compared exactly." + (f" Annoy is not used: {reason}." if reason else "")
        self._how.setToolTip(said)
        self._how.setAccessibleDescription(said)

    # What goes on

    def show_progress(self, progress: IndexingProgress) -> None:
        """Show how far the background worker is."""
        counts, phase = progress.counts, progress.phase
        self._paused = phase is IndexingPhase.PAUSED
        busy = (phase in _PHASES and (counts.pending > 0 or phase is not IndexingPhase.PAUSED)) or self._paused
        self._pause.set_icon("play" if self._paused else "pause")
        self._pause.set_name("Go on" if self._paused else "Pause")
        self._bar.setRange(0, max(progress.total, 0) if phase is not IndexingPhase.SCANNING else 0)
        self._bar.setValue(progress.done)
        self._what.setText(self._sentence(progress))
        self._what.setToolTip(formatting.shown(progress.current))
        for part in (self._what, self._bar, self._pause):
            part.setVisible(busy)
        self._failures.setText(f"{counts.failed:,} unreadable")
        self._failures.setAccessibleName(f"{formatting.many(counts.failed, 'photo')} could not be read")
        self._failures.setToolTip("Photos that could not be read, and why")
        self._failures.setVisible(counts.failed > 0)

    @staticmethod
    def _sentence(progress: IndexingProgress) -> str:
        parts = [_PHASES.get(progress.phase, "")]
        if progress.total:
            parts[0] += f" {progress.done:,} of {progress.total:,}"
        if progress.phase is IndexingPhase.INDEXING and progress.rate > 0:
            parts.append(f"{progress.rate:.0f}/s" if progress.rate >= 1 else "slowly")
            if progress.seconds_left is not None:
                parts.append(f"{formatting.duration(progress.seconds_left)} left")
        return " · ".join(parts)
