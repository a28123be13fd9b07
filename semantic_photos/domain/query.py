# SPDX-License-Identifier: GPL-3.0-or-later
"""A query to the library as a value, and its result page.

``query_language`` defines what can be typed. Everything else a query can hold (example photos, focus) is added by
``with_…`` copies, so that back and forward are a list of queries.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from semantic_photos.domain.alternatives import MAX_BRANCHES, Alternative, alternatives, count, terms
from semantic_photos.domain.example_focus import Focus, Region
from semantic_photos.domain.filters import All, AnyOf, Node, Not, Term
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.ports import FloatArray, IdArray
from semantic_photos.domain.query_language import MAX_TERMS, MAX_TEXT, Problem, Reading, all_of, any_of, negated, read
from semantic_photos.domain.translatable import Message


@dataclass(frozen=True, slots=True)
class Example:
    """An example photo, similar (``weight`` > 0) or dissimilar (< 0): of the library or any file; whole or a region."""

    photo_id: PhotoId | None = None
    path: Path | None = None
    weight: float = 1.0
    region: Region | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """A query. Empty means: show everything, newest first.

    Attributes:
        tree: words and filters as they were typed, or None.
        examples: photos with weights.
        focus: a phrase; similarity to the examples is measured on their parts that show it.
        more_focus: further phrases to look at (weight > 0) or away from (< 0).
        problems: parts of the text that make no sense; they are left out and do not count when queries are compared.
    """

    tree: Node | None = None
    examples: tuple[Example, ...] = ()
    focus: str = ""
    more_focus: tuple[Focus, ...] = ()
    problems: tuple[Problem, ...] = field(default=(), compare=False)

    @classmethod
    def parse(cls, text: str) -> Query:
        """Read what a user typed. Any text is legal; a lone ``-`` and pure punctuation mean nothing."""
        reading = _understood(text)
        return cls(tree=reading.tree, problems=reading.problems)

    @classmethod
    def similar_to(cls, photo_id: PhotoId) -> Query:
        """Return a query for photos similar to one of the library."""
        return cls(examples=(Example(photo_id=photo_id),))

    @classmethod
    def similar_to_file(cls, path: Path) -> Query:
        """Return a query for photos similar to any picture file."""
        return cls(examples=(Example(path=path),))

    def with_focus(self, phrase: str) -> Query:
        """Return a copy that judges the examples by the parts that show ``phrase``."""
        return dataclasses.replace(self, focus=phrase.strip())

    def with_more_focus(self, phrase: str, weight: float = 1.0) -> Query:
        """Return a copy with ``phrase`` in the focus of the examples, or excluded by a weight below 0.

        A weight of 0 forgets the phrase.
        """
        word = phrase.strip()
        others = tuple(focus for focus in self.more_focus if focus.word != word)
        return dataclasses.replace(self, more_focus=(*others, Focus(word, weight)) if word and weight else others)

    def with_region(self, region: Region | None) -> Query:
        """Return a copy whose first example counts only within ``region``; None means all of it."""
        first = tuple(dataclasses.replace(example, region=region) for example in self.examples[:1])
        return dataclasses.replace(self, examples=(*first, *self.examples[1:]))

    def with_example(self, example: Example) -> Query:
        """Return a copy with one more example photo."""
        return dataclasses.replace(self, examples=(*self.examples, example))

    @property
    def focuses(self) -> tuple[Focus, ...]:
        """Return all phrases of the focus, included and excluded."""
        return (*((Focus(self.focus),) if self.focus else ()), *self.more_focus)

    def with_text(self, text: str) -> Query:
        """Return a copy with other words and filters and the same examples."""
        reading = _understood(text)
        return dataclasses.replace(self, tree=reading.tree, problems=reading.problems)

    def without(self, word: str) -> Query:
        """Return a copy that also pushes ``word``, or each word of a phrase, away."""
        away = [negated(term) for term in terms(read(word).tree)]
        return dataclasses.replace(self, tree=all_of([self.tree, *away]))

    def replacing(self, word: str, other: str) -> Query:
        """Return a copy in which ``other`` (words, or a filter as it is typed) stands for a word or filter."""
        new = read(other).tree
        return dataclasses.replace(self, tree=_replaced(self.tree, word, new), problems=())

    @property
    def terms(self) -> tuple[Term, ...]:
        """Return all words with their weights, in the order they were typed, whatever they are joined by."""
        return terms(self.tree)

    @property
    def alternatives(self) -> tuple[Alternative, ...]:
        """Return the alternatives of the query: a photo answers it if it answers one of them."""
        return alternatives(self.tree)

    @property
    def text(self) -> str:
        """Return words and filters as they would be typed: the normal form."""
        return "" if self.tree is None else str(self.tree)

    @property
    def is_empty(self) -> bool:
        """Return whether the query is empty, so that everything is shown."""
        return self.tree is None and not self.examples


def _understood(text: str) -> Reading:
    """Read a text, and say so if it has more alternatives than are asked."""
    reading = read(text)
    if reading.tree is None or count(reading.tree) <= MAX_BRANCHES:
        return reading
    problem = Problem(
        0,
        len(text),
        Message("Too many alternatives: only the first {count:,} are searched.", count=MAX_BRANCHES),
        cut=True,
    )
    return dataclasses.replace(reading, problems=(*reading.problems, problem))


def _replaced(node: Node | None, word: str, new: Node | None) -> Node | None:
    if isinstance(node, All | AnyOf):
        join = all_of if isinstance(node, All) else any_of
        return join([_replaced(part, word, new) for part in node.parts])
    if isinstance(node, Not):
        return negated(_replaced(node.part, word, new))
    if isinstance(node, Term) and node.word == word and isinstance(new, Term):
        return Term(new.word, node.weight * abs(new.weight))
    if node is None or (node.word if isinstance(node, Term) else str(node)) != word:
        return node
    return negated(new) if isinstance(node, Term) and node.weight < 0 else new


@dataclass(frozen=True, slots=True)
class Emptied:
    """The filter, as it is typed, that left nothing, and how many photos there would be ``without`` it."""

    term: str
    without: int


@dataclass(frozen=True, slots=True)
class ResultPage:
    """The answer to a query: ids of all hits, best first; what a cell shows is fetched when it is seen.

    Attributes:
        query: the query that is answered.
        generation: number of the query; an answer older than the last query is dropped.
        ids: int64 (N,), best first.
        scores: float32 (N,) cosines in [-1, 1], or None when nothing was ranked (everything is shown).
        unknown_words: words of the query that are not in the word table.
        suggestions: for each unknown word, known words that are spelled like it; for a filter with a name that nothing
            has (``tag:dgo``), filters with names that are spelled like it.
        searched: photos that were searchable when the query was asked.
        total: photos of the library that could become searchable (searched, pending and offline ones).
        milliseconds: time from the query to this answer.
        engine: ``annoy`` or ``exact``.
        strong: how many of the first hits stand out from the library's background.
        emptied_by: for an empty page, the first filter that left nothing.
        stacks: the near-duplicate copies behind a hit, best first, by the hit's id; they are not in ``ids``.
        by_name: words of the query that were looked for in file names, captions and tags: they are no words.
        good: how many photos are good matches, those behind others and those beyond the limit (as far as they were
            looked at) among them: the number that is told wherever the query is counted.
        copies: how many of them are behind one of the first ``strong`` hits.
        left_out: sentences about example photos that could not be used; the rest of the query was answered.
        nothing_shows: the wanted words if no photo clearly shows them; empty if one does, or no words were ranked.
        weak_words: words of the query that were trained too little for a good match.
        votes: 1 or -1 for the photos of which the user said for this query whether they fit.
    """

    query: Query
    generation: int
    ids: IdArray
    scores: FloatArray | None
    unknown_words: tuple[str, ...] = ()
    suggestions: dict[str, tuple[str, ...]] = field(default_factory=dict)
    searched: int = 0
    total: int = 0
    milliseconds: float = 0.0
    engine: str = "exact"
    strong: int = 0
    emptied_by: Emptied | None = None
    stacks: dict[int, tuple[int, ...]] = field(default_factory=dict)
    votes: dict[PhotoId, int] = field(default_factory=dict)
    left_out: tuple[Message, ...] = ()
    by_name: tuple[str, ...] = ()
    good: int = 0
    copies: int = 0
    nothing_shows: str = ""
    weak_words: tuple[str, ...] = ()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Return the parts of the query that make no sense and were left out."""
        return self.query.problems

    def __len__(self) -> int:
        """Return the number of hits."""
        return len(self.ids)

    @classmethod
    def nothing(cls, query: Query, generation: int) -> ResultPage:
        """Return an answer without hits."""
        return cls(query, generation, np.empty(0, np.int64), np.empty(0, np.float32))


__all__ = ["MAX_TERMS", "MAX_TEXT", "Alternative", "Emptied", "Example", "Problem", "Query", "ResultPage", "Term"]
