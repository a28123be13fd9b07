# SPDX-License-Identifier: GPL-3.0-or-later
"""Custom concepts: trained from a few photos, each is a tag and a direction to search in.

How it is learnt stands in ``learning``; what it is worth on examples it has not seen, and which photos to ask the
person about, in ``proving``.
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
#: Confirmed photos, and rejected ones, that a subject is learnt from at most.
_MOST_LEARNT = 500
#: Photos that a subject is learnt against while somebody waits for an answer.
_OTHERS = 20_000
#: Where the catalog remembers the names that were taught, and with which photos.
_KEY, _GIVEN = "teach.names", "teach.given"

NOTHING = Change()


@dataclass(frozen=True, slots=True)
class TrainedConcept:
    """What came of teaching.

    Attributes:
        name: of the tag.
        examples: photos it was learnt from.
        rejected: photos it was learnt from that are not it.
        held_out: how well examples are found that it has not seen.
        likely: photos that look like the subject and nobody spoke of, with their cosines, the likest first.
        photos_to_review: photos to ask about, with the probability that they show it, the most uncertain first.
        change: what became of tags.
        new: whether the name was not taught before.
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
    """A subject that was taken back: what became of tags, and what brings it back."""

    name: str
    change: Change
    given: tuple[int, ...]
    since: float


def concept_names(catalog: Catalog) -> list[str]:
    """Return the names that were taught; none where what is remembered of them is damaged.

    Raises:
        CatalogError: when the catalog cannot be read.
    """
    try:
        names = json.loads(catalog.meta(_KEY) or "[]")
    except (ValueError, RecursionError):
        return []
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


class CustomConcepts:
    """Teaches subjects.

    Thread: any; blocking.
    """

    def __init__(
        self, catalog: Catalog, store: TagStore, pack: ModelPack | None, words: TextEncoder | None,
        now: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._catalog, self._store, self._pack, self._words, self._now = catalog, store, pack, words, now
        # Name → photos that it was learnt from, right and wrong, and what was.
        self._fitted_from: dict[str, tuple[tuple[list[PhotoId], list[PhotoId]], FloatArray | None]] = {}

    def train(self, name: str, ids: Sequence[PhotoId], *, n: int = 50, ask: int = 30) -> TrainedConcept:
        """Give photos a tag, learn it, and find ``n`` photos like them and ``ask`` photos to ask about.

        Photos that were rejected for the tag before are left out of what is found, and so are those that have it.

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
        """Learn a subject once more, from all that the person confirmed and rejected by now; changes nothing.

        ``first`` is the number of first photos of earlier figures, which these shall be comparable with.

        Raises:
            UserFacingError: it was not taught, or fewer than five photos have the tag.
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
        """Return a taught name as it was written first.

        Raises:
            UserFacingError: it was not taught.
            CatalogError: when the catalog cannot be read.
        """
        tag = next((one for one in self.names() if one.casefold() == clean_name(name).casefold()), None)
        if tag is None:
            raise UserFacingError(
                Message("There is no custom concept “{name}”.", name=clean_name(name)), code="teach.unknown"
            )
        return tag

    def undo(self, trained: TrainedConcept) -> Change:
        """Take teaching back: the tag goes where it was set, and a name that was new is forgotten.

        Raises:
            CatalogError: when the catalog cannot be used.
        """
        if trained.new:
            self._delete_concept(trained.name)
        return self._store.revert(trained.change)

    def take_back(self, name: str) -> RemovedConcept:
        """Forget a subject: its name is no search word any more, and what was said of the tag since then is taken back.

        Photos that had the tag before, or by their files, keep it.

        Raises:
            UserFacingError: it was not taught.
            CatalogError: when the catalog cannot be used.
        """
        tag = self.known(name)
        given, since = self._given(tag)
        self._delete_concept(tag)
        # Without the time only what was given is known to have come from teaching, and of that nothing for sure.
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
        """Return what the photos with a tag have in common, as a direction to search in.

        None when the tag has fewer than five photos, or the library nothing else.
        """
        if self._pack is None:
            return None
        return self._trained(self._pack, name, self._kept(name), self._wrong(name))

    def names(self) -> list[str]:
        """Return the names that were taught, whether or not they still have photos enough to be subjects.

        Raises:
            CatalogError: when the catalog cannot be read.
        """
        return concept_names(self._catalog)

    def forget(self) -> None:
        """Learn every subject anew when it is next asked for: what its name means has changed."""
        self._fitted_from.clear()

    def direction(self, name: str) -> FloatArray | None:
        """Return the vector (D,) of a subject, remembered until its tag is said of other photos; None as ``concept``.

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
            # Every fold passes over them: so many tell how an example ranks.
            some = np.union1d(np.random.default_rng(0).choice(some, _OTHERS, replace=False), np.flatnonzero(own))
        given = np.isin(found[right], np.asarray(self._given(tag)[0], np.int64))
        # Where the person took most of them off again, whatever has the tag must do.
        held = hold_out(tag, examples, vectors[some], word, own=own[some], wrong=bad, first=first,
                        given=given if np.count_nonzero(given) >= LEAST_EXAMPLES else None)  # fmt: skip
        # What is decided in any way is no question any more, also beyond what is learnt from.
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
            # Somebody types: reading a million vectors would take seconds, and so many say what photos look like.
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
        """Return the photos that the person gave for a subject, and since when; none and 0 where that is damaged."""
        one = self._all_given().get(tag)
        photos, since = (one.get("photos"), one.get("since")) if isinstance(one, dict) else (None, None)
        ids = [i for i in photos if type(i) is int and abs(i) < 2**63] if isinstance(photos, list) else []
        return ids, float(since) if isinstance(since, int | float) and 0 < since < 1e12 else 0.0

    def _word(self, name: str) -> FloatArray | None:
        """Return the vector of a name whose words are all known: half of a name may mean something else."""
        if self._words is None or self._words.unknown_words(leaf(name)):
            return None
        return self._words.encode(leaf(name))
