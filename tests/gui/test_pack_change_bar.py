# SPDX-License-Identifier: GPL-3.0-or-later
"""The preparation of a better pack is shown where jobs are shown, and can be paused."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt

from semantic_photos import translation
from semantic_photos.domain.messages import PackChangeProgress
from semantic_photos.gui.search.pack_change_bar import PackChangeBar
from tests.fakes.library import FakeLibrary
from tests.gui.conftest import Desk


def bar_of(desk: Desk) -> PackChangeBar:
    desk.until(lambda: desk.window.page is not None)
    bar = desk.page.jobs.findChild(PackChangeBar)
    assert bar is not None
    return bar


def test_progress_is_shown_and_paused(open_desk: Callable[..., Desk]) -> None:
    library = FakeLibrary(24)
    desk = open_desk(library)
    bar = bar_of(desk)
    assert not bar.isVisible(), "nothing is prepared"
    library.pack_change.tell(PackChangeProgress(1200, 20_000, running=True))
    desk.until(bar.isVisible)
    assert bar.text() == "Preparing better recognition: 1,200 of 20,000 photos"
    desk.qtbot.mouseClick(bar.pause_button, Qt.MouseButton.LeftButton)
    assert library.pack_change.is_paused
    assert bar.text() == "Better recognition paused: 1,200 of 20,000 photos"
    desk.qtbot.mouseClick(bar.pause_button, Qt.MouseButton.LeftButton)
    assert not library.pack_change.is_paused
    library.pack_change.tell(PackChangeProgress(20_000, 20_000))
    desk.until(lambda: not bar.isVisible())


def test_progress_in_german(open_desk: Callable[..., Desk]) -> None:
    translation.use(["de"])
    try:
        library = FakeLibrary(24)
        desk = open_desk(library)
        bar = bar_of(desk)
        library.pack_change.tell(PackChangeProgress(1200, 20_000, running=True))
        desk.until(bar.isVisible)
        assert bar.text() == "Bessere Erkennung wird vorbereitet: 1.200 von 20.000 Fotos"
    finally:
        translation.use([])
