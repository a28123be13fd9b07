# SPDX-License-Identifier: GPL-3.0-or-later
"""Two minutes of steering: the real program on a virtual screen, everything that search can do done once and looked at.

    python -m tests.e2e.steering_session --photos FOLDER --out FOLDER [--dark] [--display :NAME]

Each step does what a person does, insists on what should then be seen, and keeps a picture of the screen. Words are
taken from what the photos show, so that any folder will do (best with fifty photos or more). The exit code is the
number of steps that did not show what they should.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QMimeData, QPoint, Qt, QTimer, QUrl
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu

from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.query import Query
from semantic_photos.gui.cell_marks import DOWN, STACK, UP
from semantic_photos.gui.result_model import Role
from semantic_photos.gui.saving import NameDialog
from semantic_photos.gui.votes_dialog import VotesDialog
from tests.e2e.window_driver import Unseen, Window, screen

_EVERYDAY = frozenset(
    [
        "dog",
        "cat",
        "beach",
        "sea",
        "boat",
        "snow",
        "mountain",
        "flower",
        "food",
        "kitchen",
        "car",
        "street",
        "train",
        "child",
        "baby",
        "people",
        "party",
        "football",
    ]
)


def _need(seen: object, what: str) -> None:
    if not seen:
        raise Unseen(what)


class Walk:
    """The steps, in the order of their definition."""

    def __init__(self, window: Window) -> None:
        self.w, self.page = window, window.page
        self.one, self.other = "", ""

    # Before anything is asked

    def photos_come_in(self) -> None:
        """All photos are indexed; two words that they show are found."""
        library = self.page._bridge.library
        self.w.until(lambda: library.indexer.progress.counts.total > 0, "photos were found")
        self.w.until(lambda: library.indexer.progress.counts.pending == 0, "all photos were read", 900)
        self.w.until(lambda: self.page.model.rowCount() > 1, "the photos are shown")
        if self.page.pane._news.isVisible():
            self.w.press(self.page.pane._news)
        self.w.settle()
        seen: Counter[str] = Counter()
        done: list[bool] = []
        ids = [PhotoId(int(i)) for i in self.page.model.ids[:400]]

        def look() -> Counter[str]:
            stored = (library.search.examples.stored_vector(photo_id) for photo_id in ids)
            return Counter(
                concept.tag
                for vector in stored
                if vector is not None
                for concept in library.concepts.of_vector(vector, 6)
                if concept.tag.isalpha() and len(concept.tag) > 3
            )

        self.page._bridge.run(look, lambda found: (seen.update(found), done.append(True)), lane="pool")
        self.w.until(lambda: bool(done), "what the photos show is known")
        _need(len(seen) >= 2, "the photos show at least two things that have names")
        # Of what they show, what people would ask for, if it is there at all.
        listed = sorted(seen, key=lambda word: (word not in _EVERYDAY, -seen[word]))
        self.one, self.other = listed[:2]
        self.w.shoot("all-photos")

    # 1 The language

    def completion_offers_operators(self) -> None:
        self.w.type("da")
        self.w.visible(self.page.bar._words, "the list of completions")
        _need("date:" in [offer.text for offer in self.page.bar._words.offers()], "date: is offered")
        self.w.shoot("completion")

    def completion_offers_words(self) -> None:
        self.w.type(self.one[:3])
        self.w.visible(self.page.bar._words, "the list of completions")
        self.w.shoot("completion-word")
        self.w.key(self.page.bar._edit, Qt.Key.Key_Tab)
        _need(self.page.bar.text().endswith(" "), "Tab takes what is offered")

    def the_whole_language_is_one_question(self) -> None:
        text = f"{self.one}^2 -{self.other} (type:jpg OR type:png OR type:webp) OR rating:>=4"
        self.w.type(text)
        self.w.key(self.page.bar._edit, Qt.Key.Key_Return)
        self.w.settle()
        page = self.page.pane.page
        _need(page is not None and not page.problems, "nothing in the question makes no sense")
        _need(self.page.model.rowCount(), "photos answer it")
        self.w.shoot("language")

    def nonsense_is_said_where_it_stands(self) -> None:
        self.w.type(f"{self.one} rating:lots ")
        self.w.settle()
        self.w.visible(self.page.problems, "the line of problems")
        self.w.shoot("problem")

    # 2 Each keystroke

    def each_key_is_answered(self) -> None:
        answers: list[int] = []
        self.page.search.answered.connect(lambda page, _again: answers.append(len(page)))
        self.page.bar.clear()
        self.w.type(self.one, each=lambda: QTest.qWait(90))
        self.w.until(lambda: self.page.search.query.text == self.one, "the word is asked")
        self.w.settle()
        _need(len(answers) >= 2, "more than one key was answered")
        _need(self.page.model.rowCount(), "photos answer the word")
        self.w.shoot("keystrokes")
        self.w.key(self.page.bar._edit, Qt.Key.Key_Escape)

    # 3 Unknown words, empty answers

    def an_unknown_word_is_admitted(self) -> None:
        self.w.ask(f"{self.one}q")
        shown = self.page.advice.isVisible() or not self.page.pane.shows_photos
        _need(shown, "the unknown word is named")
        self.w.shoot("unknown-word")

    def an_unknown_word_beside_a_known_one(self) -> None:
        self.w.ask(f"{self.one} {self.other}q")
        self.w.visible(self.page.advice, "the word that is not known")
        self.w.shoot("unknown-beside-known")

    def what_emptied_the_answer_is_named(self) -> None:
        self.w.ask(f"{self.one} rating:5")
        self.w.until(lambda: not self.page.pane.shows_photos, "nothing is found")
        _need("rating:5" in self.page.pane.state_page.state().title, "the filter that left nothing is named")
        self.w.shoot("emptied")

    # 4 An honest end

    def good_matches_end(self) -> None:
        self.w.ask(self.one)
        self.w.visible(self.page.band, "the line below the photos")
        page = self.page.pane.page
        _need(page is not None and self.page.model.rowCount() < page.searched, "not the whole library is shown")
        self.w.shoot("end")

    def weaker_ones_come_when_wanted(self) -> None:
        if self.page.band._more.isVisible():
            before = self.page.model.rowCount()
            self.w.press(self.page.band._more)
            _need(self.page.model.rowCount() > before, "weaker matches are shown")
            self.page.view.scrollToBottom()
        self.w.settle()
        self.w.shoot("weaker")

    def the_slider_moves_the_end(self) -> None:
        counts = []
        for value, name in ((0, "cautious"), (20, "generous"), (10, "")):
            before = self.page.search.generation
            self.page.band._slider.setValue(value)
            self.w.until(lambda before=before: self.page.search.generation > before, "another end is asked for")
            self.w.until(lambda: self.page.pane.page is not None
                         and self.page.pane.page.generation == self.page.search.generation, "it is shown")  # fmt: skip
            self.w.settle()
            page = self.page.pane.page
            counts.append(page.strong if page is not None else -1)
            if name:
                self.w.shoot(f"slider-{name}")
        _need(counts[0] < counts[1], f"generous finds more than cautious ({counts[0]}, {counts[1]})")

    def orders_are_chosen(self) -> None:
        menu, shown = self.page.band._menu, []

        def look() -> None:
            shown.append(menu.isVisible())
            self.w.shoot("orders")
            menu.close()

        # The button waits for its menu, so somebody else must look.
        QTimer.singleShot(500, look)
        self.w.press(self.page.band._sort)
        self.w.until(lambda: bool(shown), "the button comes back")
        _need(shown[0], "the menu of orders is shown")
        self.page.band._orders["name"].trigger()
        self.w.settle()
        self.page.band._orders["relevance"].trigger()
        self.w.settle()

    def copies_lie_in_stacks(self) -> None:
        for word in (self.one, self.other, "people", "house"):
            self.w.ask(word)
            rows = [r for r in range(self.page.model.rowCount()) if self.page.model.index(r).data(Role.COPIES)]
            if rows:
                before = self.page.model.rowCount()
                self.page.view.scrollTo(self.page.model.index(rows[0]))
                self.w.press(self.page.view.viewport(), self.w.mark(rows[0], STACK))
                self.w.until(lambda: self.page.model.rowCount() > before, "the stack opens")
                self.w.settle()
                self.w.shoot("stack")
                return
        print("  (no two photos of this folder are near-identical: no stack)")

    # 5 Find similar

    def similar_from_the_grid(self) -> None:
        self.w.ask(self.one)
        self.w.choose(0)
        before = self.page.search.query
        self.w.key(self.page.view, Qt.Key.Key_D, Qt.KeyboardModifier.ControlModifier)
        self._similar("grid", before)
        _need(self.page.model.ids[0] == self.page.search.query.examples[0].photo_id, "the photo itself stays first")

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
        _need(self.page.model.rowCount() > 1, "photos like it are shown")
        self.w.shoot(f"similar-{way}")

    def _outside(self) -> Path:
        photo = next(p for row in range(self.page.model.rowCount()) if (p := self.page.model.photo(row)) is not None)
        copy = self.w.out / f"from-elsewhere{photo.path.suffix}"
        shutil.copy(photo.path, copy)
        return copy

    def a_photo_is_mixed_with_words(self) -> None:
        self.page.steering.similar(int(self.page.model.ids[0]))
        self.w.settle()
        self.w.type(f"night -{self.other}")
        self.w.key(self.page.bar._edit, Qt.Key.Key_Return)
        self.w.settle()
        query = self.page.search.query
        _need(query.examples and query.text, "photo and words are one question")
        self.w.shoot("mixed")

    # 6 Focus

    def focus_pulls_and_pushes(self) -> None:
        self.w.ask(self.one)
        self.page.steering.similar(int(self.page.model.ids[0]))
        self.w.settle()
        self.w.until(lambda: bool(self.page.focus_bar._chips), "chips of what is in it")
        before = self.page.model.ids.tolist()
        for weight, name in ((1.0, "towards"), (-1.0, "away")):
            word = next(iter(self.page.focus_bar._chips))
            self.w.press(self.page.focus_bar._chips[word])
            self.w.until(lambda weight=weight: [f.weight for f in self.page.search.query.focuses] == [weight],
                         f"the word counts {weight}")  # fmt: skip
            self.w.settle()
            _need(self.page.model.ids.tolist() != before, "the grid has moved")
            _need(self.page.model.ids[0] == before[0], "the photo itself stays first")
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
        _need(menus, "the menu of a photo is shown")
        self.w.until(lambda: self.page.panel.near_word.title() == f"Near “{self.other}”", "near words are listed")
        self.w.shoot("menu")
        menus[0].close()

    def the_heat_map_lies_over_the_photo(self) -> None:
        self.page.explain(0)
        self.w.until(lambda: self.page.viewer._canvas._heat is not None, "the heat map")
        self.w.until(lambda: self.page.viewer._canvas.is_sharp, "the photo is large")
        self.w.visible(self.page.viewer._said, "the words with their share")
        _need("%" in self.page.viewer._said.text(), "a share is told")
        self.w.shoot("why")
        self.w.key(self.page.viewer, Qt.Key.Key_Escape)

    # 8 A part

    def a_part_is_drawn_and_found(self) -> None:
        self.w.ask(self.one)
        self.page.open_viewer(0)
        viewer, canvas = self.page.viewer, self.page.viewer._canvas
        self.w.until(lambda: canvas.is_sharp, "the photo is large")
        self.w.key(viewer, Qt.Key.Key_R)
        _need(canvas.is_choosing, "a rectangle can be drawn")
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
        self.w.until(lambda: self.page.bar.example_names()[0].startswith("part of"), "the chip shows the part")
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
        _need(int(self.page.model.ids[0]) == last, "what was voted up is first")
        worst = int(self.page.model.ids[1])
        self.w.press(self.page.view.viewport(), self.w.mark(1, DOWN))
        self.w.until(lambda: len(self.page.pane.page.votes if self.page.pane.page else ()) == 2, "both votes count")
        self.w.settle()
        _need(self.page.model.row_of(worst) != 1, "what was voted down has gone")
        self.w.visible(self.page.judging.line, "how many photos were judged")
        self.w.shoot("voted")

    def votes_are_listed_and_taken_back(self) -> None:
        self.w.session.window.show_votes()
        dialog = self.w.session.window.findChild(VotesDialog)
        assert dialog is not None
        self.w.until(lambda: bool(dialog.rows()), "the votes are listed")
        self.w.visible(dialog, "the page of votes")
        self.w.shoot("votes")
        self.w.press(dialog._remove_all)
        self.w.until(lambda: not dialog.rows(), "all votes are gone")
        self.w.shoot("votes-none")
        dialog.close()
        self.w.settle()
        self.w.until(lambda: not self.page.judging.line.isVisible(), "nothing is judged any more")

    # 10 Words

    def near_words_are_counted(self) -> None:
        self.w.ask(self.one)
        explorer = self.page.panel.near_word
        self.w.until(lambda: explorer.title() == f"Near “{self.one}”", "near words are listed")
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
        self.page.steering.similar(int(self.page.model.ids[0]))
        self.page.steering.focus(self.one, 1.0)
        self.w.settle()
        self.w.until(lambda: self.page.bar.example_names() not in ([], ["photo"]), "the example has its name")
        self.page.saving.save()
        dialog = self.page.findChild(NameDialog)
        _need(dialog, "a name is asked for")
        assert dialog is not None
        self.w.shoot("name")
        dialog._save()
        self.w.visible(self.page.saving.bar, "the saved searches")
        self.w.until(lambda: all(count is not None for _, count in self.page.saving.bar.searches()), "it is counted")
        asked = self.page.search.query
        self.page.bar.clear()
        self.w.settle()
        self.page.saving.bar._choose(self.page.saving.bar._list.item(0))
        self.w.settle()
        _need(self.page.search.query == asked, "it opens with its photo")
        self.w.shoot("saved")

    def back_and_forward(self) -> None:
        asked = self.page.search.query
        self.w.press(self.page._back)
        self.w.settle()
        _need(self.page.search.query != asked, "back leads back")
        self.w.press(self.page._forward)
        self.w.settle()
        _need(self.page.search.query == asked, "forward leads on again")


def steps(walk: Walk) -> list[tuple[str, Callable[[], None]]]:
    """Return the steps with their names, in order."""
    return [(name.replace("_", " "), getattr(walk, name)) for name in vars(Walk) if not name.startswith("_")]


def main(argv: Sequence[str] | None = None) -> int:
    """Walk through everything once."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.steering_session", description=__doc__)
    parser.add_argument("--photos", type=Path, required=True, help="a folder of photos; it is only read")
    parser.add_argument("--out", type=Path, required=True, help="where the pictures of the screen go")
    parser.add_argument("--home", type=Path, help="keep the library here; else it is forgotten at the end")
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--display", help="a screen that is there, such as :92; else one is made")
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="WORD", help="only steps with one of these in their name"
    )
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)
    os.environ |= {"QT_QPA_PLATFORM": "xcb", "SEMANTIC_PHOTOS_SCHEME": "dark" if options.dark else "light"}
    if options.display:
        return _walk(options, options.display)
    with screen() as display:
        return _walk(options, display)


def _walk(options: argparse.Namespace, display: str) -> int:
    os.environ["DISPLAY"] = display
    failed = 0
    with tempfile.TemporaryDirectory() as home:
        window = Window(options.photos.resolve(), options.home or Path(home), options.out)
        walk = Walk(window)
        for name, step in steps(walk):
            if name != "photos come in" and options.only and not any(word in name for word in options.only):
                continue
            start, before = time.monotonic(), len(window.troubles)
            try:
                step()
                said = "; ".join(window.troubles[before:])
            except Unseen as unseen:
                said = f"not seen: {unseen}"
                window.shoot("unseen")
            failed += bool(said)
            print(f"{'FAILED' if said else 'ok':6} {time.monotonic() - start:6.1f} s  {name}  {said}", flush=True)
        window.close()
    return failed


if __name__ == "__main__":
    sys.exit(main())
