# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of failed photos, each with its reason, and retrying them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QDialog, QHeaderView, QTreeWidget, QTreeWidgetItem, QWidget

from semantic_photos.domain.photo import FailedPhoto, PhotoId
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.grid import photo_actions
from semantic_photos.gui.widgets import formatting
from semantic_photos.gui.widgets.controls import button, label, lay_out_list
from semantic_photos.translation import tr, translated_stored, trn

#: Longer lists are slow, and no one reads them to the end.
MOST_SHOWN = 2000


class FailuresDialog(QDialog):
    """Lists failed photos; selected ones can be retried or shown in the file manager."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._failures: list[FailedPhoto] = []
        self.setWindowTitle(tr("Photos that could not be read"))
        self.resize(820, 460)
        self._words = label("", "dim", wrap=True)
        self._tree = QTreeWidget()
        self._tree.setAccessibleName(tr("Photos that could not be read"))
        self._tree.setRootIsDecorated(False)
        self._tree.setUniformRowHeights(True)
        self._tree.setSelectionMode(QTreeWidget.SelectionMode.ExtendedSelection)
        self._tree.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self._tree.setHeaderLabels([tr("Photo"), tr("Reason"), tr("Folder"), tr("Attempts")])
        header = self._tree.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        for column, width in ((0, 180), (2, 200), (3, 84)):
            header.resizeSection(column, width)
        self._retry = button(tr("Retry"), icon="retry")
        self._show = button(tr("Show in file manager"), icon="folder")
        close = button(tr("Close"))
        lay_out_list(self, self._words, self._tree, (self._retry, self._show), close)
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(700)
        self._again.timeout.connect(self._load)
        close.clicked.connect(self.accept)
        self._retry.clicked.connect(self._try_again)
        self._show.clicked.connect(self._show_chosen)
        self._tree.itemSelectionChanged.connect(self._enable)
        bridge.photos_changed.connect(self._load_soon)
        self._load()

    def _load_soon(self, _: object = None) -> None:
        self._again.start()

    def _load(self) -> None:
        self._bridge.run(self._bridge.library.failures, self._fill)

    def _fill(self, failures: Sequence[FailedPhoto]) -> None:
        self._failures = list(failures)
        self._tree.clear()
        for failed in self._failures[:MOST_SHOWN]:
            reason = translated_stored(failed.reason, failed.code)
            texts = [formatting.shown(failed.path.name), formatting.shown(reason),
                     formatting.short_folder(failed.path.parent), tr("{count:,}", count=failed.attempts)]  # fmt: skip
            item = QTreeWidgetItem(texts)
            item.setToolTip(1, texts[1].replace("<", "&lt;"))
            item.setData(0, Qt.ItemDataRole.UserRole, int(failed.id))
            self._tree.addTopLevelItem(item)
        count = len(self._failures)
        self._words.setText(
            trn(
                "{count:,} photo could not be read. It is retried automatically when its file changes.",
                "{count:,} photos could not be read. They are retried automatically when their files change.",
                count,
            )
            if count
            else tr("All photos could be read.")
        )
        self._enable()

    def rows(self) -> list[tuple[str, str]]:
        """Return name and reason in each row."""
        items = (self._tree.topLevelItem(row) for row in range(self._tree.topLevelItemCount()))
        return [(item.text(0), item.text(1)) for item in items if item is not None]

    def _chosen(self) -> list[PhotoId]:
        return [PhotoId(int(item.data(0, Qt.ItemDataRole.UserRole))) for item in self._tree.selectedItems()]

    def _enable(self) -> None:
        chosen = len(self._chosen())
        self._retry.setEnabled(bool(self._failures))
        self._retry.setText(
            trn("Retry {count:,} photo", "Retry {count:,} photos", chosen) if chosen else tr("Retry all")
        )
        self._show.setEnabled(chosen > 0)

    def _try_again(self) -> None:
        chosen = self._chosen() or None
        self._bridge.run(lambda: self._bridge.library.retry_failed(chosen), self._load_soon, lane="pool")

    def _show_chosen(self) -> None:
        chosen = set(self._chosen())
        paths = [failed.path for failed in self._failures if failed.id in chosen]
        self._bridge.run(lambda: photo_actions.show_files(paths[: photo_actions.MOST_OPENED]), lane="pool")
