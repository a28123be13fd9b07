# SPDX-License-Identifier: GPL-3.0-or-later
"""Custom concepts: trained from a few photos, each is a tag and a direction to search in.

``concept_direction`` fits the direction; ``concept_evaluation`` measures it on held-out examples and chooses the
photos to review.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from semantic_photos.domain.errors import UserFacingError
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.ports import FloatArray, IdArray, TextEncoder
from semantic_photos.domain.tags import KEPT, Act, Standing, clean_name, leaf
from semantic_photos.domain.translatable import Message
from semantic_photos.ml.model_pack import ModelPack
from semantic_photos.services.concepts.concept_direction import CustomConcept, fit_direction
from semantic_photos.services.concepts.concept_evaluation import (
    HoldOutResult,
    hold_out,
    photos_to_review,
    probabilities,
)
from semantic_photos.storage.catalog import Catalog
from semantic_photos.storage.tags import Change, TagStore

LEAST_EXAMPLES, MOST_EXAMPLES = 5, 50
#: Most confirmed photos, and most rejected ones, that a concept is trained on.
_MOST_LEARNT = 500
#: Most photos of the library that a concept is trained against, because the user waits for it.
_OTHERS = 20_000
#: Keys of the catalog for the names of trained concepts, and for their example photos.
_KEY, _GIVEN = "teach.names", "teach.given"

NOTHING = Change()


@dataclass(frozen=True, slots=True)
class TrainedConcept:
    """The result of training a custom concept.

    Attributes:
        name: of the tag.
        examples: number of photos it was trained on.
        rejected: number of counterexamples it was trained on.
        held_out: how well it finds examples that were held out from training.
        likely: undecided photos that are similar to the concept, with their cosines, most similar first.
        photos_to_review: photos to confirm or reject, with the probability that they show it, most uncertain first.
        change: the changes of tags.
        new: whether the concept did not exist before.
    """

    name: str
    examples: int
    rejected: int
    held_out: HoldOutResult
    likely: tuple[tuple[PhotoId, float], ...]
    photos_to_review: tuple[tuple[PhotoId, float], ...]
    change: Change = NOTHING
    new: bool = False


@dataclass(frozen=True, slots=True)
class RemovedConcept:
    """A removed custom concept: the changes of tags, and what is needed to restore it."""

    name: str
    change: Change
    given: tuple[int, ...]
    since: float


def concept_names(catalog: Catalog) -> list[str]:
    """Return the names of the custom concepts; none if the stored list is damaged.

    Raises:
        CatalogError: when the catalog cannot be read.
    """
    try:
        names = json.loads(catalog.meta(_KEY) or "[]")
    except (ValueError, RecursionError):
        return []
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


class CustomConcepts:
    """Trains, removes and restores custom concepts.

    Thread: any; blocking.
    """

    def __init__(
        self, catalog: Catalog, store: TagStore, pack: ModelPack | None, words: TextEncoder | None,
        now: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._catalog, self._store, self._pack, self._words, self._now = catalog, store, pack, words, now
        # Name → confirmed and rejected photos that it was trained on, and its direction.
        self._fitted_from: dict[str, tuple[tuple[list[PhotoId], list[PhotoId]], FloatArray | None]] = {}

    def train(self, name: str, ids: Sequence[PhotoId], *, n: int = 50, ask: int = 30) -> TrainedConcept:
        """Tag photos, train a concept on them, and find ``n`` similar photos and ``ask`` photos to review.

        Photos that have the tag, or were rejected for it, are left out of the found photos.

        Raises:
            UserFacingError: too few or too many examples, no name, no pack, or too few photos to compare with.
            CatalogError: when the catalog cannot be used.
        """
        tag = next((one for one in self.names() if one.casefold() == clean_name(name).casefold()), clean_name(name))
        if not tag:
            raise UserFacingError(Message("Enter a name for the custom concept."), code="teach.name")
        found, vectors = self._vectors()
        own = np.isin(found, np.asarray(ids, np.int64))
        many = int(np.count_nonzero(own))
        if many > MOST_EXAMPLES or np.count_nonzero(own | np.isin(found, self._kept(tag))) < LEAST_EXAMPLES:
            raise UserFacingError(
                Message(
                    "{count:,} of these photos are usable as examples; {least} to {most} are needed.",
                    count=many,
                    least=LEAST_EXAMPLES,
                    most=MOST_EXAMPLES,
                ),
                code="teach.examples",
            )
        if own.all():
            raise UserFacingError(Message("There are no other photos to compare with."), code="teach.examples")
        new, since = tag not in self.names(), self._now()
        change = self._store.act(Act.ADD, [int(i) for i in found[own]], tag)
        self._save_concept(tag, found[own].tolist(), since)
        return self._as_trained(tag, found, vectors, n, ask, change, new=new)

    def again(self, name: str, *, n: int = 50, ask: int = 30, first: int | None = None) -> TrainedConcept:
        """Train a concept again on all photos that the user has confirmed and rejected; changes nothing.

        ``first`` is the rank that earlier figures were measured at, so that the new ones are comparable.

        Raises:
            UserFacingError: there is no such concept, or fewer than five photos have the tag.
            CatalogError: when the catalog cannot be read.
        """
        tag = self.known(name)
        found, vectors = self._vectors()
        have = np.count_nonzero(np.isin(found, self._kept(tag)))
        if not LEAST_EXAMPLES <= have < len(found):
            raise UserFacingError(
                Message(
                    "Usable examples with the tag “{tag}”: {count:,}. At least {least} are needed, and other photos.",
                    tag=tag,
                    count=int(have),
                    least=LEAST_EXAMPLES,
                ),
                code="teach.examples",
            )
        return self._as_trained(tag, found, vectors, n, ask, first=first)

    def known(self, name: str) -> str:
        """Return the name of a concept in its original spelling.

        Raises:
            UserFacingError: there is no such concept.
            CatalogError: when the catalog cannot be read.
        """
        tag = next((one for one in self.names() if one.casefold() == clean_name(name).casefold()), None)
        if tag is None:
            raise UserFacingError(
                Message("There is no custom concept “{name}”.", name=clean_name(name)), code="teach.unknown"
            )
        return tag

    def undo(self, trained: TrainedConcept) -> Change:
        """Undo training: remove the tags that it set, and the concept if it was new.

        Raises:
            CatalogError: when the catalog cannot be used.
        """
        if trained.new:
            self._delete_concept(trained.name)
        return self._store.revert(trained.change)

    def take_back(self, name: str) -> RemovedConcept:
        """Remove a concept: its name is no search word any more, and decisions on its tag since training are undone.

        Photos that had the tag before, or have it in their files, keep it.

        Raises:
            UserFacingError: there is no such concept.
            CatalogError: when the catalog cannot be used.
        """
        tag = self.known(name)
        given, since = self._given(tag)
        self._delete_concept(tag)
        # Without the time of training, tags that it set cannot be told from older ones.
        change = self._store.forget_since(tag, since) if since else NOTHING
        return RemovedConcept(tag, change, tuple(given), since)

    def bring_back(self, forgotten: RemovedConcept) -> Change:
        """Undo ``take_back``.

        Raises:
            CatalogError: when the catalog cannot be used.
        """
        self._save_concept(forgotten.name, forgotten.given, forgotten.since)
        return self._store.revert(forgotten.change)

    def concept(self, name: str) -> CustomConcept | None:
        """Return the concept trained on the photos with a tag.

        None when fewer than five photos have the tag, or when the library has no others.
        """
        if self._pack is None:
            return None
        return self._trained(self._pack, name, self._kept(name), self._wrong(name))

    def names(self) -> list[str]:
        """Return the names of the custom concepts, also of those with too few photos by now.

        Raises:
            CatalogError: when the catalog cannot be read.
        """
        return concept_names(self._catalog)

    def forget(self) -> None:
        """Drop all cached directions: each is fitted again on its next use, since its word vector has changed."""
        self._fitted_from.clear()

    def direction(self, name: str) -> FloatArray | None:
        """Return the vector (D,) of a concept, cached until its tagged photos change; None as for ``concept``.

        Raises:
            CatalogError: when the catalog cannot be read.
        """
        if self._pack is None:
            return None
        said = self._kept(name), self._wrong(name)
        known = self._fitted_from.get(name)
        if known is None or known[0] != said:
            concept = self._trained(self._pack, name, *said)
            known = self._fitted_from[name] = (said, concept.vector if concept is not None else None)
        return known[1]

    def _as_trained(
        self, tag: str, found: IdArray, vectors: FloatArray, n: int, ask: int, change: Change | None = None, *,
        new: bool = False, first: int | None = None,
    ) -> TrainedConcept:  # fmt: skip
        right = np.isin(found, np.asarray(self._kept(tag), np.int64))
        wrong = np.isin(found, np.asarray(self._wrong(tag), np.int64))
        own, word = right | wrong, self._word(tag)
        examples, bad = vectors[right], vectors[wrong]
        concept = fit_direction(tag, examples, vectors, word, own=own, wrong=bad)
        some = np.arange(len(found))
        if len(some) > _OTHERS:
            # Every fold ranks against all of them, and so many are enough to rank an example.
            some = np.union1d(np.random.default_rng(0).choice(some, _OTHERS, replace=False), np.flatnonzero(own))
        given = np.isin(found[right], np.asarray(self._given(tag)[0], np.int64))
        # Where the user removed the tag from most of them, all photos with the tag serve instead.
        held = hold_out(tag, examples, vectors[some], word, own=own[some], wrong=bad, first=first,
                        given=given if np.count_nonzero(given) >= LEAST_EXAMPLES else None)  # fmt: skip
        # Decided photos are not reviewed again, also those beyond the training limit.
        said = {int(i) for i, _ in self._store.photos_with(tag, (*KEPT, Standing.REJECTED))}
        free = np.flatnonzero(~np.isin(found, np.fromiter(said, np.int64, len(said))))
        scores = vectors[free] @ concept.vector
        likely = np.argsort(-scores, kind="stable")[:n]
        asked: IdArray = np.empty(0, np.int64)
        chances: FloatArray = np.empty(0, np.float32)
        if len(free):
            chances = probabilities(concept, held.scores, scores)
            asked = photos_to_review(chances, lambda rows: vectors[free[rows]], ask)
        return TrainedConcept(
            tag, len(examples), len(bad), held.figures,
            tuple((PhotoId(int(found[free[row]])), float(scores[row])) for row in likely),
            tuple((PhotoId(int(found[free[row]])), float(chances[row])) for row in asked),
            change or NOTHING, new,
        )  # fmt: skip

    def _vectors(self) -> tuple[IdArray, FloatArray]:
        if self._pack is None:
            raise UserFacingError(Message("No usable model pack: custom concepts are not possible."), code="pack.none")
        return self._catalog.vectors.all(self._pack.fingerprint)

    def _kept(self, name: str) -> list[PhotoId]:
        kept = [photo for photo, line in self._store.photos_with(name) if line.standing in KEPT]
        return kept[:_MOST_LEARNT]

    def _wrong(self, name: str) -> list[PhotoId]:
        return [photo for photo, _ in self._store.photos_with(name, (Standing.REJECTED,))][:_MOST_LEARNT]

    def _trained(
        self, pack: ModelPack, name: str, kept: Sequence[PhotoId], rejected: Sequence[PhotoId]
    ) -> CustomConcept | None:  # fmt: skip
        if len(kept) < LEAST_EXAMPLES:
            return None
        others = self._catalog.vectors.searchable_ids(pack.fingerprint)
        if len(others) > _OTHERS:
            # The user is typing: a million vectors take seconds to read, and a sample represents them.
            others = np.random.default_rng(0).choice(others, _OTHERS, replace=False)
        said = np.asarray([*kept, *rejected], np.int64)
        found, vectors = self._catalog.vectors.get(pack.fingerprint, np.union1d(others, said))
        right, wrong = np.isin(found, np.asarray(kept, np.int64)), np.isin(found, np.asarray(rejected, np.int64))
        if np.count_nonzero(right) < LEAST_EXAMPLES or (right | wrong).all():
            return None
        return fit_direction(name, vectors[right], vectors, self._word(name), own=right | wrong, wrong=vectors[wrong])

    def _save_concept(self, tag: str, photos: Sequence[int], since: float) -> None:
        names, given = self.names(), self._all_given()
        before, first = self._given(tag)
        given[tag] = {"photos": sorted({*before, *map(int, photos)}), "since": first or since}
        self._catalog.set_meta(_GIVEN, json.dumps(given, ensure_ascii=False))
        if tag not in names:
            self._catalog.set_meta(_KEY, json.dumps([*names, tag], ensure_ascii=False))

    def _delete_concept(self, tag: str) -> None:
        given = self._all_given()
        given.pop(tag, None)
        self._catalog.set_meta(_GIVEN, json.dumps(given, ensure_ascii=False))
        self._catalog.set_meta(_KEY, json.dumps([one for one in self.names() if one != tag], ensure_ascii=False))

    def _all_given(self) -> dict[str, object]:
        try:
            given = json.loads(self._catalog.meta(_GIVEN) or "{}")
        except (ValueError, RecursionError):
            return {}
        return given if isinstance(given, dict) else {}

    def _given(self, tag: str) -> tuple[list[int], float]:
        """Return the user's example photos of a concept, and the time of training; none and 0 if damaged."""
        one = self._all_given().get(tag)
        photos, since = (one.get("photos"), one.get("since")) if isinstance(one, dict) else (None, None)
        ids = [i for i in photos if type(i) is int and abs(i) < 2**63] if isinstance(photos, list) else []
        return ids, float(since) if isinstance(since, int | float) and 0 < since < 1e12 else 0.0

    def _word(self, name: str) -> FloatArray | None:
        """Return the vector of a name whose words are all known, else None: part of a name may mean something else."""
        if self._words is None or self._words.unknown_words(leaf(name)):
            return None
        return self._words.encode(leaf(name))
