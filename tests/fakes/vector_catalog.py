# SPDX-License-Identifier: GPL-3.0-or-later
"""A catalog of vectors in memory that keeps the promises the index relies on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from semantic_photos.domain.ports import FloatArray, IdArray


class VectorCatalog:
    """Holds a vector per photo; each stored vector gets the next number, which is never given twice."""

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self.rows: dict[int, tuple[FloatArray, int]] = {}
        self.number = 0
        self.read: list[int] = []

    def put(self, ids: Sequence[int] | IdArray, vectors: FloatArray) -> None:
        for photo_id, vector in zip(np.asarray(ids).tolist(), vectors, strict=True):
            self.number += 1
            self.rows[photo_id] = (np.asarray(vector, np.float32), self.number)

    def delete(self, ids: Sequence[int] | IdArray) -> None:
        for photo_id in np.asarray(ids).tolist():
            self.rows.pop(photo_id, None)

    def ids_now(self) -> IdArray:
        return np.array(list(self.rows), np.int64)

    def vectors_for(self, ids: IdArray) -> tuple[IdArray, FloatArray]:
        known = [i for i in np.asarray(ids).tolist() if i in self.rows]
        self.read += known
        vectors = [self.rows[i][0] for i in known]
        return np.array(known, np.int64), np.array(vectors, np.float32).reshape(-1, self.dim)

    def changed_since(self, generation: int) -> list[int]:
        return [photo_id for photo_id, (_, number) in self.rows.items() if number > generation]

    def generation(self) -> int:
        return self.number

    def callables(self) -> dict[str, Any]:
        """Return what ``HybridIndex.load`` asks for."""
        return {
            "ids_now": self.ids_now,
            "vectors_for": self.vectors_for,
            "changed_since": self.changed_since,
            "generation": self.generation,
        }
