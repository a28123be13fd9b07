# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person does with the window, act by act, with the figures of each."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QLineEdit, QScrollBar, QStyle, QStyleOptionSlider, QWidget

from semantic_photos.domain.messages import IndexingPhase
from semantic_photos.gui.shell.main_window import MainWindow
from semantic_photos.gui.widgets.controls import Chip
from semantic_photos.services.library.library import Library
from tests.benchmarks.pulse import Figures, Pulse, rest, wait

Key = Qt.Key
#: What follows an answer, thumbnails above all, may not stop the window either.
AFTER_MS = 400


def library_of(window: MainWindow) -> Library:
    """Return the library of a window."""
    assert window._bridge is not None
    return window._bridge.library


class Acts:
    """Drives an open window."""

    def __init__(self, window: MainWindow, pulse: Pulse, shots: Path | None, only: list[str]) -> None:
        assert window.page is not None
        self.window, self.page, self.pulse = window, window.page, pulse
        self.shots, self.only = shots, only
        self.view, self.model = self.page.view, self.page.model
        field = self.page.bar.findChild(QLineEdit)
        assert field is not None
        self.field = field
        self.answers = 0
        # An empty answer to half a word waits a moment before it is shown; the answer itself is what is timed.
        self.page.search.answered.connect(self._on_answer)

    def _on_answer(self, *_: object) -> None:
        self.answers += 1

    def act(self, name: str, do: Callable[[], object], done: Callable[[], object] = lambda: True) -> Figures:
        """Do something, wait until it is done, and a little longer; yield its figures."""
        if self.only and not any(word in name for word in self.only):
            return
        self.pulse.skip()
        start = time.perf_counter()
        late: dict[str, object] = {}
        more = do()
        try:
            wait(done, 60)
        except TimeoutError:
            late = {"late": True}
        took = (time.perf_counter() - start) * 1000
        rest(AFTER_MS)
        figures = {"ms": round(took, 1), **self.pulse.take(), "rows": self.model.rowCount(), **late}
        if isinstance(more, dict):
            figures |= more
        if self.shots is not None:
            self.window.grab().save(str(self.shots / f"{name.replace(' ', '-').replace(':', '')}.png"))
        yield name, figures

    def asked(self, do: Callable[[], object]) -> tuple[Callable[[], object], Callable[[], object]]:
        """Return an act that leads to another answer, and whether that is there."""
        before = [0]

        def act() -> object:
            before[0] = self.answers
            return do()

        return act, lambda: self.answers > before[0] and not self.page.search.is_pending

    def all(self, copies: Path, coming: Path, rounds: int, began: float) -> Figures:
        """Do everything; ``began`` is when the window was opened."""
        yield from self.act("first thumbnails", lambda: None, self.has_pictures)
        yield "opened", {"ms": round((time.perf_counter() - began) * 1000 - AFTER_MS)}
        yield from self.act("folders compared", lambda: None, self.is_idle)
        yield from self.typing()
        yield from self.moving()
        yield from self.choosing()
        yield from self.orders()
        yield from self.viewing()
        yield from self.query_builder()
        yield from self.rooms()
        yield from self.coming_in(copies, coming)
        yield from self.changing_all()
        for number in range(rounds):
            yield from self.act(f"round {number + 1}", self.round)

    # What is looked at

    def has_pictures(self) -> bool:
        """Return whether all thumbnails in sight are there."""
        seen = self.view.seen_rows()
        return bool(seen) and all(
            self.model.index(row).data(Qt.ItemDataRole.DecorationRole) is not None for row in seen
        )

    def is_warm(self) -> bool:
        """Return whether all photos in sight show why they are here."""
        known = self.page.heat_maps._heats.keys() | self.page.heat_maps._without
        return known >= {int(i) for i in self.model.ids[list(self.view.seen_rows())]}

    def is_idle(self) -> bool:
        """Return whether the background worker has nothing to do."""
        return library_of(self.window).indexer.progress.phase is IndexingPhase.IDLE

    # Acts

    def type_text(self, text: str) -> dict[str, object]:
        """Type letter by letter, each as soon as the one before is answered, and read how long that took."""
        times = []
        self.page.bar.clear()
        rest(300)
        self.field.setFocus()
        self.pulse.skip()
        for letter in text:
            before, start = self.answers, time.perf_counter()
            QTest.keyClick(self.field, letter)
            if letter in " -":
                rest(20)
                continue
            wait(lambda before=before: self.answers > before)
            times.append((time.perf_counter() - start) * 1000)
        return {"key_p50": round(float(np.median(times)), 1), "key_max": round(max(times), 1)}

    def typing(self) -> Figures:
        """Words and filters, letter by letter."""
        for text in ("dog beach", "red car", "people -snow", "folder:al", "tag:", "tag:dog", "date:2024", "type:jpg"):
            yield from self.act(f"type {text}", lambda text=text: self.type_text(text))
        yield from self.act("all photos", *self.asked(self.page.bar.clear))

    def moving(self) -> Figures:
        """Through the whole list."""
        yield from self.act("drag the scroll bar", lambda: drag(self.view.verticalScrollBar()), self.has_pictures)
        yield from self.act("home", lambda: self.press(Key.Key_Home), self.has_pictures)
        yield from self.act("page down held", lambda: self.press(Key.Key_PageDown, 60, 30), self.has_pictures)
        yield from self.act("end", lambda: self.press(Key.Key_End), self.has_pictures)
        yield from self.act("wheel", self.wheel, self.has_pictures)
        yield from self.act("thumbnails smaller", lambda: self.page.jobs.step_side(-5), self.has_pictures)
        yield from self.act("thumbnails larger", lambda: self.page.jobs.step_side(5), self.has_pictures)

    def press(self, key: Key, times: int = 1, pause_ms: int = 0) -> None:
        """Press a key on the photos, as often as asked."""
        self.view.setFocus()
        for _ in range(times):
            QTest.keyClick(self.view, key)
            rest(pause_ms)

    def wheel(self) -> None:
        """Scroll a few thousand rows in small steps."""
        bar = self.view.verticalScrollBar()
        bar.setValue(0)
        for step in range(200):
            bar.setValue(step * 400)
            rest(5)

    def choosing(self) -> Figures:
        """One photo, all of them, none."""
        if not self.page.panel.isVisible():
            self.page.toggle_panel()
        count = self.model.rowCount()
        panel = self.page.panel
        yield from self.act("choose one", lambda: self.view.show_row(count * 2 // 3), lambda: panel.photo is not None)
        yield from self.act("arrow held", lambda: self.press(Key.Key_Right, 40, 30))
        yield from self.act("choose all", self.choose_all, lambda: panel.selected == count)
        yield from self.act("menu of all", self.menu_of_all)
        yield from self.act("choose none", lambda: self.press(Key.Key_Escape))

    def choose_all(self) -> None:
        """Press Ctrl+A."""
        self.view.setFocus()
        QTest.keyClick(self.view, Key.Key_A, Qt.KeyboardModifier.ControlModifier)

    def menu_of_all(self) -> None:
        """Open the menu of the chosen photos and close it."""
        self.view.menu_requested.emit(self.view.mapToGlobal(QPoint(200, 200)))
        rest(200)
        self.window.setFocus()
        for menu in self.page.findChildren(QWidget):
            if menu.inherits("QMenu") and menu.isVisible():
                menu.close()

    def orders(self) -> Figures:
        """The same photos in another order: those of a word, and all that a filter leaves."""
        for text in ("dog", "type:jpeg"):
            yield from self.act(f"ask {text}", *self.asked(lambda text=text: self.page.bar.type_on(text)))
            for order in ("name", "date", "relevance"):
                go = lambda order=order: self.page.cutoff_bar._choose_order(order)  # noqa: E731
                if order != self.page.cutoff_bar.order:
                    yield from self.act(f"{text} by {order}", *self.asked(go))
        yield from self.act("ask for all", *self.asked(self.page.bar.clear))

    def viewing(self) -> Figures:
        """One photo large, then the next ones."""
        viewer, canvas = self.page.viewer, self.page.viewer._canvas

        def leaf() -> None:
            for _ in range(30):
                QTest.keyClick(viewer, Key.Key_Right)
                rest(60)

        yield from self.act("open the viewer", lambda: self.page.open_viewer(5), lambda: canvas.is_sharp)
        yield from self.act("leaf through 30", leaf, lambda: canvas.is_sharp)
        yield from self.act("close the viewer", lambda: QTest.keyClick(viewer, Key.Key_Escape), self.has_pictures)

    def query_builder(self) -> Figures:
        """Photos like one, with parts that count, thumbs, and heat."""
        page, bar = self.page, self.page.focus_bar
        photo = int(self.model.ids[len(self.model.ids) // 3])
        yield from self.act("find similar", *self.asked(lambda: page.query_builder.similar(photo)))
        yield from self.act("words of it", lambda: None, lambda: bar._chips)
        for chip in list(bar.findChildren(Chip))[:2]:
            yield from self.act(f"focus {chip.text()}", *self.asked(chip.click))
        yield from self.act("ask dog", *self.asked(lambda: page.bar.type_on("dog")))
        yield from self.act("thumb up", *self.asked(lambda: page.voting.vote([self.model.photo_id(3)], 1)))
        yield from self.act("thumb down", *self.asked(lambda: page.voting.vote([self.model.photo_id(5)], -1)))
        yield from self.act("thumbs back", *self.asked(page.voting.clear))
        yield from self.act("heat on", page.heat_maps.toggle, self.is_warm)
        yield from self.act("heat and scrolling", self.wheel, self.has_pictures)
        yield from self.act("heat off", page.heat_maps.toggle)
        yield from self.act("ask for all again", *self.asked(page.bar.clear))

    def rooms(self) -> Figures:
        """The page of tags, and dialogs."""
        room = self.window.tags
        # The page may not be made yet: then making it is part of the act.
        yield from self.act("tags page", room.show_review, lambda: len(room.review.wall.ids))
        wall = room.review.wall
        for number in range(3):
            yield from self.act(f"next tag {number + 1}", lambda: room.review.list.step(1), lambda: len(wall.ids))
        yield from self.act("back to the photos", room.leave, self.has_pictures)
        yield from self.dialog("folders", self.window.show_folders)
        yield from self.dialog("settings", self.window.show_settings)

    def dialog(self, name: str, show: Callable[[], object]) -> Figures:
        """Open a dialog and close it."""
        yield from self.act(f"{name} window", show, lambda: self.window.findChildren(QDialog))
        for dialog in self.window.findChildren(QDialog):
            dialog.close()
        rest(100)

    def coming_in(self, copies: Path, coming: Path) -> Figures:
        """Photos that are copied into a folder while saved searches count them, and somebody types."""
        library, place = library_of(self.window), copies / "coming in"
        files = sorted(coming.iterdir())
        place.mkdir(exist_ok=True)
        wanted: list[int] = []

        def move() -> None:
            for file in files:
                os.rename(file, place / f"{time.time_ns()} {file.name}")
                time.sleep(0.02)

        def start() -> None:
            wanted.append(library.counts().indexed + len(files))
            threading.Thread(target=move).start()

        def is_in() -> bool:
            return library.indexer.progress.counts.indexed >= wanted[-1] and self.is_idle()

        yield from self.act(f"{len(files)} photos come in", start, is_in)

    def changing_all(self) -> Figures:
        """One thing done to all photos, and taken back."""
        undo, steps = self.page.undo, []
        undo.stepped.connect(lambda: steps.append(1))

        def done(go: Callable[[], object]) -> tuple[Callable[[], object], Callable[[], object]]:
            return lambda: (steps.clear(), go()), lambda: steps

        yield from self.act("choose all again", self.choose_all)
        yield from self.act("five stars for all", *done(lambda: self.window.tagging_keys._rate(5)))
        yield from self.act("taken back", *done(undo.undo))
        yield from self.act("none again", lambda: self.press(Key.Key_Escape))

    def round(self) -> None:
        """Do a little of everything, to see whether memory grows."""
        for text in ("dog beach", "tag:dog", "mountain lake"):
            self.type_text(text)
        self.page.bar.clear()
        rest(200)
        self.wheel()
        self.page.open_viewer(50)
        for _ in range(10):
            QTest.keyClick(self.page.viewer, Key.Key_Right)
            rest(60)
        QTest.keyClick(self.page.viewer, Key.Key_Escape)


def drag(bar: QScrollBar) -> None:
    """Drag the handle of a scroll bar from the top to the end."""
    bar.setValue(0)
    option = QStyleOptionSlider()
    bar.initStyleOption(option)
    style, control = bar.style(), QStyle.ComplexControl.CC_ScrollBar
    handle = style.subControlRect(control, option, QStyle.SubControl.SC_ScrollBarSlider, bar).center()
    button = Qt.MouseButton.LeftButton
    QTest.mousePress(bar, button, Qt.KeyboardModifier.NoModifier, handle)
    for y in range(handle.y(), bar.height() + 20, 6):
        QTest.mouseMove(bar, QPoint(handle.x(), y))
        rest(10)
    QTest.mouseRelease(bar, button, Qt.KeyboardModifier.NoModifier, QPoint(handle.x(), bar.height() - 1))
    # Not every platform lets a handle be dragged by such events.
    bar.setValue(bar.maximum())
