# SPDX-License-Identifier: GPL-3.0-or-later
"""Maps a pack's tags to the tag names in use: the user's own names first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from semantic_photos.domain.ports import FloatArray, Tag
from semantic_photos.domain.tag_tree import TagTree
from semantic_photos.domain.tags import SEPARATOR, leaf
from semantic_photos.paths import resources

#: From this calibrated probability a tag is set without review. Measured with `MARGIN` on photos that were
#: kept out of training (``evaluation/tags.py``): 84 % of such tags are among the labels that people gave the photo,
#: and 38 % of the labelled photos get one. From 0.67 on it is 80 %, but a border chosen like that on one half of the
#: photos gives 74 to 92 % on the other, and photos of other sources get more wrong ones: hence a little more.
PRECISE = 0.7
#: A tag that excludes another (apple, peach) must be this much more probable than it.
MARGIN = 0.1
#: Cosine from which two single words mean the same. Below lie things that go together ("train", "station").
SAME = 0.88


#: Tags of this category are set only if the user wants them: they are true of nearly every photo and tell little of it.
COLOUR = "colour"


def strengths(confidences: FloatArray, tags: Sequence[Tag], *, colours: bool = True) -> FloatArray:
    """Return the largest ``least`` with which each tag would be set, float32 (N, T) in [0, 1].

    A tag without a threshold of its own is set from ``least`` on. One with a threshold is set from that on when
    ``least`` is `PRECISE`, and otherwise from as much above or below it in log-odds as ``least`` is from `PRECISE`.

    Args:
        confidences: calibrated probabilities, float32 (N, T).
        tags: the pack's tags (T); a threshold of 1 means never, 0 that there is none.
        colours: whether colours are set at all.
    """
    own = np.array([tag.least for tag in tags], np.float64)
    measured = own > 0
    moved = np.where(measured, _log_odds(np.full(len(own), PRECISE)) - _log_odds(own), 0.0)
    found = np.where(measured, 1.0 / (1.0 + np.exp(-(_log_odds(confidences) + moved))), confidences)
    # Of the border itself rounding must not make less.
    found = np.where(measured & (confidences >= own.astype(np.float32)), np.maximum(found, PRECISE), found)
    never = (own >= 1.0) | (np.array([tag.category == COLOUR for tag in tags], np.bool_) & (not colours))
    return np.asarray(np.where(never, 0.0, found), np.float32)


def _log_odds(probabilities: FloatArray | NDArray[np.float64]) -> NDArray[np.float64]:
    inside = np.clip(np.asarray(probabilities, np.float64), 1e-7, 1.0 - 1e-7)
    return np.asarray(np.log(inside / (1.0 - inside)))


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

    def likely(
        self, confidences: FloatArray, least: float, margin: float = MARGIN, strength: FloatArray | None = None
    ) -> list[dict[str, float]]:
        """Return for each row of confidences (N, T) the names that are likely enough, with their confidences.

        Of tags with the same name the most probable counts. A tag is left out when another that excludes it is
        nearly as probable: then one of the two is wrong. ``strength``, float32 (N, T), is compared with ``least`` in
        place of the confidences.
        """
        found: list[dict[str, float]] = [{} for _ in range(len(confidences))]
        for row, column in self._chosen(confidences, confidences if strength is None else strength, least, margin):
            name = self.names[column]
            found[row][name] = max(found[row].get(name, 0.0), float(confidences[row, column]))
        return found

    def strongest(
        self, confidences: FloatArray, strength: FloatArray, least: float, margin: float = MARGIN
    ) -> list[dict[str, float]]:
        """Return the names that ``likely`` would for any ``least`` from this one on, with their greatest strength."""
        found: list[dict[str, float]] = [{} for _ in range(len(confidences))]
        for row, column in self._chosen(confidences, strength, least, margin):
            name = self.names[column]
            found[row][name] = max(found[row].get(name, 0.0), float(strength[row, column]))
        return found

    def _chosen(
        self, confidences: FloatArray, strength: FloatArray, least: float, margin: float
    ) -> Iterator[tuple[int, int]]:
        rows, columns = np.nonzero(strength >= least)
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            rivals = self._rivals[column]
            if len(rivals) and float(confidences[row, rivals].max()) > float(confidences[row, column]) - margin:
                continue
            yield row, column

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
