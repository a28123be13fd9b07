# SPDX-License-Identifier: GPL-3.0-or-later
"""Relevance feedback: stores votes for each query, and applies them to its results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from semantic_photos.domain.errors import QueryError
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.ports import FloatArray, IdArray
from semantic_photos.domain.query import Query
from semantic_photos.domain.relevance_feedback import Vote, hits_to_fetch, normal_form, with_feedback
from semantic_photos.domain.translatable import Message
from semantic_photos.index.hybrid_index import HybridIndex
from semantic_photos.storage.relevance_feedback import VoteStore


class RelevanceFeedback:
    """Votes of one library, and their effect on results.

    Thread: any; blocking (catalog and index).
    """

    def __init__(self, votes: VoteStore, index: HybridIndex) -> None:
        self._votes, self._index = votes, index
        self._done: list[list[Vote]] = []

    def vote(self, query: Query, photo_ids: Iterable[PhotoId], vote: int) -> None:
        """Set the votes of photos for a query: 1, -1, or 0 to remove them.

        Raises:
            QueryError: the query is empty: then there is nothing to fit.
            CatalogError: the vote cannot be stored.
        """
        if query.is_empty:
            raise QueryError(Message("Enter a query before you rate matches."), code="query.empty")
        self._done.append(self._votes.cast(normal_form(query), photo_ids, vote))

    def votes(self, query: Query) -> dict[PhotoId, int]:
        """Return the votes for a query."""
        return {} if query.is_empty else self._votes.of(normal_form(query))

    def all_votes(self) -> list[Vote]:
        """Return every vote of the library, oldest first."""
        return self._votes.all()

    def clear(self, query: Query | None = None) -> int:
        """Remove all votes for a query, or every vote; return how many."""
        gone = self._votes.clear(None if query is None else normal_form(query))
        if gone:
            self._done.append(gone)
        return len(gone)

    def withdraw(self, votes: Iterable[Vote]) -> None:
        """Take single votes back, whatever query they were given for."""
        by_query: dict[str, list[PhotoId]] = {}
        for vote in votes:
            by_query.setdefault(vote.query, []).append(vote.photo_id)
        gone = [old for query, ids in by_query.items() for old in self._votes.cast(query, ids, 0)]
        if gone:
            self._done.append(gone)

    def undo(self) -> bool:
        """Undo the last vote or clearing of this session; return whether there was one."""
        if not self._done:
            return False
        self._votes.restore(self._done.pop())
        return True

    # For the search

    def with_feedback(
        self, vector: FloatArray, votes: Mapping[PhotoId, int], among: IdArray | None, sample: FloatArray | None
    ) -> FloatArray:
        """Return the vector (D,) of a query moved by its votes.

        Args:
            vector: unit vector (D,) of the query.
            votes: of this query.
            among: the photos that its filters leave, or None for all.
            sample: unit vectors (N, D) of ordinary photos, or None.
        """
        liked = self._vectors([photo_id for photo_id, vote in votes.items() if vote > 0])
        disliked = self._vectors([photo_id for photo_id, vote in votes.items() if vote < 0])
        if not len(liked) and not len(disliked):
            return vector
        first = hits_to_fetch(len(self._index) if among is None else len(among))
        hits = self._index.vectors_of(self._index.search(vector, first, among)[0])
        middle = hits.mean(axis=0) if len(hits) else np.zeros_like(vector)
        return with_feedback(vector, liked, disliked, middle, sample)

    def _vectors(self, ids: Sequence[PhotoId]) -> FloatArray:
        return self._index.vectors_of([int(i) for i in ids])
