# SPDX-License-Identifier: GPL-3.0-or-later
"""Thumbs up and down for one question: a better question from a few votes, and where voted photos stand then."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.ports import FloatArray, IdArray
from semantic_photos.domain.query import Query
from semantic_photos.domain.vectors import normalise

#: Rocchio's weights of what was liked and disliked. Little weight for dislikes: what is disliked among the first hits
#: is still near to what is meant, and pushing it away costs good ones (measured: at 1 and 1 results get worse).
LIKED, DISLIKED = 1.0, 0.3
_PLAIN_WORDS = re.compile(r"[\w\s'-]*")


@dataclass(frozen=True, slots=True)
class Vote:
    """A person's word on one photo for one question (in its normal form): 1 fits, -1 does not."""

    query: str
    photo_id: PhotoId
    vote: int
    given: float = 0.0


def normal_form(query: Query) -> str:
    """Return a text that is the same for questions that mean the same.

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


def names_photos(normal: str) -> bool:
    """Return whether a normal form tells of example photos, by their number in one library or their path."""
    if not normal.startswith("{"):
        return False
    try:
        value = json.loads(normal)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and "examples" in value


def question_title(normal: str) -> str:
    """Return the normal form of a question in words; photos of the library have only numbers in it."""
    if not normal.startswith("{"):
        return normal
    try:
        told = json.loads(normal)
        parts = [str(told["text"])] if told["text"] else []
        for _, weight, region in told["examples"]:
            way = "like" if weight > 0 else "unlike"
            parts.append(f"{way} {'a part of a photo' if region else 'a photo'}")
        parts += [f"{'looking at' if weight > 0 else 'away from'} {word}" for word, weight in told["focus"]]
    except (ValueError, KeyError, TypeError):
        return normal
    return ", ".join(parts)


def rocchio(query: FloatArray, liked: FloatArray, disliked: FloatArray) -> FloatArray:
    """Return a unit vector (D,) moved towards what was liked and away from what was not.

    Rocchio 1971, "Relevance feedback in information retrieval". Where a word means
    more than what is wanted, three votes each way raise precision at 20 on the other photos from 8 to 14 in 100; where
    it means just that, votes change little (``evaluation.steering``). Other ways, measured beside it:
    ``decisions/0012-votes-by-rocchio.md``.

    Args:
        query: unit vector (D,).
        liked: unit vectors (U, D); may be empty.
        disliked: unit vectors (V, D); may be empty.
    """
    moved = np.asarray(query, np.float32).copy()
    if len(liked):
        moved += np.float32(LIKED) * np.asarray(liked, np.float32).mean(axis=0)
    if len(disliked):
        moved -= np.float32(DISLIKED) * np.asarray(disliked, np.float32).mean(axis=0)
    mixed = normalise(moved)
    return mixed if mixed.any() else np.asarray(query, np.float32)


def logistic(
    query: FloatArray, liked: FloatArray, disliked: FloatArray, *, ridge: float = 1.0, scale: float = 8.0
) -> FloatArray:
    """Return a unit vector (D,): ridge-regularised logistic regression on the votes, drawn towards the question.

    The alternative that ``rocchio`` is measured against; it needs both kinds of votes and gives no more.

    Args:
        query: unit vector (D,); the weights are drawn towards ``scale`` times it.
        liked: unit vectors (U, D).
        disliked: unit vectors (V, D).
        ridge: strength of the pull, > 0.
        scale: length of the weights before any vote, > 0.
    """
    rows = np.concatenate([liked, disliked]).astype(np.float64)
    if not len(rows):
        return np.asarray(query, np.float32)
    wanted = np.r_[np.ones(len(liked)), np.zeros(len(disliked))]
    prior = scale * np.asarray(query, np.float64)
    # The optimum is the prior plus a sum of rows, so Newton's steps need only as many numbers as there are votes.
    gram = rows @ rows.T
    start = rows @ prior
    alpha, offset = np.zeros(len(rows)), -float(start.mean())
    for _ in range(20):
        probability = 1.0 / (1.0 + np.exp(-np.clip(start + gram @ alpha + offset, -30, 30)))
        curvature = np.maximum(probability * (1 - probability), 1e-3)
        residual = (wanted - probability) / ridge - alpha
        step = np.linalg.solve(np.eye(len(rows)) + gram * curvature / ridge, residual)
        alpha += step
        offset += float((wanted - probability).sum() / (curvature.sum() + 1.0))
        if np.abs(step).max() < 1e-6:
            break
    weights = normalise((prior + rows.T @ alpha).astype(np.float32))
    return weights if weights.any() else np.asarray(query, np.float32)


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
