# SPDX-License-Identifier: GPL-3.0-or-later
"""From a pack's tags to the words that are used for them: the user's own first, and only what is likely right."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from semantic_photos.domain.ports import FloatArray
from semantic_photos.domain.tag_tree import TagTree
from semantic_photos.domain.tags import SEPARATOR, leaf
from semantic_photos.paths import resources

#: From this calibrated probability a tag is set without being asked about. Measured with `MARGIN` on photos that were
#: kept out of training (``evaluation.thresholds``): 84 % of such tags are among the labels that people gave the photo,
#: and 38 % of the labelled photos get one. From 0.67 on it is 80 %, but a border chosen like that on one half of the
#: photos gives 74 to 92 % on the other, and photos of other sources get more wrong ones: hence a little more.
PRECISE = 0.7
#: A tag that excludes another (apple, peach) must be this much more probable than it.
MARGIN = 0.1
#: Cosine from which two single words mean the same. Below lie things that go together ("train", "station").
SAME = 0.88


def shipped_tree() -> TagTree:
    """Return the tree of subjects that ships with the program; an empty one if its file cannot be read."""
    try:
        return TagTree.parse((resources() / "tags" / "hierarchy.txt").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return TagTree({})


class TagWords:
    """Names for the tags of one pack, and the choice among guesses.

    Thread: any; nothing changes after the constructor.

    Args:
        tags: the pack's tags (T).
        tree: subjects and synonyms.
        own: the names that the user or their files use.
        vector_of: a word's unit vector (D,), or None.
    """

    def __init__(
        self,
        tags: Sequence[str],
        tree: TagTree,
        own: Iterable[str] = (),
        vector_of: Callable[[str], FloatArray | None] | None = None,
    ) -> None:
        self._tree, self._tags = tree, tuple(tags)
        names = sorted(own)
        self.names = tuple(self._name(tag, names) for tag in tags)
        if vector_of is not None and names:
            self.names = self._by_meaning(names, vector_of)
        self._rivals = self._exclusive()

    def _exclusive(self) -> list[NDArray[np.int64]]:
        """Return for each tag the others that exclude it (``TagTree.exclude``), without asking for every pair."""
        known = [self._tree.find(tag) for tag in self._tags]
        under: dict[str, list[int]] = {}
        for number, name in enumerate(known):
            above = name.rpartition(SEPARATOR)[0] if name is not None else ""
            if above:
                under.setdefault(above, []).append(number)
        nothing: list[int] = []
        return [
            np.array(
                [k for k in under.get(name.rpartition(SEPARATOR)[0], nothing) if known[k] != name] if name else [],
                dtype=np.int64,
            )
            for name in known
        ]

    def _name(self, tag: str, own: Sequence[str]) -> str:
        mine = self._tree.own_word(tag, own)
        if mine is not None:
            return mine
        known = self._tree.find(tag)
        return leaf(known) if known is not None else tag

    def _by_meaning(self, own: Sequence[str], vector_of: Callable[[str], FloatArray | None]) -> tuple[str, ...]:
        """Map what the tree does not know by the vectors of single words; a phrase is near to each of its parts."""
        vectors = [(name, vector_of(leaf(name))) for name in own if " " not in leaf(name)]
        known = [(name, vector) for name, vector in vectors if vector is not None]
        if not known:
            return self.names
        matrix = np.stack([vector for _, vector in known])
        mapped = []
        for tag, name in zip(self._tags, self.names, strict=True):
            vector = vector_of(tag) if name not in own and " " not in tag else None
            if vector is not None:
                scores = matrix @ vector
                best = int(np.argmax(scores))
                mine = known[best][0]
                # Where the tree knows both, it knows better: it would have said that they are the same.
                if scores[best] >= SAME and not (self._tree.find(tag) and self._tree.find(mine)):
                    name = mine
            mapped.append(name)
        return tuple(mapped)

    def likely(self, confidences: FloatArray, least: float, margin: float = MARGIN) -> list[dict[str, float]]:
        """Return for each row of confidences (N, T) the names that are likely enough, with their confidences.

        Of tags with the same name the most probable counts. A tag is left out when another that excludes it is
        nearly as probable: then one of the two is wrong.
        """
        found: list[dict[str, float]] = [{} for _ in range(len(confidences))]
        rows, columns = np.nonzero(confidences >= least)
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            confidence = float(confidences[row, column])
            rivals = self._rivals[column]
            if len(rivals) and float(confidences[row, rivals].max()) > confidence - margin:
                continue
            name = self.names[column]
            found[row][name] = max(found[row].get(name, 0.0), confidence)
        return found

    def uncontested(self, confidences: FloatArray, margin: float = MARGIN) -> FloatArray:
        """Return confidences (N, T) with 0 for tags that ``likely`` would leave out because of another."""
        kept = np.array(confidences)
        for column, rivals in enumerate(self._rivals):
            if len(rivals):
                kept[confidences[:, rivals].max(axis=1) > confidences[:, column] - margin, column] = 0.0
        return kept

    def allowed(self, found: dict[str, float], rejected: Iterable[str]) -> dict[str, float]:
        """Leave out what was rejected: the same thing under another word, and every kind of it, too."""
        refused = tuple(rejected)
        return {name: c for name, c in found.items() if not any(self._tree.above(no, name) for no in refused)}
