# SPDX-License-Identifier: GPL-3.0-or-later
"""The dialog before automatic tagging: the lowest confidence of a tag, what it means, and what the run would set."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QSlider, QVBoxLayout, QWidget

from semantic_photos.domain.messages import CancelToken
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.widgets import formatting
from semantic_photos.gui.widgets.controls import button, label
from semantic_photos.services.tags.tag_preview import TagPreview, about
from semantic_photos.translation import tr, translated, trn

LEAST, USUAL, MOST = 40, 70, 95
#: Tags whose numbers are shown before the run.
_COMMONEST = 8
#: Width of the dialog's texts in pixels.
_TEXT_WIDTH = 476


class AutomaticTaggingDialog(QDialog):
    """Asks for the lowest confidence of automatic tags.

    What a run would set is counted once, on the pool, for all places of the slider.

    Signals:
        start_wanted: the lowest confidence in [0, 1].
    """

    start_wanted = Signal(float)

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        tagging = bridge.library.tagging
        least_now, self._measured = tagging.least_now, tagging.measured
        self._preview: TagPreview | None = None
        self._counting = CancelToken()
        self.setWindowTitle(tr("Tag library automatically"))
        self.setFixedWidth(_TEXT_WIDTH + 44)
        self._value = label(kind="title")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(LEAST, MOST)
        self.slider.setPageStep(5)
        self.slider.setAccessibleName(tr("Lowest confidence in percent"))
        self._meaning = label(kind="dim", wrap=True)
        self._meaning.setMinimumHeight(64)
        self.expected = label(tr("Counting tags…"), "title", wrap=True)
        self.commonest = label(kind="dim", wrap=True)
        self.commonest.setMinimumHeight(40)
        self.commonest.setAlignment(Qt.AlignmentFlag.AlignTop)
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
        intro = label(
            tr(
                "Every indexed photo gets the tags that reach this confidence. They are suggestions until you "
                "confirm them. Your own tags and rejected tags do not change, and nothing is written to your "
                "photo files. New photos are tagged automatically from now on. You can undo the whole run."
            ),
            wrap=True,
        )
        # The layout takes too few lines for a long text of several lines.
        intro.setMinimumHeight(intro.heightForWidth(_TEXT_WIDTH))
        column.addWidget(intro)
        column.addSpacing(6)
        column.addWidget(self._value)
        column.addWidget(self.slider)
        column.addLayout(ends)
        column.addWidget(self._meaning)
        column.addWidget(self.expected)
        column.addWidget(self.commonest)
        column.addStretch(1)
        column.addLayout(row)
        self.slider.valueChanged.connect(self._show)
        start.clicked.connect(self._start)
        cancel.clicked.connect(self.reject)
        self.slider.setValue(round(100 * least_now) if least_now is not None else USUAL)
        self._show(self.slider.value())
        self.finished.connect(lambda _: self._counting.cancel())
        token = self._counting
        bridge.run(lambda: tagging.preview(LEAST / 100, token), self._counted, self._not_counted, lane="pool")

    def meaning(self) -> str:
        """Return the explanation of the chosen confidence."""
        return self._meaning.text()

    def _show(self, percent: int) -> None:
        self._meaning.setText(f"{_effect(percent)} {self._errors(percent)}")
        if self._measured:
            # Thresholds differ from tag to tag: one number would be true of few of them.
            self._value.setText(_strictness(percent))
        else:
            self._value.setText(tr("At least {percent} % confidence", percent=percent))
        self._show_counts()

    def _errors(self, percent: int) -> str:
        if not self._measured:
            return trn(
                "Of tags with just this confidence, about {count} in 100 is wrong; surer tags are wrong less often.",
                "Of tags with just this confidence, about {count} in 100 are wrong; surer tags are wrong less often.",
                100 - percent,
            )
        if percent == USUAL:
            return tr("Each tag has its own threshold, measured on test photos.")
        if percent > USUAL:
            return tr("Each tag has its own threshold, raised for fewer mistakes.")
        return tr("Each tag has its own threshold, lowered for more tags; more of them are wrong.")

    def _counted(self, preview: TagPreview) -> None:
        self._preview = preview
        self._show_counts()

    def _not_counted(self, error: Exception) -> None:
        self.expected.setText(tr("The tags could not be counted."))
        self.commonest.setText(translated(error))

    def _show_counts(self) -> None:
        if self._preview is None:
            return
        counts = self._preview.at(self.slider.value() / 100, _COMMONEST)
        if not counts.tags:
            self.expected.setText(tr("No tags at this setting"))
            self.commonest.setText("")
            return
        tags = trn("{count:,} tag", "{count:,} tags", about(counts.tags))
        photos = trn("{count:,} photo", "{count:,} photos", about(counts.photos))
        exact = (about(counts.tags), about(counts.photos)) == (counts.tags, counts.photos)
        self.expected.setText(
            tr("{tags} on {photos}", tags=tags, photos=photos)
            if exact
            else tr("About {tags} on {photos}", tags=tags, photos=photos)
        )
        listed = ", ".join(f"{formatting.shown(name)} ({count})" for name, count in counts.commonest)
        self.commonest.setText(tr("Most common: {tags}", tags=listed))

    def _start(self) -> None:
        self.start_wanted.emit(self.slider.value() / 100)
        self.accept()


def _effect(percent: int) -> str:
    if percent >= 80:
        return tr("Only obvious tags; many photos get one tag or none.")
    if percent >= 60:
        return tr("A good balance for most libraries.")
    return tr("Most things in the photos are tagged, and you will reject more tags.")


def _strictness(percent: int) -> str:
    if percent >= 80:
        return tr("Few mistakes")
    return tr("Balanced") if percent >= 60 else tr("Many tags")
