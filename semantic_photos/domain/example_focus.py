# SPDX-License-Identifier: GPL-3.0-or-later
"""The focus of an example photo: words to weigh up or down, and the region to use. Values and pure maths."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from semantic_photos.domain.errors import QueryError
from semantic_photos.domain.ports import FloatArray
from semantic_photos.domain.translatable import Message
from semantic_photos.domain.vectors import normalise, softmax_weights, weighted_sum

#: Left, top, width and height as fractions of the upright photo.
Region = tuple[float, float, float, float]

#: Smaller regions are widened about their middle: less than this says nothing to a network.
LEAST_REGION = 0.05
#: Sharpness of the focus: standard scores of positions are divided by this before the soft maximum.
FOCUS_TEMPERATURE = 0.45
#: Share of the focus words themselves in a focused query; the rest is the part of the photo that shows them.
#: Measured on pairs of photos side by side (``evaluation/regions.py``): at 0.35 precision at 10 is 3 points lower, at
#: 0.65 it is 3 points higher, but the results look less like the very thing in the photo.
FOCUS_WORD = 0.5
#: The same for what is looked away from: the photo without it should still rule.
AWAY_WORD = 0.35


@dataclass(frozen=True, slots=True)
class Focus:
    """A phrase of the focus: included (``weight`` > 0) or excluded (< 0)."""

    word: str
    weight: float = 1.0


def clamped(region: Region) -> Region:
    """Return the region within the photo and at least ``LEAST_REGION`` a side.

    Raises:
        QueryError: it is not four finite numbers, has no size, or lies outside the photo.
    """
    try:
        x, y, w, h = (float(number) for number in region)
    except (TypeError, ValueError) as error:
        raise QueryError(
            Message("A region needs four numbers: left, top, width and height."), code="query.region"
        ) from error
    if not all(math.isfinite(number) for number in (x, y, w, h)):
        raise QueryError(Message("A region needs finite numbers."), code="query.region")
    if w <= 0 or h <= 0:
        raise QueryError(
            Message("The region is empty."), code="query.region", advice=Message("Drag over part of the photo.")
        )
    left, right = _within(x, x + w)
    top, bottom = _within(y, y + h)
    return left, top, right - left, bottom - top


def example_words(weight: float, is_region: bool, name: str | None = None) -> Message:
    """Return an example photo in words; ``name`` is what it is called, if that is known."""
    photo = name if name is not None else Message("a part of a photo") if is_region else Message("a photo")
    return Message("like {photo}", photo=photo) if weight > 0 else Message("unlike {photo}", photo=photo)


def focus_words(word: str, weight: float) -> Message:
    """Return a focus in words."""
    return Message("focus on {word}", word=word) if weight > 0 else Message("less of {word}", word=word)


def _within(start: float, stop: float) -> tuple[float, float]:
    start, stop = max(start, 0.0), min(stop, 1.0)
    if stop <= start:
        raise QueryError(Message("The region lies outside the photo."), code="query.region")
    if stop - start < LEAST_REGION:
        middle = min(max((start + stop) / 2, LEAST_REGION / 2), 1.0 - LEAST_REGION / 2)
        start, stop = middle - LEAST_REGION / 2, middle + LEAST_REGION / 2
    return start, stop


def overlap(region: Region, box: Region) -> Region | None:
    """Return what two rectangles share, or None."""
    left, top = max(region[0], box[0]), max(region[1], box[1])
    right, bottom = min(region[0] + region[2], box[0] + box[2]), min(region[1] + region[3], box[1] + box[3])
    return (left, top, right - left, bottom - top) if right > left and bottom > top else None


def position_weights(scores: FloatArray, signs: Sequence[float]) -> FloatArray:
    """Return how much each position counts under several focuses, float32 (P,), positive, summing to one.

    Args:
        scores: standard scores of each focus at each position, float32 (F, P), F >= 1.
        signs: the weight of each focus (F,); negative ones are looked away from.

    The soft maximum of each focus (of what is least like it, for a negative one), multiplied: a position counts that
    serves all of them.
    """
    total = np.zeros(scores.shape[1], np.float32)
    for row, sign in zip(scores, signs, strict=True):
        # What shows nothing of a word is all alike: only presence is a reason to look away.
        shown = row if sign > 0 else np.maximum(row, 0.0)
        total += np.float32(sign) * shown / np.float32(FOCUS_TEMPERATURE)
    return softmax_weights(total, 1.0)


def focused_vector(part: FloatArray, directions: Sequence[tuple[float, FloatArray]]) -> FloatArray:
    """Return the unit vector (D,) of a focused query.

    Args:
        part: unit vector (D,) of the photo's part in focus.
        directions: each focus word's weight and unit vector (D,).
    """
    plus = weighted_sum([(weight, vector) for weight, vector in directions if weight > 0])
    minus = weighted_sum([(-weight, vector) for weight, vector in directions if weight < 0])
    total = np.asarray(part, np.float32)
    if plus is not None:
        total = (1 - FOCUS_WORD) * total + FOCUS_WORD * plus
    if minus is not None:
        total = total - AWAY_WORD * minus
    mixed = normalise(total)
    return mixed if mixed.any() else part


def leveled(parts: Sequence[tuple[float, FloatArray]], sample: FloatArray) -> list[tuple[float, FloatArray]]:
    """Return weights at which parts of different kinds speak equally loud.

    Cosines of a photo with a word spread over a narrower range than cosines of two photos (the modality gap: Liang et
    al. 2022, "Mind the Gap"). In a plain sum the photo drowns the word. Divided by the spread of its cosines over
    ordinary photos, the sum ranks by the sum of standard scores, and is still one vector.

    Args:
        parts: weights and unit vectors (D,).
        sample: unit vectors of ordinary photos (B, D), B >= 2.
    """
    spreads = [max(float((sample @ vector).std()), 1e-3) for _, vector in parts]
    loudest = max(spreads, default=1.0)
    return [(weight * loudest / spread, vector) for (weight, vector), spread in zip(parts, spreads, strict=True)]


#: How much louder words are than example photos in one query: "this photo, but at night". At 1, results for photos
#: of one thing and a word for another show both in 7 of 100, at 1.6 in 9; beyond 2 they forget the photo.
MIXED_WORDS = 1.6


def mixed(
    words: Sequence[tuple[float, FloatArray]], photos: Sequence[tuple[float, FloatArray]], sample: FloatArray | None
) -> list[tuple[float, FloatArray]]:
    """Return the parts of a query of words and example photos with the weights at which they are summed.

    Args:
        words: weights and unit vectors (D,) of words.
        photos: weights and unit vectors (D,) of example photos.
        sample: unit vectors of ordinary photos (B, D), or None: how loud each is cannot be known then.
    """
    if not words or not photos or sample is None:
        return [*words, *photos]
    louder = [(MIXED_WORDS * weight, vector) for weight, vector in words]
    return leveled([*louder, *photos], sample)
