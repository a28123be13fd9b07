# SPDX-License-Identifier: GPL-3.0-or-later
"""The first steps of ``steering_session``: what a person asks in words, and what must then be seen."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from PIL import Image, ImageOps
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest

from semantic_photos.domain.photo import PhotoId
from semantic_photos.gui.grid.cell_overlays import STACK
from semantic_photos.gui.grid.result_model import Role
from tests.e2e.window_driver import Unseen, Window

#: What people would ask for, where photos show it.
_EVERYDAY = frozenset((
    "dog", "cat", "beach", "sea", "boat", "snow", "mountain", "flower", "food", "kitchen", "car", "street", "train",
    "child", "baby", "people", "party", "football",
))  # fmt: skip


def need(seen: object, what: str) -> None:
    if not seen:
        raise Unseen(what)


class Asking:
    """Words and filters, and where their answers end; the steps in the order of their definition."""

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
                for concept in library.salient_words.of_vector(vector, 6)
                if concept.tag.isalpha() and len(concept.tag) > 3
            )

        self.page._bridge.run(look, lambda found: (seen.update(found), done.append(True)), lane="pool")
        self.w.until(lambda: bool(done), "what the photos show is known")
        need(len(seen) >= 2, "the photos show at least two things that have names")
        # Of what they show, what people would ask for, if it is there at all.
        listed = sorted(seen, key=lambda word: (word not in _EVERYDAY, -seen[word]))
        self.one, self.other = listed[:2]
        self.w.shoot("all-photos")

    # 1 The language

    def completion_offers_operators(self) -> None:
        self.w.type("da")
        self.w.visible(self.page.bar._words, "the list of completions")
        need("date:" in [offer.text for offer in self.page.bar._words.offers()], "date: is offered")
        self.w.shoot("completion")

    def completion_offers_words(self) -> None:
        self.w.type(self.one[:3])
        self.w.visible(self.page.bar._words, "the list of completions")
        self.w.shoot("completion-word")
        first = self.page.bar._words.offers()[0].text
        self.w.key(self.page.bar._edit, Qt.Key.Key_Tab)
        need(self.page.bar.text().strip() == first, "Tab takes what is offered")

    def the_whole_language_is_one_question(self) -> None:
        text = f"{self.one}^2 -{self.other} (type:jpg OR type:png OR type:webp) OR rating:>=4"
        self.w.type(text)
        self.w.key(self.page.bar._edit, Qt.Key.Key_Return)
        self.w.settle()
        page = self.page.pane.page
        need(page is not None and not page.problems, "nothing in the question makes no sense")
        need(self.page.model.rowCount(), "photos answer it")
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
        need(len(answers) >= 2, "more than one key was answered")
        need(self.page.model.rowCount(), "photos answer the word")
        self.w.shoot("keystrokes")
        self.w.key(self.page.bar._edit, Qt.Key.Key_Escape)

    # 3 Unknown words, empty answers

    def an_unknown_word_is_admitted(self) -> None:
        self.w.ask(f"{self.one}q")
        shown = self.page.advice.isVisible() or not self.page.pane.shows_photos
        need(shown, "the unknown word is named")
        self.w.shoot("unknown-word")

    def an_unknown_word_beside_a_known_one(self) -> None:
        self.w.ask(f"{self.one} {self.other}q")
        self.w.visible(self.page.advice, "the word that is not known")
        self.w.shoot("unknown-beside-known")

    def what_emptied_the_answer_is_named(self) -> None:
        self.w.ask(f"{self.one} rating:5")
        self.w.until(lambda: not self.page.pane.shows_photos, "nothing is found")
        need("rating:5" in self.page.pane.state_page.state().title, "the filter that left nothing is named")
        self.w.shoot("emptied")

    # 4 An honest end

    def good_matches_end(self) -> None:
        self.w.ask(self.one)
        self.w.visible(self.page.cutoff_bar, "the line below the photos")
        page = self.page.pane.page
        need(page is not None and self.page.model.rowCount() < page.searched, "not the whole library is shown")
        self.w.shoot("end")

    def weaker_ones_come_when_wanted(self) -> None:
        if self.page.cutoff_bar._more.isVisible():
            before = self.page.model.rowCount()
            self.w.press(self.page.cutoff_bar._more)
            need(self.page.model.rowCount() > before, "weaker matches are shown")
            self.page.view.scrollToBottom()
        self.w.settle()
        self.w.shoot("weaker")

    def the_slider_moves_the_end(self) -> None:
        if self.page.cutoff_bar._fewer.isVisible():
            self.w.press(self.page.cutoff_bar._fewer)
        counts = []
        for value, name in ((0, "cautious"), (20, "generous"), (10, "")):
            before = self.page.search.generation
            self.page.cutoff_bar._slider.setValue(value)
            self.w.until(lambda before=before: self.page.search.generation > before, "another end is asked for")
            self.w.until(lambda: self.page.pane.page is not None
                         and self.page.pane.page.generation == self.page.search.generation, "it is shown")  # fmt: skip
            self.w.settle()
            page = self.page.pane.page
            counts.append(page.strong if page is not None else -1)
            if name:
                self.w.shoot(f"slider-{name}")
        need(counts[0] < counts[1], f"generous finds more than cautious ({counts[0]}, {counts[1]})")

    def orders_are_chosen(self) -> None:
        menu, shown = self.page.cutoff_bar._menu, []

        def look() -> None:
            shown.append(menu.isVisible())
            self.w.shoot("orders")
            menu.close()

        # The button waits for its menu, so somebody else must look.
        QTimer.singleShot(500, look)
        self.w.press(self.page.cutoff_bar._sort)
        self.w.until(lambda: bool(shown), "the button comes back")
        need(shown[0], "the menu of orders is shown")
        self.page.cutoff_bar._orders["name"].trigger()
        self.w.settle()
        self.page.cutoff_bar._orders["relevance"].trigger()
        self.w.settle()

    def copies_lie_in_stacks(self) -> None:
        self.w.ask(self.one)
        photo = self.page.model.photo(0)
        assert photo is not None
        self._make_copy(photo.path)
        self.w.ask(self.other)
        self.w.ask(self.one)
        rows = [r for r in range(self.page.model.rowCount()) if self.page.model.index(r).data(Role.COPIES)]
        need(rows, "a photo says that there are copies of it")
        before = self.page.model.rowCount()
        self.page.view.scrollTo(self.page.model.index(rows[0]))
        self.w.settle()
        self.w.shoot("stack")
        for way, count in (("open", lambda: self.page.model.rowCount() > before),
                           ("closed", lambda: self.page.model.rowCount() == before)):  # fmt: skip
            self.w.press(self.page.view.viewport(), self.w.mark(rows[0], STACK))
            self.w.until(count, f"the stack is {way}")
            self.w.settle()
            self.w.shoot(f"stack-{way}")

    def _make_copy(self, photo: Path) -> None:
        """Put a near-identical copy of a photo into the library, as if it had come by mail, and wait for it."""
        copy, indexer = self.w.later / f"{photo.stem} by mail.jpg", self.page._bridge.library.indexer
        if copy.exists():  # in a library that was kept
            return
        before = indexer.progress.counts.total
        with Image.open(photo) as picture:
            upright = ImageOps.exif_transpose(picture).convert("RGB")
        small = upright.resize((upright.width * 9 // 10, upright.height * 9 // 10))
        small.save(copy, quality=80)
        self.w.until(lambda: indexer.progress.counts.total > before, "the copy is seen")
        self.w.until(lambda: indexer.progress.counts.pending == 0, "the copy is read")
