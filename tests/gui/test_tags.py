# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags in the panel: shown by where they come from, confirmed, rejected, added, starred, undone."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from semantic_photos.domain.errors import CatalogError
from semantic_photos.domain.tags import Act, Remark, Standing
from semantic_photos.gui.details.tag_chips import CONFIRM, REJECT
from semantic_photos.gui.details.tag_panel import TagPanel
from semantic_photos.storage.tags import Change
from tests.gui.conftest import Desk


def _panel(desk: Desk) -> TagPanel:
    return desk.page.panel.tags


def _choose(desk: Desk, *rows: int) -> None:
    desk.page.view.select_ids([desk.page.model.photo_id(row) for row in rows], desk.page.model.photo_id(rows[0]))
    desk.until(lambda: len(_panel(desk)._ids) == len(rows) and _panel(desk).chips())


def _on_a_thread(work: Callable[[], Change]) -> Change:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def _standing(desk: Desk, tag: str, photo: int) -> Standing | None:
    lines = desk.library.tags.rows
    number = desk.library.tags._tag_id(tag)
    return lines.get((photo, number), (None, None))[0]


def test_a_guess_is_confirmed_on_its_chip_and_the_confirmation_undone_and_done_again(desk: Desk) -> None:
    _choose(desk, 0)
    photo = int(desk.page.model.photo_id(0))
    chip = _panel(desk).chips()[0]
    assert chip.is_open
    tag = chip.tag
    QTest.mouseClick(chip, Qt.MouseButton.LeftButton, pos=chip.marks()[CONFIRM].center())
    desk.until(lambda: _standing(desk, tag, photo) is Standing.MANUAL)
    desk.until(lambda: not _panel(desk).chips()[0].is_open and _panel(desk).chips()[0].tag == tag)
    desk.page.undo.undo()
    desk.until(lambda: _standing(desk, tag, photo) is None)
    desk.page.undo.redo()
    desk.until(lambda: _standing(desk, tag, photo) is Standing.MANUAL)
    assert desk.page.search.query.is_empty, "pressing a mark is no search"


def test_a_rejected_tag_leaves_and_keys_do_the_same_as_the_mouse(desk: Desk) -> None:
    _choose(desk, 0)
    photo = int(desk.page.model.photo_id(0))
    first, second = _panel(desk).chips()[:2]
    QTest.mouseClick(first, Qt.MouseButton.LeftButton, pos=first.marks()[REJECT].center())
    desk.until(lambda: _standing(desk, first.tag, photo) is Standing.REJECTED)
    tag = second.tag
    desk.until(lambda: any(chip.tag == tag and chip is not second for chip in _panel(desk).chips()))
    again = next(chip for chip in _panel(desk).chips() if chip.tag == tag)
    QTest.keyClick(again, Qt.Key.Key_Plus)
    desk.until(lambda: _standing(desk, tag, photo) is Standing.MANUAL)


def test_pressing_a_chip_searches(desk: Desk) -> None:
    _choose(desk, 0)
    chip = _panel(desk).chips()[0]
    QTest.mouseClick(chip, Qt.MouseButton.LeftButton, pos=chip.rect().center() - chip.rect().topLeft() * 0)
    # The middle of a short chip may be a mark; its beginning never is.
    if desk.page.search.query.is_empty:
        QTest.mouseClick(chip, Qt.MouseButton.LeftButton, pos=chip.rect().topLeft() + chip.rect().center() / 4)
    desk.until(lambda: desk.page.search.query.text == chip.tag)


def test_a_tag_is_added_to_all_chosen_photos(desk: Desk) -> None:
    _choose(desk, 0)
    desk.page.view.select_ids([desk.page.model.photo_id(row) for row in range(3)], desk.page.model.photo_id(0))
    desk.until(lambda: len(_panel(desk)._ids) == 3)
    desk.window.tagging_keys.add_tag()
    desk.until(lambda: _panel(desk).field.hasFocus())
    QTest.keyClicks(_panel(desk).field, "holi day")
    QTest.keyClick(_panel(desk).field, Qt.Key.Key_Return)
    photos = [int(desk.page.model.photo_id(row)) for row in range(3)]
    desk.until(lambda: all(_standing(desk, "holi day", photo) is Standing.MANUAL for photo in photos))
    desk.until(lambda: [chip.text() for chip in _panel(desk).chips()] == ["holi day"])
    assert "3 photos" in desk.window.tagging_keys.toast.text()
    desk.window.tagging_keys.toast._undo.click()
    desk.until(lambda: not desk.library.tags.rows)


def test_own_tags_and_words_complete_a_name(desk: Desk) -> None:
    desk.library.tags.rows[1, desk.library.tags._tag_id("Places|Greece")] = Standing.MANUAL, None
    _choose(desk, 0)
    desk.window.tagging_keys.add_tag()
    field = _panel(desk).field
    desk.until(lambda: field.hasFocus() and field._own)
    QTest.keyClicks(field, "gre")
    desk.until(field.offers)
    assert field.offers()[0] == "Places › Greece"
    assert "green" in field.offers()
    QTest.keyClick(field, Qt.Key.Key_Down)
    QTest.keyClick(field, Qt.Key.Key_Return)
    photo = int(desk.page.model.photo_id(0))
    desk.until(lambda: _standing(desk, "Places|Greece", photo) is Standing.MANUAL)


