# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be done with the selected photos, as a menu and as keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from semantic_photos.domain.photo import PhotoId
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.grid import photo_actions
from semantic_photos.gui.widgets import theme

OPEN_KEYS = "Ctrl+O"
SHOW_KEYS = "Ctrl+E"
SIMILAR_KEYS = "Ctrl+D"
STACK_KEYS = "Ctrl+G"
UP_KEYS, DOWN_KEYS, UNDO_KEYS = "+", "-", "Backspace"
PATH_KEYS = "Ctrl+Shift+C"


class Finder(Protocol):
    """What the menu needs of whoever asks queries."""

    def similar(self, photo_id: int) -> None:
        """Ask for photos like one."""

    def more_like(self, photo_id: int) -> None:
        """Let one pull the query towards itself as well."""

    def less_like(self, photo_id: int) -> None:
        """Let one push the query away from itself."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the menu; ``keys`` are only shown, they are bound in the window."""

    text: str
    icon: str
    go: Callable[[], object]
    keys: str = ""


def build_menu(
    finder: Finder,
    bridge: Bridge,
    ids: Sequence[PhotoId],
    parent: QWidget,
    more: Sequence[Entry] = (),
    *,
    asked: bool = False,
) -> QMenu:
    """Return the menu for these photos; it deletes itself when it closes.

    Args:
        finder: asks the queries.
        bridge: to the library.
        ids: the photos it is about.
        parent: owns the menu.
        more: entries about the place of the photos in the result.
        asked: something is asked, so that a photo can be added to the query.
    """
    menu = QMenu(parent)
    menu.aboutToHide.connect(menu.deleteLater)
    single = len(ids) == 1
    _add(menu, "Find similar", "similar", SIMILAR_KEYS, lambda: finder.similar(int(ids[0]))).setEnabled(single)
    if asked and single:
        _add(menu, "More like this", "plus", "", lambda: finder.more_like(int(ids[0])))
        _add(menu, "Less like this", "minus", "", lambda: finder.less_like(int(ids[0])))
    if more:
        menu.addSeparator()
    for entry in more:
        _add(menu, entry.text, entry.icon, entry.keys, entry.go)
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
    if keys:
        action.setShortcut(QKeySequence(keys))
        action.setShortcutVisibleInContextMenu(True)
    action.triggered.connect(lambda: go())
    menu.addAction(action)
    return action
