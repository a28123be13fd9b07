# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluation of relevance feedback: a few votes among the first hits, simulated from labels and captions.

The program's rule stands beside plain Rocchio. The other rules that were tried lost (``decisions/0012``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.relevance_feedback import arranged, hits_to_fetch, with_feedback
from semantic_photos.domain.vectors import normalise
from semantic_photos.evaluation.bench import Bench
from semantic_photos.evaluation.figure import Figures, Floats, ratio
from semantic_photos.evaluation.metrics import Bools
from semantic_photos.evaluation.queries import SureWord, sure_caption_words, sure_labels

#: The user looks at so many hits, votes for so many of each kind, and precision is measured on so many.
_LOOKED_AT, _VOTES, _FIRST = 20, 3, 20
#: A query needs so many right photos besides those that were voted on, and so many in all.
_LEFT, _LEAST = 5, 23
#: Narrower meanings that are tried at most, and example photos of each word.
_NARROW, _EXAMPLES = 250, 2
#: Weights of likes and dislikes in plain Rocchio.
_LIKED, _DISLIKED = 1.0, 0.3


@dataclass(frozen=True, slots=True, eq=False)
class Votes:
    """Votes for one query.

    Attributes:
        photos: unit vectors (N, D) of all photos that are searched.
        sample: unit vectors (B, D) of ordinary photos.
        query: unit vector (D,).
        up: rows of ``photos`` that were voted up.
        down: rows that were voted down.
    """

    photos: Floats
    sample: Floats
    query: Floats
    up: list[int]
    down: list[int]

    def by_program(self) -> Floats:
        """Return scores (N,) as the program ranks."""
        first = np.argsort(-(self.photos @ self.query))[: hits_to_fetch(len(self.photos))]
        middle = np.asarray(self.photos[first].mean(axis=0))
        moved = with_feedback(self.query, self.photos[self.up], self.photos[self.down], middle, self.sample)
        return self.photos @ moved

    def by_rocchio(self) -> Floats:
        """Return scores (N,) by Rocchio 1971, "Relevance feedback in information retrieval", on whole photos."""
        moved = self.query.copy()
        if self.up:
            moved += np.float32(_LIKED) * self.photos[self.up].mean(axis=0)
        if self.down:
            moved -= np.float32(_DISLIKED) * self.photos[self.down].mean(axis=0)
        return self.photos @ normalise(moved)


def feedback_figures(bench: Bench, seed: int = 0) -> Figures:
    """Return precision at 20 before and after votes, by what was meant, for labels and for caption words."""
    figures: Figures = {}
    for kind, words in (
        ("labels", sure_labels(bench.photos, bench.knows)),
        ("captions", sure_caption_words(bench.photos, bench.knows)),
    ):
        for meaning, rows in vote_rows(
            bench.vectors, bench.background, [(word, bench.word(word.text)) for word in words], seed
        ).items():
            values = {name: np.array([v for v in each if np.isfinite(v)]) for name, each in rows.items()}
            figures[f"feedback on {meaning}, {kind}"] = {name: ratio(clean) for name, clean in values.items()}
    return figures


def vote_rows(
    vectors: Floats, sample: Floats, words: Sequence[tuple[SureWord, Floats]], seed: int
) -> dict[str, dict[str, list[float]]]:
    """Return precision at 20 before and after votes among the first 20 hits, one value for each query.

    The user means what the word means; something narrower, the word together with another one; or photos like an
    example that shows the word. Voted photos are left out before and after: what counts is the effect of votes on
    other photos. Beside it ``as listed``, with the voted photos in it as the program arranges them. Three votes of
    each kind, fewer where there are not so many; and one vote alone.

    Args:
        vectors: unit vectors (N, D) of all photos.
        sample: unit vectors (B, D) of ordinary photos.
        words: words with their unit vectors (D,).
        seed: chooses the example photos.
    """
    found: dict[str, dict[str, list[float]]] = {}
    for meaning, candidates, relevant, query in _cases(vectors, words, np.random.default_rng(seed)):
        photos, right = vectors[candidates], relevant[candidates]
        first = np.argsort(-(photos @ query), kind="stable")[:_LOOKED_AT].tolist()
        up, down = [i for i in first if right[i]][:_VOTES], [i for i in first if not right[i]][:_VOTES]
        if not up or not down:
            continue
        rows = found.setdefault(meaning, {})
        for name, value in _precisions(Votes(photos, sample, query, up, down), right).items():
            rows.setdefault(name, []).append(value)
        for name, votes_cast in (
            ("gain by one up", Votes(photos, sample, query, up[:1], [])),
            ("gain by one down", Votes(photos, sample, query, [], down[:1])),
        ):
            rows.setdefault(name, []).append(_precisions(votes_cast, right)["gain"])
    return found


def _cases(
    vectors: Floats, words: Sequence[tuple[SureWord, Floats]], rng: np.random.Generator
) -> Iterator[tuple[str, Bools, Bools, Floats]]:
    """Yield what is meant, among which photos (N,), which are right (N,), and the query (D,)."""
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
            yield "similar photos", others, word.relevant & others, vectors[example]


def _precisions(votes_cast: Votes, right: Bools) -> dict[str, float]:
    left = np.ones(len(right), np.bool_)
    left[[*votes_cast.up, *votes_cast.down]] = False

    def precision(scores: Floats) -> float:
        if (right & left).sum() < _LEFT:
            return float("nan")
        order = np.argsort(-np.where(left, scores, -np.inf), kind="stable")[:_FIRST]
        return float(right[order].mean())

    plain, moved = votes_cast.photos @ votes_cast.query, votes_cast.by_program()
    before, after, rocchio = precision(plain), precision(moved), precision(votes_cast.by_rocchio())
    votes = {PhotoId(i): 1 for i in votes_cast.up} | {PhotoId(i): -1 for i in votes_cast.down}
    return {
        "before": before, "after": after, "gain": after - before, "gain by plain Rocchio": rocchio - before,
        "as listed, before": _listed(plain, right, {}), "as listed, after": _listed(moved, right, votes),
    }  # fmt: skip


def _listed(scores: Floats, right: Bools, votes: dict[PhotoId, int]) -> float:
    best = np.argsort(-scores, kind="stable")
    return float(right[arranged(best.astype(np.int64), scores[best], votes)[0][:_FIRST]].mean())
