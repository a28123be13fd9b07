# SPDX-License-Identifier: GPL-3.0-or-later
"""The dialog that writes tags, ratings and captions for other programs, to sidecars or photo files; with a preview."""

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
from semantic_photos.domain.translatable import Message
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.widgets import formatting, theme
from semantic_photos.gui.widgets.controls import button, label
from semantic_photos.services.metadata.keyword_changes import FileChange, WriteReport
from semantic_photos.storage.keyword_sync import FailedWrite
from semantic_photos.translation import tr, translated, translated_stored, trn

_log = logging.getLogger(__name__)

#: Longer lists are slow, and no one reads them to the end.
MOST_SHOWN = 2000
_SOON_MS = 250
_SIDECARS = Message(
    "Photo files are not changed: tags, ratings and captions go into small XMP files beside them, which other programs "
    "read."
)
_EMBED = Message(
    "Photo files ARE changed: tags, ratings and captions are written into JPEG, PNG and WebP files; the image itself "
    "stays as it is. Other formats, camera RAW too, get an XMP file beside them."
)


class KeywordsDialog(QDialog):
    """Previews what would be written, and writes it on request.

    Files are read and written on the pool; changing an option cancels a running preview.
    """

    _went_on = Signal(int, int, int)

    def __init__(self, bridge: Bridge, ids: Sequence[PhotoId], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge, self._ids = bridge, list(ids)
        self._token, self._number, self._writing = CancelToken(), 0, False
        self.setWindowTitle(tr("Write keywords, ratings and captions"))
        self.resize(860, 600)
        self.chosen = QRadioButton(trn("{count:,} selected photo", "{count:,} selected photos", len(ids)))
        self.everything = QRadioButton(tr("All photos with tags, a rating or a caption"))
        self.beside = QRadioButton(tr("To XMP files beside the photos"))
        self.inside = QRadioButton(tr("Into the photo files"))
        self.automatic = QCheckBox(tr("Include unconfirmed automatic tags, from a confidence of"))
        self.least = QSpinBox()
        self.adobe = QCheckBox(tr("Name XMP files like Adobe programs: photo.xmp instead of photo.jpg.xmp"))
        self.words = label(translated(_SIDECARS), wrap=True)
        self.told = label("", "dim", wrap=True)
        self._progress = QProgressBar()
        self._progress.setTextVisible(False)
        self._progress.setAccessibleName(tr("Progress"))
        self.tree = QTreeWidget()
        self.write_button, self.retry_button = button(tr("Write"), "primary"), button(tr("Retry"), icon="retry")
        self._stop, self._close = button(tr("Stop")), button(tr("Close"))
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
        self.least.setSuffix(" %")
        self.least.setAccessibleName(tr("Lowest confidence of automatic tags, in percent"))
        self.least.setEnabled(False)
        self.tree.setAccessibleName(tr("Changes"))
        self.tree.setRootIsDecorated(False)
        self.tree.setUniformRowHeights(True)
        self.tree.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.tree.setHeaderLabels([tr("Photo"), tr("File"), tr("Change")])
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
        """Return the rows of the list: photo, file, change."""
        items = (self.tree.topLevelItem(row) for row in range(self.tree.topLevelItemCount()))
        return [(item.text(0), item.text(1), item.text(2)) for item in items if item is not None]

    def _on_option(self, _value: object = None) -> None:
        inside = self.inside.isChecked()
        self.least.setEnabled(self.automatic.isChecked())
        self.adobe.setEnabled(not inside)
        self.words.setText(translated(_EMBED if inside else _SIDECARS))
        self.words.setProperty("kind", "error" if inside else "")
        self.words.style().polish(self.words)
        self._token.cancel()
        self._soon.start()

    # Work

    def _preview(self) -> None:
        self._run(dry_run=True, failed_only=False)

    def write(self) -> None:
        """Write the changes in the preview."""
        self._run(dry_run=False, failed_only=False)

    def retry(self) -> None:
        """Write again for the photos that failed last time."""
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
                    _log.debug("the dialog was closed while files were read")

        def work() -> tuple[int, WriteReport]:
            return number, keywords.write(
                ids, embed=embed, automatic=automatic, adobe=adobe, dry_run=dry_run, failed_only=failed_only,
                token=token, on_progress=tell,
            )  # fmt: skip

        self.told.setText(tr("Checking what would change…") if dry_run else tr("Writing…"))
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
            self.told.setText(
                trn("{done:,} of {count:,} photo written", "{done:,} of {count:,} photos written", total, done=done)
                if self._writing
                else trn(
                    "{done:,} of {count:,} photo checked", "{done:,} of {count:,} photos checked", total, done=done
                )
            )

    def _on_error(self, error: Exception) -> None:
        self._writing = False
        self._show_busy(busy=False)
        self.told.setText(formatting.shown(translated(error)))

    def _on_report(self, answer: tuple[int, WriteReport]) -> None:
        number, report = answer
        if number != self._number:
            return
        wrote, self._writing = self._writing, False
        self._show_busy(busy=False)
        self._fill(report)
        parts = _report(report, wrote=wrote)
        self.told.setText(" ".join(parts))
        self.write_button.setEnabled(not wrote and bool(report.changes))
        if wrote:
            self.retry_button.setText(trn("Retry {count:,} photo", "Retry {count:,} photos", len(report.failures)))
            self.retry_button.setVisible(bool(report.failures))

    def _fill(self, report: WriteReport) -> None:
        self.tree.clear()
        for failed in report.failures[:MOST_SHOWN]:
            reason = translated_stored(failed.reason, failed.code)
            item = QTreeWidgetItem([formatting.shown(failed.path.name), tr("not written"), formatting.shown(reason)])
            item.setIcon(0, theme.icon("warning", "danger"))
            item.setToolTip(2, formatting.shown(reason).replace("<", "&lt;"))
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
            self.retry_button.setText(
                trn("Retry {count:,} photo that failed last time", "Retry {count:,} photos that failed last time",
                    len(failures))
            )  # fmt: skip
            reasons = dict.fromkeys(formatting.shown(translated_stored(one.reason, one.code)) for one in failures)
            self.retry_button.setToolTip("\n".join(list(reasons)[:8]))
            self.retry_button.show()


def _report(report: WriteReport, *, wrote: bool) -> list[str]:
    """Return the sentences below the list about a preview or a run."""
    files = len(report.changes)
    if not files and not report.failures and not report.cancelled:
        return [tr("All files are up to date.") if report.unchanged else tr("There is nothing to write.")]
    parts = [
        trn("{count:,} file written.", "{count:,} files written.", files)
        if wrote
        else trn("{count:,} file would be written.", "{count:,} files would be written.", files)
    ]
    if report.unchanged:
        parts.append(trn("{count:,} photo needs no change.", "{count:,} photos need no change.", report.unchanged))
    if report.failures:
        parts.append(
            trn(
                "{count:,} photo could not be written; see the list.",
                "{count:,} photos could not be written; see the list.",
                len(report.failures),
            )
        )
    if report.cancelled:
        parts.append(tr("Stopped early."))
    if files > MOST_SHOWN:
        parts.append(tr("The list shows the first {count:,}.", count=MOST_SHOWN))
    return parts


def _words(change: FileChange) -> str:
    names = [f"+ {_plain(name)}" for name in change.added] + [f"− {_plain(name)}" for name in change.removed]
    if change.rating is not None:
        names.append(_rating(change.rating))
    if change.caption:
        names.append(tr("caption “{caption}”", caption=formatting.shown(" ".join(change.caption.split()))))
    elif change.caption is not None:
        names.append(tr("no caption"))
    return ", ".join(names) or tr("brought up to date")


def _rating(rating: int) -> str:
    """Return a rating of XMP: -1 is "rejected", 0 none, else stars."""
    if rating < 0:
        return tr("rating “rejected”")
    return tr("rating {stars}", stars="★" * rating) if rating else tr("no rating")


def _plain(name: str) -> str:
    return formatting.shown(name.replace(SEPARATOR, " › "))
