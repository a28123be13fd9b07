# SPDX-License-Identifier: GPL-3.0-or-later
"""Before the library is tagged: how sure the program must be, and what that means."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QSlider, QVBoxLayout, QWidget

from semantic_photos.gui.widgets.controls import button, label

LEAST, USUAL, MOST = 40, 70, 95


class AutomaticTaggingDialog(QDialog):
    """Asks for the least confidence.

    Signals:
        start_wanted: the least confidence in [0, 1].
    """

    start_wanted = Signal(float)

    def __init__(self, least_now: float | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Tag my library")
        self.setFixedWidth(520)
        self._value = label(kind="title")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(LEAST, MOST)
        self.slider.setPageStep(5)
        self.slider.setAccessibleName("How sure the program must be, in percent")
        self._meaning = label(kind="dim", wrap=True)
        self._meaning.setMinimumHeight(64)
        ends = QHBoxLayout()
        ends.addWidget(label("More tags", "dim"))
        ends.addStretch(1)
        ends.addWidget(label("Fewer mistakes", "dim"))
        start, cancel = button("Start", "primary"), button("Cancel")
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
                "Every photo that was looked through gets the tags that the program is sure of. They count as "
                "suggestions until you confirm them; your own tags and what you rejected stay as they are, and nothing "
                "is written into your photos. New photos get tags from then on. The whole run can be undone.",
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
        """Return what the chosen border means, in words."""
        return self._meaning.text()

    def _show(self, percent: int) -> None:
        self._value.setText(f"At least {percent} % sure")
        wrong = 100 - percent
        way = (
            "Only what is plain to see; many photos get one tag or none."
            if percent >= 80
            else "A good mean for most libraries."
            if percent >= 60
            else "Nearly everything in the picture is named, and there is more to reject."
        )
        self._meaning.setText(
            f"{way} Of the least sure tags that are still given, about {wrong} in a hundred are wrong; "
            "the others are surer than that."
        )

    def _start(self) -> None:
        self.start_wanted.emit(self.slider.value() / 100)
        self.accept()
