# SPDX-License-Identifier: GPL-3.0-or-later
"""Held-out evaluation of a custom concept, and the choice of photos to review: pure maths, no catalog.

**Held out.** Each example is looked for by a model that has not seen it: one fold for each up to ten, ten folds above.
Photos that look the same (bursts, copies) share a fold, since one would give the other away, and what was rejected is
divided in the same manner. The held-out examples are ranked among the undecided photos of the library, and the figure
is how many come among the first K. Some of those other photos show the concept too and take places rightly, so
this is no precision but moves with it, for all compared methods alike. ``evaluation/concepts.py`` compares it
with labels: over thirty concepts the figure is right within 0.02 to 0.04, for one concept with five or twelve examples
it is off by 0.13 or 0.10, too much to show which method is better, and the sign test nearly always reports that.

**Photos to review.** They are chosen by uncertainty sampling (Lewis and Gale, "A sequential algorithm for training
text classifiers", 1994): those whose probability is nearest one half. A score becomes a probability by Bayes' rule on
two bell curves, one through the held-out scores of the examples, one through the library's scores; how frequent the
concept is, in an unlabelled library, is fitted to its scores by expectation and maximisation (Saerens, Latinne
and Decaestecker, "Adjusting the outputs of a classifier to new a priori probabilities", 2002). A photo that looks like
one that is already chosen is passed over, as in Brinker, "Incorporating diversity in active learning", 2003.
Of photos with a chance of 0.1 to 0.3, 0.3 to 0.5, 0.5 to 0.7 and 0.7 to 0.9, 0.16, 0.33, 0.63 and 0.88 are right.
Ten such answers after
five examples raise the average precision by 0.005, within chance; the ten likest photos, by -0.002, and without the
rejections, by -0.010.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray

from semantic_photos.domain.ports import FloatArray
from semantic_photos.domain.translatable import Message
from semantic_photos.domain.vectors import normalise
from semantic_photos.services.concepts.concept_direction import CustomConcept, fit_direction
from semantic_photos.services.search.near_duplicates import SAME

#: Folds; up to so many examples each is a fold of its own.
FOLDS = 10
#: Held-out examples must come among so many photos: the first number that half of them reach, one way or the other.
#: Where the concept is frequent, its other photos fill a smaller one.
FIRST = (5, 10, 20, 50, 100, 200)
#: Numbers below twenty are for libraries with fewer than so many times as many photos.
_SMALL = 100
#: From this chance on that two equally good ways differ so, the difference counts as luck (one-sided sign test).
LUCK = 0.05
#: Of two photos with more than this cosine only one is reviewed.
ALIKE = 0.9
#: Photos with less than this probability are reviewed only to make up so many.
_DOUBT, _LEAST_ASKED = 0.02, 6
#: Largest share of the library that may show the concept.
_MOST_FREQUENT = 0.3
#: Quantiles of the library's scores between which their tail is measured.
_TAIL = (0.9, 0.98)
#: The width of the examples' scores is drawn towards the library's as if so many examples had been seen with that one.
_WIDTH_WORTH = 3.0


@dataclass(frozen=True, slots=True)
class HoldOutResult:
    """Of ``examples`` that were each looked for unseen, how many came among the ``first`` of ``among`` other photos.

    Attributes:
        before: found without training: by the word, else by similarity to the mean of the other examples.
        after: found by the concept, trained without them.
        by_word: whether ``before`` is the typed word.
        gained: examples that only ``after`` found.
        lost: examples that only ``before`` found.
    """

    examples: int
    before: int
    after: int
    first: int
    among: int
    by_word: bool
    gained: int
    lost: int

    @property
    def luck(self) -> float:
        """Return the chance that two equally good ways differ so much or more this way round (sign test)."""
        n = self.gained + self.lost
        return float(sum(comb(n, k) for k in range(self.gained, n + 1)) / 2**n)

    @property
    def better(self) -> bool:
        """Return whether the concept is better by more than chance."""
        return self.after > self.before and self.luck <= LUCK

    @property
    def figures(self) -> Message:
        """Return what was measured, as a sentence."""
        values = {"after": self.after, "before": self.before, "first": self.first, "among": self.among}
        if self.by_word:
            return Message.counted(
                "Of your {count:,} example, held out from training, the concept found {after:,} and the word alone "
                "{before:,} among the first {first:,} of {among:,} photos.",
                "Of your {count:,} examples, held out from training in turn, the concept found {after:,} and the word "
                "alone {before:,} among the first {first:,} of {among:,} photos.",
                self.examples, **values,
            )  # fmt: skip
        return Message.counted(
            "Of your {count:,} example, held out from training, the concept found {after:,} and a search by similar "
            "photos {before:,} among the first {first:,} of {among:,} photos.",
            "Of your {count:,} examples, held out from training in turn, the concept found {after:,} and a search by "
            "similar photos {before:,} among the first {first:,} of {among:,} photos.",
            self.examples, **values,
        )  # fmt: skip

    @property
    def verdict(self) -> Message:
        """Return what follows from the figures, as a sentence."""
        if self.better:
            return Message("The concept is better.")
        if self.after > self.before:
            return Message("The concept looks better, but the difference may be chance.")
        if self.after < self.before:
            return Message("On these examples the concept is worse.")
        if self.after == self.examples:
            return Message("Both find them all, so the examples do not show which is better.")
        return Message("On these examples the concept is no better.")


@dataclass(frozen=True, slots=True, eq=False)
class ConceptEvaluation:
    """Result of the held-out evaluation: the figures, and the scores (H,) of examples on models that had not seen them.

    Scores are in widths of the library's scores above their mean.
    """

    figures: HoldOutResult
    scores: FloatArray


def folds_of(vectors: FloatArray, seed: int = 0) -> NDArray[np.int64]:
    """Return the fold of each of some photos (E, D), int64 (E,); what looks the same is in the same fold."""
    group = np.arange(len(vectors))
    for row, same in enumerate(vectors @ vectors.T >= SAME):
        # Chains join here: a burst may drift from its first picture to its last.
        group[np.isin(group, group[same])] = group[row]
    _, group = np.unique(group, return_inverse=True)
    count = int(group.max()) + 1 if len(group) else 0
    order = np.random.default_rng(seed).permutation(count)
    return order[group] % FOLDS


def hold_out(
    name: str, examples: FloatArray, library: FloatArray, word: FloatArray | None, *,
    own: NDArray[np.bool_], given: NDArray[np.bool_] | None = None,
    wrong: FloatArray | None = None, first: int | None = None, seed: int = 0,
) -> ConceptEvaluation:  # fmt: skip
    """Return how well examples (E, D) are found by models that have not seen them.

    Args:
        name: of the concept.
        examples: photos that show it.
        library: photos (N, D) of which most do not.
        word: unit vector (D,) of the name, if it is a known word.
        own: bool (N,), rows of the library that are examples or rejected.
        given: bool (E,), examples to look for; the others only train. They were found by a model, so they are easier
            for one. None means all.
        wrong: photos (R, D) that were rejected.
        first: among so many they must come, to compare with earlier figures; None chooses.
        seed: divides them.
    """
    wanted = np.ones(len(examples), np.bool_) if given is None else given
    wrong = examples[:0] if wrong is None else wrong
    fold, wrong_fold = folds_of(examples, seed), folds_of(wrong, seed)
    others = library[~own]
    before, after = np.zeros(len(examples), np.int64), np.zeros(len(examples), np.int64)
    scores = np.zeros(len(examples), np.float32)
    for number in np.unique(fold[wanted]):
        out, trained = (fold == number) & wanted, examples[fold != number]
        if not len(trained):
            continue
        concept = fit_direction(name, trained, library, word, own=own, wrong=wrong[wrong_fold != number], seed=seed)
        plain = word if word is not None else normalise(trained.mean(axis=0))
        met = np.concatenate([others, wrong[wrong_fold == number]])
        for direction, places in ((plain, before), (concept.vector, after)):
            held = examples[out] @ direction
            # Ties count as the worse rank: a copy in the library earns nothing.
            places[out] = (met @ direction >= held[:, None]).sum(axis=1)
        scores[out] = (examples[out] @ concept.vector - concept.background) / concept.spread
    before, after, scores = before[wanted], after[wanted], scores[wanted]
    half = (len(before) + 1) // 2
    steps = [k for k in FIRST if k >= min(20, len(others) // _SMALL)]
    if first is None:
        first = next((k for k in steps if max((before < k).sum(), (after < k).sum()) >= half), steps[-1])
    old, new = before < first, after < first
    figures = HoldOutResult(
        len(before), int(old.sum()), int(new.sum()), first, len(others), word is not None,
        int((new & ~old).sum()), int((old & ~new).sum()),
    )  # fmt: skip
    return ConceptEvaluation(figures, scores)


def probabilities(concept: CustomConcept, held: FloatArray, scores: FloatArray) -> FloatArray:
    """Return the probability that photos with these scores (N,) show the concept, float32 (N,); most do not.

    Args:
        concept: the trained concept.
        held: scores (H,) of examples that were held out, as of ``ConceptEvaluation``.
        scores: cosines (N,) of photos of the library with the concept.
    """
    z = ((scores - concept.background) / concept.spread).astype(np.float64)
    mean = float(held.mean())
    count = len(held)
    width = float(np.sqrt((((held - mean) ** 2).sum() + _WIDTH_WORTH) / (count + _WIDTH_WORTH)))
    # Beyond their mean a higher score is never less evidence; below the library's mean nothing is evidence.
    mean = max(mean, 1.0)
    sure = np.exp(-0.5 * (np.clip(mean - z, 0.0, 30.0) / width) ** 2) / width
    near, far = np.quantile(z, _TAIL)
    rate = np.log((1.0 - _TAIL[0]) / (1.0 - _TAIL[1])) / max(far - near, 1e-3)
    # Both as densities: the part of a bell curve, and the exponential end of what the library scores.
    sure /= np.sqrt(2.0 * np.pi)
    usual = np.where(z < near, 1.0, (1.0 - _TAIL[0]) * rate * np.exp(-rate * np.clip(z - near, 0.0, 100.0)))
    share = 0.01
    for _ in range(30):
        chance = share * sure / (share * sure + (1.0 - share) * usual + 1e-300)
        share = float(np.clip(chance.mean(), 1.0 / (len(z) + 1), _MOST_FREQUENT))
    return chance.astype(np.float32)


def photos_to_review(
    chances: FloatArray, vectors_of: Callable[[NDArray[np.int64]], FloatArray], count: int, *, alike: float = ALIKE
) -> NDArray[np.int64]:
    """Return rows to review, int64 (≤ count,), the most uncertain first and no two alike.

    Fewer are returned when the rest almost certainly does not show the concept.

    Args:
        chances: probabilities (N,).
        vectors_of: unit vectors (M, D) of rows.
        count: largest number of rows.
        alike: cosine from which only one of two photos is returned.
    """
    order = np.argsort(np.abs(chances - 0.5), kind="stable")[: 20 * count]
    vectors = vectors_of(order)
    chosen: list[int] = []
    for place in range(len(order)):
        enough = len(chosen) >= _LEAST_ASKED and chances[order[place]] < _DOUBT
        if len(chosen) == count or enough:
            break
        if not chosen or float((vectors[chosen] @ vectors[place]).max()) < alike:
            chosen.append(place)
    return order[np.array(chosen, np.int64)]
