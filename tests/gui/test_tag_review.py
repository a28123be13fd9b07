# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags looked through: a wall of photos per tag, keys, undo; the library tagged, the run taken back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMessageBox

from semantic_photos.domain.errors import CatalogError
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.tags import Standing
from semantic_photos.gui.dialogs.automatic_tagging_dialog import AutomaticTaggingDialog
from semantic_photos.gui.tags.tag_controller import TagController
from semantic_photos.gui.tags.tag_review import NOTHING_TO_TAG
from semantic_photos.gui.tags.tag_wall import Part
from semantic_photos.services.tags.tag_preview import TagPreview
from tests.fakes.library import FakeLibrary
from tests.gui.conftest import Desk


def _review(desk: Desk, **tags: dict[int, float]) -> TagController:
    for tag, photos in tags.items():
        desk.library.tags.suggest({photo: {tag: sure} for photo, sure in photos.items()})
    room = desk.window.tags
    room.show_review()
    desk.until(lambda: room.review.list.tags() == list(tags) if tags else room.review._said.text())
    if tags:
        desk.until(lambda: len(room.review.wall.ids))
        _enter(desk, room)
    return room


def _enter(desk: Desk, room: TagController) -> None:
    desk.until(room.review.list.view.hasFocus)
    QTest.keyClick(room.review.list.view, Qt.Key.Key_Return)
    assert room.review.wall.view.hasFocus(), "in the list Enter leads to the photos and decides nothing"


def _photos(desk: Desk, tag: str, *standings: Standing) -> list[int]:
    rows = desk.library.tags.rows
    number = desk.library.tags._tag_id(tag)
    return sorted(photo for (photo, n), (standing, _) in rows.items() if n == number and standing in standings)


def test_the_surest_photo_is_first_and_enter_and_x_decide(desk: Desk) -> None:
    room = _review(desk, dog={1: 0.9, 2: 0.95, 3: 0.8}, cat={4: 0.9})
    wall = room.review.wall
    assert wall.ids.tolist() == [2, 1, 3]
    QTest.keyClick(wall.view, Qt.Key.Key_Return)
    assert wall.ids.tolist() == [1, 3], "what is decided leaves at once"
    QTest.keyClick(wall.view, "X")
    desk.until(lambda: _photos(desk, "dog", Standing.CONFIRMED) == [2])
    desk.until(lambda: _photos(desk, "dog", Standing.REJECTED) == [1])
    desk.until(lambda: room.review.list.count_of("dog").kept == 1)
    assert wall.view.selected_ids() == [3], "the next one is chosen"
    desk.page.undo.undo()
    desk.until(lambda: _photos(desk, "dog", Standing.REJECTED) == [])
    desk.until(lambda: wall.ids.tolist() == [1, 3])
    assert room.toast.text().startswith("Undone")


