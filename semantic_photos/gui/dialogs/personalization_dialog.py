# SPDX-License-Identifier: GPL-3.0-or-later
"""The program adapted to what a user confirmed: tried, shown in figures, applied when better, taken off again."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QProgressBar, QScrollArea, QVBoxLayout, QWidget

from semantic_photos.domain.messages import CancelToken
from semantic_photos.domain.personalization import LEAST_CONFIRMATIONS, Measured, Outcome
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.widgets import formatting
from semantic_photos.gui.widgets.controls import button, label
from semantic_photos.services.concepts.personalization import PersonalizationState

_WORDS = (
    "From the tags, captions and thumbs that you gave, the program learns what words mean to you. It tries this on a "
    "part of your confirmations that it has not seen, and you can apply it only if that part is found better than "
    "before and nothing else worse. Your photos, your tags and the index stay as they are, searches change at once, "
    "and it can be undone at any time. Automatic tags that are stored change when you tag the library again."
)
_STEPS = 100


class PersonalizationDialog(QDialog):
    """Tries, shows, applies, undoes. Everything slow runs on the pool.

    Signals:
        changed: the correction in use has changed.
    """

    changed = Signal()

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge, self._token = bridge, CancelToken()
        self._outcome: Outcome | None = None
        self._active = False
        self._lines: list[tuple[str, str, str, str]] = []
        self.setWindowTitle("Adapt to my confirmations")
        self.resize(620, 520)
        self.told = label("", wrap=True)
        self.moved = label("", "dim", wrap=True)
        self.progress = QProgressBar()
        self.progress.setRange(0, _STEPS)
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName("How far the trial is")
        self._rows = QGridLayout()
        self.try_button, self.apply_button = button("Try it", "primary"), button("Apply", "primary")
        self.undo_button, self.stop_button, self.keep_button = button("Undo"), button("Stop"), button("Keep as is")
        self._build()
        self.try_button.clicked.connect(self._try)
        self.apply_button.clicked.connect(self._apply)
        self.undo_button.clicked.connect(self._undo)
        self.stop_button.clicked.connect(self._stop)
        self.keep_button.clicked.connect(self.close)
        self._show_buttons(busy=True)
        self._bridge.run(self._bridge.library.personalization.state, self._show_state, self._show_error, lane="pool")

    def _build(self) -> None:
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 8, 0)
        column.setSpacing(12)
        column.addWidget(label(_WORDS, wrap=True))
        column.addWidget(self.told)
        self._rows.setColumnStretch(0, 1)
        self._rows.setHorizontalSpacing(18)
        column.addLayout(self._rows)
        column.addWidget(self.moved)
        column.addStretch(1)
        # Many words, a large font: all of it can be reached.
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inside)
        row = QHBoxLayout()
        row.addWidget(self.undo_button)
        row.addStretch(1)
        for one in (self.stop_button, self.keep_button, self.try_button, self.apply_button):
            row.addWidget(one)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(22, 20, 22, 18)
        whole.setSpacing(12)
        whole.addWidget(area, 1)
        whole.addWidget(self.progress)
        whole.addLayout(row)

    def figures(self) -> list[tuple[str, str, str, str]]:
        """Return the lines of figures that are shown: name, before, after, count."""
        return list(self._lines)

    # What goes on

    def _try(self) -> None:
        personalization, token = self._bridge.library.personalization, CancelToken()
        self._token, self._outcome = token, None
        tell, show = self._bridge.tell, self.progress.setValue

        def work() -> Outcome:
            return personalization.fit(token=token, progress=lambda share: tell(show, round(_STEPS * share)))

        self.told.setText("Trying it on a part of your confirmations…")
        self._show_figures(())
        self._show_buttons(busy=True, stoppable=True)
        self._bridge.run(work, lambda outcome: self._on_tried(token, outcome), self._show_error, lane="pool")

    def _stop(self) -> None:
        self._token.cancel()
        self.told.setText("Stopped. Nothing was changed.")
        self._show_buttons()

    def _on_tried(self, token: CancelToken, outcome: Outcome) -> None:
        if token.cancelled:
            return
        self._outcome = outcome if outcome.better else None
        count = formatting.many(outcome.confirmations, "confirmation")
        self._show_figures(outcome.figures)
        self._show_moved(outcome.moved)
        if outcome.better:
            self.told.setText(f"Better on confirmations it has not seen. Learnt from {count}.")
        else:
            more = (
                " Confirm more tags, then try again." if outcome.confirmations < LEAST_CONFIRMATIONS else ""
            )  # fmt: skip
            self.told.setText(f"Looked at {count}. {outcome.reason}{more}")
        self._show_buttons()

    def _apply(self) -> None:
        outcome, personalization = self._outcome, self._bridge.library.personalization
        if outcome is None:
            return
        self._show_buttons(busy=True)
        self._bridge.run(lambda: personalization.apply(outcome), self._on_changed, self._show_error, lane="pool")

    def _undo(self) -> None:
        personalization = self._bridge.library.personalization

        def work() -> PersonalizationState:
            personalization.undo()
            return personalization.state()

        self._show_buttons(busy=True)
        self._bridge.run(work, self._on_changed, self._show_error, lane="pool")

    def _on_changed(self, state: PersonalizationState) -> None:
        self._outcome = None
        self._show_state(state)
        self.changed.emit()

    # What is shown

    def _show_state(self, state: PersonalizationState) -> None:
        self._active = state.active or bool(state.trouble)
        if state.trouble:
            text = state.trouble
        elif state.active:
            text = f"In use, learnt from {formatting.many(state.confirmations, 'confirmation')}."
        else:
            text = "Not in use: words mean what the model pack says."
        self.told.setText(text)
        self._show_figures(state.figures)
        self._show_moved(state.moved)
        self._show_buttons()

    def _show_error(self, error: Exception) -> None:
        self.told.setText(str(error) or type(error).__name__)
        self._show_buttons()

    def _show_moved(self, words: Sequence[str]) -> None:
        names = ", ".join(map(formatting.shown, words))
        self.moved.setText(f"Words that mean something else to you: {names}." if names else "")

    def _show_figures(self, figures: Sequence[Measured]) -> None:
        self._lines = []
        while (item := self._rows.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        if not figures:
            return
        for column, text in enumerate(("", "before", "after", "measured on")):
            self._rows.addWidget(label(text, "dim"), 0, column, Qt.AlignmentFlag.AlignRight)
        for row, one in enumerate(figures, start=1):
            texts = (one.name[:1].upper() + one.name[1:], f"{100 * one.before:.1f} %", f"{100 * one.after:.1f} %",
                     f"{one.count:,}")  # fmt: skip
            self._lines.append(texts)
            for column, text in enumerate(texts):
                cell = label(text, wrap=column == 0)
                if column:
                    cell.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self._rows.addWidget(cell, row, column)

    def _show_buttons(self, *, busy: bool = False, stoppable: bool = False) -> None:
        can = not self._bridge.library.read_only
        self.progress.setVisible(stoppable)
        self.progress.setValue(0)
        self.stop_button.setVisible(stoppable)
        self.apply_button.setVisible(self._outcome is not None)
        self.try_button.setVisible(not stoppable and self._outcome is None)
        self.undo_button.setVisible(self._active)
        self.try_button.setEnabled(not busy)
        self.apply_button.setEnabled(not busy and can)
        self.undo_button.setEnabled(not busy and can)
        first = self.stop_button if stoppable else self.apply_button if self._outcome else self.try_button
        first.setDefault(True)
        first.setFocus(Qt.FocusReason.OtherFocusReason)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Give up a trial that goes on."""
        self._token.cancel()
        super().closeEvent(event)

    def reject(self) -> None:
        """Give up a trial that goes on: Escape."""
        self._token.cancel()
        super().reject()
