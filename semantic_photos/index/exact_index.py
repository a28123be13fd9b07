# SPDX-License-Identifier: GPL-3.0-or-later
"""Exact cosine search: for the delta, as the fallback for a segment, and as the reference in tests."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from semantic_photos.domain.errors import InternalError
from semantic_photos.domain.ports import FloatArray, IdArray
from semantic_photos.domain.vectors import normalise, top_k, usable_rows

BoolArray = NDArray[np.bool_]
RowArray = NDArray[np.int64]

#: Rows that are multiplied at once: bounds what `count_above` takes beside the matrix.
CHUNK_ROWS = 16_384
#: Up to this share of the rows a subset is copied together before it is multiplied; a larger one costs less when all
#: rows are multiplied where they lie. Processor time of one search among 100,000 vectors of 256 dimensions, one core:
#: a half 30 ms gathered, 10 ms in place; a fifth 7 and 10 ms; a twentieth 2.3 and 10 ms; a hundredth 0.5 and 10 ms.
GATHERED_SHARE = 0.25
#: From so many rows on several threads multiply; for fewer, calling them costs more than they save.
SHARED_ROWS = 100_000
#: More threads wait for memory, not for processors.
_MOST_THREADS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Photos with their vectors as they were at one moment; nothing in it ever changes.

    Thread: any number of threads may read one.

    Attributes:
        vectors: float32 (N, D) of unit length, in memory or memory-mapped.
        ids: int64 (N,), one photo per row. An id may stand in several rows, at most one of them live.
        live: bool (N,), which rows may be answered; None means all.
        size: number of live rows.
    """

    vectors: FloatArray
    ids: IdArray
    live: BoolArray | None
    size: int

    @classmethod
    def empty(cls, dim: int) -> Rows:
        """Return no rows of ``dim`` dimensions."""
        return cls(np.empty((0, dim), np.float32), np.empty(0, np.int64), None, 0)

    def search(self, query: FloatArray, k: int, among: IdArray | None = None) -> tuple[IdArray, FloatArray]:
        """Return ids and cosines of the ``k`` live rows nearest to a unit vector (D,), best first.

        With ``among``, int64 (M,) sorted and each once, only of rows with these ids.
        """
        k = min(k, self.size)
        if among is not None and k > 0:
            rows = self._rows_among(among)
            if len(rows) <= GATHERED_SHARE * len(self.ids):
                return top_k(self.ids[rows], self.vectors[rows] @ query, k)
            scores = cosines(self.vectors, query)[rows]
            return top_k(self.ids[rows], scores, k)
        if k <= 0:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        scores = cosines(self.vectors, query)
        if self.live is not None:
            scores[~self.live] = -np.inf
        return top_k(self.ids, scores, k)

    def _rows_among(self, among: IdArray) -> RowArray:
        """Return the live rows with these ids, in order of rows."""
        if not len(among):
            return np.empty(0, np.int64)
        if len(among) * 8 < len(self.ids):
            rows = self.find(among)
            return np.sort(rows[rows >= 0])
        # A look into a table is faster than a search in order, as long as ids lie close together.
        low, high = int(among[0]), int(among[-1])
        if high - low > 64 * len(self.ids):
            wanted = np.isin(self.ids, among)
        else:
            table = np.zeros(high - low + 3, np.bool_)
            table[among - low + 1] = True
            wanted = table[np.clip(self.ids, low - 1, high + 1) - low + 1]
        if self.live is not None:
            wanted &= self.live
        return np.flatnonzero(wanted)

    def count_above(self, queries: FloatArray, thresholds: FloatArray) -> RowArray:
        """Count for each of the unit vectors (Q, D) the live rows with a cosine of at least its threshold (Q,)."""
        counts = np.zeros(len(queries), np.int64)
        for start in range(0, len(self.ids), CHUNK_ROWS):
            part = slice(start, start + CHUNK_ROWS)
            above = self.vectors[part] @ queries.T >= thresholds
            if self.live is not None:
                above &= self.live[part, None]
            counts += above.sum(axis=0)
        return counts

    def live_ids(self) -> IdArray:
        """Return the ids of the live rows, in order of rows."""
        return self.ids if self.live is None else self.ids[self.live]

    def find(self, ids: IdArray) -> RowArray:
        """Return for each id the live row that holds it, or -1."""
        rows = np.arange(len(self.ids)) if self.live is None else np.flatnonzero(self.live)
        known = self.ids[rows]
        if len(known) and np.any(known[1:] <= known[:-1]):
            order = np.argsort(known)
            rows, known = rows[order], known[order]
        if not len(known):
            return np.full(len(ids), -1, np.int64)
        place = np.minimum(np.searchsorted(known, ids), len(known) - 1)
        return np.where(known[place] == ids, rows[place], -1).astype(np.int64)


_threads: list[ThreadPoolExecutor] = []
_threads_lock = threading.Lock()


