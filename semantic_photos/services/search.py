# SPDX-License-Identifier: GPL-3.0-or-later
"""A query becomes one unit vector, the vector becomes a page of photos."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from semantic_photos.domain import relevance
from semantic_photos.domain.errors import CatalogError, PhotoError, QueryError
from semantic_photos.domain.messages import CancelToken
from semantic_photos.domain.photo import Counts, ImageRecipe, PhotoId
from semantic_photos.domain.ports import ByteArray, FloatArray, IdArray, ImageEncoder, TextEncoder
from semantic_photos.domain.query import Example, Query, ResultPage
from semantic_photos.domain.vectors import normalise, softmax_weights, usable_rows, weighted_sum
from semantic_photos.index.hybrid_index import HybridIndex
from semantic_photos.media.decode import DecodeRequest
from semantic_photos.media.decoder_pool import DecoderPool
from semantic_photos.storage.catalog import Catalog

#: How strongly a minus word pushes away; at 1 the question would be ruled by what is not wanted.
MINUS = 0.6
#: Sharpness of the focus: cosines of positions with the focus word are divided by this before the soft maximum.
FOCUS_TEMPERATURE = 0.05
#: Share of the focus word itself in a focused question; the rest is the photo's part that shows it.
FOCUS_WORD = 0.35


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
    ) -> None:
        self._catalog, self._index, self._text, self._images = catalog, index, text, images
        self._decoders, self._counts, self._background, self._limit = decoders, counts, background, limit

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
        if vector is None:
            page = ResultPage.nothing(query, generation)
            ids, scores = page.ids, np.empty(0, np.float32)
        else:
            ids, scores = self._index.search(vector, limit if limit is not None else self._limit())
            ids, scores = _example_first(query, ids, scores)
        return ResultPage(
            query, generation, ids, scores, unknown, suggestions, searched=len(self._index), total=counts.total,
            milliseconds=_since(start), engine=self._index.engine, strong=self._strong(vector, scores),
        )  # fmt: skip

    def vector(self, query: Query, token: CancelToken | None = None) -> FloatArray | None:
        """Return the unit vector (D,) of a query, or None if it holds nothing that is known.

        Raises:
            QueryError, PhotoError, CatalogError: as ``run``.
        """
        parts: list[tuple[float, FloatArray]] = []
        if query.terms:
            parts += self._text_parts(query)
        for example in query.examples:
            if token is not None:
                token.raise_if_cancelled()
            parts.append((example.weight, self._example_vector(example, query.focus)))
        return weighted_sum(parts)

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

    # Pictures

    def _example_vector(self, example: Example, focus: str) -> FloatArray:
        if self._images is None:
            raise QueryError("Without a model pack photos cannot be compared.", code="query.no-pack")
        direction = self._focus_direction(focus)
        stored = self._stored_vector(example.photo_id) if example.photo_id is not None else None
        if direction is None and stored is not None:
            return stored
        path = self._example_path(example)
        try:
            square = self._square(path, self._images.recipe)
        except PhotoError:
            # The file is on a drive that is not plugged in, say: its vector still tells most.
            if stored is None:
                raise
            assert direction is not None
            return normalise(stored + direction)
        if direction is None:
            return _checked(self._images.encode(square[None])[0])
        return self._focused(square, direction)

    def _focus_direction(self, focus: str) -> FloatArray | None:
        if not focus:
            return None
        direction = self._text.encode(focus) if self._text is not None else None
        if direction is None:
            raise QueryError(f"The focus “{focus}” is not a known word.", code="query.unknown-focus")
        return direction

    def _stored_vector(self, photo_id: PhotoId) -> FloatArray | None:
        assert self._images is not None
        ids, vectors = self._catalog.vectors_for(self._images.fingerprint, [photo_id])
        return vectors[0] if len(ids) else None

    def _example_path(self, example: Example) -> Path:
        if example.path is not None:
            return example.path
        if example.photo_id is not None:
            photo = self._catalog.photos([example.photo_id]).get(example.photo_id)
            if photo is not None:
                return photo.path
        raise QueryError("The example photo is no longer in the library.", code="query.no-example")

    def _square(self, path: Path, recipe: ImageRecipe) -> ByteArray:
        decoded = self._decoders.submit(DecodeRequest(path, recipe=recipe, thumbnail_side=None), urgent=True).result(
            timeout=120
        )
        assert decoded.square is not None
        return decoded.square

    def _focused(self, square: ByteArray, direction: FloatArray) -> FloatArray:
        """Pool the activations with weights by how much each position shows the focus.

        Class activation mapping (Zhou et al. 2016, "Learning Deep Features for Discriminative Localization") with
        the projection head in place of the classifier and any word in place of a class.
        """
        assert self._images is not None
        activations, positions = self._images.encode_map(square[None])
        cosines = positions[0].reshape(-1, positions.shape[-1]) @ direction
        weights = softmax_weights(cosines, FOCUS_TEMPERATURE)
        channels = activations[0].reshape(activations.shape[1], -1)
        focused = _checked(self._images.project((channels @ weights)[None])[0])
        return normalise((1 - FOCUS_WORD) * focused + FOCUS_WORD * direction)

    def _strong(self, vector: FloatArray | None, scores: FloatArray) -> int:
        if vector is None or not len(scores):
            return 0
        sample = self._background
        if sample is None:
            ids = self._index.sample_ids(1000)
            if len(ids) < 50:
                return len(scores)
            sample = self._index.vectors_of(ids)
        mean, std = relevance.background(vector, sample)
        return relevance.count_good(scores, mean, std)


def _example_first(query: Query, ids: IdArray, scores: FloatArray) -> tuple[IdArray, FloatArray]:
    """Put the photo that is asked about before its likes: near-identical copies, or a focus, may score higher."""
    if query.terms or len(query.examples) != 1 or query.examples[0].photo_id is None:
        return ids, scores
    own = ids == query.examples[0].photo_id
    order = np.concatenate([np.flatnonzero(own), np.flatnonzero(~own)])
    return ids[order], scores[order]


def _checked(vector: FloatArray) -> FloatArray:
    if not usable_rows(vector[None])[0]:
        raise PhotoError("The network gave no usable vector for this picture.", code="photo.bad-embedding")
    return vector


def _since(start: float) -> float:
    return (time.perf_counter() - start) * 1000.0


__all__ = ["CatalogError", "SearchService"]
