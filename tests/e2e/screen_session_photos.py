# SPDX-License-Identifier: GPL-3.0-or-later
"""The other steps of ``steering_session``: what a person does with photos, and what must then be seen."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu

from semantic_photos.domain.query import Query
from semantic_photos.gui.dialogs.relevance_feedback_dialog import RelevanceFeedbackDialog
from semantic_photos.gui.grid.cell_overlays import DOWN, UP
from semantic_photos.gui.grid.result_model import Role
from semantic_photos.gui.search.saved_searches import NameDialog
from tests.e2e.screen_session_words import Asking, need
from tests.e2e.window_driver import SIZE

#: Width of the window in pixels at which half of the tools still fit beside each other.
NARROW = 760


class Walk(Asking):
    """Everything: questions in words, then examples, focus, reasons, parts, thumbs, near words, names."""

    # 5 Find similar

    def similar_from_the_grid(self) -> None:
        self.w.ask(self.one)
        self.w.choose(0)
        before = self.page.search.query
        self.w.key(self.page.view, Qt.Key.Key_D, Qt.KeyboardModifier.ControlModifier)
        self._similar("grid", before)
        need(self.page.model.ids[0] == self.page.search.query.examples[0].photo_id, "the photo itself stays first")

    def similar_from_the_viewer(self) -> None:
        self.page.open_viewer(1)
        self.w.until(lambda: self.page.viewer._canvas.is_sharp, "the photo is large")
        self.w.shoot("viewer")
        before = self.page.search.query
        self.w.key(self.page.viewer, Qt.Key.Key_S)
        self._similar("viewer", before)

    def similar_to_a_dropped_file(self) -> None:
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(self._outside()))])
        before = self.page.search.query
        self.w.drop(data)
        self._similar("drop", before)

    def similar_to_a_pasted_picture(self) -> None:
        data = QMimeData()
        data.setImageData(QImage(str(self._outside())))
        before = self.page.search.query
        self.w.paste(data)
        self._similar("paste", before)

    def _similar(self, way: str, before: Query) -> None:
        self.w.until(lambda: self.page.search.query.examples not in ((), before.examples), "it is asked for")
        self.w.settle()
        self.w.visible(self.page.bar._chips[0], "the example in the search field")
        self.w.visible(self.page.focus_bar, "what counts in the example")
        self.w.until(lambda: bool(self.page.focus_bar._chips), "chips of what is in it")
        self.w.until(lambda: self.page.bar.example_names() != ["photo"], "the name of the example")
        need(self.page.model.rowCount() > 1, "photos like it are shown")
        self.w.shoot(f"similar-{way}")

    def _outside(self) -> Path:
        photo = next(p for row in range(self.page.model.rowCount()) if (p := self.page.model.photo(row)) is not None)
        copy = self.w.out / f"from-elsewhere{photo.path.suffix}"
        shutil.copy(photo.path, copy)
        return copy

    def a_photo_is_mixed_with_words(self) -> None:
        self.page.query_builder.similar(int(self.page.model.ids[0]))
        self.w.settle()
        self.w.type(f"night -{self.other}")
        self.w.key(self.page.bar._edit, Qt.Key.Key_Return)
        self.w.settle()
        query = self.page.search.query
        need(query.examples and query.text, "photo and words are one question")
        self.w.shoot("mixed")

    # 6 Focus

    def focus_pulls_and_pushes(self) -> None:
        self.w.ask(self.one)
        self.page.query_builder.similar(int(self.page.model.ids[0]))
        self.w.settle()
        self.w.until(lambda: bool(self.page.focus_bar._chips), "chips of what is in it")
        before = self.page.model.ids.tolist()
        for weight, name in ((1.0, "towards"), (-1.0, "away")):
            word = next(iter(self.page.focus_bar._chips))
            self.w.press(self.page.focus_bar._chips[word])
            self.w.until(lambda weight=weight: [f.weight for f in self.page.search.query.focuses] == [weight],
                         f"the word counts {weight}")  # fmt: skip
            self.w.settle()
            need(self.page.model.ids.tolist() != before, "the grid has moved")
            need(self.page.model.ids[0] == before[0], "the photo itself stays first")
            self.w.shoot(f"focus-{name}")
        self.w.press(self.page.focus_bar._edit)
        QTest.keyClicks(self.page.focus_bar._edit, self.other)
        self.w.key(self.page.focus_bar._edit, Qt.Key.Key_Return)
        self.w.until(lambda: len(self.page.search.query.focuses) == 2, "any other word can be typed")
        self.w.settle()
        self.w.shoot("focus-typed")

    # 7 Why

    def the_menu_asks_why(self) -> None:
        self.w.ask(f"{self.one} {self.other}")
        self.w.choose(0)
        view = self.page.view
        view.menu_requested.emit(view.viewport().mapToGlobal(view.visualRect(self.page.model.index(0)).center()))
        menus = [menu for menu in self.page.findChildren(QMenu) if menu.isVisible()]
        need(menus, "the menu of a photo is shown")
        title = f"Words near “{self.other}”"
        self.w.until(lambda: self.page.panel.near_word.title() == title, "near words are listed")
        self.w.shoot("menu")
        menus[0].close()

    def the_heat_map_lies_over_the_photo(self) -> None:
        self.page.explain(0)
        self.w.until(lambda: self.page.viewer._canvas._heat is not None, "the heat map")
        self.w.until(lambda: self.page.viewer._canvas.is_sharp, "the photo is large")
        self.w.visible(self.page.viewer._said, "the words with their share")
        need("%" in self.page.viewer._said.text(), "a share is told")
        self.w.shoot("why")
        self.w.key(self.page.viewer, Qt.Key.Key_Escape)

    def heat_lies_over_the_thumbnails(self) -> None:
        self.w.ask(f"{self.one} {self.other}")
        view, model = self.page.view, self.page.model

        def rows() -> list[int]:
            seen = [row for row in view.seen_rows() if row < model.rowCount()]
            return [row for row in seen if model.index(row).data(Qt.ItemDataRole.DecorationRole) is not None]

        def warm() -> bool:
            return all(model.index(row).data(Role.HEAT) is not None for row in rows())

        start = time.monotonic()
        self.w.press(self.page.cutoff_bar.heat_button)
        self.w.until(warm, "heat over every photo in sight")
        print(f"  ({len(rows())} thumbnails in {time.monotonic() - start:.1f} s)")
        need(any("%" in model.index(row).data(Role.REASON) for row in rows()), "the shares of the words are told")
        self.w.shoot("heat-grid")
        self.w.ask("type:jpg OR type:png OR type:webp")
        self.w.until(
            lambda: self.page.cutoff_bar._remark.isVisible(), "filters alone have nothing to show, and it is said"
        )
        self.w.shoot("heat-grid-filters")
        self._narrow_window()
        self.w.press(self.page.cutoff_bar.heat_button)
        need(not self.page.cutoff_bar._remark.isVisible(), "nothing is said any more")

    def _narrow_window(self) -> None:
        """Look at the remark in a narrow window, which it must not widen."""
        window, band = self.w.session.window, self.page.cutoff_bar
        window.resize(NARROW, SIZE[1])
        self.w.until(lambda: window.width() == NARROW, "the window is narrow")
        self.w.settle()
        self.w.visible(band, "the line below the photos")
        need(band.mapTo(window, band.rect().topRight()).x() < NARROW, "the line is within the window")
        need(band._remark.isVisible(), "the remark is still there")
        need(band._remark.geometry().right() < band.heat_button.x(), "the remark leaves the button free")
        self.w.shoot("heat-grid-narrow")
        need(window.width() == NARROW, "the remark has not widened the window")
        window.resize(*SIZE)
        self.w.until(lambda: window.width() == SIZE[0], "the window is wide again")
        self.w.settle()

    # 8 A part

    def a_part_is_drawn_and_found(self) -> None:
        self.w.ask(self.one)
        self.page.open_viewer(0)
        viewer, canvas = self.page.viewer, self.page.viewer._canvas
        self.w.until(lambda: canvas.is_sharp, "the photo is large")
        self.w.key(viewer, Qt.Key.Key_R)
        need(canvas.is_choosing, "a rectangle can be drawn")
        box = canvas._box().toRect()
        start, stop = box.topLeft() + QPoint(box.width() // 4, box.height() // 4), box.center()
        left = Qt.MouseButton.LeftButton
        QTest.mousePress(canvas, left, Qt.KeyboardModifier.NoModifier, start)
        for part in range(1, 9):
            QTest.mouseMove(canvas, start + (stop - start) * part / 8, 20)
        self.w.shoot("part-drawn")
        QTest.mouseRelease(canvas, left, Qt.KeyboardModifier.NoModifier, stop)
        self.w.until(lambda: any(e.region for e in self.page.search.query.examples), "the part is asked for")
        self.w.settle()
        self.w.until(lambda: self.page.bar.example_names()[0].startswith("Region of"), "the chip shows the part")
        self.w.shoot("part-found")

    # 9 Thumbs

    def thumbs_move_photos(self) -> None:
        self.w.ask(self.one)
        QTest.mouseMove(self.page.view.viewport(), self.page.view.visualRect(self.page.model.index(0)).center())
        self.w.shoot("thumbs")
        rows = min(self.page.model.rowCount(), 6)
        last = int(self.page.model.ids[rows - 1])
        self.w.press(self.page.view.viewport(), self.w.mark(rows - 1, UP))
        self.w.until(lambda: bool(self.page.pane.page and self.page.pane.page.votes), "the vote is part of the answer")
        self.w.settle()
        need(int(self.page.model.ids[0]) == last, "what was voted up is first")
        worst = int(self.page.model.ids[1])
        self.w.press(self.page.view.viewport(), self.w.mark(1, DOWN))
        self.w.until(lambda: len(self.page.pane.page.votes if self.page.pane.page else ()) == 2, "both votes count")
        self.w.settle()
        need(self.page.model.row_of(worst) != 1, "what was voted down has gone")
        self.w.visible(self.page.voting.line, "how many photos were judged")
        self.w.shoot("voted")

    def one_vote_is_taken_back(self) -> None:
        """In the grid by a key, which takes the last one back, and in the list by choosing it."""
        self.w.choose(0)
        self.w.key(self.page.view, Qt.Key.Key_Backspace)
        self.w.until(lambda: self._votes() == [1], "the last vote is taken back, the one before it counts")
        self.w.settle()
        self.w.shoot("vote-taken-back")
        for count in (2, 3):
            self.w.choose(next(r for r in range(9) if not self.page.model.index(r).data(Role.VOTE)))
            self.w.key(self.page.view, Qt.Key.Key_Plus)
            self.w.until(lambda count=count: self._votes() == [1] * count, "the key votes")
            self.w.settle()
        dialog = self._list_votes()
        self.w.shoot("votes")
        (before,) = dialog.rows()
        question = dialog._tree.topLevelItem(0)
        assert question is not None
        self.w.press(dialog._tree.viewport(), dialog._tree.visualItemRect(question.child(0)).center())
        need(dialog._remove.text() == "Remove 1 vote", "one vote is chosen")
        self.w.shoot("vote-chosen")
        self.w.press(dialog._remove)
        self.w.until(lambda: [(before[0], before[1][1:])] == dialog.rows(), "this vote is gone, the others stay")
        self.w.shoot("vote-removed")
        dialog.close()
        self.w.settle()
        self.w.until(lambda: len(self._votes()) == 2, "the grid knows it")

    def all_votes_are_taken_back(self) -> None:
        dialog = self._list_votes()
        self.w.press(dialog._remove_all)
        self.w.until(lambda: not dialog.rows(), "all votes are gone")
        self.w.shoot("votes-none")
        dialog.close()
        self.w.settle()
        self.w.until(lambda: not self.page.voting.line.isVisible(), "nothing is judged any more")

    def _votes(self) -> list[int]:
        page = self.page.pane.page
        return sorted(page.votes.values()) if page is not None else []

    def _list_votes(self) -> RelevanceFeedbackDialog:
        self.w.session.window.show_votes()
        dialog = next(d for d in self.w.session.window.findChildren(RelevanceFeedbackDialog) if d.isVisible())
        self.w.until(lambda: bool(dialog.rows()), "the votes are listed")
        self.w.visible(dialog, "the page of votes")
        return dialog

    # 10 Words

    def near_words_are_counted(self) -> None:
        self.w.ask(self.one)
        explorer = self.page.panel.near_word
        title = f"Words near “{self.one}”"
        self.w.until(lambda: explorer.isVisible() and explorer.title() == title, "near words are listed")
        self.w.visible(explorer._rows[0]._parts[0], "a near word")
        self.w.shoot("near-words")
        added = explorer.words()[0]
        self.w.press(explorer._rows[0]._parts[3])
        self.w.until(lambda: added in self.page.search.query.text, "the word is added")
        self.w.settle()
        self.w.shoot("near-word-added")

    def a_photo_tells_its_words(self) -> None:
        self.w.ask(self.one)
        self.w.choose(0)
        self.w.until(lambda: bool(self.page.panel.near_photo.words()), "words near the photo")
        self.w.settle()
        QTest.qWait(600)
        self.w.shoot("photo-panel")

    # Saved

    def a_question_gets_a_name(self) -> None:
        self.page.query_builder.similar(int(self.page.model.ids[0]))
        self.page.query_builder.focus(self.one, 1.0)
        self.w.settle()
        self.w.until(lambda: self.page.bar.example_names() not in ([], ["photo"]), "the example has its name")
        self.page.saved_searches.save()
        dialog = self.page.findChild(NameDialog)
        need(dialog, "a name is asked for")
        assert dialog is not None
        self.w.shoot("name")
        dialog._save()
        self.w.visible(self.page.saved_searches.bar, "the saved searches")
        self.w.until(
            lambda: all(count is not None for _, count in self.page.saved_searches.bar.searches()), "it is counted"
        )
        asked = self.page.search.query
        self.page.bar.clear()
        self.w.settle()
        self.page.saved_searches.bar._choose(self.page.saved_searches.bar._list.item(0))
        self.w.settle()
        need(self.page.search.query == asked, "it opens with its photo")
        self.w.shoot("saved")

    def back_and_forward(self) -> None:
        asked = self.page.search.query
        self.w.press(self.page._back)
        self.w.settle()
        need(self.page.search.query != asked, "back leads back")
        self.w.press(self.page._forward)
        self.w.settle()
        need(self.page.search.query == asked, "forward leads on again")
