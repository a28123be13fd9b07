# SPDX-License-Identifier: GPL-3.0-or-later
"""The indexed folders, each with its number of photos: add, remove, rescan."""

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
from semantic_photos.domain.translatable import Message
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.widgets import formatting, theme
from semantic_photos.gui.widgets.controls import button, label
from semantic_photos.gui.widgets.images import pictures_folder
from semantic_photos.gui.widgets.placeholders import Placeholder, PlaceholderPage, Way
from semantic_photos.translation import tr, translated

ADD = Message("Add folder…")
#: During indexing, photos are counted at most this often.
COUNT_MS = 500


class FoldersDialog(QDialog):
    """Lists the indexed folders with their number of photos; ``add`` lets the user choose one more."""

    def __init__(self, bridge: Bridge, add: Callable[[], object], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self.setWindowTitle(tr("Folders"))
        self.resize(680, 420)
        self._items: dict[FolderId, QTreeWidgetItem] = {}
        self._list = self._make_list()
        self._none = PlaceholderPage()
        self._none.show_state(
            Placeholder("folder-add", tr("No folders yet"), tr("Add a folder with photos to search them."),
                        (Way(translated(ADD), add, "primary"),))
        )  # fmt: skip
        self._stack = QStackedWidget()
        self._stack.addWidget(self._list)
        self._stack.addWidget(self._none)
        self._add = button(translated(ADD), icon="folder-add")
        self._remove = button(tr("Remove folder"), icon="remove")
        self._remove.setToolTip(tr("Stop searching this folder. Its photos are not deleted."))
        self._rescan = button(tr("Rescan"), icon="retry")
        self._rescan.setToolTip(tr("Look for new, changed and deleted photos in all folders."))
        close = button(tr("Close"))
        words = label(
            tr(
                "Photos stay where they are: removing a folder from this list deletes nothing in it. "
                "If a folder is offline, for example on an unplugged drive, its photos stay in the library."
            ),
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
        made.setAccessibleName(tr("Indexed folders"))
        made.setRootIsDecorated(False)
        made.setUniformRowHeights(True)
        made.setIconSize(QSize(20, 20))
        made.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        made.setHeaderLabels([tr("Folder"), tr("Photos")])
        header = made.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        return made

    def add_menu(self, text: str, menu: QMenu) -> None:
        """Add a button with a menu below the list."""
        made = button(text)
        made.setMenu(menu)
        self._row.insertWidget(3, made)

    def _load_soon(self, _message: object = None) -> None:
        # During indexing, messages come many times a second.
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
        """Return folder and contents in each row."""
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
    """Let the user choose a folder; return the dialog, which is open and does not block."""
    dialog = QFileDialog(parent, tr("Choose a folder with photos"))
    dialog.setDirectory(str(pictures_folder()))
    dialog.setFileMode(QFileDialog.FileMode.Directory)
    dialog.setOption(QFileDialog.Option.ShowDirsOnly, on=True)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.fileSelected.connect(lambda path: chosen(Path(path)))
    dialog.open()
    return dialog
