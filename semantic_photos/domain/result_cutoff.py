# SPDX-License-Identifier: GPL-3.0-or-later
"""Where good matches end, for one query: how high a score stands between what any photo gets and the best hits.

The border is the higher of two: a share of the way from the background's middle to the mean of the best hits, and a
number of the background's own spreads above its middle. Both are relative to the query: 0.91 is good for one and bad
for another, and another model has other cosines altogether. Middle and spread are the median and the distance to the
lower 16 % (one standard deviation of a normal distribution), which photos that do show the thing (dogs, in a
background full of dogs) hardly move: mean and deviation would put the border above all of them.

Measured on the validation photos of the shipped pack (1,002 captioned, 2,097 in all), mean F1 over queries, default
caution: two words 0.20, one word 0.19, labels 0.34, similar photos 0.50. For comparison: mean + 2.3 deviations
0.19, 0.16, 0.26, 0.42; the best constant cosine 0.19 for two words; a perfect cut of the same ranking 0.26, 0.27,
0.55, 0.60. Otsu's threshold, the largest gap and a mixture of two normal distributions did worse (0.08 to 0.14). With
a perfect cut one two-word query in fifty has a precision of 0.7 at a recall of 0.5: the ranking is the limit, not the
cut. `evaluation/objects.py` and `evaluation/retrieval.py` measure what is called good.
"""

from __future__ import annotations

import numpy as np

from semantic_photos.domain.ports import FloatArray

#: Caution where a user has not said otherwise.
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
