# SPDX-License-Identifier: GPL-3.0-or-later
"""Help beside the question: completion, problems, near words, pasted pictures and files, the list of votes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QGuiApplication, QImage, QKeySequence

from semantic_photos.domain.errors import UserFacingError
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.query import Problem, Query
from semantic_photos.gui.dialogs.relevance_feedback_dialog import RelevanceFeedbackDialog
from semantic_photos.gui.search import query_problems
from semantic_photos.gui.search.query_builder import dropped
from semantic_photos.gui.widgets.completion_popup import Offer
from tests.fakes.library import COLOURS, FakeLibrary
from tests.gui.conftest import Desk

NAMES = list(COLOURS)


def focus_bar(desk: Desk) -> None:
    desk.window.activateWindow()
    desk.page.bar.take_focus()
    desk.qtbot.waitUntil(desk.page.bar._edit.hasFocus)


# Completion and problems


def test_completion_works_at_the_cursor_and_tells_counts(desk: Desk) -> None:
    focus_bar(desk)
    desk.type("tag: blue")
    desk.page.bar._edit.setCursorPosition(0)
    for _ in range(4):
        desk.qtbot.keyClick(desk.page.bar._edit, Qt.Key.Key_Right)
    desk.page.bar._on_edited("")
    desk.until(desk.page.bar._words.isVisible)
    (offer,) = desk.page.bar._words.offers()
    assert (offer.text, offer.count, offer.spoken) == ("tag:holiday", 12, "tag:holiday, 12 photos")
    desk.qtbot.keyClick(desk.page.bar._edit, Qt.Key.Key_Tab)
    assert desk.page.bar.text() == "tag:holiday blue"


def test_an_operator_goes_on_with_its_values(desk: Desk) -> None:
    focus_bar(desk)
    desk.type("ta")
    desk.until(lambda: "tag:" in [offer.text for offer in desk.page.bar._words.offers()])
    desk.qtbot.keyClick(desk.page.bar._edit, Qt.Key.Key_Down)
    desk.qtbot.keyClick(desk.page.bar._edit, Qt.Key.Key_Return)
    assert desk.page.bar.text() == "tag:"
    desk.until(lambda: [offer.text for offer in desk.page.bar._words.offers()] == ["tag:holiday"])


def test_what_is_offered_keeps_up_with_the_keys(desk: Desk) -> None:
    focus_bar(desk)
    bar = desk.page.bar
    offers = [Offer("back", "", None), Offer("beach", "", None), Offer("beaches", "", None)]

    def offered_for(text: str) -> None:
        bar._edit.setText(text)
        bar.show_completions(text, len(text), (4, len(text)), offers)

    offered_for("red b")
    # No answer to these keys has come yet: what does not go on with them goes, and the rest replaces all of the word.
    bar.completion_wanted.disconnect()
    desk.qtbot.keyClicks(bar._edit, "ea")
    assert [offer.text for offer in bar._words.offers()] == ["beach", "beaches"]
    desk.qtbot.keyClick(bar._edit, Qt.Key.Key_Tab)
    assert bar.text() == "red beach "
    offered_for("red b")
    desk.qtbot.keyClicks(bar._edit, "x")
    assert not bar._words.isVisible()
    offered_for("red b")
    for _ in range(2):
        desk.qtbot.keyClick(bar._edit, Qt.Key.Key_Backspace)
    assert not bar._words.isVisible()


def test_a_problem_is_told_when_its_term_is_left(desk: Desk) -> None:
    focus_bar(desk)
    desk.type("rating:lots")
    assert not desk.page.problems.isVisible()
    desk.qtbot.keyClicks(desk.page.bar._edit, " red")
    assert desk.page.problems.isVisible()
    assert desk.page.problems.full_text().startswith("“rating:lots”: Enter a rating")
    desk.page.query_builder.word("red")
    assert not desk.page.problems.isVisible()


def test_what_was_meant_by_a_filter_can_be_pressed(desk: Desk) -> None:
    focus_bar(desk)
    desk.type("red is:faverite type:jpgg blue")
    desk.until(desk.page.problems.isVisible)
    assert [chip.text() for chip in desk.page.problems.chips()] == ["is:favourite", "type:jpg"]
    desk.page.problems.chips()[0].click()
    assert desk.page.bar.text() == "red is:favourite type:jpgg blue"
    desk.until(lambda: desk.library.asked[-1].text == "red is:favourite blue")
    desk.page.problems.chips()[0].click()
    assert desk.page.bar.text() == "red is:favourite type:jpg blue"
    desk.until(lambda: desk.library.asked[-1].text == "red is:favourite type:jpg blue")
    assert not desk.page.problems.isVisible()
    assert not desk.page.problems.chips()


def test_the_name_of_a_filter_that_is_misspelled_can_be_pressed(desk: Desk) -> None:
    focus_bar(desk)
    desk.type("red tpye:jpg blue")
    desk.until(desk.page.problems.isVisible)
    assert desk.page.problems.full_text() == "Unknown filter “tpye:”."
    (chip,) = desk.page.problems.chips()
    assert chip.text() == "type:"
    chip.click()
    assert desk.page.bar.text() == "red type:jpg blue"
    desk.until(lambda: desk.library.asked[-1].text == "red type:jpg blue")
    assert not desk.page.problems.isVisible()


def test_a_filter_is_offered_with_what_it_finds(desk: Desk) -> None:
    focus_bar(desk)
    desk.type("ta")
    desk.until(lambda: "tag:" in [offer.text for offer in desk.page.bar._words.offers()])
    (offer,) = [offer for offer in desk.page.bar._words.offers() if offer.text == "tag:"]
    assert offer.spoken == "tag:, with this tag or one below it"


def test_what_was_meant_is_found_where_it_stands_by_now(desk: Desk) -> None:
    focus_bar(desk)
    desk.type("is:faverite red")
    desk.until(desk.page.problems.isVisible)
    desk.qtbot.keyClick(desk.page.bar._edit, Qt.Key.Key_Home)
    desk.qtbot.keyClicks(desk.page.bar._edit, "blue ")
    desk.qtbot.keyClick(desk.page.bar._edit, Qt.Key.Key_End)
    desk.page.problems.chips()[0].click()
    assert desk.page.bar.text() == "blue is:favourite red"


def test_a_problem_at_the_end_is_told_on_enter(desk: Desk) -> None:
    focus_bar(desk)
    desk.type("red rating:lots")
    assert not desk.page.problems.isVisible()
    desk.qtbot.keyClick(desk.page.bar._edit, Qt.Key.Key_Return)
    desk.until(desk.page.problems.isVisible)


@pytest.mark.parametrize(("cursor", "told"), [(3, 1), (4, 0), (11, 0), (12, 1), (None, 1)])
def test_where_somebody_types_nothing_is_wrong_yet(cursor: int | None, told: int) -> None:
    assert len(query_problems.ripe([Problem(4, 11, "No.")], cursor)) == told


@pytest.mark.parametrize("text", ["a " * 600, "blue " * 500, " OR ".join(["red"] * 40)])
def test_a_question_that_is_too_long_says_so_at_once(desk: Desk, text: str) -> None:
    focus_bar(desk)
    QGuiApplication.clipboard().setText(text)
    desk.qtbot.keyClick(desk.page.bar._edit, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert desk.page.bar.text() == text, "what was pasted can be seen as a whole"
    assert desk.page.bar._edit.hasFocus()
    assert "only the first" in desk.page.problems.full_text() or "only its first" in desk.page.problems.full_text()
    desk.type("blue")
    desk.until(lambda: not desk.page.problems.isVisible())


def test_that_a_question_is_cut_is_told_before_its_other_problems() -> None:
    problems = [Problem(0, 4, "One."), Problem(5, 9, "Two."), Problem(10, 12, "Too long.", cut=True)]
    told = query_problems.sentence("a" * 12, query_problems.ripe(problems, 12))
    assert told.startswith("“aa”: Too long.")


def test_text_without_a_word_is_told(desk: Desk) -> None:
    focus_bar(desk)
    desk.type("... ?!")
    assert not desk.page.problems.isVisible()
    desk.qtbot.keyClick(desk.page.bar._edit, Qt.Key.Key_Return)
    desk.until(desk.page.problems.isVisible)
    assert desk.page.problems.full_text().startswith("No word here can be searched for")
    desk.type("blue")
    desk.until(lambda: not desk.page.problems.isVisible())


def test_problems_leave_text_and_cursor_alone(desk: Desk) -> None:
    focus_bar(desk)
    desk.type("rating:x blue")
    edit = desk.page.bar._edit
    edit.setSelection(2, 4)
    query_problems.underline(edit, Query.parse(edit.text()).problems)
    assert (edit.text(), edit.selectedText()) == ("rating:x blue", "ting")


# Terms


@pytest.mark.parametrize(
    ("text", "term", "left"),
    [
        ("dog rating:5", "rating:5", "dog"),
        ("dog -tag:old", "-tag:old", "dog"),
        ("dog (tag:a OR tag:b)", "(tag:a OR tag:b)", "dog"),
        ("rating:5", "rating:5", ""),
        ("cat OR dog rating:5", "rating:5", "cat OR dog"),
    ],
)
def test_a_term_is_dropped_wherever_it_stands(text: str, term: str, left: str) -> None:
    tree = dropped(Query.parse(text).tree, term)
    assert (str(tree) if tree is not None else "") == left


# Near words


def test_words_near_the_typed_one_replace_add_and_push_away(desk: Desk) -> None:
    desk.search("blue")
    explorer = desk.page.panel.near_word
    desk.until(lambda: len(explorer.words()) == 5)
    explorer._rows[0]._parts[3].click()
    desk.settle()
    assert desk.page.bar.text() == "blue red"
    desk.page.query_builder.word("blue")
    desk.until(lambda: desk.page.panel.near_word.words()[:1] == ["red"])
    explorer._rows[1]._parts[2].click()
    desk.settle()
    assert desk.page.bar.text() == "blue -orange"
    desk.page.query_builder.add_word("orange")
    desk.settle()
    assert desk.page.bar.text() == "blue orange"
    desk.page.query_builder.add_word("-orange")
    desk.settle()
    assert desk.page.bar.text() == "blue -orange"
    explorer.choose("teal")
    desk.settle()
    assert desk.page.bar.text() == "teal -orange"


def test_words_near_the_chosen_photo(desk: Desk) -> None:
    desk.page.view.show_row(0)
    explorer = desk.page.panel.near_photo
    desk.until(explorer.isVisible)
    own = NAMES[239 % 12]
    assert explorer.words()[0] == own
    explorer.choose(own)
    desk.settle()
    assert desk.page.bar.text() == own


# Pictures from elsewhere


def test_a_pasted_picture_becomes_an_example(desk: Desk) -> None:
    image = QImage(40, 30, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.red)
    QGuiApplication.clipboard().setImage(image)
    focus_bar(desk)
    desk.qtbot.keySequence(desk.page.bar._edit, QKeySequence(QKeySequence.StandardKey.Paste))
    desk.until(lambda: bool(desk.page.search.query.examples))
    (example,) = desk.page.search.query.examples
    assert example.path is not None
    assert example.path.is_file()
    desk.page.close_page()
    assert not example.path.exists()


def test_a_pasted_file_is_taken_as_it_is(desk: Desk, tmp_path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "a.jpg"))])
    assert desk.page.external_examples.take(data)
    assert desk.page.search.query.examples[0].path == tmp_path / "a.jpg"


def test_pasted_files_are_taken_as_if_they_were_dropped(desk: Desk, tmp_path: Path) -> None:
    def paste(name: str) -> None:
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(tmp_path / name))])
        data.setText(f"file://{tmp_path / name}")
        QGuiApplication.clipboard().setMimeData(data)
        desk.qtbot.keySequence(desk.page.bar._edit, QKeySequence(QKeySequence.StandardKey.Paste))

    (tmp_path / "text.txt").write_text("no picture")
    (tmp_path / "more").mkdir()
    focus_bar(desk)
    paste("text.txt")
    desk.until(
        lambda: desk.window.notices.texts() == ["Drop folders to add them, or a picture to find similar photos."]
    )
    assert desk.page.bar.text() == ""
    paste("more")
    desk.until(lambda: tmp_path / "more" in [folder.path for folder in desk.library._folders.values()])
    assert desk.window.notices.texts() == []


def test_pasted_text_is_text(desk: Desk) -> None:
    QGuiApplication.clipboard().setText("blue")
    focus_bar(desk)
    desk.page.bar._edit.clear()
    desk.qtbot.keySequence(desk.page.bar._edit, QKeySequence(QKeySequence.StandardKey.Paste))
    assert desk.page.bar.text() == "blue"
    assert not desk.page.external_examples.take(QMimeData())


# The list of votes


def test_all_votes_are_listed_and_taken_back(open_desk: Callable[..., Desk]) -> None:
    library = FakeLibrary(240)
    for text, ids in (("blue", [5, 17]), ("red sea", [0])):
        library.feedback._cast.update({(text, PhotoId(i)): 1 for i in ids})
    desk = open_desk(library)
    desk.window.show_votes()
    dialog = desk.window.findChild(RelevanceFeedbackDialog)
    assert dialog is not None
    desk.until(lambda: dialog.rows() == [
        ("blue", ["IMG_00005.jpg", "IMG_00017.jpg"]), ("red sea", ["IMG_00000.jpg"]),
    ])  # fmt: skip
    dialog._tree.topLevelItem(0).child(1).setSelected(True)
    dialog._remove.setFocus()
    dialog._remove.click()
    desk.until(lambda: dialog.rows()[0] == ("blue", ["IMG_00005.jpg"]))
    assert dialog.focusWidget() is dialog._tree, "the same key once more must not press “Remove all”"
    assert dialog._remove.height() == dialog._remove_all.height()
    dialog._remove_all.click()
    desk.until(lambda: dialog.rows() == [])
    assert not library.feedback._cast


def test_a_question_with_photos_is_told_in_words() -> None:
    query = Query.similar_to(PhotoId(3)).with_text("snow").with_more_focus("dog", -1.0)
    from semantic_photos.domain.relevance_feedback import normal_form, query_title

    assert query_title(normal_form(query)) == "snow, like a photo, less of dog"
    assert query_title("{broken") == "{broken"


def test_what_cannot_be_written_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    desk.page.external_examples._folder = tmp_path / "gone"
    told: list[object] = []
    desk.page._bridge.failed.connect(told.append)
    image = QImage(4, 4, QImage.Format.Format_RGB32)
    data = QMimeData()
    data.setImageData(image)
    assert desk.page.external_examples.take(data)
    desk.until(lambda: bool(told))
    assert isinstance(told[0], UserFacingError)
