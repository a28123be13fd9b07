# SPDX-License-Identifier: GPL-3.0-or-later
"""The dialog before automatic tagging: the lowest confidence of a tag, and what it means."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QSlider, QVBoxLayout, QWidget

from semantic_photos.gui.widgets.controls import button, label
from semantic_photos.translation import tr, trn

LEAST, USUAL, MOST = 40, 70, 95


class AutomaticTaggingDialog(QDialog):
    """Asks for the lowest confidence of automatic tags.

    Signals:
        start_wanted: the lowest confidence in [0, 1].
    """

    start_wanted = Signal(float)

    def __init__(self, least_now: float | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Tag library automatically"))
        self.setFixedWidth(520)
        self._value = label(kind="title")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(LEAST, MOST)
        self.slider.setPageStep(5)
        self.slider.setAccessibleName(tr("Lowest confidence in percent"))
        self._meaning = label(kind="dim", wrap=True)
        self._meaning.setMinimumHeight(64)
        ends = QHBoxLayout()
        ends.addWidget(label(tr("More tags"), "dim"))
        ends.addStretch(1)
        ends.addWidget(label(tr("Fewer mistakes"), "dim"))
        start, cancel = button(tr("Start"), "primary"), button(tr("Cancel"))
        start.setDefault(True)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(cancel)
        row.addWidget(start)
        column = QVBoxLayout(self)
        column.setContentsMargins(22, 20, 22, 18)
        column.setSpacing(12)
        column.addWidget(
            label(
                tr(
                    "Every indexed photo gets the tags that reach this confidence. They are suggestions until you "
                    "confirm them. Your own tags and rejected tags do not change, and nothing is written to your "
                    "photo files. New photos are tagged automatically from now on. You can undo the whole run."
                ),
                wrap=True,
            )
        )
        column.addSpacing(6)
        column.addWidget(self._value)
        column.addWidget(self.slider)
        column.addLayout(ends)
        column.addWidget(self._meaning)
        column.addStretch(1)
        column.addLayout(row)
        self.slider.valueChanged.connect(self._show)
        start.clicked.connect(self._start)
        cancel.clicked.connect(self.reject)
        self.slider.setValue(round(100 * least_now) if least_now is not None else USUAL)
        self._show(self.slider.value())

    def meaning(self) -> str:
        """Return the explanation of the chosen confidence."""
        return self._meaning.text()

    def _show(self, percent: int) -> None:
        self._value.setText(tr("At least {percent} % confidence", percent=percent))
        effect = (
            tr("Only obvious tags; many photos get one tag or none.")
            if percent >= 80
            else tr("A good balance for most libraries.")
            if percent >= 60
            else tr("Most things in the photos are tagged, and you will reject more tags.")
        )
        errors = trn(
            "Of tags with just this confidence, about {count} in 100 is wrong; surer tags are wrong less often.",
            "Of tags with just this confidence, about {count} in 100 are wrong; surer tags are wrong less often.",
            100 - percent,
        )
        self._meaning.setText(f"{effect} {errors}")

    def _start(self) -> None:
        self.start_wanted.emit(self.slider.value() / 100)
        self.accept()
