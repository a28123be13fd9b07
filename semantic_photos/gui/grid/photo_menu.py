# SPDX-License-Identifier: GPL-3.0-or-later
"""The context menu of the selected photos, and the keys of its actions."""

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
from semantic_photos.translation import tr, trn

OPEN_KEYS = "Ctrl+O"
SHOW_KEYS = "Ctrl+E"
SIMILAR_KEYS = "Ctrl+D"
STACK_KEYS = "Ctrl+G"
UP_KEYS, DOWN_KEYS, UNDO_KEYS = "+", "-", "Backspace"
PATH_KEYS = "Ctrl+Shift+C"


class Finder(Protocol):
    """What the menu needs of the query builder."""

    def similar(self, photo_id: int) -> None:
        """Find photos similar to one."""

    def more_like(self, photo_id: int) -> None:
        """Add a photo to the query as an example."""

    def less_like(self, photo_id: int) -> None:
        """Add a photo to the query as an example to move away from."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the menu; ``keys`` are only shown, the window binds them."""

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
        finder: runs the queries.
        bridge: to the library.
        ids: the selected photos.
        parent: owns the menu.
        more: further entries.
        asked: the query is not empty, so that a photo can be added to it.
    """
    menu = QMenu(parent)
    menu.aboutToHide.connect(menu.deleteLater)
    single = len(ids) == 1
    similar = _add(menu, tr("Find similar photos"), "similar", SIMILAR_KEYS, lambda: finder.similar(int(ids[0])))
    similar.setEnabled(single)
    if asked and single:
        _add(menu, tr("More like this"), "plus", "", lambda: finder.more_like(int(ids[0])))
        _add(menu, tr("Less like this"), "minus", "", lambda: finder.less_like(int(ids[0])))
    if more:
        menu.addSeparator()
    for entry in more:
        _add(menu, entry.text, entry.icon, entry.keys, entry.go)
    menu.addSeparator()
    _add(menu, tr("Open in another program"), "open", OPEN_KEYS, lambda: photo_actions.open_photos(bridge, ids))
    _add(menu, tr("Show in file manager"), "folder", SHOW_KEYS, lambda: photo_actions.show_in_manager(bridge, ids))
    menu.addSeparator()
    copy = trn("Copy {count:,} photo", "Copy {count:,} photos", len(ids))
    copy_keys = QKeySequence(QKeySequence.StandardKey.Copy).toString()
    _add(menu, tr("Copy photo") if single else copy, "copy", copy_keys, lambda: photo_actions.copy_photos(bridge, ids))
    path = tr("Copy path") if single else tr("Copy paths")
    _add(menu, path, "path", PATH_KEYS, lambda: photo_actions.copy_paths(bridge, ids))
    return menu


def _add(menu: QMenu, text: str, icon: str, keys: str, go: Callable[[], object]) -> QAction:
    action = QAction(theme.icon(icon), text, menu)
    # Shown only: the window binds the keys.
    if keys:
        action.setShortcut(QKeySequence(keys))
        action.setShortcutVisibleInContextMenu(True)
    action.triggered.connect(lambda: go())
    menu.addAction(action)
    return action
