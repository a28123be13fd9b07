# SPDX-License-Identifier: GPL-3.0-or-later
"""The search service: from a query to a result page."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from semantic_photos.domain import result_cutoff
from semantic_photos.domain.errors import CatalogError
from semantic_photos.domain.filters import Exact, fold
from semantic_photos.domain.messages import CancelToken
from semantic_photos.domain.photo import Counts
from semantic_photos.domain.ports import FloatArray, ImageEncoder, TextEncoder
from semantic_photos.domain.query import Emptied, Query, ResultPage
from semantic_photos.domain.result_cutoff import Cutoff
from semantic_photos.index.hybrid_index import HybridIndex
from semantic_photos.media.decoder_pool import DecoderPool
from semantic_photos.services.search.candidates import CandidateFilter
from semantic_photos.services.search.examples import ExampleVectors
from semantic_photos.services.search.good_matches import GoodMatches
from semantic_photos.services.search.query_resolution import MINUS, QueryResolver, Resolved
from semantic_photos.services.search.relevance_feedback import RelevanceFeedback
from semantic_photos.services.search.retrieval import Hits, Order, Retrieval, emptied_first
from semantic_photos.storage.catalog import Catalog

#: Good matches are counted up to here.
_COUNTED = 10_000


class SearchService:
    """Answers queries.

    Thread: any, but callers use the serial library lane so that answers come in order.

    Attributes:
        examples: turns example photos into vectors.
        matches: tells good matches.
        feedback: votes, or None.
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
        cutoff: Cutoff | None = None,
    ) -> None:
        self._index, self._counts, self._background, self._limit = index, counts, background, limit
        self._filter = CandidateFilter(catalog)
        self.feedback = feedback
        self.examples = ExampleVectors(catalog, text, images, decoders, self.sample)
        self.matches = GoodMatches(text, cutoff, self.sample)
        self._resolver = QueryResolver(text, self.examples, self._filter, self.matches, self.sample)
        self._retrieval = Retrieval(index, self._filter, self.matches, feedback, self.sample)

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
        steps = self._retrieval
        total = self._counts().total
        votes = self.feedback.votes(query) if self.feedback is not None else {}
        found = self._resolver.resolve(query, token)
        token.raise_if_cancelled()
        ranks = bool(found.ranked or query.examples) or not found.plain
        most = (limit if limit is not None else self._limit()) if ranks else None if query.is_empty else limit
        wide = _with_spare(most, stacks)
        if ranks:
            assert most is not None
            spare = wide or most
            ranked = [(one, steps.retrieve(one, spare, caution)) for one in steps.with_feedback(found.ranked, votes)]
            hits = steps.merge(found, ranked, votes, spare, caution)
            hits = steps.ordered(found.query, hits, order, token)
        else:
            hits = steps.listed(found, wide, order, token)
        good = hits.strong
        behind: dict[int, tuple[int, ...]] = {}
        if stacks:
            hits, behind = steps.grouped(hits, most)
        return ResultPage(
            query, generation, hits.ids, hits.scores, found.unknown, found.suggestions, searched=len(self._index),
            total=total, milliseconds=_since(start), engine=self._index.engine, strong=hits.strong,
            emptied_by=None if len(hits.ids) else self._emptied(found), stacks=behind, votes=votes,
            left_out=found.left_out, by_name=found.by_name, good=good, copies=hits.copies,
            nothing_shows=_nothing_shows(found, hits), weak_words=_weak_words(found),
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
        return self._resolver.vector(query, token)

    def sample(self) -> FloatArray | None:
        """Return unit vectors of ordinary photos (B, D): the pack's, or some of the library's; None if too few."""
        if self._background is not None:
            return self._background
        ids = self._index.sample_ids(1000)
        return self._index.vectors_of(ids) if len(ids) >= 50 else None

    def _emptied(self, found: Resolved) -> Emptied | None:
        """Return the filter that left nothing, as it was typed."""
        first = emptied_first(found)
        of_all = self._index.searchable_ids() if found.ranked else self._filter.listed(found.query)
        emptied = first.emptied_by(of_all) if first is not None else None
        if emptied is None:
            return None
        typed = {str(Exact(fold(word))): word for word in found.by_name}
        return replace(emptied, term=typed.get(emptied.term, emptied.term))


def _nothing_shows(found: Resolved, hits: Hits) -> str:
    """Return the wanted words of a query if it has hits and none is a good match; else an empty text."""
    if hits.strong or not len(hits.ids) or hits.scores is None:
        return ""
    words = dict.fromkeys(term.word for term in found.query.terms if term.weight > 0)
    return " ".join(word for word in words if word not in found.unknown)


def _weak_words(found: Resolved) -> tuple[str, ...]:
    """Return the words of a query that were trained too little for a good match."""
    return tuple(dict.fromkeys(cut.word for one in found.ranked for cut in one.wanted or () if cut.weak))


def _with_spare(limit: int | None, stacks: bool) -> int | None:
    """Return how many must be found so that enough are left when copies are put behind each other."""
    return limit if limit is None or not stacks else 2 * limit + 20


def _since(start: float) -> float:
    return (time.perf_counter() - start) * 1000.0


__all__ = ["MINUS", "CatalogError", "Order", "SearchService"]