def cosines(vectors: FloatArray, query: FloatArray) -> FloatArray:
    """Return the products (N,) of many rows (N, D) with a vector (D,), by several threads where there are many.

    Not by those of the matrix library: they wait for each other by turning in circles, which on a busy machine costs
    several times the work, so the program switches them off (``semantic_photos/__init__.py``).
    """
    count = min(_MOST_THREADS, os.cpu_count() or 1, len(vectors) // (SHARED_ROWS // 2))
    if count < 2:
        return np.asarray(vectors @ query)
    with _threads_lock:
        if not _threads:
            _threads.append(ThreadPoolExecutor(_MOST_THREADS - 1, "cosines"))
    scores = np.empty(len(vectors), np.float32)
    ends = np.linspace(0, len(vectors), count + 1, dtype=np.int64).tolist()

    def multiply(start: int, stop: int) -> None:
        np.matmul(vectors[start:stop], query, out=scores[start:stop])

    others = [_threads[0].submit(multiply, *part) for part in pairwise(ends[1:])]
    multiply(ends[0], ends[1])
    for other in others:
        other.result()
    return scores


class ExactIndex:
    """Brute-force cosine search on a growing matrix; a ``VectorIndex``.

    Thread: any. A search works on the rows that were there when it began.
    """

    def __init__(self, dim: int) -> None:
        self._lock = threading.Lock()
        self._dim = dim
        self._vectors = np.empty((0, dim), np.float32)
        self._ids = np.empty(0, np.int64)
        self._live = np.empty(0, np.bool_)
        self._count = 0
        self._row_of: dict[int, int] = {}
        self._rows = Rows.empty(dim)

    @property
    def rows(self) -> Rows:
        """Return what is searchable now, as a value that stays as it is."""
        return self._rows

    def search(self, vector: FloatArray, k: int, among: IdArray | None = None) -> tuple[IdArray, FloatArray]:
        """Return ids and cosines of the ``k`` nearest, best first; ties in order of id.

        ``among``: ids, int64 (M,) sorted and each once, of the only photos that may be answered; None for all.

        Raises:
            InternalError: when the vector has another shape, no direction, or is not finite.
        """
        return self._rows.search(checked_query(vector, self._dim), k, among)

    def add(self, ids: Sequence[int] | IdArray, vectors: FloatArray) -> None:
        """Add or replace vectors, float32 (N, D); the last of several equal ids counts.

        Raises:
            InternalError: when shapes disagree or a vector is not finite or has no direction.
        """
        new_ids, new_vectors = checked_batch(ids, vectors, self._dim)
        with self._lock:
            self._reserve(len(new_ids))
            for photo_id in new_ids.tolist():
                row = self._row_of.get(photo_id)
                if row is not None:
                    self._live[row] = False
            # Rows behind `_count` belong to no value that was handed out, so they may be written.
            end = self._count + len(new_ids)
            self._vectors[self._count : end] = new_vectors
            self._ids[self._count : end] = new_ids
            self._live[self._count : end] = True
            self._row_of.update(zip(new_ids.tolist(), range(self._count, end), strict=True))
            self._count = end
            self._publish()

    def remove(self, ids: Sequence[int] | IdArray) -> None:
        """Take photos out of all results; unknown ids are fine."""
        with self._lock:
            for photo_id in np.asarray(ids, dtype=np.int64).tolist():
                row = self._row_of.pop(photo_id, None)
                if row is not None:
                    self._live[row] = False
            self._publish()

    def __len__(self) -> int:
        """Return the number of searchable photos."""
        return self._rows.size

    def _reserve(self, more: int) -> None:
        """Make room for ``more`` rows, leaving dead ones behind when the matrix must be copied anyway."""
        if self._count + more <= len(self._ids):
            return
        keep = np.flatnonzero(self._live[: self._count])
        room = max(256, 2 * (len(keep) + more))
        vectors, ids, live = np.empty((room, self._dim), np.float32), np.empty(room, np.int64), np.zeros(room, np.bool_)
        self._count = len(keep)
        vectors[: self._count] = self._vectors[keep]
        ids[: self._count] = self._ids[keep]
        live[: self._count] = True
        self._vectors, self._ids, self._live = vectors, ids, live
        self._row_of = dict(zip(ids[: self._count].tolist(), range(self._count), strict=True))

    def _publish(self) -> None:
        size = len(self._row_of)
        live = None if size == self._count else self._live[: self._count].copy()
        self._rows = Rows(self._vectors[: self._count], self._ids[: self._count], live, size)


def checked_query(vector: FloatArray, dim: int) -> FloatArray:
    """Return a query as a unit vector, float32 (D,).

    Raises:
        InternalError: when it has another shape, no direction, or is not finite.
    """
    query = np.asarray(vector, dtype=np.float32)
    if query.shape != (dim,):
        raise InternalError(f"a query of shape {query.shape} was asked of an index of {dim} dimensions")
    if not usable_rows(query[None])[0]:
        raise InternalError("a query without a direction was asked")
    return normalise(query)


def checked_batch(ids: Sequence[int] | IdArray, vectors: FloatArray, dim: int) -> tuple[IdArray, FloatArray]:
    """Return ids, int64 (N,), each once, and unit vectors, float32 (N, D); the last of several equal ids counts.

    Raises:
        InternalError: when shapes disagree or a vector is not finite or has no direction.
    """
    numbers = np.asarray(ids, dtype=np.int64)
    array = np.asarray(vectors, dtype=np.float32)
    if array.shape != (len(numbers), dim):
        raise InternalError(
            f"{len(numbers)} ids came with vectors of shape {array.shape}; the index has {dim} dimensions"
        )
    bad = np.flatnonzero(~usable_rows(array))
    if len(bad):
        raise InternalError(f"photo {numbers[bad[0]]} came with a vector without a direction")
    unique, last = np.unique(numbers[::-1], return_index=True)
    if len(unique) < len(numbers):
        rows = len(numbers) - 1 - last
        numbers, array = numbers[rows], array[rows]
    return numbers, normalise(array)
