# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be done with photos: grid, menu, viewer, panel, dragging, thumbnails."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QAbstractListModel, QModelIndex, QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QAbstractItemView
from pytestqt.qtbot import QtBot

from semantic_photos.domain.errors import PhotoError
from semantic_photos.domain.messages import PhotosChanged
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.query import Query, ResultPage
from semantic_photos.gui.grid import photo_actions
from semantic_photos.gui.grid.photo_menu import build_menu
from semantic_photos.gui.grid.result_model import ResultModel
from semantic_photos.gui.grid.thumbnail_loader import ThumbnailLoader
from tests.fakes.library import FakeLibrary
from tests.gui.conftest import Desk


def page_of(count: int, generation: int, strong: int | None = None) -> ResultPage:
    scores = None if strong is None else np.linspace(1, 0, count, dtype=np.float32)
    return ResultPage(Query(), generation, np.arange(count, dtype=np.int64), scores, strong=strong or 0)


def test_the_model_keeps_qts_rules(qtbot: QtBot) -> None:
    loader = ThumbnailLoader(lambda photo: None)
    model = ResultModel(loader, lambda ids, done: done({}))
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    tester.setUseFetchMore(False)
    model.set_page(page_of(50, 1))
    model.show_rows(range(20))
    assert model.rowCount() == 50
    assert model.rowCount(model.index(0)) == 0
    assert not model.set_page(page_of(3, 0)), "an older page must be dropped"
    model.set_page(page_of(0, 2))
    assert isinstance(model, QAbstractListModel)
    assert loader.close()


def test_the_menu_acts_on_the_selected_photo(desk: Desk) -> None:
    desk.page.view.show_row(4)
    photo_id = desk.page.model.photo_id(4)
    assert photo_id is not None
    menu = build_menu(desk.page.query_builder, desk.session._bridge, [photo_id], desk.page)  # type: ignore[arg-type]
    texts = [action.text() for action in menu.actions() if action.text()]
    assert texts == [
        "Find similar photos",
        "Open in another program",
        "Show in file manager",
        "Copy photo",
        "Copy path",
    ]
    menu.actions()[0].trigger()
    desk.settle()
    assert desk.page.search.query == Query.similar_to(photo_id)


def test_the_menu_appears_on_right_click(desk: Desk) -> None:
    places: list[QPoint] = []
    desk.page.view.menu_requested.connect(places.append)
    desk.page.view.show_row(1)
    desk.qtbot.keyClick(desk.page.view, Qt.Key.Key_Menu)
    from PySide6.QtGui import QContextMenuEvent

    place = desk.page.view.visualRect(desk.page.model.index(1)).center()
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, desk.page.view.viewport().mapToGlobal(place))
    desk.page.view.contextMenuEvent(event)
    assert places
    popup = desk.page.findChildren(type(build_menu(desk.page.query_builder, desk.session._bridge, [], desk.page)))  # type: ignore[arg-type]
    assert popup
    for menu in popup:
        menu.close()


def test_open_and_show_are_launched_off_the_gui_thread(desk: Desk) -> None:
    import threading

    launched: list[tuple[str, list[Path]]] = []
    bridge = desk.session._bridge
    assert bridge is not None
    note = lambda paths: launched.append((threading.current_thread().name, list(paths)))  # noqa: E731
    photo_actions.open_photos(bridge, [PhotoId(7)], note)
    photo_actions.show_in_manager(bridge, [PhotoId(8)], note)
    desk.until(lambda: len(launched) == 2)
    assert {paths[0].name for _, paths in launched} == {"IMG_00007.jpg", "IMG_00008.jpg"}
    assert all(name.startswith("pool") for name, _ in launched)


def test_opening_a_vanished_file_says_so(desk: Desk) -> None:
    assert desk.session._bridge is not None
    photo_actions.open_photos(desk.session._bridge, [PhotoId(7)])
    desk.until(lambda: desk.window.notices.texts())
    assert "IMG_00007.jpg cannot be found" in desk.window.notices.texts()[0]


