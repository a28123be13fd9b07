# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures Annoy's recall on a new segment, and so which queries Annoy may answer.

Annoy's trees were grown around the photos. A query that lies among them (a photo of the library) falls into the
right leaves; one that lies apart (words: their cosine with even the best photo is 0.2 to 0.4 in such models) is torn
apart by every split, and the fraction of true neighbours that is found drops with the distance, at a rate that
depends on the library. So nothing is assumed: queries of known distance are made from the library itself, answered
both ways, and the segment keeps from which best cosine on Annoy found enough, and what that takes.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from semantic_photos.domain.messages import CancelToken
from semantic_photos.domain.ports import FloatArray
from semantic_photos.domain.vectors import normalise
from semantic_photos.index.annoy_index import Segment
from semantic_photos.index.exact_index import CHUNK_ROWS, RowArray

#: Annoy answers where at least so many of the true nearest photos were found on average.
LEAST_RECALL = 0.95
#: How many nearest are compared: the first screens of results.
NEAREST = 50
#: Candidates per query that are tried, fewest first.
SEARCH_KS = (5_000, 20_000, 50_000, 100_000, 200_000)
#: Cosine of a made-up query with what it was made from: a photo at 1, mixtures of two below.
LEVELS = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3)
QUESTIONS_PER_LEVEL = 24
#: Annoy must take less than this share of the time of exact search to be worth its losses.
WORTH = 0.7
NEVER = 2.0


def calibrate(segment: Segment, token: CancelToken) -> tuple[int, float]:
    """Return how many candidates Annoy should examine, and the best cosine from which its answer is trusted.

    The cosine is above 1 (``NEVER``) when it is not complete enough even for photos of the library, or not faster.

    Raises:
        CancelledError: when the token says so.
    """
    rows = segment.rows
    rng = np.random.default_rng(segment.manifest.n)
    nearest = min(NEAREST, rows.size)
    queries = np.stack([_queries(rows.vectors, level, rng) for level in LEVELS])
    flat = queries.reshape(-1, queries.shape[-1])
    true_rows, best = _true_nearest(rows.vectors, flat, nearest, token)
    exact_s = _seconds(lambda i: rows.search(flat[i], nearest), len(flat))
    chosen = SEARCH_KS[-1], NEVER
    for search_k in SEARCH_KS:
        token.raise_if_cancelled()
        annoy_s = _seconds(functools.partial(_ask, segment, flat, nearest, search_k), len(flat))
        if annoy_s > WORTH * exact_s:
            break
        recall = np.empty(len(flat))
        for i, question in enumerate(flat):
            found = segment.candidates(question, nearest, search_k)
            recall[i] = np.isin(true_rows[i], found).mean()
        trusted = _trusted(recall.reshape(len(LEVELS), -1), best.reshape(len(LEVELS), -1))
        if trusted < chosen[1]:
            chosen = search_k, trusted
    return chosen


def _trusted(recall: NDArray[np.float64], best: FloatArray) -> float:
    """Return the median best cosine of the farthest level up to which all levels, (L, Q), were good."""
    trusted = NEVER
    for level_recall, level_best in zip(recall, best, strict=True):
        if level_recall.mean() < LEAST_RECALL:
            break
        # A rounding error must not shut out a photo that is its own nearest.
        trusted = float(np.median(level_best)) - 1e-3
    return trusted


def _queries(vectors: FloatArray, level: float, rng: np.random.Generator) -> FloatArray:
    """Return unit vectors (Q, D) that have the cosine ``level`` with photos or mixtures of two, else any direction."""
    near = np.asarray(vectors[rng.integers(len(vectors), size=QUESTIONS_PER_LEVEL)])
    if level < 1.0:
        # Words, and mixtures of examples, lie between kinds of photos, where the trees' borders are.
        near = normalise(near + np.float32(0.5) * vectors[rng.integers(len(vectors), size=len(near))])
    away = rng.normal(size=near.shape).astype(np.float32)
    away = normalise(away - (away * near).sum(axis=1, keepdims=True) * near)
    return normalise(np.float32(level) * near + np.float32(np.sqrt(1.0 - level**2)) * away)


def _true_nearest(vectors: FloatArray, queries: FloatArray, k: int, token: CancelToken) -> tuple[RowArray, FloatArray]:
    """Return the rows of the ``k`` nearest, int64 (Q, k) in any order, and the best cosine (Q,)."""
    rows = np.empty((len(queries), 0), np.int64)
    scores = np.empty((len(queries), 0), np.float32)
    for start in range(0, len(vectors), CHUNK_ROWS):
        token.raise_if_cancelled()
        new = queries @ vectors[start : start + CHUNK_ROWS].T
        numbers = np.broadcast_to(np.arange(start, start + new.shape[1]), new.shape)
        scores, rows = np.concatenate([scores, new], axis=1), np.concatenate([rows, numbers], axis=1)
        keep = np.argpartition(-scores, min(k, scores.shape[1]) - 1, axis=1)[:, :k]
        scores, rows = np.take_along_axis(scores, keep, axis=1), np.take_along_axis(rows, keep, axis=1)
    return rows, scores.max(axis=1)


def _ask(segment: Segment, queries: FloatArray, nearest: int, search_k: int, i: int) -> RowArray:
    return segment.candidates(queries[i], nearest, search_k)


def _seconds(ask: Callable[[int], object], n: int) -> float:
    """Return the median time of a few queries, spread over ``n``."""
    times = []
    for i in range(0, n, max(1, n // 12)):
        start = time.perf_counter()
        ask(i)
        times.append(time.perf_counter() - start)
    return float(np.median(times))
