# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be done with the selected photos, as a menu and as keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from semantic_photos.domain.photo import PhotoId
from semantic_photos.gui import photo_actions, theme
from semantic_photos.gui.bridge import Bridge

OPEN_KEYS = "Ctrl+O"
SHOW_KEYS = "Ctrl+E"
SIMILAR_KEYS = "Ctrl+D"
PATH_KEYS = "Ctrl+Shift+C"


class Finder(Protocol):
    """What the menu needs of the page."""

    def find_similar(self, photo_id: int) -> None:
        """Ask for photos like one."""

    def open_viewer(self, row: int) -> None:
        """Show a row large."""


def build_menu(finder: Finder, bridge: Bridge, ids: Sequence[PhotoId], parent: QWidget) -> QMenu:
    """Return the menu for these photos; it deletes itself when it closes."""
    menu = QMenu(parent)
    menu.aboutToHide.connect(menu.deleteLater)
    single = len(ids) == 1
    _add(menu, "Find similar", "similar", SIMILAR_KEYS, lambda: finder.find_similar(int(ids[0]))).setEnabled(single)
    menu.addSeparator()
    _add(menu, "Open", "open", OPEN_KEYS, lambda: photo_actions.open_photos(bridge, ids))
    _add(menu, "Show in file manager", "folder", SHOW_KEYS, lambda: photo_actions.show_in_manager(bridge, ids))
    menu.addSeparator()
    what = "Copy" if single else f"Copy {len(ids):,} photos"
    copy_keys = QKeySequence(QKeySequence.StandardKey.Copy).toString()
    _add(menu, what, "copy", copy_keys, lambda: photo_actions.copy_photos(bridge, ids))
    _add(
        menu, "Copy path" if single else "Copy paths", "path", PATH_KEYS, lambda: photo_actions.copy_paths(bridge, ids)
    )
    return menu


def _add(menu: QMenu, text: str, icon: str, keys: str, go: Callable[[], object]) -> QAction:
    action = QAction(theme.icon(icon), text, menu)
    # Shown only: the keys themselves are bound once, in the window.
    action.setShortcut(QKeySequence(keys))
    action.setShortcutVisibleInContextMenu(True)
    action.triggered.connect(lambda: go())
    menu.addAction(action)
    return action
