# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's correction at work: the words and automatic tags of a pack, seen through it while there is one."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

import numpy as np

from semantic_photos.domain.personalization_map import PersonalizationMap, Shift
from semantic_photos.domain.ports import FloatArray
from semantic_photos.ml.model_pack import ModelPack
from semantic_photos.ml.tag_classifier import TagTable
from semantic_photos.ml.text_encoder import WordTableEncoder

#: Quantile of the sample's scores that a moved tag may not pass more easily than before.
_HIGH = 0.99


class Personalized:
    """What the correction is now, and the pack's tags seen through it. Changing it is one assignment.

    Thread: any.

    Args:
        pack: the pack.
    """

    def __init__(self, pack: ModelPack) -> None:
        self._pack = pack
        self._lock = threading.Lock()
        # Both in one: whoever reads gets a correction and the tags that belong to it.
        self._now: tuple[PersonalizationMap | None, TagTable] = None, pack.tag_table

    @property
    def dim(self) -> int:
        """Return the number of dimensions D of the pack."""
        return self._pack.dim

    @property
    def personalization_map(self) -> PersonalizationMap | None:
        """Return the correction in use, or None."""
        return self._now[0]

    @property
    def tags(self) -> TagTable:
        """Return the tags as they are seen now."""
        return self._now[1]

    def use(self, personalization_map: PersonalizationMap | None) -> None:
        """Use a correction of this pack from now on, or none."""
        with self._lock:
            table = self._pack.tag_table
            self._now = (
                personalization_map,
                table if personalization_map is None else personalized_tags(self._pack, personalization_map.shift),
            )


def personalized_tags(pack: ModelPack, shift: Shift) -> TagTable:
    """Return the tags of a pack with moved words, and with the background that the moved words have.

    The pack's own figures of the background are kept and moved by what changes on its sample of photos; a pack
    without a sample keeps its tags as they are, since nobody knows what the moved words would score.
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


@dataclass(frozen=True, slots=True, eq=False)
class PersonalizedPack(ModelPack):
    """A pack whose automatic tags are seen through the correction; everything else is the pack's.

    ``tag_matrix`` stays too: it says which tags mean the same, which is about words and not about photos.
    """

    personalized: Personalized

    @classmethod
    def of(cls, pack: ModelPack, personalized: Personalized) -> PersonalizedPack:
        """Return ``pack`` seen through ``personalized``."""
        return cls(pack.folder, pack.manifest, pack.word_table, pack.tag_table, pack.background, personalized)

    def tag_confidences(self, vectors: FloatArray) -> FloatArray:
        """Return the probability of each tag, float32 (N, T), for unit vectors of photos, float32 (N, D)."""
        return self.personalized.tags.confidences(vectors)


class PersonalizedWords(WordTableEncoder):
    """The words of a pack, moved by the correction while there is one.

    Thread: any.
    """

    def __init__(self, pack: ModelPack, personalized: Personalized) -> None:
        super().__init__(pack)
        self._personalized = personalized
        self._moved: tuple[PersonalizationMap | None, FloatArray] = None, np.zeros((0, 0), np.float32)

    def encode(self, text: str) -> FloatArray | None:
        """Return the unit vector (D,) of a phrase, moved, or None if nothing in it is known."""
        vector = super().encode(text)
        personalization_map = self._personalized.personalization_map
        return vector if vector is None or personalization_map is None else personalization_map.shift.words(vector)

    def _offered_words(self) -> tuple[np.ndarray, FloatArray]:
        """Return rows and vectors of the words that are offered as neighbours, moved; kept until they move again."""
        rows, matrix = super()._offered_words()
        personalization_map = self._personalized.personalization_map
        if personalization_map is None:
            return rows, matrix
        known, moved = self._moved
        if known is not personalization_map:
            moved = personalization_map.shift.words(matrix)
            self._moved = personalization_map, moved
        return rows, moved
