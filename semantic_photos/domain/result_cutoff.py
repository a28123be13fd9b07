# SPDX-License-Identifier: GPL-3.0-or-later
"""The result cut-off: absolute for each word if the pack brings one, else relative to each query's scores.

**Absolute** (``Cutoff``, ``WordCut``). A photo shows a word as probably as the standard score of their cosine before
ordinary photos says: a logistic curve that was fitted on labelled photos (Platt 1999, "Probabilistic outputs for
support vector machines"), with an offset for each word whose photos were labelled. So the answer does not depend on
the other hits: a library, or a filter, without the thing has no good match.

**Relative** (``border``), for example photos, votes, and packs without a cut-off: how high a score stands between
what any photo gets and the best hits. The border is the higher of two: a share of the way from the background's middle
to the mean of the best hits, and a number of the background's own spreads above its middle. Both are relative to the
query: 0.91 is good for one and bad for another, and another model has other cosines altogether.

Middle and spread are the median and the distance to the lower 16 % (one standard deviation of a normal distribution),
which photos that do show the thing (dogs, in a background full of dogs) hardly move: mean and deviation would put the
border above all of them.

The relative border, measured on the validation photos of the shipped pack (1,002 captioned, 2,097 in all), mean F1
over queries, default caution: two words 0.20, one word 0.19, labels 0.34, similar photos 0.50. For comparison: mean +
2.3 deviations 0.19, 0.16, 0.26, 0.42; the best constant cosine 0.19 for two words; a perfect cut of the same ranking
0.26, 0.27, 0.55, 0.60. Otsu's threshold, the largest gap and a mixture of two normal distributions did worse (0.08 to
0.14). With a perfect cut one two-word query in fifty has a precision of 0.7 at a recall of 0.5: the ranking is the
limit, not the cut. `evaluation/objects.py` and `evaluation/retrieval.py` measure what is called good.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from semantic_photos.domain.ports import FloatArray

#: Default strictness.
CAUTION = 0.5
#: Share of the way up at caution 0, and what full caution adds; background spreads likewise.
_SHARE, _MORE_SHARE = 0.45, 0.4
_SPREADS, _MORE_SPREADS = 0.5, 2.0
#: Best hits that say how high is high: one alone may be an accident.
BEST = 5
#: A hit with such a cosine is what was asked with: the example photo itself, or a copy of it.
_ITSELF = 0.999


def background(scores: FloatArray) -> tuple[float, float]:
    """Return middle and spread of the scores (B,) that any photos get, robust against those that answer the query."""
    middle = float(np.median(scores))
    return middle, max(middle - float(np.quantile(scores, 0.1587)), 1e-3)


def border(scores: FloatArray, background_scores: FloatArray, caution: float = CAUTION) -> float:
    """Return the score from which a hit is a good match.

    Args:
        scores: float32 (N,), best first.
        background_scores: float32 (B,), what any photos get for the same query.
        caution: 0 to 1, how much must speak for a hit.
    """
    middle, spread = background(background_scores)
    best = scores[scores < _ITSELF][:BEST]
    share, spreads = _SHARE + _MORE_SHARE * caution, _SPREADS + _MORE_SPREADS * caution
    height = float(best.mean()) - middle if len(best) else 0.0
    return middle + max(share * height, spreads * spread)


def count_good(scores: FloatArray, background_scores: FloatArray, caution: float = CAUTION) -> int:
    """Return how many of ``scores`` (N,), best first, are good matches before this background (B,)."""
    return int(np.count_nonzero(np.asarray(scores) >= border(scores, background_scores, caution)))


@dataclass(frozen=True, slots=True)
class Cutoff:
    """The absolute cut-off of a pack: P(a photo shows a word) = sigmoid(slope * z + offset + words[word]).

    z is the standard score of the cosine before the pack's ordinary photos (``background``).

    Attributes:
        slope: > 0.
        offset: of any word.
        alone: least probability for a query of one word, at caution 0, 0.5 and 1; rising.
        each: the same for each word of a query of several.
        excluded: least probability from which a minus word drops a photo.
        words: what is added for single words and phrases whose photos were labelled.
        least_trust: words that were trained less than this are never clearly shown.
    """

    slope: float
    offset: float
    alone: tuple[float, float, float]
    each: tuple[float, float, float]
    excluded: float
    words: Mapping[str, float] = field(default_factory=dict)
    least_trust: float = 0.0

    def level(self, caution: float, words: int = 1) -> float:
        """Return the least probability of each word of a query of so many words, at a caution of 0 to 1."""
        return float(np.interp(caution, (0.0, 0.5, 1.0), self.alone if words < 2 else self.each))

    @property
    def longest(self) -> int:
        """Return how many words the longest of ``words`` has."""
        return max((1 + word.count(" ") for word in self.words), default=1)


# Compared by identity: arrays have no single truth value.
@dataclass(frozen=True, slots=True, eq=False)
class WordCut:
    """The cut-off of one word or phrase.

    Attributes:
        word: as it was typed.
        vector: its unit vector (D,).
        middle: what ordinary photos score.
        spread: how far they scatter, > 0.
        slope: of the curve.
        offset: of the curve.
        weak: whether the word was trained too little to be clearly shown by any photo.
    """

    word: str
    vector: FloatArray
    middle: float
    spread: float
    slope: float
    offset: float
    weak: bool = False

    @classmethod
    def of(cls, word: str, vector: FloatArray, sample: FloatArray, cutoff: Cutoff, known: str, trust: float) -> WordCut:
        """Return the cut-off of a word.

        Args:
            word: as it was typed.
            vector: its unit vector (D,).
            sample: unit vectors of ordinary photos (B, D).
            cutoff: the pack's.
            known: the word as the pack lists it.
            trust: how far it was trained, in [0, 1].
        """
        middle, spread = background(sample @ vector)
        offset = cutoff.offset + cutoff.words.get(known, 0.0)
        return cls(word, vector, middle, spread, cutoff.slope, offset, trust < cutoff.least_trust)

    def probabilities(self, vectors: FloatArray) -> FloatArray:
        """Return how probably each photo, unit vectors (N, D), shows the word, float32 (N,); 0 for a weak word."""
        if self.weak:
            return np.zeros(len(vectors), np.float32)
        scores = (np.asarray(vectors, np.float32) @ self.vector - self.middle) / self.spread
        logits = np.clip(self.slope * scores + self.offset, -30.0, 30.0)
        return np.asarray(1.0 / (1.0 + np.exp(-logits)), np.float32)

    def border(self, level: float) -> float:
        """Return the cosine from which a photo shows the word with a probability of ``level``, 0 < level < 1."""
        if self.weak:
            return math.inf
        return self.middle + self.spread * (math.log(level / (1.0 - level)) - self.offset) / self.slope
