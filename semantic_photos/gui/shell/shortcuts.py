# SPDX-License-Identifier: GPL-3.0-or-later
"""The keyboard shortcuts of the window, in one table."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import QWidget

from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.grid import photo_actions, photo_menu
from semantic_photos.gui.search.library_page import LibraryPage

Go = Callable[[], object]


def install(window: QWidget, page: LibraryPage, bridge: Bridge, more: dict[str, Go]) -> None:
    """Bind the shortcuts of an open library; ``more`` are those of the window itself."""
    table: dict[str, Go] = {
        "Ctrl+F": lambda: _search(page),
        "/": lambda: _search(page),
        "Ctrl+S": page.saved_searches.save,
        "Ctrl+Shift+O": page.external_examples.choose_file,
        "Alt+Left": page.search.back,
        "Alt+Right": page.search.forward,
        "Ctrl+I": page.toggle_panel,
        "Ctrl+H": lambda: None if page.is_viewing else page.heat_maps.toggle(),
        "Ctrl++": lambda: page.jobs.step_side(1),
        "Ctrl+=": lambda: page.jobs.step_side(1),
        "Ctrl+-": lambda: page.jobs.step_side(-1),
        "F5": lambda: bridge.run(bridge.library.rescan, lane="pool"),
        photo_menu.SIMILAR_KEYS: lambda: _similar(page),
        photo_menu.STACK_KEYS: lambda: page.pane.toggle_group(page.view.currentIndex().row()),
        photo_menu.OPEN_KEYS: lambda: photo_actions.open_photos(bridge, page.selected_ids()),
        photo_menu.SHOW_KEYS: lambda: photo_actions.show_in_manager(bridge, page.selected_ids()),
        photo_menu.PATH_KEYS: lambda: photo_actions.copy_paths(bridge, page.selected_ids()),
    }
    for keys, go in table.items():
        _bind(QKeySequence(keys), window, partial(_on_page, page, go), Qt.ShortcutContext.WindowShortcut)
    for keys, go in more.items():
        _bind(QKeySequence(keys), window, go, Qt.ShortcutContext.WindowShortcut)
    copy = QKeySequence(QKeySequence.StandardKey.Copy)
    for widget in (page.view, page.viewer):
        _bind(copy, widget, lambda: photo_actions.copy_photos(bridge, page.selected_ids()),
              Qt.ShortcutContext.WidgetWithChildrenShortcut)  # fmt: skip
    _bind(QKeySequence(QKeySequence.StandardKey.Paste), page.view, lambda: _paste(page),
          Qt.ShortcutContext.WidgetShortcut)  # fmt: skip
    for keys, go in {
        photo_menu.UP_KEYS: lambda: page.voting.vote(page.view.selected_ids(), 1),
        photo_menu.DOWN_KEYS: lambda: page.voting.vote(page.view.selected_ids(), -1),
        photo_menu.UNDO_KEYS: page.voting.undo,
    }.items():
        _bind(QKeySequence(keys), page.view, go, Qt.ShortcutContext.WidgetShortcut)
    _bind(QKeySequence(Qt.Key.Key_Escape), page.view, lambda: _escape(page), Qt.ShortcutContext.WidgetShortcut)


def _bind(keys: QKeySequence, owner: QWidget, go: Go, context: Qt.ShortcutContext) -> None:
    shortcut = QShortcut(keys, owner)
    shortcut.setContext(context)
    shortcut.activated.connect(lambda: go())


def _on_page(page: LibraryPage, go: Go) -> None:
    # On another page of the window these shortcuts would act on something hidden.
    if page.isVisible():
        go()


def _search(page: LibraryPage) -> None:
    if page.is_viewing:
        page.viewer.close_viewer()
    page.bar.take_focus()


def _paste(page: LibraryPage) -> None:
    text = QGuiApplication.clipboard().text().strip()
    if not page.external_examples.paste() and text:
        page.bar.type_on(text)


def _similar(page: LibraryPage) -> None:
    ids = page.selected_ids()
    if len(ids) == 1:
        page.query_builder.similar(int(ids[0]))


def _escape(page: LibraryPage) -> None:
    if page.view.selected_count():
        page.view.clearSelection()
    elif not page.search.query.is_empty:
        page.bar.clear()
