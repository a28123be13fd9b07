# SPDX-License-Identifier: GPL-3.0-or-later
"""Fits the result cut-offs of words on photos with known objects, and writes them into a pack.

One logistic curve for all words over the standard score of the cosine before the pack's ordinary photos, with an
offset for each labelled word: Platt 1999, "Probabilistic outputs for support vector machines"; offsets are held near
zero, so that a word with few photos stays near the curve of all. Levels are chosen by F measure (van Rijsbergen 1979,
"Information Retrieval"), on probabilities that the other half of the photos gave (cross-fitted): at the default a
wrong photo weighs more than one that is missed.

Command: ``python -m semantic_photos.training.cutoff_fit --pack DIR --index FILE... --objects FILE.jsonl.gz
--vectors FILE.npy`` fits, writes ``cutoff.json``, and seals the pack; ``--dry-run`` only prints what would be written.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semantic_photos.domain.ports import FloatArray, TextEncoder
from semantic_photos.domain.result_cutoff import Cutoff, WordCut
from semantic_photos.ml.cutoff_file import FORMAT, parse_cutoff

log = logging.getLogger(__name__)

FILE = "cutoff.json"
# From this score on a detector's find is taken for true; below the other it is taken for absent. Between the two
# nothing is fitted on.
TRUE, ABSENT = 0.5, 0.12
# Labels with fewer photos say too little of a word, pairs with fewer of two.
LEAST_PHOTOS, LEAST_PAIR = 4, 5
# Beta of the F measure at caution 0, 0.5 and 1: below 1 precision counts more than recall. A wanted precision in its
# place gives levels that a weak model passes with one photo in a hundred.
BETAS = (2.0, 0.5, 0.2)
# How strongly offsets of single words are held near zero. Of 0.3, 1, 4 the best on held-out halves (F1 0.352).
HOLD = 4.0
# Photos of one label that count; "person" alone would outvote all others.
MOST_OF_ONE = 50
# Levels that are tried.
LEVELS = np.round(np.geomspace(0.02, 0.95, 120), 4)

Scores = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Point:
    """Figures of a level on held-out photos: precision and recall, and the share of words with no photo above it."""

    level: float
    precision: float
    recall: float
    empty: float

    def f_measure(self, square: float) -> float:
        """Return the F measure for the square of its beta."""
        below = square * self.precision + self.recall
        return (1.0 + square) * self.precision * self.recall / below if below else 0.0


def fit_cutoff(
    words: TextEncoder,
    background: FloatArray,
    vectors: FloatArray,
    scores: Scores,
    *,
    halves: NDArray[np.bool_] | None = None,
    least_trust: float = 0.5,
) -> tuple[Cutoff, dict[str, Any]]:
    """Fit a cut-off.

    Args:
        words: the pack's words.
        background: unit vectors of ordinary photos (B, D): the pack's.
        vectors: unit vectors of labelled photos (N, D), none of them from training.
        scores: for each label, in lower case, its score in each photo, float (N,) in [0, 1]; NaN where no detector ran.
        halves: which photos are of the first half, bool (N,); by chance if not given.
        least_trust: words that were trained less are never clearly shown.

    Returns:
        The cut-off, and what its levels are worth on held-out photos.

    Raises:
        ValueError: fewer than ten labels can be used.
    """
    flat = Cutoff(1.0, 0.0, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), 0.5)
    cuts = {}
    for label, found in scores.items():
        vector = words.encode(label)
        if vector is not None and not words.unknown_words(label) and (found >= TRUE).sum() >= LEAST_PHOTOS:
            cuts[label] = WordCut.of(label, vector, background, flat, label, 1.0)
    labels = list(cuts)
    if len(labels) < 10:
        raise ValueError(f"only {len(labels)} labels can be used")
    z = np.stack([(vectors @ cut.vector - cut.middle) / cut.spread for cut in cuts.values()], axis=1)
    truth = np.stack([scores[label] for label in labels], axis=1)
    first = np.random.default_rng(0).random(len(vectors)) < 0.5 if halves is None else halves
    held_out = np.zeros_like(z)
    for half in (first, ~first):
        slope, offset, extra = _fit(z[~half], truth[~half])
        held_out[half] = _sigmoid(slope * z[half] + offset + extra)
    slope, offset, extra = _fit(z, truth)
    alone = points(held_out, truth)
    pairs = _pairs(held_out, truth)
    each = points(*pairs) if pairs is not None else alone
    levels = _levels(alone)
    cutoff = Cutoff(
        slope, offset, levels, _levels(each), levels[1],
        {label: round(float(more), 3) for label, more in zip(labels, extra, strict=True)}, least_trust,
    )  # fmt: skip
    rounded = replace(cutoff, slope=round(slope, 4), offset=round(offset, 4))
    return rounded, {
        "labels": len(labels),
        "pairs": 0 if pairs is None else pairs[0].shape[1],
        "alone": [_at(alone, level) for level in rounded.alone],
        "each": [_at(each, level) for level in rounded.each],
    }


def points(probabilities: NDArray[np.float64], truth: NDArray[np.float64]) -> list[Point]:
    """Return what each of ``LEVELS`` is worth: probabilities and scores of labels in photos, both (N, L)."""
    true = truth >= TRUE
    weight = np.minimum(1.0, MOST_OF_ONE / np.maximum(true.sum(axis=0), 1))
    found = []
    for level in LEVELS.tolist():
        above = (probabilities >= level) & ~np.isnan(truth)
        right, shown = weight @ (above & true).sum(axis=0), weight @ above.sum(axis=0)
        precision = float(right / shown) if shown else 1.0
        empty = float((~(above & (truth < ABSENT)).any(axis=0)).mean())
        found.append(Point(level, precision, float(right / (weight @ true.sum(axis=0))), empty))
    return found


def as_json(cutoff: Cutoff) -> str:
    """Return the text of ``cutoff.json``."""
    root = {
        "format": FORMAT, "slope": cutoff.slope, "offset": cutoff.offset, "alone": list(cutoff.alone),
        "each": list(cutoff.each), "excluded": cutoff.excluded, "least_trust": cutoff.least_trust,
        "words": dict(cutoff.words),
    }  # fmt: skip
    text = json.dumps(root, indent=1, sort_keys=True) + "\n"
    parse_cutoff(text.encode(), FILE)
    return text


def _fit(z: NDArray[np.float64], truth: NDArray[np.float64]) -> tuple[float, float, NDArray[np.float64]]:
    """Return slope, offset and the offset of each label (L,) by Newton's method; scores of photos (N, L)."""
    sure = (truth >= TRUE) | (truth < ABSENT)
    y = (truth >= TRUE).astype(float)
    labels = z.shape[1]
    slope, offset, extra = 1.0, -5.0, np.zeros(labels)
    for _ in range(50):
        p = _sigmoid(slope * z + offset + extra)
        wrong = np.where(sure, p - y, 0.0)
        curve = np.where(sure, p * (1.0 - p), 0.0)
        gradient = np.concatenate([[(wrong * z).sum(), wrong.sum()], wrong.sum(axis=0) + HOLD * extra])
        hessian = np.zeros((labels + 2, labels + 2))
        hessian[0, 0], hessian[1, 1] = (curve * z * z).sum(), curve.sum()
        hessian[0, 1] = hessian[1, 0] = (curve * z).sum()
        hessian[0, 2:] = hessian[2:, 0] = (curve * z).sum(axis=0)
        hessian[1, 2:] = hessian[2:, 1] = curve.sum(axis=0)
        hessian[np.arange(2, labels + 2), np.arange(2, labels + 2)] = curve.sum(axis=0) + HOLD
        change = np.linalg.solve(hessian + 1e-6 * np.eye(labels + 2), gradient)
        # Far from the goal a whole step may overshoot.
        change *= min(1.0, 2.0 / max(np.abs(change).max(), 1e-9))
        slope, offset, extra = slope - change[0], offset - change[1], extra - change[2:]
        if np.abs(change).max() < 1e-7:
            break
    return float(slope), float(offset), extra


