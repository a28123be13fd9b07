# SPDX-License-Identifier: GPL-3.0-or-later
"""A snapshot for one search: a segment with hidden rows, and a delta, as a value."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from semantic_photos.domain.ports import FloatArray, IdArray
from semantic_photos.index.annoy_index import Segment
from semantic_photos.index.exact_index import BoolArray, Rows

#: Coordinates that differ by no more are the same vector: it was stored and read back.
SAME = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """Everything that is searchable at one moment; nothing in it changes, so that readers need no lock.

    Attributes:
        segment: the current segment, or None.
        base: the segment's rows, with those hidden that were removed or stand in the delta.
        delta: photos beside the segment. No id is live in both.
    """

    segment: Segment | None
    base: Rows
    delta: Rows
    _samples: dict[int, IdArray] = field(default_factory=dict)

    @classmethod
    def over(cls, segment: Segment | None, live: BoolArray | None, delta: Rows) -> Snapshot:
        """Return the state of a segment of which the rows ``live`` (N,) are shown (None: all), and a delta."""
        if segment is None:
            return cls(None, Rows.empty(delta.vectors.shape[1]), delta)
        if live is None or live.all():
            return cls(segment, segment.rows, delta)
        return cls(segment, Rows(segment.rows.vectors, segment.rows.ids, live, int(np.count_nonzero(live))), delta)

    @property
    def size(self) -> int:
        """Return the number of searchable photos."""
        return self.base.size + self.delta.size

    @property
    def hidden(self) -> int:
        """Return the number of hidden rows of the segment."""
        return len(self.base.ids) - self.base.size

    def changed(self, delta: Rows, *, show: IdArray | None = None, hide: IdArray | None = None) -> Snapshot:
        """Return the state with another delta and with rows of the segment shown or hidden; unknown ids are fine."""
        if self.segment is None:
            return Snapshot(None, self.base, delta)
        live = self.base.live
        for ids, value in ((show, True), (hide, False)):
            rows = self.segment.rows.find(ids) if ids is not None else np.empty(0, np.int64)
            rows = rows[rows >= 0]
            now = np.ones(len(rows), np.bool_) if live is None else live[rows]
            if np.any(now != value):
                live = np.ones(len(self.base.ids), np.bool_) if live is None else live.copy()
                live[rows] = value
        return (
            Snapshot(self.segment, self.base, delta)
            if live is self.base.live
            else Snapshot.over(self.segment, live, delta)
        )

    def stands_in_segment(self, ids: IdArray, vectors: FloatArray) -> BoolArray:
        """Return for each photo whether the segment has it, shown or hidden, with the same vector (N, D)."""
        same = np.zeros(len(ids), np.bool_)
        if self.segment is not None:
            rows = self.segment.rows.find(ids)
            known = np.flatnonzero(rows >= 0)
            apart = np.abs(self.segment.rows.vectors[rows[known]] - vectors[known]).max(axis=1, initial=0.0)
            same[known[apart <= SAME]] = True
        return same

    def live_ids(self) -> IdArray:
        """Return the ids of all searchable photos."""
        return np.concatenate([self.base.live_ids(), self.delta.live_ids()])

    def sample_ids(self, n: int) -> IdArray:
        """Return up to ``n`` searchable photos, pseudo-random, always the same while the library is."""
        sample = self._samples.get(n)
        if sample is None:
            ids = self.live_ids()
            # Those with the smallest hashes: a photo that comes or goes changes at most one of the sample.
            sample = np.sort(ids[np.argsort(_scrambled(ids), kind="stable")[: max(n, 0)]])
            self._samples[n] = sample
        return sample

    def vectors_of(self, ids: IdArray) -> tuple[IdArray, FloatArray]:
        """Return those of ``ids`` that are searchable, in their order, with their unit vectors (M, D)."""
        base_rows, delta_rows = self.base.find(ids), self.delta.find(ids)
        vectors = np.empty((len(ids), self.delta.vectors.shape[1]), np.float32)
        in_base, in_delta = base_rows >= 0, delta_rows >= 0
        vectors[in_base] = self.base.vectors[base_rows[in_base]]
        vectors[in_delta] = self.delta.vectors[delta_rows[in_delta]]
        known = in_base | in_delta
        return ids[known], vectors[known]


def _scrambled(ids: IdArray) -> NDArray[np.uint64]:
    """Return 64-bit hashes of ids (the finaliser of SplitMix64, Steele et al. 2014)."""
    x = ids.astype(np.uint64)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(x ^ (x >> np.uint64(31)), dtype=np.uint64)
