# SPDX-License-Identifier: GPL-3.0-or-later
"""A subject of the person's own, taught by a few photos: it becomes a tag, and a direction to search in.

Three directions that make different mistakes, added up. The prototype is the mean of the examples, seen from the mean
of all photos (Snell and others, "Prototypical networks", 2017). The discriminant takes out of it what photos of this
library differ in anyhow (Hariharan, Malik and Ramanan, "Discriminative decorrelation for clustering and
classification", 2012). The regression sets the examples against photos of the library, random ones and those that the
prototype takes for the subject although nobody said so ("hard negatives"), these at less weight, because some of them
are the subject. ``evaluation.subjects`` measures it on labels: with five, ten and twenty examples the three together
find 0.01, 0.02 and 0.04 more of the first twenty photos than the plain mean of the examples. A name that is a known
word counts as much as ten examples or less; it adds 0.04, 0.03 and next to nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semantic_photos.domain.errors import UserFacingError
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.ports import FloatArray
from semantic_photos.domain.tagging import KEPT, Act, clean_name, leaf
from semantic_photos.domain.vectors import normalise
from semantic_photos.ml.model_pack import ModelPack
from semantic_photos.ml.text_encoder import WordTable
from semantic_photos.storage.catalog import Catalog
from semantic_photos.storage.tags import Change, TagStore

LEAST_EXAMPLES, MOST_EXAMPLES = 5, 50
#: The name, where it is a known word, counts as much as so many examples.
WORD_WORTH = 10
#: Photos of the library that stand for everything else, and how many of the likest ones are among them.
NEGATIVES, HARD = 2000, 100
#: Weight of a hard negative: some of them show the subject.
_HARD_WEIGHT = 0.2
_RIDGE = 1.0
#: Share of the mean variance that is added to every direction of the discriminant: two thousand photos do not tell the
#: small ones exactly. 0.3 and 3 find as much within 0.01.
_SHRINK = 1.0
#: Photos that a subject is learnt against while somebody waits for an answer.
_OTHERS = 20_000
#: Where the catalog remembers the names that were taught.
_KEY = "teach.names"


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """What was learnt: the direction (D,) of the subject, and what an example and any photo score on it."""

    name: str
    vector: FloatArray
    typical: float
    background: float
    spread: float


@dataclass(frozen=True, slots=True)
class Taught:
    """What came of teaching: the way back, and photos that look like the subject, the likest first, unconfirmed."""

    name: str
    examples: int
    change: Change
    likely: tuple[tuple[PhotoId, float], ...]


def learn(
    name: str,
    examples: FloatArray,
    library: FloatArray,
    word: FloatArray | None = None,
    *,
    own: NDArray[np.bool_] | None = None,
    seed: int = 0,
) -> Subject:
    """Return the subject that examples (E, D) show, against photos of the library (N, D); unit vectors, float32.

    Args:
        name: of the subject.
        examples: photos that show it.
        library: photos of which most do not.
        word: unit vector (D,) of the name, if it is a known word: it counts as much as ten examples.
        own: bool (N,), rows of the library that are examples: not counted among the others, and not copied for it.
        seed: chooses which photos of the library stand for the rest.
    """
    rng = np.random.default_rng(seed)
    others = np.arange(len(library)) if own is None else np.flatnonzero(~own)
    chosen = others[rng.choice(len(others), min(NEGATIVES, len(others)), replace=False)]
    negatives = library[chosen]
    centre = negatives.mean(axis=0)
    prototype = normalise(examples.mean(axis=0) - centre)
    scores = (library @ prototype)[others]
    # The very likest are probably the subject itself; what comes behind them is what it is confused with.
    hard = others[np.argsort(-scores)[len(examples) : len(examples) + HARD]]
    vector = normalise(
        prototype + _discriminant(prototype, negatives) + _regression(examples, negatives, library[hard])
    )
    if word is not None:
        vector = normalise(vector + min(1.0, WORD_WORTH / len(examples)) * word)
    scores = (library @ vector)[others]
    return Subject(
        name, vector, float((examples @ vector).mean()), float(scores.mean()), max(float(scores.std()), 1e-4)
    )


def _discriminant(direction: FloatArray, negatives: FloatArray) -> FloatArray:
    """Return the unit normal (D,) between two clouds of the shape of ``negatives`` (N, D), one beside the other."""
    rows = negatives.astype(np.float64)
    rows -= rows.mean(axis=0)
    spread = rows.T @ rows / max(1, len(rows))
    level = max(float(np.trace(spread)) / len(spread), 1e-9)
    spread[np.diag_indices_from(spread)] += _SHRINK * level
    return normalise(np.linalg.solve(spread, direction.astype(np.float64)).astype(np.float32))


def _regression(positives: FloatArray, negatives: FloatArray, hard: FloatArray) -> FloatArray:
    """Return the unit normal (D,) of a weighted ridge logistic regression, by Newton's method."""
    rows = np.concatenate([positives, negatives, hard]).astype(np.float64)
    rows = rows - rows.mean(axis=0)
    target = np.zeros(len(rows))
    target[: len(positives)] = 1.0
    weight = np.concatenate([
        # Both sides weigh the same, however few examples there are.
        np.full(len(positives), len(negatives) / len(positives)),
        np.ones(len(negatives)),
        np.full(len(hard), _HARD_WEIGHT * len(negatives) / max(1, len(hard))),
    ])  # fmt: skip
    weight *= 100.0 / weight.sum()
    design = np.concatenate([rows, np.ones((len(rows), 1))], axis=1)
    ridge = np.full(design.shape[1], _RIDGE)
    ridge[-1] = 1e-6
    normal = np.zeros(design.shape[1])
    for _ in range(8):
        chance = 1.0 / (1.0 + np.exp(-np.clip(design @ normal, -30, 30)))
        gradient = design.T @ (weight * (chance - target)) + ridge * normal
        curve = weight * chance * (1.0 - chance)
        step = np.linalg.solve((design * curve[:, None]).T @ design + np.diag(ridge), gradient)
        normal -= step
        if float(np.abs(step).max()) < 1e-6:
            break
    return normalise(normal[:-1].astype(np.float32))


