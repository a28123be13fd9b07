# SPDX-License-Identifier: GPL-3.0-or-later
"""What thumbs up and down are worth: votes of a person simulated from labels or captions, by several rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.relevance_feedback import arranged
from semantic_photos.evaluation.composed import Word
from semantic_photos.evaluation.feedback_ways import WAYS, Ballot, Way, by_program

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

#: The person looks at so many, votes for so many of each kind, and is judged by so many.
_LOOKED_AT, _VOTES, _FIRST = 20, 3, 20
#: A question needs so many right answers besides the voted ones, and so many in all.
_LEFT, _LEAST = 5, 23
#: Narrower meanings that are asked at most, and example photos of each word.
_NARROW, _EXAMPLES = 250, 2


def voting_figures(
    vectors: Floats, background: Floats, words: Sequence[tuple[Word, Floats]], seed: int
) -> dict[str, list[float]]:
    """Return precision at 20 before and after votes among the first 20 hits, one value for each question.

    Asked for what the word means; for something narrower, the word together with another one; and for photos like an
    example that shows the word. Voted photos are left out before and after: what votes say of other photos. Beside it
    ``list as seen``, with the voted photos in it as the program arranges them. Three votes of each kind, fewer where
    there are not so many; beside them one vote alone, by the program's rule.

    Args:
        vectors: unit vectors (N, D) of all photos.
        background: unit vectors (B, D) of ordinary photos.
        words: words with their unit vectors (D,).
        seed: chooses the example photos.
    """
    rows: dict[str, list[float]] = {}
    for meaning, candidates, relevant, query in _asked(vectors, words, np.random.default_rng(seed)):
        photos, right = vectors[candidates], relevant[candidates]
        first = np.argsort(-(photos @ query), kind="stable")[:_LOOKED_AT].tolist()
        up, down = [i for i in first if right[i]][:_VOTES], [i for i in first if not right[i]][:_VOTES]
        if not up or not down:
            continue
        about = f"feedback on {meaning}"
        for name, value in _judged(Ballot(photos, background, query, up, down), right, WAYS).items():
            rows.setdefault(f"{about}: {name}", []).append(value)
        for votes, ballot in (
            ("one up", Ballot(photos, background, query, up[:1], [])),
            ("one down", Ballot(photos, background, query, [], down[:1])),
        ):
            found = _judged(ballot, right, {votes: by_program})
            rows.setdefault(f"{about}: gain by {votes}", []).append(found[f"gain by {votes}"])
    return rows


def _asked(
    vectors: Floats, words: Sequence[tuple[Word, Floats]], rng: np.random.Generator
) -> Iterator[tuple[str, Bools, Bools, Floats]]:
    """Yield what is meant, among which photos (N,), which are right (N,), and the question (D,)."""
    wide = [(word, vector) for word, vector in words if word.relevant.sum() >= _LEAST]
    for word, vector in wide:
        yield "the word", word.candidates, word.relevant, vector
    narrow = [
        (one, meant, vector)
        for one, vector in words
        for two, _ in words
        if one is not two
        and 15 <= (meant := one.relevant & two.relevant).sum() <= 0.6 * one.relevant.sum()
    ]  # fmt: skip
    for word, meant, vector in narrow[:: max(1, len(narrow) // _NARROW)]:
        yield "narrower", word.candidates, meant, vector
    for word, _ in wide:
        showing = np.flatnonzero(word.shown)
        for example in rng.choice(showing, min(_EXAMPLES, len(showing)), replace=False):
            others = word.candidates.copy()
            others[example] = False
            yield "similar", others, word.relevant & others, vectors[example]


def _judged(ballot: Ballot, right: Bools, ways: Mapping[str, Way]) -> dict[str, float]:
    voted = [*ballot.up, *ballot.down]
    plain = ballot.photos @ ballot.query
    left = np.ones(len(right), np.bool_)
    left[voted] = False

    def precision(scores: Floats) -> float:
        if (right & left).sum() < _LEFT:
            return float("nan")
        order = np.argsort(-np.where(left, scores, -np.inf), kind="stable")[:_FIRST]
        return float(right[order].mean())

    found = {"before": precision(plain)}
    for name, way in ways.items():
        found[name] = precision(way(ballot))
        found[f"gain by {name}"] = found[name] - found["before"]
    votes = {PhotoId(i): 1 for i in ballot.up} | {PhotoId(i): -1 for i in ballot.down}
    found["list as seen, before"] = _seen(plain, right, {})
    found["list as seen, after"] = _seen(by_program(ballot), right, votes)
    found["list as seen, gain"] = found["list as seen, after"] - found["list as seen, before"]
    return found


def _seen(scores: Floats, right: Bools, votes: dict[PhotoId, int]) -> float:
    best = np.argsort(-scores, kind="stable")
    return float(right[arranged(best.astype(np.int64), scores[best], votes)[0][:_FIRST]].mean())
