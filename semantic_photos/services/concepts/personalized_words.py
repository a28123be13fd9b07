# SPDX-License-Identifier: GPL-3.0-or-later
"""The words and automatic tags of a pack with personalization applied, if there is one."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from semantic_photos.domain.personalization_map import PersonalizationMap, Shift
from semantic_photos.domain.ports import FloatArray, Tag, TextEncoder
from semantic_photos.ml.model_pack import ModelPack
from semantic_photos.ml.tag_classifier import TagTable
from semantic_photos.ml.text_encoder import nearest_words

#: Quantile of the sample's scores that a moved tag may not pass more easily than before.
_HIGH = 0.99


class Personalized:
    """The current personalization map, and the pack's tags with it applied. Changing it is one assignment.

    Thread: any.

    Args:
        pack: the pack.
    """

    def __init__(self, pack: ModelPack) -> None:
        self._pack = pack
        self._lock = threading.Lock()
        # Both in one: a reader gets a map and the tags that belong to it.
        self._now: tuple[PersonalizationMap | None, TagTable] = None, pack.tag_table

    @property
    def dim(self) -> int:
        """Return the number of dimensions D of the pack."""
        return self._pack.dim

    @property
    def personalization_map(self) -> PersonalizationMap | None:
        """Return the map in use, or None."""
        return self._now[0]

    @property
    def tags(self) -> TagTable:
        """Return the tags as they are seen now."""
        return self._now[1]

    def use(self, personalization_map: PersonalizationMap | None) -> None:
        """Use a map of this pack from now on, or none."""
        with self._lock:
            table = self._pack.tag_table
            self._now = (
                personalization_map,
                table if personalization_map is None else personalized_tags(self._pack, personalization_map.shift),
            )


def personalized_tags(pack: ModelPack, shift: Shift) -> TagTable:
    """Return the tags of a pack with moved words, and with the background that the moved words have.

    The pack's own figures of the background are kept and moved by what changes on its sample of photos; a pack
    without a sample keeps its tags as they are, since the scores of the moved words are unknown.
    """
    table = pack.tag_table
    if pack.background is None or not len(table.stats) or shift.is_none:
        return table
    words = shift.words(table.matrix)
    changed = np.flatnonzero((words != table.matrix).any(axis=1))
    sample = np.asarray(pack.background, np.float32)
    old, new = sample @ table.matrix[changed].T, sample @ words[changed].T
    if not len(changed):
        return table
    mean, std = table.mean.copy(), table.std.copy()
    mean[changed] += new.mean(axis=0) - old.mean(axis=0)
    # As wide as the spread of all or of the highest: whichever makes the tag the rarer. A moved word reaches higher.
    spread = new.std(axis=0) / np.maximum(old.std(axis=0), 1e-6)
    high = (np.quantile(new, _HIGH, axis=0) - new.mean(axis=0)) / np.maximum(
        np.quantile(old, _HIGH, axis=0) - old.mean(axis=0), 1e-6
    )
    std[changed] = np.maximum(std[changed] * np.maximum(spread, high), 1e-4)
    stats = tuple(replace(stat, mean=float(m), std=float(s)) for stat, m, s in zip(table.stats, mean, std, strict=True))
    words.setflags(write=False)
    return TagTable(stats, words, table.slope, table.offset)


class PersonalizedPack:
    """Implements ``TagModel``: the tags of a pack, their confidences with personalization applied.

    ``tag_matrix`` stays as it is: it says which tags mean the same, which is about words and not about photos.

    Thread: any.
    """

    def __init__(self, pack: ModelPack, personalized: Personalized) -> None:
        self._pack, self._personalized = pack, personalized

    @property
    def fingerprint(self) -> str:
        """Return the name of the pack's space."""
        return self._pack.fingerprint

    @property
    def background(self) -> FloatArray | None:
        """Return the pack's unit vectors of ordinary photos (B, D), or None."""
        return self._pack.background

    @property
    def tags(self) -> Sequence[Tag]:
        """Return the pack's tags (T)."""
        return self._pack.tags

    @property
    def tag_matrix(self) -> FloatArray:
        """Return the unit vectors of the tags (T, D), not moved."""
        return self._pack.tag_matrix

    def tag_confidences(self, vectors: FloatArray) -> FloatArray:
        """Return the probability of each tag, float32 (N, T), for unit vectors of photos, float32 (N, D)."""
        return self._personalized.tags.confidences(vectors)


class PersonalizedWords:
    """Implements ``TextEncoder``: the words of another one, moved by the map while there is one.

    Thread: any.
    """

    def __init__(self, words: TextEncoder, personalized: Personalized) -> None:
        self._words, self._personalized = words, personalized
        self._moved: tuple[PersonalizationMap | None, FloatArray] = None, np.zeros((0, 0), np.float32)

    @property
    def dim(self) -> int:
        """Return the number of dimensions D of the shared space."""
        return self._words.dim

    def encode(self, text: str) -> FloatArray | None:
        """Return the unit vector (D,) of a phrase, moved, or None if nothing in it is known."""
        vector = self._words.encode(text)
        personalization_map = self._personalized.personalization_map
        return vector if vector is None or personalization_map is None else personalization_map.shift.words(vector)

    def content_words(self, text: str) -> tuple[str, ...]:
        """Return the known words of a phrase that mean something, each once."""
        return self._words.content_words(text)

    def trust(self, text: str) -> float:
        """Return how far the least trained known word of a phrase was trained on photos, in [0, 1]."""
        return self._words.trust(text)

    def unknown_words(self, text: str) -> tuple[str, ...]:
        """Return the words of a phrase that are not known, in order."""
        return self._words.unknown_words(text)

    def neighbours(self, vector: FloatArray, n: int, *, exclude: Iterable[str] = ()) -> list[tuple[str, float]]:
        """Return the ``n`` nearest moved words to a unit vector (D,) with their cosines, best first."""
        return nearest_words(*self.offered(), vector, n, exclude)

    def offered(self) -> tuple[Sequence[str], FloatArray]:
        """Return the words that are worth offering (M) and their moved vectors (M, D); kept until they move again."""
        names, matrix = self._words.offered()
        personalization_map = self._personalized.personalization_map
        if personalization_map is None:
            return names, matrix
        known, moved = self._moved
        if known is not personalization_map:
            moved = personalization_map.shift.words(matrix)
            self._moved = personalization_map, moved
        return names, moved

    def suggestions(self, word: str, n: int) -> list[str]:
        """Return known words that are spelled like ``word``, best first."""
        return self._words.suggestions(word, n)

    def completions(self, prefix: str, n: int) -> list[str]:
        """Return known words that begin with ``prefix``, most frequent first."""
        return self._words.completions(prefix, n)