def test_stars_and_favourites_by_key(desk: Desk) -> None:
    _choose(desk, 0)
    photo = int(desk.page.model.photo_id(0))
    desk.page.view.setFocus()
    QTest.keyClick(desk.page.view, Qt.Key.Key_4)
    desk.until(lambda: desk.library.tags.said.get(photo) == Remark(4))
    QTest.keyClick(desk.page.view, "*")
    desk.until(lambda: desk.library.tags.said.get(photo) == Remark(4, favourite=True))
    desk.until(lambda: _panel(desk).ratings.favourite and _panel(desk).ratings.rating == 4)
    desk.page.undo.undo()
    desk.page.undo.undo()
    desk.until(lambda: desk.library.tags.said.get(photo) == Remark())


def test_an_undo_that_is_wished_while_something_is_under_way_takes_that_back(desk: Desk) -> None:
    library = desk.library
    desk.page.undo.do("one", lambda: library.tags.act(Act.ADD, [1], "one"))
    desk.page.undo.undo()
    desk.until(lambda: desk.page.undo.redo_text == "one")
    assert not library.tags.rows


def test_what_comes_in_while_a_change_is_undone_keeps_its_place(desk: Desk) -> None:
    tags, undo = desk.library.tags, desk.page.undo
    undo.do("one", lambda: tags.act(Act.ADD, [1], "one"))
    undo.undo()
    undo.take_in("two", _on_a_thread(lambda: tags.act(Act.ADD, [2], "two")))
    desk.until(lambda: undo.undo_text == "two")
    assert not undo.redo_text, "what was undone before a new change cannot be redone"
    undo.undo()
    desk.until(lambda: undo.redo_text == "two")
    assert not undo.undo_text
    assert not tags.rows


def test_an_undo_that_failed_can_be_tried_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    tags, undo = desk.library.tags, desk.page.undo
    undo.do("one", lambda: tags.act(Act.ADD, [1], "one"))
    desk.until(lambda: undo.undo_text == "one")
    failed: list[Exception] = []
    desk.window._bridge.failed.connect(failed.append)

    def full(_change: Change) -> Change:
        raise CatalogError("The disk is full.", code="catalog.full")

    with monkeypatch.context() as patch:
        patch.setattr(tags, "revert", full)
        undo.undo()
        desk.until(lambda: failed)
    assert (undo.undo_text, undo.redo_text) == ("one", "")
    undo.undo()
    desk.until(lambda: undo.redo_text == "one")
    assert not tags.rows


def test_a_change_that_was_overtaken_is_left_as_it_is_and_forgotten(desk: Desk) -> None:
    tags, undo = desk.library.tags, desk.page.undo
    said: list[str] = []
    undo.said.connect(said.append)
    undo.do("first", lambda: tags.act(Act.ADD, [2], "two"))
    undo.do("second", lambda: tags.act(Act.ADD, [1], "one"))
    desk.until(lambda: undo.undo_text == "second")
    _on_a_thread(lambda: tags.act(Act.REJECT, [1], "one"))
    undo.undo()
    desk.until(lambda: said)
    assert said[0].endswith("second")
    assert "left as it is" in said[0]
    assert (undo.undo_text, undo.redo_text) == ("first", "")
    undo.undo()
    desk.until(lambda: undo.redo_text == "first")


def test_a_library_that_can_only_be_read_takes_no_tag(open_desk: Callable[..., Desk]) -> None:
    from tests.fakes.library import FakeLibrary

    library = FakeLibrary(60)
    library.read_only = True
    desk = open_desk(library)
    _choose(desk, 0)
    assert not _panel(desk).field.isEnabled()
    assert not _panel(desk).chips()[0].marks()
    _panel(desk).act(Act.ADD, "dog")
    desk.qtbot.wait(50)
    assert not library.tags.rows


def test_a_changed_tag_keeps_the_picture_and_a_changed_file_does_not(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    from semantic_photos.domain.messages import PhotosChanged
    from semantic_photos.domain.photo import ContentKey, Photo, PhotoId

    photo_id = desk.page.model.photo_id(0)
    assert photo_id is not None
    desk.until(lambda: desk.page.loader.pixmap(photo_id) is not None)
    before = desk.page.loader.pixmap(photo_id)
    _panel(desk).act(Act.ADD, "dog", [photo_id])
    desk.until(lambda: desk.page.undo.undo_text)
    desk.until(lambda: desk.page.model.photo(0) is not None)
    desk.qtbot.wait(60)
    assert desk.page.loader.pixmap(photo_id) is before
    real = desk.library._photo

    def other(i: int) -> Photo:
        return replace(real(i), content_key=ContentKey(f"new-{i}"))

    monkeypatch.setattr(desk.library, "_photo", other)
    desk.library.bus.publish(PhotosChanged(updated=(PhotoId(int(photo_id)),)))
    desk.until(lambda: desk.page.loader.pixmap(photo_id) not in (None, before))
