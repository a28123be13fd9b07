# SPDX-License-Identifier: GPL-3.0-or-later
"""Command: ``python -m semantic_photos.evaluation.cut_off --images ZIP... --index photos.jsonl --pack DIR``.

How good is the end of the list? Precision, recall and F1 of the good matches, beside the best that any cut of the
same ranking could reach. Questions whose answers are known: one and two words of captions, labels, and photos.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semantic_photos.domain import relevance
from semantic_photos.domain.ports import FloatArray, TextEncoder
from semantic_photos.evaluation.__main__ import batches
from semantic_photos.evaluation.questions import Questions, label_questions, read_photos, same_label, word_questions
from semantic_photos.ml.image_encoder import OnnxImageEncoder
from semantic_photos.ml.model_pack import load_pack
from semantic_photos.ml.text_encoder import WordTable

#: What is asked of the two-word queries: so precise, at so much recall.
WANTED_PRECISION, WANTED_RECALL = 0.7, 0.5


def cut_off_figures(
    scores: FloatArray, relevant: NDArray[np.bool_], background: FloatArray, caution: float = relevance.CAUTION
) -> dict[str, float]:
    """Return means over questions of what the cut of ``domain/relevance`` finds, and of the best cut of each.

    Args:
        scores: float32 (Q, N) cosines of questions with photos.
        relevant: bool (Q, N), at least one of each question.
        background: float32 (Q, B) cosines with any photos.
        caution: 0 to 1.
    """
    order = np.argsort(-scores, axis=1, kind="stable")
    ranked = np.take_along_axis(scores, order, axis=1)
    hits = np.take_along_axis(relevant, order, axis=1).cumsum(axis=1)
    total = relevant.sum(axis=1)
    lengths = np.arange(1, scores.shape[1] + 1)
    precision, recall = hits / lengths, hits / total[:, None]
    f1 = 2 * hits / (lengths + total[:, None])
    cut = np.array([relevance.count_good(ranked[i], background[i], caution) for i in range(len(scores))])
    rows, at = np.arange(len(scores)), np.maximum(cut - 1, 0)
    some = cut > 0
    best = f1.argmax(axis=1)
    return {
        "queries": float(len(scores)),
        "good": float(cut.mean()),
        "nothing_good": float(1 - some.mean()),
        "precision": float(precision[rows, at][some].mean()) if some.any() else 0.0,
        "recall": float(np.where(some, recall[rows, at], 0.0).mean()),
        "f1": float(np.where(some, f1[rows, at], 0.0).mean()),
        "best_precision": float(precision[rows, best].mean()),
        "best_recall": float(recall[rows, best].mean()),
        "best_f1": float(f1[rows, best].mean()),
        "could_be_as_wanted": float(((precision >= WANTED_PRECISION) & (recall >= WANTED_RECALL)).any(axis=1).mean()),
    }


def _asked(
    questions: Questions, photos: FloatArray, sample: FloatArray, text: TextEncoder, caution: float
) -> dict[str, float]:
    vectors = [text.encode(question) for question in questions.texts]
    known = [i for i, vector in enumerate(vectors) if vector is not None]
    matrix = np.stack([vector for vector in vectors if vector is not None])
    return cut_off_figures(matrix @ photos.T, questions.relevant[known], matrix @ sample.T, caution)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure the cut of one pack and print JSON."""
    parser = argparse.ArgumentParser(prog="python -m semantic_photos.evaluation.cut_off")
    parser.add_argument("--images", type=Path, nargs="+", required=True)
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--caution", type=float, default=relevance.CAUTION)
    args = parser.parse_args(argv)
    pack = load_pack(args.pack)
    if pack.background is None:
        raise SystemExit("this pack has no background photos")
    encoder, text = OnnxImageEncoder(pack, 2), WordTable(pack)
    photos = read_photos(args.index)
    vectors = np.concatenate([encoder.encode(batch) for batch in batches(photos, args.images, encoder.recipe)])
    captioned = [i for i, photo in enumerate(photos) if photo.captions]
    said, sample = [photos[i] for i in captioned], pack.background.astype(np.float32)
    figures = {
        f"words_{n}": _asked(word_questions(said, words=n), vectors[captioned], sample, text, args.caution)
        for n in (1, 2)
    }
    figures["labels"] = _asked(label_questions(photos), vectors, sample, text, args.caution)
    labelled = [i for i, photo in enumerate(photos) if photo.labels][::4]
    scores, same = vectors[labelled] @ vectors.T, same_label(photos)[labelled]
    scores[np.arange(len(labelled)), labelled] = 1.0
    some = same.sum(axis=1) >= 3
    figures["similar"] = cut_off_figures(scores[some], same[some], (vectors[labelled] @ sample.T)[some], args.caution)
    print(json.dumps(figures, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
