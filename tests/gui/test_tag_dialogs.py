# SPDX-License-Identifier: GPL-3.0-or-later
"""Keywords into files, work out and in, subjects taught: what is shown, what is asked of the library, the way back."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu, QMessageBox

from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.tags import Act, Standing
from semantic_photos.gui.dialogs.custom_concept_dialog import CustomConceptDialog
from semantic_photos.gui.dialogs.keywords_dialog import KeywordsDialog
from semantic_photos.gui.folders.folders_dialog import FoldersDialog
from tests.gui.conftest import Desk


@pytest.fixture
def tagged(desk: Desk) -> Desk:
    tags = desk.library.tags
    for photo in (1, 2, 3):
        tags.rows[photo, tags._tag_id("dog")] = Standing.MANUAL, None
    tags.rows[4, tags._tag_id("cat")] = Standing.AUTOMATIC, 0.9
    return desk


def _keywords(desk: Desk, *ids: int) -> KeywordsDialog:
    desk.window.tags.write_keywords([PhotoId(i) for i in ids])
    dialog = desk.window.tags.dialog
    assert isinstance(dialog, KeywordsDialog)
    desk.until(lambda: dialog.write_button.isEnabled() or "nothing" in dialog.told.text())
    return dialog


def test_what_would_be_written_is_shown_and_nothing_is_written(tagged: Desk) -> None:
    dialog = _keywords(tagged, 1, 2)
    assert [row[0] for row in dialog.rows()] == ["IMG_00001.jpg", "IMG_00002.jpg"]
    assert dialog.rows()[0][1:] == ("IMG_00001.jpg.xmp", "+ dog")
    assert "not changed" in dialog.words.text()
    assert all(asked["dry"] for asked in tagged.library.keywords.asked)
    dialog.close()


def test_into_the_photo_files_is_said_plainly_and_asked_for_by_name(tagged: Desk) -> None:
    dialog = _keywords(tagged, 1)
    assert not tagged.library.keywords.asked[-1]["embed"], "the safe way is the first one"
    dialog.inside.click()
    tagged.until(lambda: tagged.library.keywords.asked[-1]["embed"])
    assert "ARE changed" in dialog.words.text()
    tagged.until(lambda: dialog.rows() == [("IMG_00001.jpg", "IMG_00001.jpg", "+ dog")])
    dialog.close()


def test_automatic_tags_go_along_when_wanted(tagged: Desk) -> None:
    dialog = _keywords(tagged)
    assert len(dialog.rows()) == 3
    dialog.automatic.click()
    tagged.until(lambda: len(dialog.rows()) == 4)
    assert tagged.library.keywords.asked[-1]["automatic"] == 0.7
    dialog.least.setValue(95)
    tagged.until(lambda: len(dialog.rows()) == 3)
    dialog.close()


def test_a_failure_has_a_reason_and_is_tried_again(tagged: Desk) -> None:
    dialog = _keywords(tagged)
    dialog.write_button.click()
    tagged.until(lambda: "1 photo could not" in dialog.told.text())
    assert dialog.rows()[0][2] == "The folder cannot be written to."
    assert "2 files written" in dialog.told.text()
    dialog.retry_button.click()
    tagged.until(lambda: dialog.told.text() == "1 file written.")
    assert tagged.library.keywords.asked[-1] == {
        "ids": None, "embed": False, "automatic": None, "dry": False, "failed": True,
    }  # fmt: skip
    assert not dialog.retry_button.isVisible()
    dialog.close()


def test_an_import_is_reported_and_undone(desk: Desk, tmp_path: Path) -> None:
    room = desk.window.tags
    room.exchanging.import_file(tmp_path / "work.json")
    desk.until(lambda: room.exchanging.report is not None)
    report = room.exchanging.report
    assert report is not None
    assert report.text() == "Imported user data for 1 photo."
    assert "1 photo is not in this library" in report.informativeText()
    next(button for button in report.buttons() if button.text() == "Undo").click()
    desk.until(lambda: not desk.library.tags.rows)


def test_an_export_says_where_it_went(desk: Desk, tmp_path: Path) -> None:
    room = desk.window.tags
    room.exchanging.export(tmp_path / "work.csv")
    desk.until(lambda: "7 photos" in desk.window.tagging_keys.toast.text())
    assert (tmp_path / "work.csv").exists()


def test_import_and_export_are_in_the_folders_dialog(desk: Desk) -> None:
    desk.window.show_folders()
    dialog = desk.window._dialogs[FoldersDialog]
    menu = dialog.findChild(QMenu)
    assert menu is not None
    texts = [action.text() for action in menu.actions() if action.text()]
    assert len(texts) == 4
    next(action for action in menu.actions() if action.text() == "Use folder names as tags").trigger()
    desk.until(lambda: desk.library.tags.rows)
    desk.until(lambda: desk.window.tags.exchanging.report is not None)
    desk.window.tags.exchanging.report.close()  # type: ignore[union-attr]
    dialog.close()


def test_a_subject_is_taught_by_five_photos_and_what_is_alike_confirmed(desk: Desk) -> None:
    room = desk.window.tags
    ids = [PhotoId(i) for i in range(5)]
    assert [entry.text for entry in room._entries(ids)] == ["New custom concept…", "Write keywords…"]
    assert [entry.text for entry in room._entries(ids[:4])] == ["Write keywords…"]
    room.custom_concepts.ask_for_concept(ids)
    dialog = room.dialog
    assert isinstance(dialog, CustomConceptDialog)
    QTest.keyClicks(dialog.field, "our dog")
    QTest.keyClick(dialog.field, Qt.Key.Key_Return)
    desk.until(lambda: room.review.isVisible() and room.review.list.tag == "our dog")
    wall = room.review.wall
    desk.until(lambda: wall.ids.tolist() == list(range(16, 4, -1)))
    line = room.review.trained
    assert line.prompt.full_text() == "Does this show “our dog”?  Enter: yes  ·  X: no"
    assert "Of your 5 examples" in line.figures.text()
    desk.qtbot.wait(600)
    assert wall.ids.tolist() == list(range(16, 4, -1)), "counting anew leaves the wall as it is"
    desk.window.activateWindow()
    desk.until(desk.window.isActiveWindow)
    assert wall.view.hasFocus()
    QTest.keyClick(wall.view, Qt.Key.Key_Return)
    QTest.keyClick(wall.view, "X")
    rows, number = desk.library.tags.rows, desk.library.tags._tag_id("our dog")
    desk.until(lambda: rows.get((15, number), (None,))[0] is Standing.REJECTED)
    assert rows[16, number][0] is Standing.MANUAL
    desk.until(lambda: wall.ids.tolist() == list(range(14, 4, -1)))
    room.review._sort.click()
    desk.until(lambda: wall.ids.tolist() == list(range(5, 15)))


def _as_trained(desk: Desk) -> None:
    room = desk.window.tags
    room.custom_concepts.train("our dog", [PhotoId(i) for i in range(5)])
    desk.until(lambda: room.review.wall.ids.tolist() == list(range(16, 4, -1)))


def test_answers_teach_and_undoing_them_teaches_again(desk: Desk) -> None:
    _as_trained(desk)
    room = desk.window.tags
    wall, line = room.review.wall, room.review.trained
    wall.confirm_surer()
    assert len(wall.ids) == 12, "no question is answered together with those before it"
    for _ in range(4):
        wall.confirm()
    wall.reject()
    desk.until(lambda: "9 confirmed and 1 rejected photos" in line.figures.text())
    assert "the concept found 5" in line.figures.text()
    assert wall.ids.tolist() == list(range(11, 4, -1))
    desk.page.undo.undo()
    desk.until(lambda: "9 confirmed and 0 rejected" in line.figures.text())
    desk.until(lambda: wall.ids.tolist() == list(range(12, 4, -1)))  # what was taken back is asked again


def test_a_taught_subject_is_forgotten_and_brought_back(desk: Desk) -> None:
    _as_trained(desk)
    room, custom_concepts = desk.window.tags, desk.library.custom_concepts
    room.review.trained.forget.click()
    box = room.dialog
    assert isinstance(box, QMessageBox)
    assert "our dog" in box.text()
    next(one for one in box.buttons() if box.buttonRole(one) is QMessageBox.ButtonRole.AcceptRole).click()
    desk.until(lambda: not custom_concepts.known and not desk.library.tags.rows)
    desk.until(lambda: not room.review.trained.isVisible())
    desk.page.undo.undo()
    desk.until(lambda: list(custom_concepts.known) == ["our dog"] and len(desk.library.tags.rows) == 5)
    desk.until(lambda: "our dog" in room.review.list.tags())
    room.review.list.choose("our dog")
    desk.until(lambda: room.review.trained.isVisible() and room.review.trained.ask.isVisible())
    room.review.trained.ask.click()
    desk.until(lambda: room.review.wall.ids.tolist() == list(range(16, 4, -1)))


def test_undoing_the_teaching_forgets_the_name(desk: Desk) -> None:
    _as_trained(desk)
    desk.page.undo.undo()
    desk.until(lambda: not desk.library.custom_concepts.known)
    desk.until(lambda: not desk.window.tags.review.trained.isVisible())


def test_nothing_of_it_is_offered_where_nothing_can_be_changed(tagged: Desk) -> None:
    tagged.library.read_only = True
    assert tagged.window.tags._entries([PhotoId(i) for i in range(6)]) == []
    menu = tagged.window.tags.user_data_menu(tagged.window)
    assert [action.isEnabled() for action in menu.actions() if action.text()] == [True, False, False, False]
    tagged.page.panel.tags.act(Act.ADD, "x", [PhotoId(1)])
    menu.deleteLater()
