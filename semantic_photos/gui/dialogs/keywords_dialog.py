# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags written as keywords for other programs: beside the photos or into them, first shown and then done."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QProgressBar,
    QRadioButton,
    QSpinBox,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from semantic_photos.domain.messages import CancelToken
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.tags import SEPARATOR
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.widgets import formatting, theme
from semantic_photos.gui.widgets.controls import button, label
from semantic_photos.services.metadata.keyword_changes import FileChange, WriteReport
from semantic_photos.storage.keyword_sync import FailedWrite

_log = logging.getLogger(__name__)

#: More lines would not be read, and would make the list slow.
MOST_SHOWN = 2000
_SOON_MS = 250
_SIDECARS = "The photo files are not changed: the words go into small files beside them, which other programs read."
_STARS = {-1: "rejected", 0: "none"} | {stars: "★" * stars for stars in range(1, 6)}
_EMBED = (
    "The photo files ARE changed: the words go into JPEG, PNG and WebP files themselves. The picture in them stays "
    "as it is. Other kinds of files, camera RAW too, get a small file beside them instead."
)


class KeywordsDialog(QDialog):
    """Shows what would be written, and writes it when asked to.

    Everything that reads or writes files runs on the pool; a change of the options stops it.
    """

    _went_on = Signal(int, int, int)

    def __init__(self, bridge: Bridge, ids: Sequence[PhotoId], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge, self._ids = bridge, list(ids)
        self._token, self._number, self._writing = CancelToken(), 0, False
        self.setWindowTitle("Write keywords, ratings and captions")
        self.resize(860, 600)
        self.chosen = QRadioButton(f"The {formatting.many(len(ids), 'selected photo')}")
        self.everything = QRadioButton("All photos that have tags, a rating or a caption")
        self.beside = QRadioButton("Into files beside the photos (.xmp)")
        self.inside = QRadioButton("Into the photo files")
        self.automatic = QCheckBox("Also automatic tags that nobody has confirmed, from")
        self.least = QSpinBox()
        self.adobe = QCheckBox("Name new files as Adobe programs do: photo.xmp instead of photo.jpg.xmp")
        self.words = label(_SIDECARS, wrap=True)
        self.told = label("", "dim", wrap=True)
        self._progress = QProgressBar()
        self._progress.setTextVisible(False)
        self._progress.setAccessibleName("Photos that were looked at")
        self.tree = QTreeWidget()
        self.write_button, self.retry_button = button("Write", "primary"), button("Try again", icon="retry")
        self._stop, self._close = button("Stop"), button("Close")
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_SOON_MS)
        self._build()
        self._connect()
        bridge.run(bridge.library.keywords.failed, self._show_old_failures, lambda _: None, lane="pool")
        self._preview()

    def _build(self) -> None:
        self._groups = []
        for pair in ((self.chosen, self.everything), (self.beside, self.inside)):
            group = QButtonGroup(self)
            self._groups.append(group)
            for radio in pair:
                group.addButton(radio)
        (self.chosen if self._ids else self.everything).setChecked(True)
        self.chosen.setVisible(bool(self._ids))
        self.everything.setVisible(bool(self._ids))
        self.beside.setChecked(True)
        self.least.setRange(40, 99)
        self.least.setValue(70)
        self.least.setSuffix(" % on")
        self.least.setAccessibleName("Least confidence of automatic tags, in percent")
        self.least.setEnabled(False)
        self.tree.setAccessibleName("What would be written")
        self.tree.setRootIsDecorated(False)
        self.tree.setUniformRowHeights(True)
        self.tree.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.tree.setHeaderLabels(["Photo", "Written into", "Change"])
        header = self.tree.header()
        header.setStretchLastSection(True)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.resizeSection(0, 200)
        header.resizeSection(1, 210)
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 18, 18, 18)
        column.setSpacing(10)
        for pair in ((self.chosen, self.everything), (self.beside, self.inside)):
            row = QHBoxLayout()
            row.setSpacing(24)
            row.addWidget(pair[0])
            row.addWidget(pair[1])
            row.addStretch(1)
            column.addLayout(row)
        column.addWidget(self.words)
        sure = QHBoxLayout()
        sure.addWidget(self.automatic)
        sure.addWidget(self.least)
        sure.addStretch(1)
        column.addLayout(sure)
        column.addWidget(self.adobe)
        column.addWidget(self.tree, 1)
        column.addWidget(self._progress)
        column.addWidget(self.told)
        foot = QHBoxLayout()
        foot.addWidget(self.retry_button)
        foot.addStretch(1)
        for part in (self._stop, self._close, self.write_button):
            foot.addWidget(part)
        column.addLayout(foot)
        self.retry_button.hide()

    def _connect(self) -> None:
        self._soon.timeout.connect(self._preview)
        self._went_on.connect(self._show_progress)
        for box in (self.chosen, self.inside, self.automatic, self.adobe):
            box.toggled.connect(self._on_option)
        self.least.valueChanged.connect(self._on_option)
        self.write_button.clicked.connect(self.write)
        self.retry_button.clicked.connect(self.retry)
        self._stop.clicked.connect(lambda: self._token.cancel())
        self._close.clicked.connect(self.accept)
        self.finished.connect(lambda _: self._token.cancel())

    def rows(self) -> list[tuple[str, str, str]]:
        """Return the lines that are shown."""
        items = (self.tree.topLevelItem(row) for row in range(self.tree.topLevelItemCount()))
        return [(item.text(0), item.text(1), item.text(2)) for item in items if item is not None]

    def _on_option(self, _value: object = None) -> None:
        inside = self.inside.isChecked()
        self.least.setEnabled(self.automatic.isChecked())
        self.adobe.setEnabled(not inside)
        self.words.setText(_EMBED if inside else _SIDECARS)
        self.words.setProperty("kind", "error" if inside else "")
        self.words.style().polish(self.words)
        self._token.cancel()
        self._soon.start()

    # Work

    def _preview(self) -> None:
        self._run(dry_run=True, failed_only=False)

    def write(self) -> None:
        """Write what is shown."""
        self._run(dry_run=False, failed_only=False)

    def retry(self) -> None:
        """Write once more for the photos whose last writing failed."""
        self._run(dry_run=False, failed_only=True)

    def _run(self, *, dry_run: bool, failed_only: bool) -> None:
        self._soon.stop()
        self._token.cancel()
        self._token = token = CancelToken()
        self._number += 1
        self._writing = not dry_run
        number, keywords = self._number, self._bridge.library.keywords
        ids = self._ids if self.chosen.isChecked() and self._ids and not failed_only else None
        embed, adobe = self.inside.isChecked(), self.adobe.isChecked()
        automatic = self.least.value() / 100 if self.automatic.isChecked() else None

        def tell(done: int, total: int) -> None:
            if done % 16 == 0 or done == total:
                try:
                    self._went_on.emit(number, done, total)
                except RuntimeError:
                    _log.debug("the dialog was closed while files were looked at")

        def work() -> tuple[int, WriteReport]:
            return number, keywords.write(
                ids, embed=embed, automatic=automatic, adobe=adobe, dry_run=dry_run, failed_only=failed_only,
                token=token, on_progress=tell,
            )  # fmt: skip

        self.told.setText("Looking at what would change…" if dry_run else "Writing…")
        self._progress.setRange(0, 0)
        self._show_busy(busy=True)
        self._bridge.run(work, self._on_report, self._on_error, lane="pool")

    def _show_busy(self, *, busy: bool) -> None:
        self._progress.setVisible(busy)
        self._stop.setVisible(busy)
        for part in (self.chosen, self.everything, self.beside, self.inside, self.automatic):
            part.setEnabled(not (busy and self._writing))
        self.write_button.setEnabled(not busy)
        self.retry_button.setEnabled(not busy)

    def _show_progress(self, number: int, done: int, total: int) -> None:
        if number == self._number:
            self._progress.setRange(0, max(total, 1))
            self._progress.setValue(done)
            word = "Written" if self._writing else "Looked at"
            self.told.setText(f"{word}: {done:,} of {formatting.many(total, 'photo')}")

    def _on_error(self, error: Exception) -> None:
        self._writing = False
        self._show_busy(busy=False)
        self.told.setText(formatting.shown(str(error)))

    def _on_report(self, answer: tuple[int, WriteReport]) -> None:
        number, report = answer
        if number != self._number:
            return
        wrote, self._writing = self._writing, False
        self._show_busy(busy=False)
        self._fill(report)
        files = formatting.many(len(report.changes), "file")
        parts = [f"{files} {'written' if wrote else 'would be written'}."]
        if not report.changes and not report.failures and not report.cancelled:
            parts = ["All files say already what they should." if report.unchanged else "There is nothing to write."]
        elif report.unchanged:
            parts.append(f"{formatting.many(report.unchanged, 'photo')} need no change.")
        if report.failures:
            parts.append(f"{formatting.many(len(report.failures), 'photo')} could not be written; see the list.")
        if report.cancelled:
            parts.append("Stopped before the end.")
        if len(report.changes) > MOST_SHOWN:
            parts.append(f"The list shows the first {MOST_SHOWN:,}.")
        self.told.setText(" ".join(parts))
        self.write_button.setEnabled(not wrote and bool(report.changes))
        if wrote:
            self.retry_button.setText(f"Try {formatting.many(len(report.failures), 'photo')} again")
            self.retry_button.setVisible(bool(report.failures))

    def _fill(self, report: WriteReport) -> None:
        self.tree.clear()
        for failed in report.failures[:MOST_SHOWN]:
            item = QTreeWidgetItem([formatting.shown(failed.path.name), "not written", formatting.shown(failed.reason)])
            item.setIcon(0, theme.icon("warning", "danger"))
            item.setToolTip(2, formatting.shown(failed.reason).replace("<", "&lt;"))
            self.tree.addTopLevelItem(item)
        for change in report.changes[:MOST_SHOWN]:
            item = QTreeWidgetItem(
                [formatting.shown(change.photo.name), formatting.shown(change.target.name), _words(change)]
            )
            item.setToolTip(1, formatting.shown(str(change.target)).replace("<", "&lt;"))
            item.setToolTip(2, _words(change).replace("<", "&lt;"))
            self.tree.addTopLevelItem(item)

    def _show_old_failures(self, failures: Sequence[FailedWrite]) -> None:
        if failures and not self._writing:
            self.retry_button.setText(f"Try {formatting.many(len(failures), 'photo')} of last time again")
            self.retry_button.setToolTip("\n".join(formatting.shown(one.reason) for one in failures[:8]))
            self.retry_button.show()


def _words(change: FileChange) -> str:
    names = [f"+ {_plain(name)}" for name in change.added] + [f"− {_plain(name)}" for name in change.removed]
    if change.rating is not None:
        names.append(f"rating {_STARS[change.rating]}")
    if change.caption is not None:
        names.append(
            f"caption “{formatting.shown(' '.join(change.caption.split()))}”" if change.caption else "no caption"
        )
    return ", ".join(names) or "kept in step"


def _plain(name: str) -> str:
    return formatting.shown(name.replace(SEPARATOR, " › "))
