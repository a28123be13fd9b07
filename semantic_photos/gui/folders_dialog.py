# SPDX-License-Identifier: GPL-3.0-or-later
"""The folders that are searched: add, remove, compare again, and which of them are away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QVBoxLayout,
    QWidget,
)

from semantic_photos.domain.photo import Folder, FolderId
from semantic_photos.gui import formatting, theme
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.pictures import pictures_folder
from semantic_photos.gui.widgets import button, label


class FoldersDialog(QDialog):
    """Lists the folders; ``add`` lets a person choose one more."""

    def __init__(self, bridge: Bridge, add: Callable[[], object], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self.setWindowTitle("Folders")
        self.resize(620, 420)
        self._list = QListWidget()
        self._list.setAccessibleName("Folders that are searched")
        self._list.setIconSize(QSize(20, 20))
        self._list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self._add = button("Add folder…", icon="folder-add")
        self._remove = button("Stop searching this folder", icon="remove")
        self._rescan = button("Compare again", icon="retry")
        close = button("Close")
        words = label(
            "Photos stay where they are; taking a folder out of this list changes nothing in it. "
            "The photos of a folder that is away, on an unplugged drive say, are kept until it is back.",
            "dim",
            wrap=True,
        )
        row = self._row = QHBoxLayout()
        for part in (self._add, self._remove, self._rescan):
            row.addWidget(part)
        row.addStretch(1)
        row.addWidget(close)
        column = QVBoxLayout(self)
        column.setContentsMargins(18, 18, 18, 18)
        column.setSpacing(12)
        column.addWidget(words)
        column.addWidget(self._list, 1)
        column.addLayout(row)
        self._add.clicked.connect(lambda: add())
        self._remove.clicked.connect(self._remove_chosen)
        self._rescan.clicked.connect(self._compare)
        self._list.itemSelectionChanged.connect(self._enable)
        close.clicked.connect(self.accept)
        bridge.folders_changed.connect(self._load)
        self._load()

    def add_menu(self, text: str, menu: QMenu) -> None:
        """Put one more button below the list, with a menu."""
        made = button(text)
        made.setMenu(menu)
        self._row.insertWidget(3, made)

    def _load(self, _message: object = None) -> None:
        library = self._bridge.library
        self._bridge.run(library.folders, self._show)

    def _show(self, folders: Sequence[Folder]) -> None:
        chosen = self._chosen()
        self._list.clear()
        for folder in folders:
            text = formatting.short_folder(folder.path)
            item = QListWidgetItem(text if folder.online else f"{text}   (not there at the moment)")
            item.setIcon(
                theme.icon("folder" if folder.online else "folder-offline", "text" if folder.online else "danger")
            )
            item.setToolTip(formatting.shown(str(folder.path)).replace("<", "&lt;"))
            item.setData(Qt.ItemDataRole.UserRole, int(folder.id))
            self._list.addItem(item)
            item.setSelected(folder.id == chosen)
        self._enable()

    def paths(self) -> list[str]:
        """Return the lines that are shown."""
        return [self._list.item(row).text() for row in range(self._list.count())]

    def _chosen(self) -> FolderId | None:
        items = self._list.selectedItems()
        return FolderId(int(items[0].data(Qt.ItemDataRole.UserRole))) if items else None

    def _enable(self) -> None:
        self._remove.setEnabled(self._chosen() is not None)

    def _remove_chosen(self) -> None:
        chosen = self._chosen()
        if chosen is not None:
            self._bridge.run(lambda: self._bridge.library.remove_folder(chosen), lane="pool")

    def _compare(self) -> None:
        self._bridge.run(self._bridge.library.rescan, lane="pool")


def choose_folder(parent: QWidget, chosen: Callable[[Path], None]) -> QFileDialog:
    """Let a person choose a folder; return the dialog, which is open and does not block."""
    dialog = QFileDialog(parent, "Choose a folder with photos")
    dialog.setDirectory(str(pictures_folder()))
    dialog.setFileMode(QFileDialog.FileMode.Directory)
    dialog.setOption(QFileDialog.Option.ShowDirsOnly, on=True)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.fileSelected.connect(lambda path: chosen(Path(path)))
    dialog.open()
    return dialog
