# SPDX-License-Identifier: GPL-3.0-or-later
"""Searches with a name: saved, listed with a number that agrees with the photos, asked again, renamed, folded."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QMimeData, Qt
from PySide6.QtGui import QImage

from semantic_photos.domain.messages import PhotosChanged
from semantic_photos.domain.query import Query
from semantic_photos.gui.search.saved_searches import NameDialog
from tests.fakes.library import FakeLibrary
from tests.gui.conftest import Desk


def save(desk: Desk, text: str, name: str) -> None:
    desk.search(text)
    desk.until(desk.page.bar.bookmark.isVisible)
    desk.page.bar.bookmark.click()
    dialog = desk.page.findChild(NameDialog)
    assert dialog is not None
    dialog.edit.setText(name)
    dialog._save()
    desk.until(lambda: name in [saved for saved, _ in desk.page.saved_searches.bar.searches()])


def test_a_saved_search_is_listed_with_its_count_and_asked_again(desk: Desk) -> None:
    assert not desk.page.saved_searches.bar.isVisible()
    save(desk, "blue", "Sky and sea")
    bar = desk.page.saved_searches.bar
    desk.until(lambda: bar.searches()[0][1] == desk.page.model.rowCount())
    assert bar.isVisible()
    assert desk.page.bar.bookmark.isChecked()
    desk.page.query_builder.everything()
    desk.settle()
    assert not desk.page.bar.bookmark.isVisible()
    bar._choose(bar._list.item(0))
    desk.settle()
    assert desk.page.bar.text() == "blue"


def test_the_search_that_is_asked_is_marked_however_it_was_asked(desk: Desk) -> None:
    save(desk, "blue", "Sky")
    save(desk, "red", "Roses")
    bar = desk.page.saved_searches.bar
    desk.until(lambda: bar.marked() == ["Roses"])
    desk.type("blue")
    desk.until(lambda: bar.marked() == ["Sky"])
    spoken = [bar._list.item(row).data(Qt.ItemDataRole.AccessibleTextRole) for row in range(2)]
    assert [text.endswith("shown now") for text in spoken] == [name == "Sky" for name, _ in bar.searches()]
    bar._choose(bar._list.item(0))
    desk.type("green")
    desk.until(lambda: bar.marked() == [])


def test_numbers_follow_the_border_of_good_matches(desk: Desk) -> None:
    save(desk, "blue", "Sky")
    near = desk.page.panel.near_word
    for steps in (0, 20):
        desk.page.cutoff_bar._slider.setValue(steps)
        caution = desk.page.cutoff_bar.caution
        desk.until(lambda caution=caution: desk.page.saved_searches._caution == caution)
        desk.until(
            lambda: desk.page.cutoff_bar.text().startswith(
                f"{desk.page.saved_searches.bar.searches()[0][1]} good match"
            )
        )
        desk.until(lambda caution=caution: near.counts()[:1] == [round(40 * (1 - caution))])


def test_numbers_follow_while_photos_keep_coming(desk: Desk) -> None:
    save(desk, "blue", "Sky")
    saved_searches, counted = desk.page.saved_searches, []
    saved_searches._again.setInterval(60)
    saved_searches._again.timeout.connect(lambda: counted.append(True))
    for _ in range(20):
        desk.page._bridge.photos_changed.emit(PhotosChanged())
        desk.qtbot.wait(20)
    assert len(counted) > 1


def test_a_search_with_photos_is_saved_and_opens_with_them(desk: Desk) -> None:
    desk.page.query_builder.similar(15)
    desk.page.query_builder.focus("red", -1.0)
    desk.settle()
    desk.until(lambda: desk.page.bar.example_names() == ["IMG_00015.jpg"])
    desk.until(desk.page.bar.bookmark.isVisible)
    desk.page.saved_searches.save()
    dialog = desk.page.findChild(NameDialog)
    assert dialog is not None
    assert dialog.edit.text() == "like IMG_00015.jpg, less of red"
    dialog._save()
    bar = desk.page.saved_searches.bar
    desk.until(lambda: bool(bar.searches()))
    asked = desk.page.search.query
    desk.page.query_builder.everything()
    desk.settle()
    bar._choose(bar._list.item(0))
    desk.settle()
    assert desk.page.search.query == asked
    assert desk.page.bar.bookmark.isChecked()


def test_a_chip_that_comes_back_at_once_has_its_name(desk: Desk) -> None:
    desk.page.query_builder.similar(15)
    desk.until(lambda: desk.page.bar.example_names() == ["IMG_00015.jpg"])
    # Away and back before the answer in between is shown: the chip is new, the example is not.
    desk.page.bar.clear()
    desk.page.query_builder.similar(15)
    desk.settle()
    desk.until(lambda: desk.page.bar.example_names() == ["IMG_00015.jpg"])


def test_a_pasted_picture_is_not_saved_and_that_is_said(desk: Desk) -> None:
    image = QImage(40, 30, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.red)
    data = QMimeData()
    data.setImageData(image)
    assert desk.page.external_examples.take(data)
    desk.until(lambda: bool(desk.page.search.query.examples))
    desk.until(desk.page.bar.bookmark.isVisible)
    desk.page.saved_searches.save()
    assert any("pasted picture cannot be saved" in text for text in desk.window.notices.texts())


def test_saved_searches_are_renamed_and_removed(desk: Desk) -> None:
    save(desk, "blue", "Sky")
    bar = desk.page.saved_searches.bar
    bar._list.item(0).setText("Water")
    desk.until(lambda: bar.searches()[0][0] == "Water")
    bar._list.setCurrentRow(0)
    bar._remove()
    desk.until(lambda: not bar.isVisible())


def test_a_name_that_is_taken_is_told(desk: Desk) -> None:
    save(desk, "blue", "Sky")
    desk.page.saved_searches._add("SKY", Query.parse("red"))
    desk.until(lambda: any("Sky" in text or "SKY" in text for text in desk.window.notices.texts()))


def test_saved_searches_can_be_folded(desk: Desk) -> None:
    save(desk, "blue", "Sky")
    bar = desk.page.saved_searches.bar
    wide = bar.width()
    bar._fold.click()
    assert bar.maximumWidth() < wide
    assert not bar._list.isVisible()


def test_what_was_chosen_for_results_is_there_at_the_next_start(open_desk: Callable[..., Desk]) -> None:
    first = FakeLibrary(240)
    desk = open_desk(first)
    save(desk, "blue", "Sky")
    desk.page.saved_searches.bar._fold.click()
    desk.page.cutoff_bar._slider.setValue(4)
    desk.page.cutoff_bar._choose_order("name")
    desk.until(lambda: first.settings.saved_folded and first.settings.result_order == "name")
    desk.until(lambda: first.settings.caution == 0.8)
    again = FakeLibrary(240, settings=first.settings)
    again.catalog.searches = first.catalog.searches
    desk = open_desk(again)
    desk.search("blue")
    desk.until(desk.page.saved_searches.bar.isVisible)
    assert not desk.page.saved_searches.bar._list.isVisible()
    assert (desk.page.cutoff_bar.order, round(desk.page.cutoff_bar.caution, 3)) == ("name", 0.8)
    found = desk.page.pane.page
    assert found is not None
    ids = found.ids[: found.strong].tolist()
    assert ids == sorted(ids)