def test_a_range_and_everything_up_to_here(desk: Desk) -> None:
    room = _review(desk, dog={photo: 0.99 - photo / 100 for photo in range(10)})
    wall = room.review.wall
    wall.view.show_row(0)
    QTest.keyClick(wall.view, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClick(wall.view, "X")
    desk.until(lambda: _photos(desk, "dog", Standing.REJECTED) == [0, 1])
    desk.until(lambda: len(wall.ids) == 8)
    wall.view.show_row(4)
    QTest.keyClick(wall.view, "A")
    desk.until(lambda: _photos(desk, "dog", Standing.CONFIRMED) == [2, 3, 4, 5, 6])
    assert wall.ids.tolist() == [7, 8, 9]
    room.review._sort.click()
    desk.until(lambda: wall.ids.tolist() == [9, 8, 7])
    wall.view.show_row(1)
    QTest.keyClick(wall.view, "A")
    desk.until(lambda: _photos(desk, "dog", Standing.AUTOMATIC) == [9])
    desk.page.undo.undo()
    desk.page.undo.undo()
    desk.until(lambda: _photos(desk, "dog", Standing.AUTOMATIC) == list(range(2, 10)))


def test_confirmed_photos_can_be_seen_and_rejected_after_all(desk: Desk) -> None:
    room = _review(desk, dog={1: 0.9, 2: 0.8})
    wall = room.review.wall
    QTest.keyClick(wall.view, Qt.Key.Key_Return)
    desk.until(lambda: _photos(desk, "dog", Standing.CONFIRMED) == [1])
    room.review._parts[Part.KEPT].click()
    desk.until(lambda: wall.part is Part.KEPT and wall.ids.tolist() == [1])
    QTest.keyClick(wall.view, Qt.Key.Key_Return)
    assert wall.ids.tolist() == [1], "it is confirmed already"
    QTest.keyClick(wall.view, "X")
    desk.until(lambda: _photos(desk, "dog", Standing.REJECTED) == [1])


def test_one_photo_large_is_decided_and_esc_leads_back_step_by_step(desk: Desk) -> None:
    room = _review(desk, dog={1: 0.9, 2: 0.8, 3: 0.7})
    wall = room.review.wall
    QTest.keyClick(wall.view, Qt.Key.Key_Space)
    assert wall.is_large
    QTest.keyClick(wall.viewer, Qt.Key.Key_Return)
    desk.until(lambda: _photos(desk, "dog", Standing.CONFIRMED) == [1])
    assert wall.is_large
    assert wall.ids[wall.viewer.row] == 2
    room.review._escape()
    assert not wall.is_large
    room.review._escape()
    assert desk.page.isVisible()


def test_the_library_is_tagged_and_the_run_undone(desk: Desk) -> None:
    room = _review(desk)
    assert room.review._state.isVisible()
    room.ask_to_tag()
    assert isinstance(room.dialog, AutomaticTaggingDialog)
    room.dialog.slider.setValue(90)
    assert "10 in 100" in room.dialog.meaning()
    room.dialog._start()
    desk.until(lambda: desk.page.undo.undo_text)
    assert desk.library.tagging.least == 0.9
    desk.until(lambda: room.review.list.tags() == ["guess"])
    desk.until(lambda: len(room.review.wall.ids) == 72)
    room.toast._undo.click()
    desk.until(lambda: not desk.library.tags.rows)
    assert desk.library.tagging.least_now is None


def test_the_dialog_counts_what_a_run_would_set(desk: Desk) -> None:
    room = _review(desk)
    room.ask_to_tag()
    dialog = room.dialog
    assert isinstance(dialog, AutomaticTaggingDialog)
    dialog.slider.setValue(90)
    desk.until(lambda: dialog.expected.text() == "72 tags on 72 photos")
    assert "guess (72)" in dialog.commonest.text()
    dialog.slider.setValue(85)
    assert dialog.expected.text() == "96 tags on 96 photos"
    dialog.slider.setValue(75)
    assert dialog.expected.text() == "About 140 tags on 140 photos"
    assert not desk.library.tags.rows, "nothing is set yet"


def test_of_tags_with_own_thresholds_no_common_confidence_is_told(desk: Desk) -> None:
    desk.library.tagging.measured = True
    room = _review(desk)
    room.ask_to_tag()
    assert isinstance(room.dialog, AutomaticTaggingDialog)
    for value in (50, 70, 90):
        room.dialog.slider.setValue(value)
        assert "own threshold" in room.dialog.meaning()
        assert "%" not in room.dialog._value.text()


def test_tags_that_cannot_be_counted_can_still_be_set(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    room = _review(desk)

    def locked(*_: object) -> TagPreview:
        raise CatalogError("The catalog is locked.")

    monkeypatch.setattr(desk.library.tagging, "preview", locked)
    room.ask_to_tag()
    dialog = room.dialog
    assert isinstance(dialog, AutomaticTaggingDialog)
    desk.until(lambda: "could not be counted" in dialog.expected.text())
    assert "locked" in dialog.commonest.text()
    dialog._start()
    desk.until(lambda: desk.page.undo.undo_text)


def test_a_library_without_photos_cannot_be_tagged_until_one_is_there(
    open_desk: Callable[..., Desk], tmp_path: Path
) -> None:
    desk = open_desk(FakeLibrary(0, step=60, pause_s=0.1))
    room = desk.window.tags
    room.show_review()
    desk.until(lambda: not room.review.run_button.isEnabled())
    assert room.review.run_button.toolTip() == NOTHING_TO_TAG
    desk.until(lambda: room.review._state.state().text == NOTHING_TO_TAG)
    assert not room.review._state.state().ways
    desk.window.add_folder(tmp_path)
    desk.until(room.review.run_button.isEnabled)
    assert not room.review.run_button.toolTip()
    assert [way.text for way in room.review._state.state().ways] == ["Tag my library…"]


def test_counting_tags_does_not_let_a_run_begin_twice(desk: Desk) -> None:
    room = _review(desk)
    room.review.show_running(running=True)
    before = desk.library.calls.count("counts")
    room.review.reload()
    desk.until(lambda: desk.library.calls.count("counts") > before)
    desk.qtbot.wait(100)
    assert not room.review.run_button.isEnabled()
    room.review.show_running(running=False)
    assert room.review.run_button.isEnabled()


def test_tagging_is_paused_continued_and_stopped(desk: Desk) -> None:
    room = _review(desk)
    desk.library.tagging.step = 1
    room.start(0.8)
    room.line._pause.click()
    desk.until(lambda: room.review.line.isVisible() and "paused" in room.review.line.text())
    room.line._pause.click()
    desk.until(lambda: "paused" not in room.review.line.text() and desk.library.tags.rows)
    room.line._stop.click()
    desk.until(lambda: room.review.run_button.isEnabled())
    assert "stopped" in desk.page.undo.undo_text


def test_all_automatic_tags_go_after_a_question_and_come_back(desk: Desk) -> None:
    room = _review(desk, dog={1: 0.9, 2: 0.8})
    room.ask_to_remove()
    box = room.dialog
    assert isinstance(box, QMessageBox)
    assert desk.library.tags.rows, "only after the question"
    next(one for one in box.buttons() if box.buttonRole(one) is QMessageBox.ButtonRole.AcceptRole).click()
    desk.until(lambda: not desk.library.tags.rows)
    desk.page.undo.undo()
    desk.until(lambda: _photos(desk, "dog", Standing.AUTOMATIC) == [1, 2])


def test_a_hundred_thousand_photos_of_a_tag_are_a_list_of_numbers(desk: Desk) -> None:
    sure = np.linspace(0.99, 0.8, 100_000)
    number = desk.library.tags._tag_id("dog")
    desk.library.tags.rows = {(i, number): (Standing.AUTOMATIC, float(s)) for i, s in enumerate(sure)}
    room = desk.window.tags
    room.show_review()
    wall = room.review.wall
    desk.until(lambda: len(wall.ids) == 100_000)
    _enter(desk, room)
    calls = desk.library.calls.count("photos")
    wall.view.show_row(50_000)
    desk.qtbot.wait(100)
    assert desk.library.calls.count("photos") - calls < 5
    QTest.keyClick(wall.view, Qt.Key.Key_Return)
    assert len(wall.ids) == 99_999
    desk.until(lambda: _photos(desk, "dog", Standing.CONFIRMED) == [50_000])


def test_after_a_failed_run_one_may_try_again(desk: Desk) -> None:
    from semantic_photos.domain.messages import Notice

    room = _review(desk)
    desk.library.tagging.pause()
    room._running = True
    room.review.run_button.setEnabled(False)
    desk.library.bus.publish(Notice("tagger.trouble", "Automatic tagging stopped: the disk is full."))
    desk.until(room.review.run_button.isEnabled)
    assert not room.review.line.isVisible()


def _pull(desk: Desk, room: TagController, row: int, *, release: bool = True) -> None:
    """Drag the handle to the right half of a photo."""
    wall = room.review.wall
    grip, target = wall.line.grip, wall.view.visualRect(wall.model.index(row))
    QTest.mousePress(grip, Qt.MouseButton.LeftButton)
    place = wall.view.viewport().mapToGlobal(target.center() + QPoint(target.width() // 4, 0))
    # QTest's moves hold no button, so the event is made by hand.
    for step in (QPoint(0, -9), QPoint()):
        at = QPointF(place + step)
        local = QPointF(grip.mapFromGlobal(place + step))
        move = QMouseEvent(
            QEvent.Type.MouseMove, local, at, Qt.MouseButton.NoButton, Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )  # fmt: skip
        QApplication.sendEvent(grip, move)
    if release:
        QTest.mouseRelease(grip, Qt.MouseButton.LeftButton)


def test_everything_above_a_drawn_line_is_right_in_one_step(desk: Desk) -> None:
    room = _review(desk, dog={photo: 0.99 - photo / 100 for photo in range(10)})
    wall = room.review.wall
    counts: list[int] = []
    wall.line.moved.connect(counts.append)
    _pull(desk, room, 3, release=False)
    assert wall.line.rows() == range(4)
    assert wall.line.words() == "Confirm 4 photos above"
    assert room.review._help.text().startswith("↑")
    assert _photos(desk, "dog", Standing.CONFIRMED) == [], "nothing is decided before it is let go"
    QTest.mouseRelease(wall.line.grip, Qt.MouseButton.LeftButton)
    desk.until(lambda: _photos(desk, "dog", Standing.CONFIRMED) == [0, 1, 2, 3])
    assert counts[-1] == wall.line.count == -1
    desk.until(lambda: wall.ids.tolist() == [4, 5, 6, 7, 8, 9])
    desk.page.undo.undo()
    desk.until(lambda: _photos(desk, "dog", Standing.CONFIRMED) == [])


def test_escape_and_a_line_at_the_top_decide_nothing(desk: Desk) -> None:
    room = _review(desk, dog={photo: 0.99 - photo / 100 for photo in range(10)})
    wall = room.review.wall
    _pull(desk, room, 3, release=False)
    QTest.keyClick(wall.view, Qt.Key.Key_Escape)
    assert wall.line.count == -1
    QTest.mouseRelease(wall.line.grip, Qt.MouseButton.LeftButton)
    QTest.mouseClick(wall.line.grip, Qt.MouseButton.LeftButton)
    desk.until(lambda: wall.line.count == -1)
    assert _photos(desk, "dog", Standing.CONFIRMED) == []
    assert room.review.isVisible()


def test_the_line_moves_with_keys(desk: Desk) -> None:
    room = _review(desk, dog={photo: 0.99 - photo / 100 for photo in range(10)})
    wall = room.review.wall
    wall.view.show_row(1)
    QTest.keyClick(wall.view, "L")
    assert wall.line.count == 2
    QTest.keyClick(wall.view, Qt.Key.Key_Right)
    QTest.keyClick(wall.view, Qt.Key.Key_Down)
    QTest.keyClick(wall.view, Qt.Key.Key_Up)
    QTest.keyClick(wall.view, Qt.Key.Key_X)
    assert wall.line.count == 3, "X is about one photo, so it does nothing now"
    QTest.keyClick(wall.view, Qt.Key.Key_Return)
    desk.until(lambda: _photos(desk, "dog", Standing.CONFIRMED) == [0, 1, 2])
    assert _photos(desk, "dog", Standing.REJECTED) == []


def test_least_sure_first_the_line_comes_from_below(desk: Desk) -> None:
    room = _review(desk, dog={photo: 0.99 - photo / 100 for photo in range(10)})
    wall = room.review.wall
    room.review._sort.click()
    desk.until(lambda: wall.ids.tolist() == list(range(9, -1, -1)))
    wall.view.show_row(7)
    QTest.keyClick(wall.view, "L")
    assert wall.line.rows() == range(7, 10)
    QTest.keyClick(wall.view, Qt.Key.Key_Left)
    assert wall.line.words() == "Confirm 4 photos below"
    QTest.keyClick(wall.view, Qt.Key.Key_Return)
    desk.until(lambda: _photos(desk, "dog", Standing.CONFIRMED) == [0, 1, 2, 3])


def test_a_change_after_a_review_keeps_the_pictures_of_the_main_page(desk: Desk) -> None:
    photos = [PhotoId(int(photo)) for photo in desk.page.model.ids[:1]]
    desk.until(lambda: all(desk.page.loader.pixmap(photo) is not None for photo in photos))
    room = _review(desk, dog={40: 0.9})
    room.leave()
    before = [desk.page.loader.pixmap(photo) for photo in photos]
    desk.page.panel.tags.rate(3, photos)
    desk.until(lambda: desk.page.undo.undo_text)
    desk.qtbot.wait(100)
    assert [desk.page.loader.pixmap(photo) for photo in photos] == before


def test_no_line_where_all_is_decided(desk: Desk) -> None:
    room = _review(desk, dog={1: 0.9})
    wall = room.review.wall
    assert wall.line.grip.isVisible()
    QTest.keyClick(wall.view, Qt.Key.Key_Return)
    assert not wall.line.grip.isVisible()
    room.review._parts[Part.KEPT].click()
    desk.until(lambda: wall.part is Part.KEPT and wall.ids.tolist() == [1])
    QTest.keyClick(wall.view, "L")
    assert wall.line.count == -1
