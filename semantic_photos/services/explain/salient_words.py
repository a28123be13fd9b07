# SPDX-License-Identifier: GPL-3.0-or-later
"""Salient words of a photo, as suggestions to search with, and those that two photos share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from semantic_photos.domain.ports import FloatArray, IdArray, TagModel

#: Below this calibrated confidence a word is not offered: a wrong one is worse than none.
LEAST = 0.3
#: Two photos that both may show a thing are weaker evidence each, and still the best reason there is.
LEAST_SHARED = 0.15
#: Tags nearer to each other than this many standard deviations above two ordinary tags are one thing said twice: sea
#: and ocean are at 7, street and city at 4.6, snow and mountain at 2.6.
SAME_THING = 4.0


@dataclass(frozen=True, slots=True)
class SalientWord:
    """A word that a photo shows, with its calibrated probability in [0, 1]."""

    tag: str
    confidence: float


class SalientWords:
    """Finds the concepts of photos among the tags of a pack.

    Thread: any.
    """

    def __init__(self, pack: TagModel | None) -> None:
        self._pack = pack
        self._same: float | None = None

    def of_vector(self, vector: FloatArray, n: int = 6, least: float = LEAST) -> list[SalientWord]:
        """Return the most probable concepts of a photo's unit vector (D,), different from each other."""
        if self._pack is None or not len(self._pack.tags):
            return []
        return self._pick(self._pack, self._pack.tag_confidences(vector[None])[0], n, least)

    def shared(self, one: FloatArray, other: FloatArray, n: int = 4, least: float = LEAST_SHARED) -> list[SalientWord]:
        """Return what two photos, unit vectors (D,), both show; the confidence is of both (geometric mean)."""
        if self._pack is None or not len(self._pack.tags):
            return []
        first, second = self._pack.tag_confidences(np.stack([one, other]))
        both = np.sqrt(first * second)
        both[np.minimum(first, second) < least / 2] = 0.0
        return self._pick(self._pack, both, n, least)

    def _pick(self, pack: TagModel, confidences: FloatArray, n: int, least: float) -> list[SalientWord]:
        order = np.argsort(-confidences, kind="stable")[: 8 * n]
        order = order[confidences[order] >= least]
        chosen = diverse(order, pack.tag_matrix, self._border(pack), n, [stat.tag for stat in pack.tags])
        return [SalientWord(pack.tags[i].tag, float(confidences[i])) for i in chosen]

    def _border(self, pack: TagModel) -> float:
        """Return the cosine from which two tags are one thing: relative to the cosines of all pairs of tags."""
        if self._same is None:
            cosines = pack.tag_matrix @ pack.tag_matrix.T
            apart = cosines[~np.eye(len(cosines), dtype=bool)]
            self._same = float(apart.mean() + SAME_THING * apart.std()) if len(apart) else 1.0
        return self._same


def diverse(order: IdArray, matrix: FloatArray, border: float, n: int, names: Sequence[str]) -> list[int]:
    """Return up to ``n`` of ``order``, best first, leaving out words that repeat a chosen one.

    Args:
        order: rows, best first.
        matrix: unit vectors of all rows (T, D).
        border: cosine from which two say the same.
        n: how many.
        names: of all rows; one whose words hold all words of one that was taken ("golf ball", "ball") says the same.
    """
    chosen: list[int] = []
    for row in order.tolist():
        if len(chosen) == n:
            break
        words = set(names[row].split())
        again = any(
            float(matrix[row] @ matrix[other]) >= border
            or words <= set(names[other].split())
            or set(names[other].split()) <= words
            for other in chosen
        )
        if not again:
            chosen.append(row)
    return chosen