def test_copy_puts_files_and_picture_on_the_clipboard(desk: Desk) -> None:
    assert desk.session._bridge is not None
    photo_actions.copy_photos(desk.session._bridge, [PhotoId(9)])
    clipboard = QGuiApplication.clipboard()
    desk.until(lambda: clipboard.mimeData() is not None and clipboard.mimeData().hasImage())
    assert clipboard.mimeData().urls()[0].toLocalFile().endswith("IMG_00009.jpg")
    photo_actions.copy_paths(desk.session._bridge, [PhotoId(9), PhotoId(10)])
    desk.until(lambda: clipboard.text().count("\n") == 1)
    assert clipboard.text().splitlines()[1].endswith("IMG_00010.jpg")


def test_photos_can_be_dragged_out_as_files(desk: Desk) -> None:
    desk.until(lambda: desk.page.model.photo(0) is not None)
    data = desk.page.model.mimeData([desk.page.model.index(0)])
    assert data.urls()[0].isLocalFile()
    assert data.urls()[0].fileName() == desk.page.model.photo(0).path.name  # type: ignore[union-attr]


def test_the_viewer_opens_walks_and_closes(desk: Desk) -> None:
    desk.page.view.show_row(3)
    desk.qtbot.keyClick(desk.page.view, Qt.Key.Key_Return)
    assert desk.page.is_viewing
    viewer = desk.page.viewer
    desk.until(lambda: viewer._canvas.is_sharp)
    desk.qtbot.keyClick(viewer, Qt.Key.Key_Right)
    assert viewer.row == 4
    desk.qtbot.keyClick(viewer, Qt.Key.Key_Left)
    desk.qtbot.keyClick(viewer, Qt.Key.Key_Plus)
    assert viewer._canvas._zoom > 1
    desk.qtbot.keyClick(viewer, Qt.Key.Key_End)
    assert viewer.row == desk.page.model.rowCount() - 1
    desk.qtbot.keyClick(viewer, Qt.Key.Key_Escape)
    assert not desk.page.is_viewing
    assert desk.page.view.currentIndex().row() == desk.page.model.rowCount() - 1


def test_a_part_of_the_photo_is_drawn_and_told_in_fractions(desk: Desk) -> None:
    desk.page.view.show_row(3)
    desk.qtbot.keyClick(desk.page.view, Qt.Key.Key_Return)
    viewer, canvas = desk.page.viewer, desk.page.viewer._canvas
    desk.until(lambda: canvas.is_sharp)
    told: list[tuple[int, float, float, float, float]] = []
    viewer.part_requested.connect(lambda *part: told.append(part))
    desk.qtbot.keyClick(viewer, Qt.Key.Key_R)
    assert canvas.is_choosing
    box = canvas._box()

    def at(x: float, y: float) -> QPoint:
        return QPointF(box.x() + x * box.width(), box.y() + y * box.height()).toPoint()

    # A click that trembles is no part; the next drag, from right below to left above and beyond the edge, is one.
    for start, end in ((at(0.5, 0.5), at(0.5, 0.5) + QPoint(2, 2)), (at(0.75, 0.5), at(-0.5, 0.25))):
        desk.qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=start)
        desk.qtbot.mouseMove(canvas, end)
        desk.qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=end)
        if not told:
            assert "too small" in viewer._said.text()
            assert canvas.is_choosing
    assert len(told) == 1
    photo_id, x, y, width, height = told[0]
    assert photo_id == desk.page.model.photo_id(3)
    assert (x, y, width, height) == pytest.approx((0.0, 0.25, 0.75, 0.25), abs=0.02)
    assert not canvas.is_choosing


def test_escape_ends_the_drawing_before_it_closes_the_viewer(desk: Desk) -> None:
    desk.page.open_viewer(0)
    viewer = desk.page.viewer
    desk.qtbot.keyClick(viewer, Qt.Key.Key_R)
    desk.qtbot.keyClick(viewer, Qt.Key.Key_Escape)
    assert desk.page.is_viewing
    assert not viewer._part.isChecked()
    desk.qtbot.keyClick(viewer, Qt.Key.Key_Escape)
    assert not desk.page.is_viewing


