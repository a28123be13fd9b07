# SPDX-License-Identifier: GPL-3.0-or-later
"""A query becomes one unit vector, the vector becomes a page of photos."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from semantic_photos.domain import relevance
from semantic_photos.domain.errors import CatalogError, QueryError
from semantic_photos.domain.feedback import arranged
from semantic_photos.domain.messages import CancelToken
from semantic_photos.domain.photo import Counts
from semantic_photos.domain.ports import FloatArray, IdArray, ImageEncoder, TextEncoder
from semantic_photos.domain.query import Query, ResultPage
from semantic_photos.domain.steering import mixed
from semantic_photos.domain.vectors import weighted_sum
from semantic_photos.index.hybrid_index import HybridIndex
from semantic_photos.media.decoder_pool import DecoderPool
from semantic_photos.services.examples import ExampleVectors
from semantic_photos.services.feedback import Feedback
from semantic_photos.storage.catalog import Catalog

#: How strongly a minus word pushes away; at 1 the question would be ruled by what is not wanted.
MINUS = 0.6


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
        feedback: Feedback | None = None,
    ) -> None:
        self._catalog, self._index, self._text = catalog, index, text
        self._counts, self._background, self._limit = counts, background, limit
        self.feedback = feedback
        self.examples = ExampleVectors(catalog, text, images, decoders, self.sample)

    def run(
        self, query: Query, *, generation: int = 0, limit: int | None = None, token: CancelToken | None = None
    ) -> ResultPage:
        """Answer ``query`` with at most ``limit`` photos, best first; an empty query shows everything.

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
        if query.is_empty:
            ids = self._catalog.browse_ids()
            return ResultPage(query, generation, ids, None, searched=len(self._index), total=counts.total,
                              milliseconds=_since(start), engine=self._index.engine)  # fmt: skip
        unknown, suggestions = self._unknown(query)
        vector = self.vector(query, token)
        token.raise_if_cancelled()
        votes = self.feedback.votes(query) if self.feedback is not None else {}
        strong = 0
        if vector is None:
            page = ResultPage.nothing(query, generation)
            ids, scores = page.ids, np.empty(0, np.float32)
        else:
            if self.feedback is not None and votes:
                vector = self.feedback.steered(vector, votes)
            ids, scores = self._index.search(vector, limit if limit is not None else self._limit())
            ids, scores, ups, downs = arranged(ids, scores, votes)
            strong = ups + self._strong(vector, scores[ups : len(scores) - downs])
            ids, scores = _example_first(query, ids, scores)
        return ResultPage(
            query, generation, ids, scores, unknown, suggestions, searched=len(self._index), total=counts.total,
            milliseconds=_since(start), engine=self._index.engine, strong=strong, votes=votes,
        )  # fmt: skip

    def vector(self, query: Query, token: CancelToken | None = None) -> FloatArray | None:
        """Return the unit vector (D,) of a query, or None if it holds nothing that is known.

        Raises:
            QueryError, PhotoError, CatalogError: as ``run``.
        """
        words = self._text_parts(query) if query.terms else []
        photos: list[tuple[float, FloatArray]] = []
        for example in query.examples:
            if token is not None:
                token.raise_if_cancelled()
            weight = example.weight if example.weight > 0 else MINUS * example.weight
            # What is looked at are parts of the photo to be like, not of one to be unlike.
            photos.append((weight, self.examples.vector(example, query.focuses if weight > 0 else ())))
        return weighted_sum(mixed(words, photos, self.sample() if words and photos else None))

    # Words

    def _text_parts(self, query: Query) -> list[tuple[float, FloatArray]]:
        if self._text is None:
            raise QueryError(
                "There is no usable model pack, so photos cannot be searched by words.", code="query.no-pack"
            )
        parts = []
        plus = self._text.encode(" ".join(term.word for term in query.terms if term.weight > 0))
        if plus is not None:
            parts.append((1.0, plus))
        for term in query.terms:
            if term.weight < 0:
                minus = self._text.encode(term.word)
                if minus is not None:
                    parts.append((MINUS * term.weight, minus))
        return parts

    def _unknown(self, query: Query) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
        if self._text is None or not query.terms:
            return (), {}
        words = [word for term in query.terms for word in self._text.unknown_words(term.word)]
        unknown = tuple(dict.fromkeys(words))
        return unknown, {word: tuple(self._text.suggestions(word, 4)) for word in unknown[:8]}

    def _strong(self, vector: FloatArray, scores: FloatArray) -> int:
        if not len(scores):
            return 0
        sample = self.sample()
        if sample is None:
            return len(scores)
        mean, std = relevance.background(vector, sample)
        return relevance.count_good(scores, mean, std)

    def sample(self) -> FloatArray | None:
        """Return unit vectors of ordinary photos (B, D): the pack's, or some of the library's; None if too few."""
        if self._background is not None:
            return self._background
        ids = self._index.sample_ids(1000)
        return self._index.vectors_of(ids) if len(ids) >= 50 else None


def _example_first(query: Query, ids: IdArray, scores: FloatArray) -> tuple[IdArray, FloatArray]:
    """Put the photo that is asked about before its likes: near-identical copies, or a focus, may score higher."""
    if query.terms or len(query.examples) != 1 or query.examples[0].photo_id is None:
        return ids, scores
    own = ids == query.examples[0].photo_id
    order = np.concatenate([np.flatnonzero(own), np.flatnonzero(~own)])
    return ids[order], scores[order]


def _since(start: float) -> float:
    return (time.perf_counter() - start) * 1000.0


__all__ = ["CatalogError", "SearchService"]
