# SPDX-License-Identifier: GPL-3.0-or-later
"""Calibrates automatic tags: a background and a prior per tag, one logistic curve for all of them.

Platt, "Probabilistic outputs for support vector machines", 1999; a tag's cosine is first measured against its own
background, because some words lie near every photo and some near none. The prior is Bayes': of two tags that stand out
as much, the one that people say more often is more often right, and the network was shown it more often.

Command: ``python -m semantic_photos.training.calibration --pack DIR --data DIR`` renews the confidences of a pack.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from semantic_photos.ml.image_encoder import OnnxImageEncoder
from semantic_photos.ml.model_pack import load_pack
from semantic_photos.ml.word_forms import folded
from semantic_photos.training.dataset import PhotoArray, PhotoRecord
from semantic_photos.training.texts import UNSEEN_LABEL_SOURCES, WordVectorTable
from semantic_photos.training.words import words_of

log = logging.getLogger(__name__)

# A tag this near to something true of the photo may well be true too, so it is no proof of the contrary.
NEAR = 0.35
# A caption leaves out most of what is to be seen, so its silence weighs little against a tag.
SILENCE = 0.2
# From this confidence the program shows a tag.
SHOWN = 0.4
# How much of the prior counts. Fitted freely on val it comes to 1.0, but val is from the sources of training and a
# person's photos are not. Half of it also helps where the prior is counted without all photos of the judged photo's own
# source: 61 % of the tags are labels then while half of the labelled photos get one; without a prior 28 % of them do.
PRIOR_WEIGHT = 0.5


def tag_background(photos: torch.Tensor, tags: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of the cosine of every tag over photos: unit (N, D) and (T, D) to two float (T,)."""
    cosines = photos @ tags.T
    return cosines.mean(dim=0).numpy(), cosines.std(dim=0).numpy()


def support(tags: Sequence[str], records: Sequence[PhotoRecord]) -> np.ndarray:
    """In how many training photos' captions or labels every word of a tag occurs, plurals folded: int64 (T,).

    A word that names no training photo depends on its neighbours in the word table alone. As a search word that
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


def priors(known: np.ndarray) -> np.ndarray:
    """Prior log-odds of tags (T,), up to a constant, from the number of training photos annotated with them."""
    return PRIOR_WEIGHT * np.log1p(known)


def fit_logistic(
    x: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray | None = None,
    steps: int = 50,
    known: np.ndarray | float = 0.0,
) -> tuple[float, float]:
    """Slope and offset of P(y) = sigmoid(a x + b + known) by Newton's method, with a whisper of regularisation."""
    each = np.ones_like(x) if weight is None else weight
    design = np.stack([x, np.ones_like(x)], axis=1)
    w = np.zeros(2)
    for _ in range(steps):
        p = 1.0 / (1.0 + np.exp(-np.clip(design @ w + known, -30, 30)))
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
    prior: np.ndarray,
    word_table: WordVectorTable,
    table: torch.Tensor,
) -> dict[str, float]:
    """Fit the curve on photos with labels or captions.

    A tag counts as true if it is a label of the photo or if all its words occur in one of its captions. It counts as
    false if it is far in meaning from everything said of the photo.

    Args:
        records: The index.
        rows: Judged photos.
        photos: Their unit vectors (N, D).
        tags: Tag texts.
        vectors: Their unit vectors (T, D).
        mean: Background of every tag.
        std: Background of every tag.
        prior: Prior log-odds of every tag.
        word_table: The words.
        table: The word table (V, D).

    Returns:
        ``a``, ``b``, and what tags shown from the confidence `SHOWN` on are worth: precision (with silence weighed as
        in the fit, and strictly), recall, tags per photo.
    """
    stems = [frozenset(folded(word) for word in words_of(tag)) for tag in tags]
    near = (vectors @ vectors.T > NEAR).numpy()
    z = ((photos @ vectors.T).numpy() - mean) / std
    xs, ys, weights, known = [], [], [], []
    photos_judged = 0
    for i, row in enumerate(rows):
        record = records[row]
        if record.source in UNSEEN_LABEL_SOURCES or not (record.labels or record.captions):
            continue
        texts = (*record.captions, *record.labels)
        said = [{folded(word) for word in words_of(text)} for text in texts]
        true = [n for n, words in enumerate(stems) if any(words <= text for text in said)]
        if not true:
            continue
        mentioned = word_table.text_bags([" ".join(texts)])
        close = near[true].any(axis=0) | (vectors @ table[mentioned.words[0]].T > NEAR).any(dim=1).numpy()
        false = np.flatnonzero(~close)
        xs += [z[i, true], z[i, false]]
        ys += [np.ones(len(true)), np.zeros(len(false))]
        known += [prior[true], prior[false]]
        weights += [np.ones(len(true)), np.full(len(false), SILENCE if record.captions else 1.0)]
        photos_judged += 1
    x, y = np.concatenate(xs), np.concatenate(ys)
    each, before = np.concatenate(weights), np.concatenate(known)
    a, b = fit_logistic(x, y, each, known=before)
    sure = 1.0 / (1.0 + np.exp(-(a * x + b + before))) >= SHOWN
    right = float((sure & (y > 0)).sum())
    # z of every photo and tag, labelled or not: how many tags a user sees.
    shown = (1.0 / (1.0 + np.exp(-(a * z + b + prior))) >= SHOWN).sum() / len(rows)
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


