# SPDX-License-Identifier: GPL-3.0-or-later
"""From what a user does to the next query: words, examples, parts, focus."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from semantic_photos.domain.filters import All, AnyOf, Node, Not
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.query import Example, Query, ResultPage
from semantic_photos.domain.query_language import all_of, any_of, negated
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.search.search_bar import SearchBar
from semantic_photos.gui.search.search_controller import SearchController
from semantic_photos.gui.widgets.completion_popup import OFFERED, Offer
from semantic_photos.services.search.completion import Completion

#: How strongly "less like this" pushes: as a minus word does not rule the query, a minus photo does not.
LESS = -0.6


class QueryBuilder(QObject):
    """Makes queries and asks them, in step with the search bar.

    Signals:
        leaving: a new query is about to be asked from elsewhere than the bar; one photo shown large is left.
    """

    leaving = Signal()

    def __init__(self, bridge: Bridge, search: SearchController, bar: SearchBar, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge, self._search, self._bar = bridge, search, bar
        bar.search_requested.connect(self._on_typed)
        bar.completion_wanted.connect(self._complete)
        search.moved.connect(bar.set_query)

    @property
    def query(self) -> Query:
        """Return the newest query."""
        return self._search.query

    def go(self, query: Query) -> None:
        """Ask a query that was made elsewhere than in the bar."""
        self.leaving.emit()
        self._search.settle()
        self._bar.set_query(query)
        self._search.ask(query)

    def _on_typed(self, query: Query) -> None:
        self._search.ask(query, typed=True)

    # Words

    def word(self, word: str) -> None:
        """Ask for what a text says, and nothing else."""
        self.go(Query.parse(word))

    def add_word(self, word: str) -> None:
        """Ask for a word as well; one with a minus before it is pushed away."""
        query = self.query
        plain = word.lstrip("-")
        if any(term.word == plain for term in query.terms):
            # It takes the place of itself, perhaps with the other sign.
            query = query.replacing(plain, "")
        self.go(query.with_text(f"{query.text} {word}".strip()))

    def replace(self, word: str, other: str) -> None:
        """Ask for ``other`` in the place of a word or filter; an empty one takes it away."""
        self.go(self.query.replacing(word, other))

    def replace_or_ask(self, word: str, other: str) -> None:
        """Ask for ``other`` in the place of a word; where there is none to replace, ask for it alone."""
        if word:
            self.replace(word, other)
        else:
            self.word(other)

    def drop(self, term: str) -> None:
        """Ask the same without one word, filter or group, as it is written."""
        self.go(dataclasses.replace(self.query, tree=dropped(self.query.tree, term), problems=()))

    def take_suggestion(self, word: str, page: ResultPage | None) -> None:
        """Ask for a word that was offered instead of what nothing answers to, or alone."""
        owner = next((u for u, alike in page.suggestions.items() if word in alike), "") if page else ""
        if owner:
            self.replace(owner, word)
        else:
            self.word(word)

    def everything(self) -> None:
        """Ask for everything."""
        self.go(Query())

    def _complete(self, text: str, cursor: int) -> None:
        completions = self._bridge.library.completions

        def show(found: Sequence[Completion]) -> None:
            place = (found[0].start, found[0].end) if found else (cursor, cursor)
            self._bar.show_completions(text, cursor, place, [_offer(one) for one in found])

        self._bridge.run(lambda: completions.at(text, cursor, OFFERED), show, lambda _error: None)

    # Examples

    def similar(self, photo_id: int) -> None:
        """Ask for photos like one of the library."""
        self.go(Query.similar_to(PhotoId(photo_id)))

    def similar_to_file(self, path: Path) -> None:
        """Ask for photos like a picture file."""
        self.go(Query.similar_to_file(path))

    def more_like(self, photo_id: int) -> None:
        """Let a photo pull the query towards itself as well."""
        self._with_example(photo_id, 1.0)

    def less_like(self, photo_id: int) -> None:
        """Let a photo push the query away from itself."""
        self._with_example(photo_id, LESS)

    def _with_example(self, photo_id: int, weight: float) -> None:
        query = self.query
        others = tuple(e for e in query.examples if e.photo_id != photo_id)
        self.go(dataclasses.replace(query, examples=(*others, Example(PhotoId(photo_id), weight=weight))))

    def part(self, photo_id: int, x: float, y: float, width: float, height: float) -> None:
        """Ask for photos like a part of one, given in fractions of the picture."""
        self.go(Query(examples=(Example(PhotoId(photo_id), region=(x, y, width, height)),)))

    def focus(self, word: str, weight: float) -> None:
        """Look at ``word`` in the examples (``weight`` > 0), away from it (< 0), or neither (0)."""
        query = self.query
        # One list for all of them, so that each can be turned round alone.
        plain = dataclasses.replace(query, focus="", more_focus=query.focuses)
        self.go(plain.with_more_focus(word, weight))


def _offer(found: Completion) -> Offer:
    return Offer(found.text, found.hint, found.count)


def dropped(node: Node | None, term: str) -> Node | None:
    """Return a tree without the parts that are written like ``term``, or None if nothing is left."""
    if node is None or term in (str(node), f"({node})"):
        return None
    if isinstance(node, All | AnyOf):
        join = all_of if isinstance(node, All) else any_of
        return join([dropped(part, term) for part in node.parts])
    return negated(dropped(node.part, term)) if isinstance(node, Not) else node
