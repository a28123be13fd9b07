# SPDX-License-Identifier: GPL-3.0-or-later
"""From cosines to confidences of automatic tags: a background per tag, one logistic curve for all of them.

Platt, "Probabilistic outputs for support vector machines", 1999; a tag's cosine is first measured against its own
background, because some words lie near every photo and some near none.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional

from semantic_photos.ml.word_forms import folded
from semantic_photos.training.dataset import PhotoRecord
from semantic_photos.training.texts import UNSEEN_LABEL_SOURCES, Lexicon
from semantic_photos.training.words import words_of

# A tag this near to something true of the photo may well be true too, so it is no proof of the contrary.
NEAR = 0.35
# A caption leaves out most of what is to be seen, so its silence weighs little against a tag.
SILENCE = 0.2
# From this confidence the program shows a tag.
SHOWN = 0.5


def tag_background(photos: torch.Tensor, tags: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of the cosine of every tag over photos: unit (N, D) and (T, D) to two float (T,)."""
    cosines = photos @ tags.T
    return cosines.mean(dim=0).numpy(), cosines.std(dim=0).numpy()


def support(tags: Sequence[str], records: Sequence[PhotoRecord]) -> np.ndarray:
    """In how many training photos' captions or labels every word of a tag occurs, plurals folded: int64 (T,).

    What nobody ever said of a training photo lives on its neighbours in the word table alone. As a search word that
    is better than nothing; as an automatic tag it is a guess that people have to wave away.
    """
    holding: dict[str, set[int]] = {}
    for row, record in enumerate(records):
        if record.split != "train" or record.source in UNSEEN_LABEL_SOURCES:
            continue
        for text in (*record.captions, *record.labels):
            for word in words_of(text):
                holding.setdefault(folded(word), set()).add(row)
    nothing: set[int] = set()
    found = [[holding.get(folded(word), nothing) for word in words_of(tag)] for tag in tags]
    return np.array([len(set.intersection(*sets)) if sets else 0 for sets in found], dtype=np.int64)


def fit_logistic(
    x: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None, steps: int = 50
) -> tuple[float, float]:
    """Slope and offset of P(y) = sigmoid(a x + b) by Newton's method, with a whisper of regularisation."""
    each = np.ones_like(x) if weight is None else weight
    design = np.stack([x, np.ones_like(x)], axis=1)
    w = np.zeros(2)
    for _ in range(steps):
        p = 1.0 / (1.0 + np.exp(-np.clip(design @ w, -30, 30)))
        gradient = design.T @ (each * (p - y)) + 1e-3 * w
        hessian = (design * (each * p * (1.0 - p))[:, None]).T @ design + 1e-3 * np.eye(2)
        change = np.linalg.solve(hessian, gradient)
        w -= change
        if np.abs(change).max() < 1e-8:
            break
    return float(w[0]), float(w[1])


def calibrate(
    records: Sequence[PhotoRecord],
    rows: np.ndarray,
    photos: torch.Tensor,
    tags: Sequence[str],
    vectors: torch.Tensor,
    mean: np.ndarray,
    std: np.ndarray,
    lexicon: Lexicon,
    table: torch.Tensor,
) -> dict[str, float]:
    """Fit the curve on photos with labels or captions.

    A tag counts as true if it is a label of the photo or if all its words occur in one of its captions. It counts as
    false if it is far in meaning from everything said of the photo and, for labelled photos, if it is a label of that
    source, so that somebody would have said it.

    Args:
        records: The index.
        rows: Judged photos.
        photos: Their unit vectors (N, D).
        tags: Tag texts.
        vectors: Their unit vectors (T, D).
        mean: Background of every tag.
        std: Background of every tag.
        lexicon: The words.
        table: The word table (V, D).

    Returns:
        ``a``, ``b``, and what tags shown from the confidence `SHOWN` on are worth: precision (with silence weighed as
        in the fit, and strictly), recall, tags per photo.
    """
    stems = [tuple(folded(word) for word in words_of(tag)) for tag in tags]
    by_words = {words: number for number, words in enumerate(stems)}
    by_source: dict[str, set[int]] = {}
    for record in records:
        for label in record.labels:
            number = by_words.get(tuple(folded(word) for word in words_of(label)))
            if number is not None:
                by_source.setdefault(record.source, set()).add(number)
    near = (vectors @ vectors.T > NEAR).numpy()
    z = ((photos @ vectors.T).numpy() - mean) / std
    xs, ys, weights = [], [], []
    photos_judged = 0
    for i, row in enumerate(rows):
        record = records[row]
        if record.source in UNSEEN_LABEL_SOURCES or not (record.labels or record.captions):
            continue
        said = [{folded(word) for word in words_of(text)} for text in (*record.captions, *record.labels)]
        true = [n for n, words in enumerate(stems) if any(set(words) <= text for text in said)]
        if not true:
            continue
        close = near[true].any(axis=0)
        if record.captions:
            mentioned = lexicon.text_bags([" ".join(record.captions)])
            close |= (vectors @ table[mentioned.words[0]].T > NEAR).any(dim=1).numpy()
            false = np.flatnonzero(~close)
        else:
            false = np.array(sorted(n for n in by_source.get(record.source, set()) if not close[n]), dtype=np.int64)
        xs += [z[i, true], z[i, false]]
        ys += [np.ones(len(true)), np.zeros(len(false))]
        weights += [np.ones(len(true)), np.full(len(false), SILENCE if record.captions else 1.0)]
        photos_judged += 1
    x, y = np.concatenate(xs), np.concatenate(ys)
    each = np.concatenate(weights)
    a, b = fit_logistic(x, y, each)
    sure = 1.0 / (1.0 + np.exp(-(a * x + b))) >= SHOWN
    right = float((sure & (y > 0)).sum())
    # z of every photo and tag, judged or not: how many tags a person gets to see.
    shown = (1.0 / (1.0 + np.exp(-(a * z + b))) >= SHOWN).sum() / len(rows)
    return {
        "a": a,
        "b": b,
        "photos": float(photos_judged),
        "pairs": float(len(x)),
        "precision": right / max(1.0, float((each * sure).sum())),
        "precision_strict": right / max(1.0, float(sure.sum())),
        "recall": right / max(1.0, float((y > 0).sum())),
        "shown_per_photo": float(shown),
    }


def tag_vectors(tags: Sequence[str], lexicon: Lexicon, table: torch.Tensor) -> torch.Tensor:
    """Unit vectors (T, D) of tag texts."""
    return functional.normalize(lexicon.text_bags(tags).vectors(table), dim=1)
