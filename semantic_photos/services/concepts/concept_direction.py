# SPDX-License-Identifier: GPL-3.0-or-later
"""Fits the direction of a custom concept to example photos: pure maths on vectors, no catalog.

Three directions that make different mistakes, added up. The prototype is the mean of the examples, seen from the mean
of all photos (Snell and others, "Prototypical networks", 2017). The discriminant takes out of it what photos of this
library differ in anyhow (Hariharan, Malik and Ramanan, "Discriminative decorrelation for clustering and
classification", 2012). The regression sets the examples against photos of the library, random ones and those that the
prototype scores highest among the unlabelled ("hard negatives"), these at less weight, because some of them show the
concept; photos that the user rejected are negatives too, at the weight of an example.
``evaluation/concepts.py`` measures it on labels: with five, ten and twenty examples the three together
find 0.01, 0.02 and 0.04 more of the first twenty photos than the plain mean of the examples. A name that is a known
word counts as much as ten examples or less; it adds 0.04, 0.03 and next to nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semantic_photos.domain.ports import FloatArray
from semantic_photos.domain.vectors import decorrelated, normalise

#: The name, where it is a known word, counts as much as so many examples.
WORD_WORTH = 10
#: Photos of the library that stand for everything else, and how many of the likest ones are among them.
NEGATIVES, HARD = 2000, 100
#: Weight of a hard negative: some of them show the concept.
_HARD_WEIGHT = 0.2
#: Weight of a rejected photo, beside one example.
_WRONG_WEIGHT = 0.5
_RIDGE = 1.0
#: The regression has come to rest when its numbers change by less than this share of the largest.
_STILL = 1e-3
#: Of the discriminant: 0.3 and 3 find as much within 0.01.
_SHRINK = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class CustomConcept:
    """A trained concept: its direction (D,), and the mean and standard deviation of the library's scores on it."""

    name: str
    vector: FloatArray
    background: float
    spread: float


def fit_direction(
    name: str,
    examples: FloatArray,
    library: FloatArray,
    word: FloatArray | None = None,
    *,
    own: NDArray[np.bool_] | None = None,
    wrong: FloatArray | None = None,
    seed: int = 0,
) -> CustomConcept:
    """Return the concept that examples (E, D) show, against photos of the library (N, D); unit vectors, float32.

    Args:
        name: of the concept.
        examples: photos that show it.
        library: photos of which most do not.
        word: unit vector (D,) of the name, if it is a known word: it counts as much as ten examples.
        own: bool (N,), rows of the library that are examples or rejected: not counted among the others, and not copied.
        wrong: photos (R, D) that do not show it by the user's word.
        seed: chooses which photos of the library stand for the rest.
    """
    rng = np.random.default_rng(seed)
    others = np.arange(len(library)) if own is None else np.flatnonzero(~own)
    chosen = others[rng.choice(len(others), min(NEGATIVES, len(others)), replace=False)]
    negatives = library[chosen]
    centre = negatives.mean(axis=0)
    prototype = normalise(examples.mean(axis=0) - centre)
    scores = (library @ prototype)[others]
    # The most similar ones probably show the concept itself; those behind them are the confusable ones.
    hard = others[np.argsort(-scores)[len(examples) : len(examples) + HARD]]
    vector = normalise(
        prototype + decorrelated(prototype, negatives, _SHRINK) + _regression(examples, negatives, library[hard], wrong)
    )
    if word is not None:
        vector = normalise(vector + min(1.0, WORD_WORTH / len(examples)) * word)
    scores = (library @ vector)[others]
    return CustomConcept(name, vector, float(scores.mean()), max(float(scores.std()), 1e-4))


def _regression(positives: FloatArray, negatives: FloatArray, hard: FloatArray, wrong: FloatArray | None) -> FloatArray:
    """Return the unit normal (D,) of a weighted ridge logistic regression, by Newton's method."""
    if wrong is None:
        wrong = hard[:0]
    rows = np.concatenate([positives, negatives, hard, wrong]).astype(np.float64)
    rows = rows - rows.mean(axis=0)
    target = np.zeros(len(rows))
    target[: len(positives)] = 1.0
    weight = np.concatenate([
        # Both sides weigh the same, however few examples there are.
        np.full(len(positives), len(negatives) / len(positives)),
        np.ones(len(negatives)),
        np.full(len(hard), _HARD_WEIGHT * len(negatives) / max(1, len(hard))),
        np.full(len(wrong), _WRONG_WEIGHT * len(negatives) / len(positives)),
    ])  # fmt: skip
    weight *= 100.0 / weight.sum()
    design = np.concatenate([rows, np.ones((len(rows), 1))], axis=1)
    rough = design.astype(np.float32)
    ridge = np.full(design.shape[1], _RIDGE)
    ridge[-1] = 1e-6
    normal = np.zeros(design.shape[1])
    for _ in range(8):
        chance = 1.0 / (1.0 + np.exp(-np.clip(design @ normal, -30, 30)))
        gradient = design.T @ (weight * (chance - target)) + ridge * normal
        curve = weight * chance * (1.0 - chance)
        # The way down may be rough where the slope is exact: single precision takes half the time.
        bent = (rough * curve[:, None].astype(np.float32)).T @ rough
        step = np.linalg.solve(bent.astype(np.float64) + np.diag(ridge), gradient)
        normal -= step
        if float(np.abs(step).max()) < _STILL * float(np.abs(normal).max()):
            break
    return normalise(normal[:-1].astype(np.float32))
