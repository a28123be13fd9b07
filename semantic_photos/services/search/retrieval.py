# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps from a resolved query to its result page: retrieve, merge, order, group."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from semantic_photos.domain import result_cutoff
from semantic_photos.domain.filters import Exact
from semantic_photos.domain.messages import CancelToken
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.ports import FloatArray, IdArray
from semantic_photos.domain.query import Query
from semantic_photos.domain.relevance_feedback import arranged
from semantic_photos.domain.vectors import top_k
from semantic_photos.index.hybrid_index import HybridIndex
from semantic_photos.services.search.candidates import CandidateFilter, Candidates, found_by
from semantic_photos.services.search.good_matches import GoodMatches, MaskArray
from semantic_photos.services.search.near_duplicates import MOST, group_near_duplicates
from semantic_photos.services.search.query_resolution import RankedAlternative, Resolved
from semantic_photos.services.search.relevance_feedback import RelevanceFeedback

Order = Literal["relevance", "date", "name"]


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """Photos found.

    Attributes:
        ids: int64 (N,), best first.
        scores: float32 (N,) cosines, or None when nothing was ranked.
        strong: how many of the first are good matches.
        copies: how many good matches are behind those, as near-duplicates.
    """

    ids: IdArray
    scores: FloatArray | None
    strong: int
    copies: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Retrieved:
    """What one alternative finds, best first: ids (N,), cosines (N,), and which are good, bool (N,) or None.

    None: the best hits of all alternatives tell.
    """

    ids: IdArray
    scores: FloatArray
    good: MaskArray | None


