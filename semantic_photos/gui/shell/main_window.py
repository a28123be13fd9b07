# SPDX-License-Identifier: GPL-3.0-or-later
"""The main window: opening page, library page, dialogs, drops, and the settings that are saved."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from PySide6.QtCore import QByteArray, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QDialog, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from semantic_photos.domain.errors import UserFacingError
from semantic_photos.domain.messages import Notice
from semantic_photos.domain.photo import is_photo_name
from semantic_photos.domain.query import ResultPage
from semantic_photos.domain.settings import Settings
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.dialogs.relevance_feedback_dialog import RelevanceFeedbackDialog
from semantic_photos.gui.dialogs.settings_dialog import SettingsDialog
from semantic_photos.gui.folders.failures_dialog import FailuresDialog
from semantic_photos.gui.folders.folders_dialog import FoldersDialog, choose_folder
from semantic_photos.gui.search.library_page import LibraryPage
from semantic_photos.gui.shell import shortcuts
from semantic_photos.gui.shell.notice_bar import NoticeBar
from semantic_photos.gui.tags.tag_controller import TagController
from semantic_photos.gui.tags.tag_shortcuts import TagShortcuts
from semantic_photos.gui.widgets import formatting
from semantic_photos.gui.widgets.placeholders import Placeholder, PlaceholderPage, Way
from semantic_photos.translation import tr, translated

D = TypeVar("D", bound=QDialog)

TITLE = "Semantic Photos"
_SAVE_MS = 800


class MainWindow(QMainWindow):
    """Shows one library, or why it cannot be opened.

    Signals:
        close_requested: the user wants to end the program.
    """

    close_requested = Signal()

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__()
        self._settings = settings or Settings()
        self._bridge: Bridge | None = None
        self.page: LibraryPage | None = None
        self._dialogs: dict[type, QDialog] = {}
        self._may_close = False
        self.notices = NoticeBar()
        self._pages = QStackedWidget()
        self.state_page = PlaceholderPage()
        self._pages.addWidget(self.state_page)
        center = QWidget()
        column = QVBoxLayout(center)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.notices)
        column.addWidget(self._pages, 1)
        self.setCentralWidget(center)
        self.setWindowTitle(TITLE)
        self.setMinimumSize(640, 440)
        self.resize(1240, 820)
        self.setAcceptDrops(True)
        if self._settings.window_geometry:
            self.restoreGeometry(QByteArray.fromBase64(self._settings.window_geometry.encode()))
        self._saving = QTimer(self)
        self._saving.setSingleShot(True)
        self._saving.setInterval(_SAVE_MS)
        self._saving.timeout.connect(self._save)

    # Pages

    def show_opening(self) -> None:
        """Show that the library is being opened."""
        self.state_page.show_state(Placeholder("semantic-photos", tr("Opening your library…")))
        self._pages.setCurrentWidget(self.state_page)

    def show_trouble(self, error: Exception, retry: Callable[[], object], recover: Callable[[], object] | None) -> None:
        """Show why the library cannot be opened, and what the user can do."""
        ways = [Way(tr("Try again"), retry, "primary")]
        if isinstance(error, UserFacingError):
            title, text = translated(error.message), translated(error.advice)
        else:
            title = tr("The library could not be opened.")
            text = tr("Internal error: {error}", error=repr(error))
        if recover is not None:
            hint = tr(
                "Your photos are not touched. Repairing puts the last good copy of the catalog in its place and keeps "
                "the damaged one. Without a copy a new catalog starts: add your folders again."
            )
            text = "\n\n".join(filter(None, (text, hint)))
            ways.append(Way(tr("Repair the catalog"), recover))
        ways.append(Way(tr("Quit"), self.close))
        self.state_page.show_state(Placeholder("warning", title, text, tuple(ways)))
        self._pages.setCurrentWidget(self.state_page)

    def show_library(self, bridge: Bridge) -> None:
        """Show an open library."""
        self._bridge, self._settings = bridge, self._with_geometry(bridge.library.settings)
        page = self.page = LibraryPage(bridge)
        page.folders_requested.connect(self.show_folders)
        page.add_requested.connect(self._choose_folder)
        page.failures_requested.connect(lambda: self._show_dialog(FailuresDialog, lambda: FailuresDialog(bridge, self)))
        page.external_examples.files_given.connect(self._take_files)
        page.settings_requested.connect(self.show_settings)
        page.voting.line.list_wanted.connect(self.show_votes)
        page.full_screen_toggled.connect(self.toggle_full_screen)
        page.side_changed.connect(lambda side: self._change(thumbnail_side=side))
        page.panel_toggled.connect(lambda shown: self._change(side_panel=shown))
        page.saved_searches.bar.fold_changed.connect(lambda folded: self._change(saved_folded=folded))
        page.cutoff_bar.caution_changed.connect(lambda caution: self._change(caution=round(caution, 3)))
        page.cutoff_bar.order_changed.connect(lambda order: self._change(result_order=order))
        page.pane.page_shown.connect(self._name_after)
        bridge.notice_changed.connect(self.notices.show_notice)
        bridge.failed.connect(self.show_error)
        bridge.run(bridge.library.notices, self._show_notices)
        shortcuts.install(self, page, bridge, {
            "Ctrl+L": self.show_folders, "Ctrl+,": self.show_settings, "F11": self.toggle_full_screen,
            "Ctrl+Q": self.close,
        })  # fmt: skip
        self.tagging_keys = TagShortcuts(self, page, bridge)
        self.tags = TagController(self, self._pages, page, bridge)
        self._pages.addWidget(page)
        self._pages.setCurrentWidget(page)
        page.bar.take_focus()

    def _name_after(self, page: ResultPage | None) -> None:
        asked = "" if page is None or page.query.is_empty else formatting.asked(page.query)
        self.setWindowTitle(f"{formatting.shown(asked)[:80]} – {TITLE}" if asked else TITLE)

    def _show_notices(self, notices: Sequence[Notice]) -> None:
        for notice in notices:
            self.notices.show_notice(notice)

    def show_error(self, error: object) -> None:
        """Show an error that no other part of the window shows."""
        if isinstance(error, UserFacingError):
            self.notices.show_notice(Notice(error.code, error.message, error.advice))
        else:
            self.notices.say(
                tr("An internal error occurred. You can go on working; the log file has the details."),
                repr(error)[:300], "bug",
            )  # fmt: skip

    # Dialogs

    def show_folders(self) -> None:
        """Show the folders of the library."""
        if self._bridge is not None:
            bridge = self._bridge

            def make() -> FoldersDialog:
                dialog = FoldersDialog(bridge, self._choose_folder, self)
                dialog.add_menu(tr("Import and export"), self.tags.user_data_menu(dialog))
                return dialog

            self._show_dialog(FoldersDialog, make)

    def show_settings(self) -> None:
        """Show the preferences."""
        if self._bridge is not None:
            self._show_dialog(SettingsDialog, lambda: SettingsDialog(self._settings, self._take_settings, self))

    def show_votes(self) -> None:
        """Show all votes."""
        if self._bridge is not None and self.page is not None:
            bridge, page = self._bridge, self.page

            def make() -> RelevanceFeedbackDialog:
                dialog = RelevanceFeedbackDialog(bridge, self)
                dialog.changed.connect(page.search.refresh)
                return dialog

            self._show_dialog(RelevanceFeedbackDialog, make)

    def _show_dialog(self, kind: type[D], make: Callable[[], D]) -> D:
        old = self._dialogs.get(kind)
        if isinstance(old, kind) and old.isVisible():
            old.raise_()
            old.activateWindow()
            return old
        dialog = self._dialogs[kind] = make()
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.finished.connect(lambda _: self._dialogs.pop(kind, None))
        dialog.open()
        return dialog

    def toggle_full_screen(self) -> None:
        """Enter or leave full screen."""
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    # Folders and drops

    def add_folder(self, path: Path) -> None:
        """Add a folder to the library. The query stays; new photos appear in its result as they are indexed."""
        if self._bridge is not None:
            library = self._bridge.library
            self._bridge.run(lambda: library.add_folder(path), lane="pool")

    def _choose_folder(self) -> None:
        choose_folder(self, self.add_folder)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        own = self.page is not None and event.source() is self.page.view
        data = event.mimeData()
        if self.page is not None and not own and (any(url.isLocalFile() for url in data.urls()) or data.hasImage()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        event.acceptProposedAction()
        if not paths and self.page is not None:
            self.page.external_examples.take(event.mimeData())
        else:
            self._take_files(paths)

    def _take_files(self, paths: list[Path]) -> None:
        if self._bridge is not None:
            # Whether a path is a file or a folder is read from disk, in the pool.
            self._bridge.run(lambda: sort_dropped(paths), self._on_dropped, lane="pool")

    def _on_dropped(self, dropped: tuple[list[Path], list[Path], list[Path]]) -> None:
        folders, pictures, gone = dropped
        # The notice about an earlier drop is over.
        self.notices.show_notice(Notice("drop"))
        for folder in folders:
            self.add_folder(folder)
        if pictures and not folders and self.page is not None:
            self.page.query_builder.similar_to_file(pictures[0])
        if not folders and not pictures:
            lost = tr("{file} no longer exists.", file=formatting.quoted(gone[0].name)) if gone else ""
            only = tr("Drop folders to add them, or a picture to find similar photos.")
            self.notices.say(lost or only, code="drop")

    # Settings

    def _with_geometry(self, settings: Settings) -> Settings:
        geometry = bytes(self.saveGeometry().toBase64().data()).decode()
        return dataclasses.replace(settings, window_geometry=geometry)

    def _take_settings(self, settings: Settings) -> None:
        self._settings = settings
        self._saving.start()

    def _change(self, **values: Any) -> None:
        self._take_settings(dataclasses.replace(self._settings, **values))

    def _save(self) -> None:
        if self._bridge is not None:
            settings, library = self._with_geometry(self._settings), self._bridge.library
            self._settings = settings
            self._bridge.run(lambda: library.save_settings(settings), lane="pool")

    def settings_to_keep(self) -> Settings:
        """Return the settings with the window's current size and position."""
        return self._with_geometry(self._settings)

    # The end

    def let_close(self) -> None:
        """Let the next close event close the window."""
        self._may_close = True

    def stop_work(self) -> None:
        """Close the dialogs and stop all requests to the library."""
        self._saving.stop()
        for dialog in list(self._dialogs.values()):
            dialog.close()
        if self.page is not None:
            self.tags.close_room()
            self.page.close_page()

    def closeEvent(self, event: QCloseEvent) -> None:
        if self._may_close:
            event.accept()
            return
        event.ignore()
        self.close_requested.emit()


def sort_dropped(paths: list[Path]) -> tuple[list[Path], list[Path], list[Path]]:
    """Return the folders, the photos and the missing paths among dropped paths. Thread: a pool thread."""
    folders = [path for path in paths if path.is_dir()]
    pictures = [path for path in paths if path not in folders and is_photo_name(path.name) and path.is_file()]
    return folders, pictures, [path for path in paths if not path.exists()]
