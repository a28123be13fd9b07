# SPDX-License-Identifier: GPL-3.0-or-later
"""All figures of a pack from photo vectors and a way to turn text into vectors; no network, no files."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from semantic_photos.evaluation import metrics
from semantic_photos.evaluation.questions import (
    Shown,
    caption_questions,
    label_questions,
    same_label,
    word_questions,
)

Floats = NDArray[np.float32]
EncodeText = Callable[[str], "Floats | None"]

# The captioned photos among which captions and words search; recipes are captioned too, but are no everyday photos.
CAPTIONED_SOURCE = "flickr8k"
# Labels of recipes name the dish's country and occasion, which nobody can see.
UNSEEN_LABEL_SOURCES = frozenset({"based_cooking"})


def text_matrix(texts: Sequence[str], encode: EncodeText, dim: int) -> Floats:
    """Return unit vectors (Q, D) of texts; zeros, which find nothing in particular, for a text of unknown words."""
    rows = [encode(text) for text in texts]
    return np.stack([np.zeros(dim, dtype=np.float32) if row is None else row for row in rows]).astype(np.float32)


def caption_figures(photos: Sequence[Shown], vectors: Floats, encode: EncodeText) -> dict[str, float]:
    """Return recall and median rank of captions searching for their own photo."""
    texts, owners = caption_questions(photos)
    ranks = metrics.ranks_of(text_matrix(texts, encode, vectors.shape[1]) @ vectors.T, owners)
    low, high = metrics.bootstrap_range((ranks <= 10).astype(np.float32))
    return {
        "photos": float(len(photos)),
        "captions": float(len(texts)),
        "recall_at_1": metrics.recall_at(ranks, 1),
        "recall_at_5": metrics.recall_at(ranks, 5),
        "recall_at_10": metrics.recall_at(ranks, 10),
        "recall_at_10_low": low,
        "recall_at_10_high": high,
        "median_rank": float(np.median(ranks)),
    }


def word_figures(photos: Sequence[Shown], vectors: Floats, encode: EncodeText, words: int) -> dict[str, float]:
    """Return precision at 10 of one- or two-word queries."""
    asked = word_questions(photos, words=words)
    if not asked.texts:
        return {"queries": 0.0}
    scores = text_matrix(asked.texts, encode, vectors.shape[1]) @ vectors.T
    values = metrics.precision_at(scores, asked.relevant, 10)
    low, high = metrics.bootstrap_range(values)
    return {
        "queries": float(len(asked.texts)),
        "precision_at_10": float(values.mean()),
        "low": low,
        "high": high,
        "ceiling": metrics.ceiling_at(asked.relevant, 10),
        "chance": metrics.chance_precision(asked.relevant),
    }


def label_figures(photos: Sequence[Shown], vectors: Floats, encode: EncodeText) -> dict[str, float]:
    """Return label → photo precision, zero-shot naming of photos, and photo → photo precision by label."""
    asked = label_questions(photos)
    scores = text_matrix(asked.texts, encode, vectors.shape[1]) @ vectors.T
    shared = same_label(photos)
    alike = vectors @ vectors.T
    np.fill_diagonal(alike, -np.inf)
    judged = shared.sum(axis=1) >= 10
    return {
        "photos": float(len(photos)),
        "labels": float(len(asked.texts)),
        "photo_names_label_top1": metrics.top_hit(scores.T, asked.relevant.T, 1),
        "photo_names_label_top5": metrics.top_hit(scores.T, asked.relevant.T, 5),
        "label_finds_photo_top1": metrics.top_hit(scores, asked.relevant, 1),
        "similar_photos": float(judged.sum()),
        "similar_precision_at_10": float(metrics.precision_at(alike[judged], shared[judged], 10).mean()),
        "similar_chance": metrics.chance_precision(shared[judged]),
    }


def all_figures(photos: Sequence[Shown], vectors: Floats, encode: EncodeText) -> dict[str, dict[str, float]]:
    """Return every figure by group.

    Args:
        photos: Judged photos.
        vectors: Their unit vectors (N, D), in the same order; a row that is not finite is replaced by zeros.
        encode: Text to unit vector (D,), or None if no word is known.
    """
    vectors = np.where(np.isfinite(vectors).all(axis=1, keepdims=True), vectors, 0.0).astype(np.float32)
    captioned = [i for i, photo in enumerate(photos) if photo.source == CAPTIONED_SOURCE and photo.captions]
    labelled = [i for i, photo in enumerate(photos) if photo.labels and photo.source not in UNSEEN_LABEL_SOURCES]
    figures: dict[str, dict[str, float]] = {}
    if captioned:
        shown, rows = [photos[i] for i in captioned], vectors[captioned]
        figures["captions"] = caption_figures(shown, rows, encode)
        figures["one_word"] = word_figures(shown, rows, encode, 1)
        figures["two_words"] = word_figures(shown, rows, encode, 2)
    if labelled:
        figures["labels"] = label_figures([photos[i] for i in labelled], vectors[labelled], encode)
    return figures
