# SPDX-License-Identifier: GPL-3.0-or-later
"""A preview of automatic tagging: how many tags a run would set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class TagCounts:
    """Automatic tags that a run would leave, and on how many photos; the most frequent first, with their photos."""

    tags: int
    photos: int
    commonest: tuple[tuple[str, int], ...]


class TagPreview:
    """Automatic tags of all photos for every least confidence from the one on that they were counted with.

    Thread: any; nothing changes after the constructor.

    Args:
        examined: photos that were looked at.
        found: of each of them, the tags with the largest least confidence that they are set with.
    """

    def __init__(self, examined: int, found: Iterable[Mapping[str, float]]) -> None:
        self.examined = examined
        numbers: dict[str, int] = {}
        photos, tags, strengths = [], [], []
        for photo, names in enumerate(found):
            for name, strength in names.items():
                photos.append(photo)
                tags.append(numbers.setdefault(name, len(numbers)))
                strengths.append(strength)
        self._names = tuple(numbers)
        self._photos, self._tags = np.array(photos, np.int64), np.array(tags, np.int64)
        self._strengths = np.array(strengths, np.float32)

    def at(self, least: float, commonest: int = 8) -> TagCounts:
        """Count what a run with this least confidence would leave; a millisecond for 300,000 tags."""
        given = self._strengths >= np.float32(least)
        counts = np.bincount(self._tags[given], minlength=len(self._names))
        order = sorted(np.flatnonzero(counts).tolist(), key=lambda tag: (-counts[tag], self._names[tag]))
        first = tuple((self._names[tag], int(counts[tag])) for tag in order[:commonest])
        return TagCounts(int(given.sum()), len(np.unique(self._photos[given])), first)


def about(count: int) -> int:
    """Return a number as it is shown: from 100 on to two digits, because photos come and go."""
    step = 10 ** max(0, len(str(count)) - 2) if count >= 100 else 1
    return (count + step // 2) // step * step
