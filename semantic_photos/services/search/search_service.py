# SPDX-License-Identifier: GPL-3.0-or-later
"""A query becomes one unit vector, the vector becomes a page of photos."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from semantic_photos.domain import result_cutoff
from semantic_photos.domain.alternatives import Alternative
from semantic_photos.domain.errors import CatalogError, QueryError
from semantic_photos.domain.example_focus import mixed
from semantic_photos.domain.filters import Exact, Term, fold
from semantic_photos.domain.messages import CancelToken
from semantic_photos.domain.photo import Counts, PhotoId
from semantic_photos.domain.ports import FloatArray, IdArray, ImageEncoder, TextEncoder
from semantic_photos.domain.query import Query, ResultPage
from semantic_photos.domain.relevance_feedback import arranged
from semantic_photos.domain.vectors import top_k, weighted_sum
from semantic_photos.index.hybrid_index import HybridIndex
from semantic_photos.media.decoder_pool import DecoderPool
from semantic_photos.services.search.candidates import CandidateFilter, Candidates, found_by
from semantic_photos.services.search.examples import ExampleVectors
from semantic_photos.services.search.near_duplicates import MOST, group_near_duplicates
from semantic_photos.services.search.relevance_feedback import RelevanceFeedback
from semantic_photos.storage.catalog import Catalog

Order = Literal["relevance", "date", "name"]

#: An unknown word with one of these in it may be the name of a file; with letters too ("img_4821") it hardly is a word.
_LIKE_A_NAME = re.compile(r"[\d_.]")
_LETTERS = re.compile(r"[^\W\d_]")
#: Good matches are counted up to here.
_COUNTED = 10_000
#: How strongly a minus word pushes away; at 1 the query would be ruled by what is not wanted.
MINUS = 0.6


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """Ids (N,), scores (N,) or None, how many of the first are good, and how many good ones are behind those."""

    ids: IdArray
    scores: FloatArray | None
    strong: int
    copies: int = 0


class SearchService:
    """Answers queries.

    Thread: any, but callers use the serial library lane so that answers come in order.
    """

    def __init__(
        self,
        catalog: Catalog,
        index: HybridIndex,
        text: TextEncoder | None,
        images: ImageEncoder | None,
        decoders: DecoderPool,
        *,
        counts: Callable[[], Counts],
        background: FloatArray | None = None,
        limit: Callable[[], int] = lambda: 500,
        feedback: RelevanceFeedback | None = None,
    ) -> None:
        self._index, self._text = index, text
        self._counts, self._background, self._limit = counts, background, limit
        self._filter = CandidateFilter(catalog)
        self.feedback = feedback
        self.examples = ExampleVectors(catalog, text, images, decoders, self.sample)

    def run(
        self,
        query: Query,
        *,
        generation: int = 0,
        limit: int | None = None,
        token: CancelToken | None = None,
        caution: float = result_cutoff.CAUTION,
        order: Order = "relevance",
        stacks: bool = False,
    ) -> ResultPage:
        """Answer ``query``; an empty one shows everything, one without words and photos lists what its filters leave.

        Words and photos are ranked among what the filters of their alternative leave. A photo that answers several
        alternatives counts with the best of its cosines; those that answer an alternative without words come first,
        with a score of 1. A quoted text is never hidden: photos that have it are all good, also without a vector. What
        is no word but stands in the name of a file (``img_4821``) is taken as if it were quoted.

        Args:
            query: what is asked.
            generation: number of the query.
            limit: at most so many photos; None takes the setting, and lists all where nothing is ranked.
            token: to give up.
            caution: 0 to 1, how much must speak for a hit to count as a good match.
            order: of the good matches; the weaker ones behind them stay by relevance.
            stacks: list near-duplicate photos once; ``ResultPage.stacks`` has the others.

        Raises:
            QueryError: when nothing can be searched for: no pack, an example that is gone.
            PhotoError: when an example file cannot be read.
            CatalogError: when the catalog cannot be read.
            CancelledError: when the token says so.
        """
        start = time.perf_counter()
        token = token or CancelToken()
        token.raise_if_cancelled()
        counts = self._counts()
        votes = self.feedback.votes(query) if self.feedback is not None else {}
        typed = query
        query, by_name = self._with_names(query)
        unknown, suggestions = self._unknown(query)
        ranked, plain = [], []
        left_out: list[str] = []
        known: dict[str, FloatArray | None] = {}
        for narrowed in self._filter.of(query):
            terms = narrowed.branch.terms
            asked = bool(terms or query.examples)
            vector = self._alternative_vector(query, terms, token, left_out, known) if asked else None
            if vector is not None:
                ranked.append((narrowed, vector))
            elif not terms or (narrowed.masks and not unknown):
                plain.append(narrowed)
        token.raise_if_cancelled()
        if not ranked and plain and not query.examples:
            most = None if query.is_empty else limit
            found = self._list(query, plain, _with_spare(most, stacks), order, token)
        else:
            most = limit if limit is not None else self._limit()
            spare = _with_spare(most, stacks) or most
            found = self._rank(query, ranked, plain, spare, caution, order, votes, token)
        behind: dict[int, tuple[int, ...]] = {}
        good = found.strong
        if stacks:
            found, behind = self._grouped(found, most)
        emptied = None
        if not len(found.ids):
            of_all = self._index.searchable_ids() if ranked else self._filter.listed(query)
            first = next((n for n in [*(n for n, _ in ranked), *plain] if n.masks), None)
            emptied = first.emptied_by(of_all) if first is not None else None
        if emptied is not None:
            typed_as = {str(Exact(fold(word))): word for word in by_name}
            emptied = replace(emptied, term=typed_as.get(emptied.term, emptied.term))
        return ResultPage(
            typed, generation, found.ids, found.scores, unknown, suggestions, searched=len(self._index),
            total=counts.total, milliseconds=_since(start), engine=self._index.engine, strong=found.strong,
            emptied_by=emptied, stacks=behind, votes=votes, left_out=tuple(dict.fromkeys(left_out)),
            by_name=by_name, good=good, copies=found.copies,
        )  # fmt: skip

    def count(self, query: Query, caution: float = result_cutoff.CAUTION) -> int:
        """Return how many photos a query finds: all that its filters leave, or the good matches of its words.

        Where something is ranked, 10,000 stands for more than that.

        Args:
            query: what would be asked.
            caution: as in ``run``.

        Raises:
            QueryError, PhotoError, CatalogError: as ``run``.
        """
        if query.is_empty:
            return len(self._index)
        page = self.run(query, limit=_COUNTED, caution=caution)
        # Nothing was ranked: filters are counted to the end.
        return page.strong if page.scores is not None or page.strong < _COUNTED else self.run(query).strong

    def vector(self, query: Query, token: CancelToken | None = None) -> FloatArray | None:
        """Return the unit vector (D,) of a query, or None if it holds nothing that is known.

        Of several alternatives (``OR``) the first that has one is taken.

        Raises:
            QueryError, PhotoError, CatalogError: as ``run``.
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
        left_out: list[str] | None = None,
        known: dict[str, FloatArray | None] | None = None,
    ) -> FloatArray | None:
        # Of hundreds of terms in dozens of alternatives most are the same: ``known`` holds those that came before.
        words = self._text_parts(terms, known if known is not None else {}) if terms else []
        usable, troubles = self.examples.usable(query, token)
        if troubles and not words and not usable:
            raise troubles[0]
        if left_out is not None:
            left_out += map(str, troubles)
        photos = [((e.weight if e.weight > 0 else MINUS * e.weight), vector) for e, vector in usable]
        return weighted_sum(mixed(words, photos, self.sample() if words and photos else None))

    # Answers

    def _list(
        self, query: Query, plain: Sequence[Candidates], limit: int | None, order: Order, token: CancelToken
    ) -> _Found:
        """Return what filters alone leave, or everything, by date or name."""
        ids = self._filter.listed(query, plain)
        ids = ids[found_by(plain, ids)]
        if order == "name":
            ids = self._filter.by(order, ids, token)
        ids = ids[:limit]
        return _Found(ids, None, 0 if query.is_empty else len(ids))

    def _rank(
        self,
        query: Query,
        ranked: Sequence[tuple[Candidates, FloatArray]],
        plain: Sequence[Candidates],
        limit: int,
        caution: float,
        order: Order,
        votes: dict[PhotoId, int],
        token: CancelToken,
    ) -> _Found:
        """Return the best of all alternatives."""
        if self.feedback is not None and votes:
            with_feedback, sample = self.feedback.with_feedback, self.sample()
            ranked = [(one, with_feedback(vector, votes, one.among, sample)) for one, vector in ranked]
        best: dict[int, float] = {}
        for narrowed, vector in ranked:
            ids, scores = self._index.search(vector, limit, narrowed.among)
            for photo_id, score in zip(ids.tolist(), scores.tolist(), strict=True):
                best[photo_id] = max(score, best.get(photo_id, -np.inf))
        ids = np.fromiter(best.keys(), np.int64, len(best))
        ids, scores = top_k(ids, np.fromiter(best.values(), np.float32, len(best)), limit)
        ids, scores, ups, downs = arranged(ids, scores, votes)
        strong = ups + self._strong([vector for _, vector in ranked], scores[ups : len(scores) - downs], caution)
        exact = [narrowed for narrowed, _ in ranked if any(isinstance(part, Exact) for part in narrowed.branch.where)]
        if exact and len(exact) == len(ranked):
            # What has the text counts, wherever ranking put it, and whether or not it has a vector.
            strong = len(ids)
        listed = self._filter.listed(query, [*plain, *exact]) if plain or exact else ids[:0]
        front = listed[found_by(plain, listed)][:limit] if query.tree is not None else listed[:0]
        back = listed[found_by(exact, listed)] if len(ids) < limit else listed[:0]
        if len(front):
            behind = ~np.isin(ids, front)
            strong = len(front) + int(np.count_nonzero(behind[:strong]))
            ids = np.concatenate([front, ids[behind]])
            scores = np.concatenate([np.ones(len(front), np.float32), scores[behind]])
        if len(back):
            back = back[~np.isin(back, ids)]
            strong += len(back) if strong == len(ids) else 0
            ids = np.concatenate([ids, back])
            scores = np.concatenate([scores, np.full(len(back), min(0.0, scores.min(initial=0.0)), np.float32)])
        ids, scores, strong = ids[:limit], scores[:limit], min(strong, limit)
        ids, scores = _example_first(query, ids, scores)
        if order != "relevance":
            place = {photo_id: i for i, photo_id in enumerate(ids[:strong].tolist())}
            sorted_ids = self._filter.by(order, ids[:strong], token).tolist()
            rows = np.array([*(place.pop(i) for i in sorted_ids), *place.values()], np.int64)
            rows = np.concatenate([rows, np.arange(strong, len(ids))])
            ids, scores = ids[rows], scores[rows]
        return _Found(ids, scores, strong)

    def _grouped(self, found: _Found, limit: int | None) -> tuple[_Found, dict[int, tuple[int, ...]]]:
        shown, behind = group_near_duplicates(found.ids, self._index.vectors_of, self._index.holds)
        strong = int(np.count_nonzero(shown[: found.strong]))
        scores = None if found.scores is None else found.scores[shown][:limit]
        ids = found.ids[shown][:limit]
        listed = set(ids.tolist())
        behind = {i: copies for i, copies in behind.items() if i in listed}
        strong = min(strong, len(ids))
        # No stack reaches further than so many hits.
        good, heads = set(found.ids[: min(found.strong, MOST)].tolist()), ids[: min(strong, MOST)].tolist()
        copies = sum(len(good.intersection(behind.get(head, ()))) for head in heads)
        return _Found(ids, scores, strong, copies), behind

    # Words

    def _text_parts(
        self, terms: tuple[Term, ...], known: dict[str, FloatArray | None]
    ) -> list[tuple[float, FloatArray]]:
        if self._text is None:
            raise QueryError(
                "There is no usable model pack, so photos cannot be searched by words.", code="query.no-pack"
            )
        parts = []
        wanted = [term for term in terms if term.weight > 0]
        plus = self._text.encode(" ".join(term.word for term in wanted))
        if plus is not None:
            parts.append((1.0, plus))
        for term in terms:
            # What a weight adds to, or takes from, the share that a word has in the phrase anyway.
            extra = (term.weight - 1.0) / len(wanted) if term.weight > 0 else MINUS * term.weight
            if extra and term.word not in known:
                known[term.word] = self._text.encode(term.word)
            word = known[term.word] if extra else None
            if word is not None:
                parts.append((extra, word))
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
        # Of all words together: some are known only beside each other, as the name of a subject.
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

    def _strong(self, vectors: Sequence[FloatArray], scores: FloatArray, caution: float) -> int:
        if not vectors or not len(scores):
            return 0
        sample = self.sample()
        if sample is None:
            return len(scores)
        # Of several alternatives the best counts, in the background as among the hits.
        of_any = (sample @ np.stack(vectors).T).max(axis=1)
        return result_cutoff.count_good(scores, of_any, caution)

    def sample(self) -> FloatArray | None:
        """Return unit vectors of ordinary photos (B, D): the pack's, or some of the library's; None if too few."""
        if self._background is not None:
            return self._background
        ids = self._index.sample_ids(1000)
        return self._index.vectors_of(ids) if len(ids) >= 50 else None


def _with_spare(limit: int | None, stacks: bool) -> int | None:
    """Return how many must be found so that enough are left when copies are put behind each other."""
    return limit if limit is None or not stacks else 2 * limit + 20


def _example_first(query: Query, ids: IdArray, scores: FloatArray) -> tuple[IdArray, FloatArray]:
    """Put the photo that is asked about before its likes: near-duplicate copies, or a focus, may score higher."""
    if query.tree is not None or len(query.examples) != 1 or query.examples[0].photo_id is None:
        return ids, scores
    own = ids == query.examples[0].photo_id
    order = np.concatenate([np.flatnonzero(own), np.flatnonzero(~own)])
    return ids[order], scores[order]


def _since(start: float) -> float:
    return (time.perf_counter() - start) * 1000.0


__all__ = ["CatalogError", "Order", "SearchService"]
