# SPDX-License-Identifier: GPL-3.0-or-later
"""Words that are spelled like a word: the typing errors of a search box."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from semantic_photos.domain.edit_distance import edit_distance, typing_errors

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
#: Words whose distance is worked out letter by letter; the most frequent of the nearest go first.
_MOST_CANDIDATES = 500


class Speller:
    """Finds words at a small edit distance.

    Counting letters comes first: a word cannot be nearer than the letters it lacks (the bag distance, Bartolini,
    Ciaccia and Patella 2002), and that takes one pass of numpy over all words. Only what is left is compared letter by
    letter.

    Thread: any; nothing changes after construction.
    """

    def __init__(self, words: Sequence[str], rows: Sequence[int]) -> None:
        """Take over ``words`` and the ``rows`` among them that may be suggested, most frequent first."""
        self._words = [words[row] for row in rows]
        self._counts = _counts(self._words)
        self._lengths = np.fromiter(map(len, self._words), np.int64, len(self._words))

    def alike(self, word: str, n: int) -> list[str]:
        """Return up to ``n`` words spelled like ``word`` (case-folded), best first; without the word itself."""
        if not word or n <= 0 or not self._words:
            return []
        limit = typing_errors(len(word))
        counts = _counts([word])[0]
        near = np.flatnonzero(np.abs(self._lengths - len(word)) <= limit)
        difference = self._counts[near] - counts
        # Letters too many and letters too few; one replacement mends one of each.
        many = np.maximum(difference, 0).sum(axis=1)
        few = np.maximum(-difference, 0).sum(axis=1)
        bag = np.maximum(many, few)
        order = np.argsort(bag, kind="stable")
        order = order[bag[order] <= limit][:_MOST_CANDIDATES]
        scored = []
        for place in near[order].tolist():
            candidate = self._words[place]
            distance = edit_distance(word, candidate, limit)
            if 0 < distance <= limit:
                # People rarely get the first letter wrong. Among equals the more frequent word wins.
                scored.append((distance + (0.5 if candidate[0] != word[0] else 0.0), place, candidate))
        return [candidate for _, _, candidate in sorted(scored)[:n]]


def _counts(words: Sequence[str]) -> np.ndarray:
    """Return how often each letter occurs in each word, int16 (V, 27); the last place counts everything else."""
    places = len(_LETTERS) + 1
    letters = np.frombuffer("".join(words).encode("utf-32-le"), dtype="<u4").astype(np.int64) - ord("a")
    letters[(letters < 0) | (letters >= len(_LETTERS))] = len(_LETTERS)
    rows = np.repeat(np.arange(len(words)), [len(word) for word in words])
    counts = np.bincount(rows * places + letters, minlength=len(words) * places)
    return counts.reshape(len(words), places).astype(np.int16)
