# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders: added, counted, seen and removed, and what becomes of the question meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QFileDialog, QPushButton

from semantic_photos.domain.messages import PhotosChanged
from semantic_photos.domain.photo import FolderCounts, PhotoId
from semantic_photos.gui.folders.folders_dialog import FoldersDialog, choose_folder
from tests.fakes.library import FakeLibrary
from tests.gui.conftest import Desk


@pytest.mark.parametrize("way_in", ["drop", "window"])
def test_a_question_stays_when_a_folder_is_added_and_its_photos_come_into_the_answer(
    open_desk: Callable[..., Desk], tmp_path: Path, way_in: str
) -> None:
    desk = open_desk(FakeLibrary(60, step=40, pause_s=0.1))
    desk.search("blue")
    asked, before = desk.page.search.query, desk.page.model.rowCount()
    if way_in == "drop":
        mime = QMimeData()
        mime.setUrls([QUrl.fromLocalFile(str(tmp_path))])
        desk.window.dropEvent(QDropEvent(QPointF(50, 50), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton,
                                         Qt.KeyboardModifier.NoModifier))  # fmt: skip
    else:
        desk.window.add_folder(tmp_path)
    desk.until(lambda: "add_folder" in desk.library.calls)
    desk.until(lambda: desk.library.raw_counts().indexed == 180)
    desk.until(lambda: desk.page.pane.page is not None and desk.page.pane.page.searched == 180)
    assert desk.page.bar.text() == "blue"
    assert desk.page.search.query == asked
    assert desk.page.pane.page is not None
    assert desk.page.pane.page.query == asked
    assert desk.page.model.rowCount() > before


def test_folders_are_chosen_from_where_pictures_are(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for expected in (tmp_path, tmp_path / "Pictures"):
        expected.mkdir(exist_ok=True)
        dialog = choose_folder(desk.window, lambda _path: None)
        assert Path(dialog.directory().path()) == expected
        dialog.reject()


def test_a_folder_that_cannot_be_added_is_said(desk: Desk, tmp_path: Path) -> None:
    desk.window.add_folder(tmp_path / "nowhere")
    desk.until(lambda: desk.window.notices.texts())
    assert "There is no folder" in desk.window.notices.texts()[0]


def test_folders_can_be_seen_and_removed(desk: Desk) -> None:
    desk.window.show_folders()
    dialog = desk.window._dialogs[FoldersDialog]
    assert isinstance(dialog, FoldersDialog)
    desk.until(lambda: dialog.rows() == [("/home/you/Pictures", "240 photos")])
    desk.library.set_offline(1, offline=True)
    desk.until(lambda: dialog.rows()[0][1] == "240 photos, offline")
    _choose_first(dialog)
    dialog._remove.click()
    desk.until(lambda: not dialog.rows())
    dialog.accept()
    desk.until(lambda: desk.page.pane.state_page.state().title.startswith("Find photos by"))


def _choose_first(dialog: FoldersDialog) -> None:
    item = dialog._list.topLevelItem(0)
    assert item is not None
    item.setSelected(True)


def test_each_folder_is_counted_while_its_photos_change(desk: Desk, tmp_path: Path) -> None:
    desk.window.show_folders()
    dialog = desk.window._dialogs[FoldersDialog]
    assert isinstance(dialog, FoldersDialog)
    desk.until(lambda: dialog.rows())
    _choose_first(dialog)
    desk.library.catalog.folders.held[1] = FolderCounts(237, unreadable=1, missing=2)
    desk.library.bus.publish(PhotosChanged(updated=(PhotoId(1),)))
    desk.until(lambda: dialog.rows()[0][1] == "237 photos, 1 unreadable, 2 missing")
    assert dialog._remove.isEnabled(), "what was chosen stays chosen when it is counted anew"
    desk.window.add_folder(tmp_path)
    desk.until(lambda: [held for _, held in dialog.rows()] == ["237 photos, 1 unreadable, 2 missing", "120 photos"])
    assert dialog._remove.isEnabled()


def test_without_folders_their_window_says_so_and_offers_to_add_one(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(FakeLibrary(0))
    desk.window.show_folders()
    dialog = desk.window._dialogs[FoldersDialog]
    assert isinstance(dialog, FoldersDialog)
    desk.until(dialog._none.isVisible)
    assert dialog._none.state().title == "No folders yet"
    adding = [made for made in dialog.findChildren(QPushButton) if made.isVisible() and made.text() == "Add folder…"]
    assert len(adding) == 1
    adding[0].click()
    desk.until(lambda: desk.window.findChildren(QFileDialog))
    desk.window.findChildren(QFileDialog)[0].reject()
