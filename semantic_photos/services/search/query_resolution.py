# SPDX-License-Identifier: GPL-3.0-or-later
"""Resolves a query into alternatives, each with its vector, cut-offs and candidates."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from semantic_photos.domain.alternatives import Alternative
from semantic_photos.domain.errors import QueryError
from semantic_photos.domain.example_focus import mixed
from semantic_photos.domain.filters import Exact, Term, fold
from semantic_photos.domain.messages import CancelToken
from semantic_photos.domain.ports import FloatArray, TextEncoder
from semantic_photos.domain.query import Query
from semantic_photos.domain.result_cutoff import WordCut
from semantic_photos.domain.translatable import Message
from semantic_photos.domain.vectors import weighted_sum
from semantic_photos.services.search.candidates import CandidateFilter, Candidates
from semantic_photos.services.search.examples import ExampleVectors
from semantic_photos.services.search.good_matches import GoodMatches

#: An unknown word with one of these in it may be the name of a file; with letters too ("img_4821") it hardly is a word.
_LIKE_A_NAME = re.compile(r"[\d_.]")
_LETTERS = re.compile(r"[^\W\d_]")
#: How strongly a minus word pushes away; at 1 the query would be ruled by what is not wanted.
MINUS = 0.6


@dataclass(frozen=True, slots=True, eq=False)
class RankedAlternative:
    """One alternative of a query that is ranked.

    Attributes:
        narrowed: its filters at work.
        vector: its unit vector (D,).
        wanted: cut-offs of its words: a good match passes all of them. None: good matches are told by the best hits.
        unwanted: cut-offs of its minus words: a photo that passes one is dropped.
    """

    narrowed: Candidates
    vector: FloatArray
    wanted: tuple[WordCut, ...] | None
    unwanted: tuple[WordCut, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Resolved:
    """A query as it is searched for.

    Attributes:
        query: with names of files in it as quoted texts.
        by_name: what was typed of these.
        unknown: words that are not in the word table.
        suggestions: known words that are spelled like them, and filters like those that nothing has.
        ranked: alternatives with words or example photos.
        plain: alternatives of filters alone.
        left_out: sentences about example photos that cannot be used.
    """

    query: Query
    by_name: tuple[str, ...]
    unknown: tuple[str, ...]
    suggestions: dict[str, tuple[str, ...]]
    ranked: tuple[RankedAlternative, ...]
    plain: tuple[Candidates, ...]
    left_out: tuple[Message, ...]


class QueryResolver:
    """Resolves queries.

    Thread: any; blocking (catalog, and decoder and network for example photos).
    """

    def __init__(
        self,
        text: TextEncoder | None,
        examples: ExampleVectors,
        narrowing: CandidateFilter,
        matches: GoodMatches,
        sample: Callable[[], FloatArray | None],
    ) -> None:
        self._text, self._examples, self._filter = text, examples, narrowing
        self._matches, self._sample = matches, sample

    def resolve(self, query: Query, token: CancelToken) -> Resolved:
        """Resolve a query.

        Raises:
            QueryError: nothing can be searched for: no pack, an example that is gone.
            PhotoError: an example file cannot be read.
            CatalogError: the catalog cannot be read.
            CancelledError: the token says so.
        """
        query, by_name = self._with_names(query)
        unknown, suggestions = self._unknown(query)
        ranked: list[RankedAlternative] = []
        plain: list[Candidates] = []
        left_out: list[Message] = []
        known: dict[str, FloatArray | None] = {}
        for narrowed in self._filter.of(query):
            terms = narrowed.branch.terms
            asked = bool(terms or query.examples)
            vector = self._alternative_vector(query, terms, token, left_out, known) if asked else None
            if vector is not None:
                cuts = None if query.examples else self._matches.wanted(terms) or None
                ranked.append(RankedAlternative(narrowed, vector, cuts, self._matches.unwanted(terms)))
            elif not terms or (narrowed.masks and not unknown):
                plain.append(narrowed)
        return Resolved(
            query, by_name, unknown, suggestions, tuple(ranked), tuple(plain), tuple(dict.fromkeys(left_out))
        )

    def vector(self, query: Query, token: CancelToken | None = None) -> FloatArray | None:
        """Return the unit vector (D,) of the first alternative that has one, or None.

        Raises:
            QueryError, PhotoError, CatalogError, CancelledError: as ``resolve``.
        """
        for branch in query.alternatives or (Alternative(),):
            vector = self._alternative_vector(query, branch.terms, token)
            if vector is not None:
                return vector
        return None

    def _alternative_vector(
        self,
        query: Query,
        terms: tuple[Term, ...],
        token: CancelToken | None,
        left_out: list[Message] | None = None,
        known: dict[str, FloatArray | None] | None = None,
    ) -> FloatArray | None:
        # Of hundreds of terms in dozens of alternatives most are the same: ``known`` holds those that came before.
        words = self._text_parts(terms, known if known is not None else {}) if terms else []
        usable, troubles = self._examples.usable(query, token)
        if troubles and not words and not usable:
            raise troubles[0]
        if left_out is not None:
            left_out += [trouble.message for trouble in troubles]
        photos = [((e.weight if e.weight > 0 else MINUS * e.weight), vector) for e, vector in usable]
        return weighted_sum(mixed(words, photos, self._sample() if words and photos else None))

    def _text_parts(self, terms: Sequence[Term], known: dict[str, FloatArray | None]) -> list[tuple[float, FloatArray]]:
        """Return weights and unit vectors (D,) of words.

        All words of the common weight are one phrase, in their order: what they mean beside each other is the
        encoder's matter. Words with a weight of their own, and minus words, count by themselves.
        """
        if self._text is None:
            raise QueryError(Message("No usable model pack: photos cannot be searched by words."), code="query.no-pack")
        plain = [term.word for term in terms if term.weight == 1.0]
        wanted = sum(term.weight > 0 for term in terms)
        parts: list[tuple[float, FloatArray]] = []
        phrase = self._text.encode(" ".join(plain)) if plain else None
        if phrase is not None:
            parts.append((len(plain) / wanted, phrase))
        for term in terms:
            if term.weight == 1.0:
                continue
            if term.word not in known:
                known[term.word] = self._text.encode(term.word)
            vector = known[term.word]
            if vector is not None:
                parts.append((term.weight / wanted if term.weight > 0 else MINUS * term.weight, vector))
        return parts

    def _with_names(self, query: Query) -> tuple[Query, tuple[str, ...]]:
        """Return a query that asks for names of files as for quoted texts, and these names."""
        words = dict.fromkeys(term.word for term in query.terms)
        alike = [word for word in words if _LIKE_A_NAME.search(word) and _LETTERS.search(word)]
        if self._text is None or not alike:
            return query, ()
        unknown = set(self._text.unknown_words(" ".join(words)))
        named = []
        for word in alike:
            # Nobody joins words of a picture by "_", even where all of them are known.
            strange = "_" in word or not unknown.isdisjoint(self._text.unknown_words(word))
            if strange and self._filter.has_names_like(fold(word)):
                query = query.replacing(word, str(Exact(fold(word))))
                named.append(word)
        return query, tuple(named)

    def _unknown(self, query: Query) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
        suggestions = self._filter.suggestions(query)
        if self._text is None or not query.terms:
            return (), suggestions
        words: list[str] = []
        # Of all words together: some are known only together, as the name of a custom concept.
        unknown_together = set(self._text.unknown_words(" ".join(term.word for term in query.terms)))
        for term in query.terms:
            parts = [part for part in self._text.unknown_words(term.word) if part in unknown_together]
            # As it was typed where nothing of it is known: "img_4821" rather than "img" and "4821".
            words += [term.word] if parts and self._text.encode(term.word) is None else parts
        unknown = tuple(dict.fromkeys(words))
        for word in unknown[:8]:
            alike = tuple(self._text.suggestions(word, 4))
            # The name of a file, most likely: say how it can be asked for.
            named = _LIKE_A_NAME.search(word) is not None and self._filter.has_names_like(fold(word))
            suggestions[word] = (str(Exact(fold(word))), *alike) if named else alike
        return unknown, suggestions