def _pairs(
    held_out: NDArray[np.float64], truth: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Return probabilities and scores of pairs of labels (N, P): the lesser of the two; None if there are too few."""
    true = truth >= TRUE
    both = [
        (a, b)
        for a, b in itertools.combinations(range(truth.shape[1]), 2)
        if (true[:, a] & true[:, b]).sum() >= LEAST_PAIR
    ]
    if len(both) < 10:
        return None
    one, other = (np.array(side) for side in zip(*both, strict=True))
    return np.minimum(held_out[:, one], held_out[:, other]), np.minimum(truth[:, one], truth[:, other])


def _levels(found: Sequence[Point]) -> tuple[float, float, float]:
    """Return the levels of the best F measures for ``BETAS``, rising."""
    chosen: list[float] = []
    for beta in BETAS:
        best = max(found, key=lambda point, square=beta * beta: point.f_measure(square))  # type: ignore[misc]
        chosen.append(max([*chosen, best.level]))
    return chosen[0], chosen[1], chosen[2]


def _at(found: Sequence[Point], level: float) -> dict[str, float]:
    point = min(found, key=lambda one: abs(one.level - level))
    return {name: round(value, 3) for name, value in vars(point).items()}


def _sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(x, -30, 30))))


def read_scores(objects: Path, files: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """Return the scores of each label (N,) in these photos, from lines ``{"file", detector: {name: score}}``.

    Names of all detectors are joined in lower case; the higher score counts. Where no detector that knows a name looked
    at a photo, the score is NaN.
    """
    row = {file: number for number, file in enumerate(files)}
    looked: dict[str, NDArray[np.bool_]] = {}
    found: dict[str, dict[str, dict[int, float]]] = {}
    with gzip.open(objects, "rt", encoding="utf-8") as lines:
        for line in lines:
            told = json.loads(line)
            number = row.get(told.pop("file"))
            if number is None:
                continue
            for detector, names in told.items():
                looked.setdefault(detector, np.zeros(len(files), np.bool_))[number] = True
                for name, score in names.items():
                    found.setdefault(name.casefold(), {}).setdefault(detector, {})[number] = score
    scores = {}
    for label, by_detector in found.items():
        columns = []
        for detector, seen in by_detector.items():
            column = np.where(looked[detector], 0.0, np.nan)
            column[list(seen)] = list(seen.values())
            columns.append(column)
        scores[label] = np.fmax.reduce(columns)
    return scores


def main(argv: Sequence[str] | None = None) -> int:
    """Fit the cut-off of a pack."""
    parser = argparse.ArgumentParser(description="Fit where good matches of a word begin.")
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--index", type=Path, nargs="+", required=True, help="JSON lines with file and split")
    parser.add_argument("--split", default="val", help="photos of the index that are used, in its order")
    parser.add_argument("--objects", type=Path, required=True, help="JSON lines with the objects of each file, gzipped")
    parser.add_argument("--vectors", type=Path, required=True, help="their unit vectors, .npy (N, D), in this order")
    parser.add_argument("--least-trust", type=float, default=0.5)
    parser.add_argument("--dry-run", action="store_true")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    from semantic_photos.ml.model_pack import MANIFEST, load_pack
    from semantic_photos.ml.text_encoder import WordTableEncoder

    records = [json.loads(line) for index in args.index for line in index.read_text(encoding="utf-8").splitlines()]
    files = [record["file"] for record in records if record["split"] == args.split]
    vectors = np.load(args.vectors)
    if len(vectors) != len(files):
        parser.error(f"{len(vectors)} vectors for {len(files)} photos")
    pack = load_pack(args.pack)
    if pack.background is None:
        parser.error("the pack has no background")
    cutoff, report = fit_cutoff(
        WordTableEncoder(pack), pack.background, vectors, read_scores(args.objects, files), least_trust=args.least_trust
    )
    log.info("%s", json.dumps(report))
    text = as_json(cutoff)
    if args.dry_run:
        print(text)
        return 0
    from semantic_photos.training.export import seal

    (args.pack / FILE).write_text(text, encoding="utf-8")
    manifest = json.loads((args.pack / MANIFEST).read_text(encoding="utf-8"))
    seal(args.pack, {**manifest, "cutoff": FILE})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
