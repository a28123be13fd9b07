# SPDX-License-Identifier: GPL-3.0-or-later
"""A question to the library as a value, its small language, and the page that answers it.

The language: words, ``-word`` to push away. Everything else a query can hold (example photos, focus) is
added by ``with_…`` copies, so that back and forward are a list of queries.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.ports import FloatArray, IdArray
from semantic_photos.domain.steering import Focus, Region

#: Longer questions are cut: a pasted book must not cost seconds per key press.
MAX_TEXT = 2_000
MAX_TERMS = 64


@dataclass(frozen=True, slots=True)
class Term:
    """One word of a question. ``weight`` is negative for a word to be pushed away."""

    word: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Example:
    """A photo to be like (``weight`` > 0) or unlike (< 0): one of the library, or any file; all of it or a region."""

    photo_id: PhotoId | None = None
    path: Path | None = None
    weight: float = 1.0
    region: Region | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked. Empty means: show everything, newest first.

    Attributes:
        terms: words with weights, in the order they were typed.
        examples: photos with weights.
        focus: a phrase; similarity to the examples is judged by their parts that show it.
        more_focus: further phrases to look at (weight > 0) or away from (< 0).
    """

    terms: tuple[Term, ...] = ()
    examples: tuple[Example, ...] = ()
    focus: str = ""
    more_focus: tuple[Focus, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Query:
        """Read what a person typed. Any text is legal; a lone ``-`` and pure punctuation mean nothing."""
        terms = []
        for token in text[:MAX_TEXT].split():
            minus = token[0] in "-−–" and len(token) > 1
            word = token[1:] if minus else token
            word = word.strip().strip("\"'“”‘’.,;:!?()[]{}<>-−–").casefold()
            if word:
                terms.append(Term(word, -1.0 if minus else 1.0))
        return cls(terms=tuple(terms[:MAX_TERMS]))

    @classmethod
    def similar_to(cls, photo_id: PhotoId) -> Query:
        """Ask for photos like one of the library."""
        return cls(examples=(Example(photo_id=photo_id),))

    @classmethod
    def similar_to_file(cls, path: Path) -> Query:
        """Ask for photos like any picture file."""
        return cls(examples=(Example(path=path),))

    def with_focus(self, phrase: str) -> Query:
        """Return a copy that judges the examples by the parts that show ``phrase``."""
        return dataclasses.replace(self, focus=phrase.strip())

    def with_more_focus(self, phrase: str, weight: float = 1.0) -> Query:
        """Return a copy that also looks at ``phrase`` in the examples, or away from it with a weight below 0.

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
        """Return everything that is looked at or away from in the examples."""
        return (*((Focus(self.focus),) if self.focus else ()), *self.more_focus)

    def with_text(self, text: str) -> Query:
        """Return a copy with other words and the same examples."""
        return dataclasses.replace(self, terms=Query.parse(text).terms)

    def without(self, word: str) -> Query:
        """Return a copy that also pushes ``word`` away."""
        return dataclasses.replace(self, terms=(*self.terms, Term(word.casefold(), -1.0)))

    @property
    def text(self) -> str:
        """Return the words as they would be typed."""
        return " ".join(f"-{term.word}" if term.weight < 0 else term.word for term in self.terms)

    @property
    def is_empty(self) -> bool:
        """Return whether nothing is asked, so that everything is shown."""
        return not self.terms and not self.examples


@dataclass(frozen=True, slots=True)
class ResultPage:
    """The answer to a query: ids of all hits, best first; what a cell shows is fetched when it is seen.

    Attributes:
        query: the question that is answered.
        generation: number of the question; an answer older than the last question is dropped.
        ids: int64 (N,), best first.
        scores: float32 (N,) cosines in [-1, 1], or None when nothing was ranked (everything is shown).
        unknown_words: words of the question that are not in the word table.
        suggestions: for each unknown word, known words that are spelled like it.
        searched: photos that were searchable when the question was asked.
        total: photos of the library that could become searchable (searched, pending and offline ones).
        milliseconds: time from the question to this answer.
        engine: ``annoy`` or ``exact``.
        strong: how many of the first hits stand out from the library's background.
        votes: 1 or -1 for the photos of which the person said for this question whether they fit.
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
    votes: dict[PhotoId, int] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of hits."""
        return len(self.ids)

    @classmethod
    def nothing(cls, query: Query, generation: int) -> ResultPage:
        """Return an answer without hits."""
        return cls(query, generation, np.empty(0, np.int64), np.empty(0, np.float32))