def taught_names(catalog: Catalog) -> list[str]:
    """Return the names that were taught; none where what is remembered of them is damaged.

    Raises:
        CatalogError: when the catalog cannot be read.
    """
    try:
        names = json.loads(catalog.meta(_KEY) or "[]")
    except (ValueError, RecursionError):
        return []
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


class Teaching:
    """Teaches subjects.

    Thread: any; blocking.
    """

    def __init__(self, catalog: Catalog, store: TagStore, pack: ModelPack | None, words: WordTable | None) -> None:
        self._catalog, self._store, self._pack, self._words = catalog, store, pack, words
        # Name → photos that it was learnt from, and what was.
        self._learnt_from: dict[str, tuple[tuple[PhotoId, ...], FloatArray | None]] = {}

    def teach(self, name: str, ids: Sequence[PhotoId], *, n: int = 50) -> Taught:
        """Give photos a tag and find the ``n`` photos that are likest to them, to be confirmed or rejected.

        Photos that were rejected for the tag before are left out of what is found, and so are those that have it.

        Raises:
            UserFacingError: too few or too many examples, no name, no pack, or too few photos to compare with.
            CatalogError: when the catalog cannot be used.
        """
        tag = clean_name(name)
        if not tag:
            raise UserFacingError("A subject needs a name.", code="teach.name")
        if self._pack is None:
            raise UserFacingError("There is no usable model pack, so nothing can be learnt.", code="pack.none")
        found, vectors = self._catalog.vectors(self._pack.fingerprint)
        own = np.isin(found, np.asarray(ids, np.int64))
        examples = vectors[own]
        if not LEAST_EXAMPLES <= len(examples) <= MOST_EXAMPLES:
            raise UserFacingError(
                f"{len(examples)} of these photos can be learnt from; it takes {LEAST_EXAMPLES} to {MOST_EXAMPLES}.",
                code="teach.examples",
            )
        rest = found[~own]
        if not len(rest):
            raise UserFacingError("There are no other photos to compare with.", code="teach.examples")
        subject = learn(tag, examples, vectors, self._word(tag), own=own)
        change = self._store.act(Act.ADD, [int(i) for i in found[own]], tag)
        self._remember(tag)
        scores = (vectors @ subject.vector)[~own]
        known = {int(photo) for photo, _ in self._store.photos_with(tag)}
        known |= {int(photo) for photo in self._rejected(rest, tag)}
        likely = [
            (PhotoId(int(rest[row])), float(scores[row]))
            for row in np.argsort(-scores, kind="stable")[: n + len(known)].tolist()
            if int(rest[row]) not in known
        ]
        return Taught(tag, len(examples), change, tuple(likely[:n]))

    def subject(self, name: str) -> Subject | None:
        """Return what the photos with a tag have in common, as a direction to search in.

        None when the tag has fewer than five photos, or the library nothing else.
        """
        if self._pack is None:
            return None
        return self._learnt(self._pack, name, self._kept(name))

    def names(self) -> list[str]:
        """Return the names that were taught, whether or not they still have photos enough to be subjects.

        Raises:
            CatalogError: when the catalog cannot be read.
        """
        return taught_names(self._catalog)

    def forget(self) -> None:
        """Learn every subject anew when it is next asked for: what its name means has changed."""
        self._learnt_from.clear()

    def direction(self, name: str) -> FloatArray | None:
        """Return the vector (D,) of a subject, remembered until other photos have its tag; None as ``subject``.

        Raises:
            CatalogError: when the catalog cannot be read.
        """
        if self._pack is None:
            return None
        kept = tuple(self._kept(name))
        known = self._learnt_from.get(name)
        if known is None or known[0] != kept:
            subject = self._learnt(self._pack, name, kept)
            known = self._learnt_from[name] = (kept, subject.vector if subject is not None else None)
        return known[1]

    def _kept(self, name: str) -> list[PhotoId]:
        kept = [photo for photo, line in self._store.photos_with(name) if line.standing in KEPT]
        return kept[:MOST_EXAMPLES]

    def _learnt(self, pack: ModelPack, name: str, kept: Sequence[PhotoId]) -> Subject | None:
        if len(kept) < LEAST_EXAMPLES:
            return None
        others = self._catalog.searchable_ids(pack.fingerprint)
        if len(others) > _OTHERS:
            # Somebody types: reading a million vectors would take seconds, and so many say what photos look like.
            others = np.random.default_rng(0).choice(others, _OTHERS, replace=False)
        found, vectors = self._catalog.vectors_for(pack.fingerprint, np.union1d(others, np.asarray(kept, np.int64)))
        own = np.isin(found, np.asarray(kept, np.int64))
        if np.count_nonzero(own) < LEAST_EXAMPLES or own.all():
            return None
        return learn(name, vectors[own], vectors, self._word(name), own=own)

    def _remember(self, tag: str) -> None:
        names = self.names()
        if tag not in names:
            self._catalog.set_meta(_KEY, json.dumps([*names, tag], ensure_ascii=False))

    def _word(self, name: str) -> FloatArray | None:
        """Return the vector of a name whose words are all known: half of a name may mean something else."""
        if self._words is None or self._words.unknown_words(leaf(name)):
            return None
        return self._words.encode(leaf(name))

    def _rejected(self, ids: np.ndarray, tag: str) -> list[PhotoId]:
        rejected = self._store.rejections(ids)
        return [photo for photo, names in rejected.items() if tag.casefold() in {name.casefold() for name in names}]