class Retrieval:
    """Finds, merges, orders and groups.

    Thread: any; blocking (catalog and index).

    Args:
        index: the vectors.
        narrowing: filters and lists of the catalog.
        matches: tells good matches.
        feedback: votes, or None.
        sample: gives unit vectors of ordinary photos (B, D), or None.
    """

    def __init__(
        self,
        index: HybridIndex,
        narrowing: CandidateFilter,
        matches: GoodMatches,
        feedback: RelevanceFeedback | None,
        sample: Callable[[], FloatArray | None],
    ) -> None:
        self._index, self._filter, self._matches = index, narrowing, matches
        self._feedback, self._sample = feedback, sample

    def listed(self, found: Resolved, limit: int | None, order: Order, token: CancelToken) -> Hits:
        """Return what filters alone leave, or everything, by date or name."""
        ids = self._filter.listed(found.query, found.plain)
        ids = ids[found_by(found.plain, ids)]
        if order == "name":
            ids = self._filter.by(order, ids, token)
        ids = ids[:limit]
        return Hits(ids, None, 0 if found.query.is_empty else len(ids))

    # Retrieve

    def with_feedback(
        self, alternatives: Sequence[RankedAlternative], votes: Mapping[PhotoId, int]
    ) -> list[RankedAlternative]:
        """Return alternatives moved by votes. Their cut-off is relative to the best hits."""
        if self._feedback is None or not votes:
            return list(alternatives)
        moved, sample = self._feedback.with_feedback, self._sample()
        return [
            RankedAlternative(one.narrowed, moved(one.vector, votes, one.narrowed.among, sample), None, one.unwanted)
            for one in alternatives
        ]

    def retrieve(self, alternative: RankedAlternative, limit: int, caution: float) -> Retrieved:
        """Return up to ``limit`` photos of one alternative, without those that clearly show a minus word."""
        among = alternative.narrowed.among
        count = limit
        while True:
            ids, scores = self._index.search(alternative.vector, count, among)
            more = len(ids) == count
            ids, scores, vectors = self._with_vectors(ids, scores, alternative)
            if alternative.unwanted:
                kept = ~self._matches.excluded(alternative.unwanted, vectors)
                ids, scores, vectors = ids[kept], scores[kept], vectors[kept]
            if len(ids) >= limit or not more:
                break
            count *= 4
        ids, scores, vectors = ids[:limit], scores[:limit], vectors[:limit]
        good = None if alternative.wanted is None else self._matches.shows(alternative.wanted, vectors, caution)
        return Retrieved(ids, scores, good)

    def _with_vectors(
        self, ids: IdArray, scores: FloatArray, alternative: RankedAlternative
    ) -> tuple[IdArray, FloatArray, FloatArray]:
        """Return hits with their vectors, which only cut-offs need; a photo that left meanwhile is left out."""
        if alternative.wanted is None and not alternative.unwanted:
            return ids, scores, np.empty((len(ids), 0), np.float32)
        held = self._index.holds(ids)
        vectors = self._index.vectors_of(ids[held])
        if len(vectors) != np.count_nonzero(held):
            return ids[:0], scores[:0], vectors[:0]
        return ids[held], scores[held], vectors

    # Merge

    def merge(
        self,
        found: Resolved,
        ranked: Sequence[tuple[RankedAlternative, Retrieved]],
        votes: Mapping[PhotoId, int],
        limit: int,
        caution: float,
    ) -> Hits:
        """Return the best of all alternatives: good matches first, then weak ones.

        A photo counts with the best of its cosines, and is good if it is for one alternative. What answers an
        alternative of filters alone comes first, with a score of 1; what has a quoted text is always good.
        """
        best: dict[int, float] = {}
        good: set[int] = set()
        for _, hits in ranked:
            for photo_id, score in zip(hits.ids.tolist(), hits.scores.tolist(), strict=True):
                best[photo_id] = max(score, best.get(photo_id, -np.inf))
            if hits.good is not None:
                good.update(hits.ids[hits.good].tolist())
        ids = np.fromiter(best.keys(), np.int64, len(best))
        ids, scores = top_k(ids, np.fromiter(best.values(), np.float32, len(best)), len(best))
        relative = [alternative.vector for alternative, hits in ranked if hits.good is None]
        if relative:
            good.update(ids[: self._relative(relative, scores, ids, votes, caution)].tolist())
        clear = np.fromiter((i in good for i in ids.tolist()), np.bool_, len(ids))
        order = np.argsort(~clear, kind="stable")[:limit]
        ids, scores, ups, downs = arranged(ids[order], scores[order], votes)
        strong = ups + sum(i in good for i in ids[ups : len(ids) - downs].tolist())
        return self._with_exact(found, [one for one, _ in ranked], Hits(ids, scores, strong), limit)

    def _relative(
        self,
        vectors: Sequence[FloatArray],
        scores: FloatArray,
        ids: IdArray,
        votes: Mapping[PhotoId, int],
        caution: float,
    ) -> int:
        """Return how many of the first hits stand out from ordinary photos as the best hits do; voted ones aside."""
        sample = self._sample()
        if sample is None or not len(scores):
            return len(scores)
        unvoted = np.fromiter((PhotoId(i) not in votes for i in ids.tolist()), np.bool_, len(ids))
        # Of several alternatives the best counts, in the background as among the hits.
        of_any = (sample @ np.stack(vectors).T).max(axis=1)
        border = result_cutoff.border(scores[unvoted], of_any, caution)
        return int(np.count_nonzero(scores >= border))

    def _with_exact(self, found: Resolved, ranked: Sequence[RankedAlternative], hits: Hits, limit: int) -> Hits:
        """Return hits with those of alternatives that need no vector: filters alone, quoted texts."""
        ids, strong = hits.ids, hits.strong
        scores = hits.scores if hits.scores is not None else np.empty(0, np.float32)
        exact = [one.narrowed for one in ranked if any(isinstance(part, Exact) for part in one.narrowed.branch.where)]
        if exact and len(exact) == len(ranked):
            # What has the text counts, wherever ranking put it, and whether or not it has a vector.
            strong = len(ids)
        listed = self._filter.listed(found.query, [*found.plain, *exact]) if found.plain or exact else ids[:0]
        front = listed[found_by(found.plain, listed)][:limit] if found.query.tree is not None else listed[:0]
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
        return Hits(ids[:limit], scores[:limit], min(strong, limit))

    # Order

    def ordered(self, query: Query, hits: Hits, order: Order, token: CancelToken) -> Hits:
        """Return ranked hits with the example photo itself first, and the good ones in the order that is wanted."""
        assert hits.scores is not None
        ids, scores = _example_first(query, hits.ids, hits.scores)
        if order == "relevance":
            return Hits(ids, scores, hits.strong)
        place = {photo_id: i for i, photo_id in enumerate(ids[: hits.strong].tolist())}
        sorted_ids = self._filter.by(order, ids[: hits.strong], token).tolist()
        rows = np.array([*(place.pop(i) for i in sorted_ids), *place.values()], np.int64)
        rows = np.concatenate([rows, np.arange(hits.strong, len(ids))])
        return Hits(ids[rows], scores[rows], hits.strong)

    # Group

    def grouped(self, hits: Hits, limit: int | None) -> tuple[Hits, dict[int, tuple[int, ...]]]:
        """Return hits with near-duplicates behind each other, and the ids behind each first one."""
        shown, behind = group_near_duplicates(hits.ids, self._index.vectors_of, self._index.holds)
        strong = int(np.count_nonzero(shown[: hits.strong]))
        scores = None if hits.scores is None else hits.scores[shown][:limit]
        ids = hits.ids[shown][:limit]
        listed = set(ids.tolist())
        behind = {i: copies for i, copies in behind.items() if i in listed}
        strong = min(strong, len(ids))
        # No stack reaches further than so many hits.
        good, heads = set(hits.ids[: min(hits.strong, MOST)].tolist()), ids[: min(strong, MOST)].tolist()
        copies = sum(len(good.intersection(behind.get(head, ()))) for head in heads)
        return Hits(ids, scores, strong, copies), behind


def emptied_first(found: Resolved) -> Candidates | None:
    """Return the first alternative with filters, which may have emptied the page."""
    return next((one for one in [*(one.narrowed for one in found.ranked), *found.plain] if one.masks), None)


def _example_first(query: Query, ids: IdArray, scores: FloatArray) -> tuple[IdArray, FloatArray]:
    """Put the example photo before similar ones: near-duplicate copies, or a focus, may score higher."""
    if query.tree is not None or len(query.examples) != 1 or query.examples[0].photo_id is None:
        return ids, scores
    own = ids == query.examples[0].photo_id
    order = np.concatenate([np.flatnonzero(own), np.flatnonzero(~own)])
    return ids[order], scores[order]
