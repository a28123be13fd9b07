# SPDX-License-Identifier: GPL-3.0-or-later
"""The folders that are searched, with how many photos each holds: add, remove, compare again, which are away."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QMenu,
    QStackedWidget,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from semantic_photos.domain.photo import Folder, FolderCounts, FolderId
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.widgets import formatting, theme
from semantic_photos.gui.widgets.controls import button, label
from semantic_photos.gui.widgets.images import pictures_folder
from semantic_photos.gui.widgets.placeholders import Placeholder, PlaceholderPage, Way

ADD = "Add folder…"
#: While photos come in, they are counted at most so often.
COUNT_MS = 500


class FoldersDialog(QDialog):
    """Lists the folders with how many photos each holds; ``add`` lets a user choose one more."""

    def __init__(self, bridge: Bridge, add: Callable[[], object], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self.setWindowTitle("Folders")
        self.resize(680, 420)
        self._items: dict[FolderId, QTreeWidgetItem] = {}
        self._list = self._make_list()
        self._none = PlaceholderPage()
        self._none.show_state(Placeholder("folder-add", "No folder is searched.", ways=(Way(ADD, add, "primary"),)))
        self._stack = QStackedWidget()
        self._stack.addWidget(self._list)
        self._stack.addWidget(self._none)
        self._add = button(ADD, icon="folder-add")
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
        column.addWidget(self._stack, 1)
        column.addLayout(row)
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(COUNT_MS)
        self._again.timeout.connect(self._load)
        self._add.clicked.connect(lambda: add())
        self._remove.clicked.connect(self._remove_chosen)
        self._rescan.clicked.connect(self._compare)
        self._list.itemSelectionChanged.connect(self._enable)
        close.clicked.connect(self.accept)
        bridge.folders_changed.connect(self._load)
        bridge.photos_changed.connect(self._load_soon)
        bridge.progress_changed.connect(self._load_soon)
        self._load()

    @staticmethod
    def _make_list() -> QTreeWidget:
        made = QTreeWidget()
        made.setAccessibleName("Folders that are searched")
        made.setRootIsDecorated(False)
        made.setUniformRowHeights(True)
        made.setIconSize(QSize(20, 20))
        made.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        made.setHeaderLabels(["Folder", "Photos"])
        header = made.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        return made

    def add_menu(self, text: str, menu: QMenu) -> None:
        """Put one more button below the list, with a menu."""
        made = button(text)
        made.setMenu(menu)
        self._row.insertWidget(3, made)

    def _load_soon(self, _message: object = None) -> None:
        # While photos come in, messages come many times a second.
        if not self._again.isActive():
            self._again.start()

    def _load(self, _message: object = None) -> None:
        library = self._bridge.library
        self._bridge.run(lambda: (library.folders(), library.catalog.folders.counts()), self._show)

    def _show(self, known: tuple[Sequence[Folder], Mapping[FolderId, FolderCounts]]) -> None:
        folders, counts = known
        if [folder.id for folder in folders] != list(self._items):
            self._fill(folders)
        for folder in folders:
            item = self._items[folder.id]
            item.setIcon(
                0, theme.icon("folder" if folder.online else "folder-offline", "text" if folder.online else "danger")
            )
            item.setText(1, formatting.held(counts.get(folder.id, FolderCounts()), online=folder.online))
        for part in (self._add, self._remove, self._rescan):
            part.setVisible(bool(folders))
        self._stack.setCurrentWidget(self._list if folders else self._none)
        self._enable()

    def _fill(self, folders: Sequence[Folder]) -> None:
        chosen = self._chosen()
        self._list.clear()
        self._items = {}
        for folder in folders:
            item = self._items[folder.id] = QTreeWidgetItem([formatting.short_folder(folder.path)])
            item.setToolTip(0, formatting.shown(str(folder.path)).replace("<", "&lt;"))
            item.setData(0, Qt.ItemDataRole.UserRole, int(folder.id))
            self._list.addTopLevelItem(item)
            item.setSelected(folder.id == chosen)

    def rows(self) -> list[tuple[str, str]]:
        """Return folder and photos of each line."""
        return [(item.text(0), item.text(1)) for item in self._items.values()]

    def _chosen(self) -> FolderId | None:
        items = self._list.selectedItems()
        return FolderId(int(items[0].data(0, Qt.ItemDataRole.UserRole))) if items else None

    def _enable(self) -> None:
        self._remove.setEnabled(self._chosen() is not None)

    def _remove_chosen(self) -> None:
        chosen = self._chosen()
        if chosen is not None:
            self._bridge.run(lambda: self._bridge.library.remove_folder(chosen), lane="pool")

    def _compare(self) -> None:
        self._bridge.run(self._bridge.library.rescan, lane="pool")


def choose_folder(parent: QWidget, chosen: Callable[[Path], None]) -> QFileDialog:
    """Let a user choose a folder; return the dialog, which is open and does not block."""
    dialog = QFileDialog(parent, "Choose a folder with photos")
    dialog.setDirectory(str(pictures_folder()))
    dialog.setFileMode(QFileDialog.FileMode.Directory)
    dialog.setOption(QFileDialog.Option.ShowDirsOnly, on=True)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.fileSelected.connect(lambda path: chosen(Path(path)))
    dialog.open()
    return dialog
