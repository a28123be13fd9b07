# SPDX-License-Identifier: GPL-3.0-or-later
"""Relevance feedback (Rocchio): the query changed by votes, and the rank of the voted photos."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from semantic_photos.domain.example_focus import example_words, focus_words
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.ports import FloatArray, IdArray
from semantic_photos.domain.query import Query
from semantic_photos.domain.translatable import Message, joined
from semantic_photos.domain.vectors import decorrelated, normalise

#: Weights of what was liked and disliked, for very many votes. Little for dislikes: what is not meant
#: is of many kinds, and their mean says little of it.
LIKED, DISLIKED = 1.25, 0.3
#: So many votes count for half of what very many count.
_DOUBT = 2
#: Hits of a query that say what its hits have in common. 150 and 600 do as well within a point.
_HITS = 300
#: See ``decorrelated``; 1 does as well within half a point.
_SHRINK = 3.0
_PLAIN_WORDS = re.compile(r"[\w\s'-]*")


@dataclass(frozen=True, slots=True)
class Vote:
    """A user's vote on one photo for one query (in its normal form): 1 good match, -1 no match."""

    query: str
    photo_id: PhotoId
    vote: int
    given: float = 0.0


def normal_form(query: Query) -> str:
    """Return a text that is the same for queries that mean the same.

    The order of plain words and the case do not matter. Example photos count by id, files by their path, and with
    them what is looked at in them.
    """
    text = " ".join(query.text.casefold().split())
    if _PLAIN_WORDS.fullmatch(text) and " or " not in f" {text} ":
        text = " ".join(sorted(text.split()))
    if not query.examples:
        return text
    examples = [
        [int(e.photo_id) if e.photo_id is not None else str(e.path).encode("utf-8", "backslashreplace").decode(),
         round(e.weight, 3), [round(side, 3) for side in e.region] if e.region is not None else None]
        for e in query.examples
    ]  # fmt: skip
    focuses = sorted([focus.word.casefold(), round(focus.weight, 3)] for focus in query.focuses)
    return json.dumps({"text": text, "examples": examples, "focus": focuses}, ensure_ascii=False)


def has_examples(normal: str) -> bool:
    """Return whether a normal form contains example photos, by their number in one library or their path."""
    if not normal.startswith("{"):
        return False
    try:
        value = json.loads(normal)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and "examples" in value


def query_title(normal: str) -> Message:
    """Return the normal form of a query in words; photos of the library have only numbers in it."""
    if not normal.startswith("{"):
        return Message.as_is(normal)
    try:
        told = json.loads(normal)
        parts = [str(told["text"])] if told["text"] else []
        for _, weight, region in told["examples"]:
            parts.append(example_words(float(weight), region is not None))
        parts += [focus_words(str(word), float(weight)) for word, weight in told["focus"]]
    except (ValueError, KeyError, TypeError):
        return Message.as_is(normal)
    return joined(parts)


def with_feedback(
    query: FloatArray,
    liked: FloatArray,
    disliked: FloatArray,
    middle: FloatArray,
    sample: FloatArray | None = None,
) -> FloatArray:
    """Return a unit vector (D,) moved towards what was liked and away from what was not.

    Rocchio's rule (1971, "Relevance feedback in information retrieval") on what is special in the voted photos. What
    they share with the other hits of the query is taken off, because it cannot be the reason of a vote: a dog that
    was voted down would otherwise speak against dogs. So is what any photos differ in (``vectors.decorrelated``). One
    vote may be an accident, so the first counts for a third of what many count. Measured beside plain Rocchio and
    other ways: ``decisions/0012-votes-by-rocchio.md``.

    Args:
        query: unit vector (D,).
        liked: unit vectors (U, D); may be empty.
        disliked: unit vectors (V, D); may be empty.
        middle: mean (D,) of the first hits of the query, as many as `hits_to_fetch` says.
        sample: ordinary photos (N, D), at least some dozens; None where there are none.
    """
    moved = np.asarray(query, np.float32).copy()
    for votes, most in ((liked, LIKED), (disliked, -DISLIKED)):
        if not len(votes):
            continue
        special = np.asarray(votes, np.float32).mean(axis=0) - middle
        direction = normalise(special) if sample is None else decorrelated(special, sample, _SHRINK)
        moved += np.float32(most * len(votes) / (len(votes) + _DOUBT)) * direction
    mixed = normalise(moved)
    return mixed if mixed.any() else np.asarray(query, np.float32)


def hits_to_fetch(searched: int) -> int:
    """Return how many of the first hits among so many photos stand for what the query finds anyhow."""
    return max(1, min(_HITS, searched // 3))


def arranged(ids: IdArray, scores: FloatArray, votes: Mapping[PhotoId, int]) -> tuple[IdArray, FloatArray, int, int]:
    """Put what was voted up first and what was voted down last.

    Args:
        ids: int64 (N,), best first.
        scores: float32 (N,).
        votes: 1 or -1 for photos.

    Returns:
        ids and scores in their new order, how many of the first were voted up, and how many of the last down.
    """
    if not votes:
        return ids, scores, 0, 0
    vote = np.fromiter((votes.get(PhotoId(i), 0) for i in ids.tolist()), np.int64, len(ids))
    order = np.argsort(-vote, kind="stable")
    return ids[order], scores[order], int((vote > 0).sum()), int((vote < 0).sum())