def test_a_double_click_opens_the_viewer(desk: Desk) -> None:
    desk.qtbot.wait(30)
    place = desk.page.view.visualRect(desk.page.model.index(2)).center()
    desk.qtbot.mouseClick(desk.page.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    desk.qtbot.mouseDClick(desk.page.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert desk.page.is_viewing
    assert desk.page.viewer.row == 2


def test_the_panel_shows_facts_and_tags_and_a_tag_searches(desk: Desk) -> None:
    desk.page.view.show_row(5)
    photo_id = desk.page.model.photo_id(5)
    desk.until(lambda: desk.page.panel.photo_id() == photo_id)
    desk.until(lambda: desk.page.panel.tags.chips())
    said = " ".join(
        label.accessibleName() for label in desk.page.panel._facts.findChildren(type(desk.page.panel._name))
    )
    for part in ("Camera: Fujifilm X-T4", "MP)", "Size: 3.5 MB", "47.3769° N"):
        assert part in said
    chip = desk.page.panel.tags.chips()[0]
    word = chip.text()
    chip.click()
    desk.settle()
    assert desk.page.search.query.text == word


def test_several_selected_photos_are_counted(desk: Desk) -> None:
    desk.page.view.selectAll()
    desk.until(lambda: "240 photos selected" in desk.page.panel._note.text())
    assert len(desk.page.selected_ids()) == 240


def test_arrows_and_shift_select_along_the_lines(desk: Desk) -> None:
    view = desk.page.view
    view.show_row(1)
    columns = view.geometry_now.columns
    desk.qtbot.keyClick(view, Qt.Key.Key_Down)
    assert view.currentIndex().row() == 1 + columns
    desk.qtbot.keyClick(view, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    desk.qtbot.keyClick(view, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert view.selected_count() == 3
    desk.qtbot.keyClick(view, Qt.Key.Key_Up, Qt.KeyboardModifier.ShiftModifier)
    assert view.selected_count() == columns - 1, "from row 1+columns back to row 3"
    desk.qtbot.keyClick(view, Qt.Key.Key_Home)
    assert view.currentIndex().row() == 0
    desk.qtbot.keyClick(view, Qt.Key.Key_Escape)


def test_the_slider_and_the_wheel_change_the_size(desk: Desk) -> None:
    before = desk.page.view.geometry_now.columns
    desk.page.view.side_requested.emit(1)
    desk.page.jobs._slider.setValue(300)
    assert desk.page.view.geometry_now.columns < before
    desk.until(lambda: desk.library.settings.thumbnail_side == 300)


def test_a_broken_thumbnail_has_a_reason(desk: Desk) -> None:
    row = desk.page.model.row_of(192 + 1)  # ids with i % 97 == 96 are broken: 96, 193
    desk.page.view.show_row(row)
    desk.until(lambda: desk.page.loader.failure(PhotoId(193)))
    assert "ends too early" in desk.page.model.index(row).data(Qt.ItemDataRole.ToolTipRole)


def test_a_photo_that_is_gone_is_said_where_it_can_be_read(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.until(lambda: desk.pictures() > 3)

    def gone(*_: object) -> None:
        raise PhotoError("The file no longer exists.")

    monkeypatch.setattr(desk.library, "preview", gone)
    desk.page.open_viewer(0)
    desk.until(desk.page.viewer._said.isVisible)
    assert desk.page.viewer._said.text() == "The file no longer exists."
    assert not desk.page.viewer._reason.isVisible()


def test_removed_photos_vanish_and_the_selection_stays(desk: Desk) -> None:
    desk.page.view.show_row(2)
    kept = desk.page.model.photo_id(2)
    with desk.library._lock:
        desk.library._removed.add(239)
    desk.library.bus.publish(PhotosChanged(removed=(PhotoId(239),)))
    desk.until(lambda: desk.page.model.rowCount() == 239)
    assert desk.page.view.selected_ids() == [kept]


def test_new_photos_appear_by_themselves_at_the_top(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(FakeLibrary(120, indexed=60, step=30, pause_s=0.2))
    desk.until(lambda: desk.page.model.rowCount() == 120)


def test_new_photos_are_offered_when_one_has_scrolled(open_desk: Callable[..., Desk]) -> None:
    library = FakeLibrary(400, indexed=300, step=0, pause_s=5)
    desk = open_desk(library)
    desk.page.view.verticalScrollBar().setValue(500)
    library.index_some(20)
    library.bus.publish(PhotosChanged(added=tuple(PhotoId(i) for i in range(300, 320))))
    desk.until(desk.page.pane._news.isVisible)
    assert desk.page.pane._news.text() == "Show 20 new photos"
    assert desk.page.model.rowCount() == 300
    desk.page.pane._news.click()
    desk.until(lambda: desk.page.model.rowCount() == 320)


def test_a_hundred_thousand_photos_stay_fluid(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(FakeLibrary(100_000))
    view, bar = desk.page.view, desk.page.view.verticalScrollBar()
    assert desk.page.model.rowCount() == 100_000
    start = time.perf_counter()
    desk.page.model.set_page(desk.page.pane.page)  # type: ignore[arg-type]
    assert time.perf_counter() - start < 0.2
    slowest = 0.0
    for part in range(1, 21):
        start = time.perf_counter()
        bar.setValue(bar.maximum() * part // 20)
        view.viewport().repaint()
        slowest = max(slowest, time.perf_counter() - start)
    assert slowest < 0.15
    start = time.perf_counter()
    view.selectAll()
    assert view.selected_count() == 100_000
    assert time.perf_counter() - start < 0.5
    start = time.perf_counter()
    view.set_side(120)
    assert time.perf_counter() - start < 0.2
    desk.until(lambda: desk.page.model.photo(99_999) is not None)
    desk.until(lambda: len(desk.library.calls) < 3000)


def test_only_what_is_seen_is_fetched(open_desk: Callable[..., Desk]) -> None:
    library = FakeLibrary(5000)
    library.thumbnail_delay_s = 0.02
    desk = open_desk(library)
    for value in range(0, desk.page.view.verticalScrollBar().maximum(), 4000):
        desk.page.view.verticalScrollBar().setValue(value)
        desk.qtbot.wait(5)
    desk.until(lambda: not desk.page.loader._wanted and not desk.page.loader._running)
    assert library.calls.count("thumbnail") < 900


def test_a_picture_of_odd_width_keeps_its_colours() -> None:
    from semantic_photos.gui.widgets.images import image_of

    image = image_of(np.asarray(Image.new("RGB", (101, 50), (10, 20, 30))))
    assert image.pixelColor(100, 49).getRgb()[:3] == (10, 20, 30)


def test_screen_readers_find_a_list_of_photos(desk: Desk) -> None:
    from PySide6.QtGui import QAccessible

    desk.until(lambda: desk.page.model.photo(0) is not None)
    found = QAccessible.queryAccessibleInterface(desk.page.view)
    assert found.role() == QAccessible.Role.List
    index: QModelIndex = desk.page.model.index(0)
    assert ", 1 of 240." in index.data(Qt.ItemDataRole.AccessibleTextRole)
    assert desk.page.view.selectionMode() == QAbstractItemView.SelectionMode.ExtendedSelection


def test_facts_are_fetched_anew_when_a_photo_has_been_read(desk: Desk) -> None:
    desk.until(lambda: desk.page.model.photo(0) is not None)
    asked, pictures = desk.library.calls.count("photos"), desk.pictures()
    desk.library.bus.publish(PhotosChanged(added=(PhotoId(239),)))
    desk.until(lambda: desk.library.calls.count("photos") > asked)
    desk.until(lambda: desk.page.model.photo(0) is not None)
    assert desk.pictures() >= pictures, "the pictures are kept"
