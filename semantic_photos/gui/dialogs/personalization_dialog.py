# SPDX-License-Identifier: GPL-3.0-or-later
"""The dialog for personalization: test it, see the figures, apply it if it is better, turn it off."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QProgressBar, QScrollArea, QVBoxLayout, QWidget

from semantic_photos.domain.messages import CancelToken
from semantic_photos.domain.personalization import LEAST_CONFIRMATIONS, Measured, Outcome
from semantic_photos.domain.translatable import Message
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.widgets import formatting
from semantic_photos.gui.widgets.controls import button, label
from semantic_photos.services.concepts.personalization import PersonalizationState
from semantic_photos.translation import tr, translated, trc, trn

_WORDS = Message(
    "From your confirmed tags, captions and votes, the program learns what words mean to you. It first tests this on a "
    "part of your confirmations that it did not learn from. You can apply it only if the results on that part improve "
    "and no other results get worse. Your photos, tags and index stay as they are. Searches change at once; stored "
    "automatic tags change the next time you tag the library. You can turn it off at any time."
)
_STEPS = 100


class PersonalizationDialog(QDialog):
    """Tests personalization, shows the figures, applies it and turns it off. Slow work runs on the pool.

    Signals:
        changed: personalization was applied or turned off.
    """

    changed = Signal()

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge, self._token = bridge, CancelToken()
        self._outcome: Outcome | None = None
        self._active = False
        self._lines: list[tuple[str, str, str, str]] = []
        self.setWindowTitle(tr("Personalization"))
        self.resize(620, 520)
        self.told = label("", wrap=True)
        self.moved = label("", "dim", wrap=True)
        self.progress = QProgressBar()
        self.progress.setRange(0, _STEPS)
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName(tr("Progress of the test"))
        self._rows = QGridLayout()
        self.try_button, self.apply_button = button(tr("Test"), "primary"), button(tr("Apply"), "primary")
        self.undo_button, self.stop_button, self.keep_button = (
            button(tr("Turn off")),
            button(tr("Stop")),
            button(tr("Close")),
        )
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
        column.addWidget(label(translated(_WORDS), wrap=True))
        column.addWidget(self.told)
        self._rows.setColumnStretch(0, 1)
        self._rows.setHorizontalSpacing(18)
        column.addLayout(self._rows)
        column.addWidget(self.moved)
        column.addStretch(1)
        # With a large font the text does not fit: it scrolls.
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
        """Return the rows of the table: name, before, after, sample size."""
        return list(self._lines)

    # Actions

    def _try(self) -> None:
        personalization, token = self._bridge.library.personalization, CancelToken()
        self._token, self._outcome = token, None
        tell, show = self._bridge.tell, self.progress.setValue

        def work() -> Outcome:
            return personalization.fit(token=token, progress=lambda share: tell(show, round(_STEPS * share)))

        self.told.setText(tr("Testing on a part of your confirmations…"))
        self._show_figures(())
        self._show_buttons(busy=True, stoppable=True)
        self._bridge.run(work, lambda outcome: self._on_tried(token, outcome), self._show_error, lane="pool")

    def _stop(self) -> None:
        self._token.cancel()
        self.told.setText(tr("Stopped. Nothing was changed."))
        self._show_buttons()

    def _on_tried(self, token: CancelToken, outcome: Outcome) -> None:
        if token.cancelled:
            return
        self._outcome = outcome if outcome.better else None
        self._show_figures(outcome.figures)
        self._show_moved(outcome.moved)
        self.told.setText(_verdict(outcome))
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

    # Display

    def _show_state(self, state: PersonalizationState) -> None:
        self._active = state.active or bool(state.trouble)
        if state.trouble:
            text = translated(state.trouble)
        elif state.active:
            text = trn(
                "Personalization is on, fitted to {count:,} confirmation.",
                "Personalization is on, fitted to {count:,} confirmations.",
                state.confirmations,
            )
        else:
            text = tr("Personalization is off.")
        self.told.setText(text)
        self._show_figures(state.figures)
        self._show_moved(state.moved)
        self._show_buttons()

    def _show_error(self, error: Exception) -> None:
        self.told.setText(translated(error) or type(error).__name__)
        self._show_buttons()

    def _show_moved(self, words: Sequence[str]) -> None:
        names = ", ".join(map(formatting.shown, words))
        self.moved.setText(tr("Words whose results change: {words}.", words=names) if names else "")

    def _show_figures(self, figures: Sequence[Measured]) -> None:
        self._lines = []
        while (item := self._rows.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        if not figures:
            return
        for column, text in enumerate(("", tr("before"), tr("after"), trc("number of photos or words", "measured on"))):
            self._rows.addWidget(label(text, "dim"), 0, column, Qt.AlignmentFlag.AlignRight)
        for row, one in enumerate(figures, start=1):
            name = translated(one.name)
            texts = (
                name[:1].upper() + name[1:],
                tr("{percent:.1f} %", percent=100 * one.before),
                tr("{percent:.1f} %", percent=100 * one.after),
                tr("{count:,}", count=one.count),
            )
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
        """Cancel a running test."""
        self._token.cancel()
        super().closeEvent(event)

    def reject(self) -> None:
        """Cancel a running test when Escape closes the dialog."""
        self._token.cancel()
        super().reject()


def _verdict(outcome: Outcome) -> str:
    """Return whether personalization may be applied, and why or why not."""
    count = outcome.confirmations
    if outcome.better:
        return trn(
            "Better on held-out confirmations. Fitted to {count:,} confirmation.",
            "Better on held-out confirmations. Fitted to {count:,} confirmations.",
            count,
        )
    parts = [
        trn("Tested with {count:,} confirmation.", "Tested with {count:,} confirmations.", count),
        translated(outcome.reason),
    ]
    if count < LEAST_CONFIRMATIONS:
        parts.append(tr("Confirm more tags, then test again."))
    return " ".join(parts)