def tag_vectors(tags: Sequence[str], word_table: WordVectorTable, table: torch.Tensor) -> torch.Tensor:
    """Unit vectors (T, D) of tag texts."""
    return functional.normalize(word_table.text_bags(tags).vectors(table), dim=1)


def entries_of(
    tags: Sequence[tuple[str, str]], mean: np.ndarray, std: np.ndarray, prior: np.ndarray, fit: dict[str, float]
) -> str:
    """The text of ``tags.json``: tags with their categories, backgrounds and priors, and the curve."""
    entries = [
        {
            "tag": tag,
            "category": category,
            "mean": round(float(m), 6),
            "std": round(float(s), 6),
            "prior": round(float(p), 4),
        }
        for (tag, category), m, s, p in zip(tags, mean, std, prior, strict=True)
    ]
    calibration = {"a": round(fit["a"], 5), "b": round(fit["b"], 5)}
    return json.dumps({"calibration": calibration, "tags": entries}, indent=1, sort_keys=True) + "\n"


def renew(folder: Path, data: Path, threads: int) -> dict[str, float]:
    """Fit the confidences of a pack's tags anew and write its ``tags.json``; background and vectors stay.

    The manifest's checksums have to be renewed afterwards (``export --seal``).
    """
    pack = load_pack(folder)
    photos = PhotoArray(data, pack.recipe.side)
    encoder = OnnxImageEncoder(pack, threads)
    rows = photos.rows("val")
    try:
        vectors = np.concatenate([encoder.encode(photos.pixels[rows[i : i + 8]]) for i in range(0, len(rows), 8)])
    finally:
        encoder.close()
    text = pack.manifest.text
    words = (folder / text.words).read_text(encoding="utf-8").split("\n")[:-1]
    table = torch.from_numpy(np.load(folder / text.vectors).astype(np.float32) * np.load(folder / text.scales)[:, None])
    word_table = WordVectorTable(words, torch.from_numpy(np.load(folder / text.weights)))
    tags = [stat.tag for stat in pack.tags]
    prior = priors(support(tags, photos.records))
    mean, std = pack.tag_table.mean, pack.tag_table.std
    matrix = torch.from_numpy(np.array(pack.tag_matrix))
    fit = calibrate(photos.records, rows, torch.from_numpy(vectors), tags, matrix, mean, std, prior, word_table, table)
    stats = [(stat.tag, stat.category) for stat in pack.tags]
    (folder / pack.manifest.tags).write_text(entries_of(stats, mean, std, prior, fit), encoding="utf-8")
    return fit


def main(argv: Sequence[str] | None = None) -> int:
    """Renew the confidences of a pack."""
    parser = argparse.ArgumentParser(description="Fit the confidences of a pack's tags anew.")
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="photos of training, as training.dataset made them")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    fit = renew(args.pack, args.data, args.threads)
    log.info("%s", {name: round(value, 4) for name, value in fit.items()})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
