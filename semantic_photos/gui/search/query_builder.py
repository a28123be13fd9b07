# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the next query from what the user does: words, filters, example photos, regions, focus."""

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
from semantic_photos.translation import translated

#: Weight of a photo in "Less like this": like a minus word, it does not outweigh the rest of the query.
LESS = -0.6


class QueryBuilder(QObject):
    """Builds queries and runs them, in step with the search bar.

    Signals:
        leaving: a query from elsewhere than the bar is about to run; the viewer closes.
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
        """Run a query that was made elsewhere than in the bar."""
        self.leaving.emit()
        self._search.settle()
        self._bar.set_query(query)
        self._search.ask(query)

    def _on_typed(self, query: Query) -> None:
        self._search.ask(query, typed=True)

    # Words

    def word(self, word: str) -> None:
        """Search for a text and nothing else."""
        self.go(Query.parse(word))

    def add_word(self, word: str) -> None:
        """Add a word to the query, with a minus before it for less of it."""
        query = self.query
        plain = word.lstrip("-")
        if any(term.word == plain for term in query.terms):
            # The word replaces itself, perhaps with the other sign.
            query = query.replacing(plain, "")
        self.go(query.with_text(f"{query.text} {word}".strip()))

    def replace(self, word: str, other: str) -> None:
        """Replace a word or filter of the query by ``other``, or remove it if ``other`` is empty."""
        self.go(self.query.replacing(word, other))

    def replace_or_ask(self, word: str, other: str) -> None:
        """Replace a word of the query by ``other``; without a word, search for ``other`` alone."""
        if word:
            self.replace(word, other)
        else:
            self.word(other)

    def drop(self, term: str) -> None:
        """Run the query without one word, filter or group, given as it is written."""
        self.go(dataclasses.replace(self.query, tree=dropped(self.query.tree, term), problems=()))

    def take_suggestion(self, word: str, page: ResultPage | None) -> None:
        """Put a suggested word in the place of the term it was suggested for, or search for it alone."""
        owner = next((u for u, alike in page.suggestions.items() if word in alike), "") if page else ""
        if owner:
            self.replace(owner, word)
        else:
            self.word(word)

    def everything(self) -> None:
        """Show all photos."""
        self.go(Query())

    def _complete(self, text: str, cursor: int) -> None:
        completions = self._bridge.library.completions

        def show(found: Sequence[Completion]) -> None:
            place = (found[0].start, found[0].end) if found else (cursor, cursor)
            self._bar.show_completions(text, cursor, place, [_offer(one) for one in found])

        self._bridge.run(lambda: completions.at(text, cursor, OFFERED), show, lambda _error: None)

    # Examples

    def similar(self, photo_id: int) -> None:
        """Find photos similar to one of the library."""
        self.go(Query.similar_to(PhotoId(photo_id)))

    def similar_to_file(self, path: Path) -> None:
        """Find photos similar to an image file."""
        self.go(Query.similar_to_file(path))

    def more_like(self, photo_id: int) -> None:
        """Add a photo to the query as an example."""
        self._with_example(photo_id, 1.0)

    def less_like(self, photo_id: int) -> None:
        """Add a photo to the query as an example to move away from."""
        self._with_example(photo_id, LESS)

    def _with_example(self, photo_id: int, weight: float) -> None:
        query = self.query
        others = tuple(e for e in query.examples if e.photo_id != photo_id)
        self.go(dataclasses.replace(query, examples=(*others, Example(PhotoId(photo_id), weight=weight))))

    def part(self, photo_id: int, x: float, y: float, width: float, height: float) -> None:
        """Find photos similar to a region of one, given in fractions of its width and height."""
        self.go(Query(examples=(Example(PhotoId(photo_id), region=(x, y, width, height)),)))

    def focus(self, word: str, weight: float) -> None:
        """Focus on more of ``word`` in the examples (``weight`` > 0), on less (< 0), or clear it (0)."""
        query = self.query
        # One list for all of them, so that each can be changed alone.
        plain = dataclasses.replace(query, focus="", more_focus=query.focuses)
        self.go(plain.with_more_focus(word, weight))


def _offer(found: Completion) -> Offer:
    return Offer(found.text, translated(found.hint), found.count)


def dropped(node: Node | None, term: str) -> Node | None:
    """Return a tree without the parts whose text is ``term``, or None if nothing is left."""
    if node is None or term in (str(node), f"({node})"):
        return None
    if isinstance(node, All | AnyOf):
        join = all_of if isinstance(node, All) else any_of
        return join([dropped(part, term) for part in node.parts])
    return negated(dropped(node.part, term)) if isinstance(node, Not) else node
