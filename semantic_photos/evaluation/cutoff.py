# SPDX-License-Identifier: GPL-3.0-or-later
"""How honest the end of the good matches is, beside the best constant threshold that hindsight can find."""

from __future__ import annotations

import numpy as np

from semantic_photos.domain import result_cutoff
from semantic_photos.evaluation import metrics
from semantic_photos.evaluation.figure import Floats, Group, plain, ratio
from semantic_photos.evaluation.metrics import Bools, Cut
from semantic_photos.evaluation.questions import Questions
from semantic_photos.evaluation.retrieval import EncodeText, Material, text_matrix, usable

#: What a person may expect of the end of a list: so precise, at so much recall.
WANTED_PRECISION, WANTED_RECALL = 0.7, 0.5
ASKED = ("one_noun", "two_nouns")


def cutoff_figures(material: Material, vectors: Floats, encode: EncodeText, background: Floats | None) -> Group:
    """Return what the "good" band holds, over one- and two-word queries among the captioned photos.

    Beside it stand two rules tuned on the very queries they are judged on, so they are flattered: one cosine for all
    queries (``constant``), and spreads above the background, as ``domain/result_cutoff`` measures them, at the best
    border (``tuned``). Precision is the mean over queries whose band is not empty, recall and F1 over all.

    Args:
        material: Photos and questions.
        vectors: Unit vectors (N, D) of all photos of ``material``.
        encode: Text to unit vector.
        background: Sample of other photos (B, D) as the pack brings it; None takes the judged ones, as the program
            would take those of the library.
    """
    asked = [material.words[name] for name in ASKED if name in material.words and material.words[name].texts]
    if not asked:
        return {"queries": plain(0, 0)}
    both = Questions([t for one in asked for t in one.texts], np.concatenate([one.relevant for one in asked]))
    rows = usable(vectors)[material.captioned]
    sample = rows if background is None else background
    texts = text_matrix(both.texts, encode, rows.shape[1])
    scores = texts @ rows.T
    ground = texts @ sample.astype(np.float32).T
    middles, spreads = (
        np.array(part, dtype=np.float32)[:, None]
        for part in zip(*(result_cutoff.background(row) for row in ground), strict=True)
    )
    deviations = (scores - middles) / spreads
    constant = metrics.best_border(scores, both.relevant)
    tuned = metrics.best_border(deviations, both.relevant)
    count = len(both.texts)
    return {
        "queries": plain(count, count),
        **_rule("good", Cut.at(scores, both.relevant, _borders(scores, ground))),
        **_rule("constant", Cut.at(scores, both.relevant, constant)),
        "constant_cosine": plain(constant, count),
        **_rule("tuned", Cut.at(deviations, both.relevant, tuned)),
        "tuned_deviations": plain(tuned, count),
        **perfect_figures(scores, both.relevant),
    }


def _borders(scores: Floats, ground: Floats) -> Floats:
    """Return the lowest score that the program counts as good, for each query."""
    ranked = -np.sort(-scores, axis=1)
    borders = [result_cutoff.border(row, around) for row, around in zip(ranked, ground, strict=True)]
    return np.array(borders, dtype=np.float32)


def perfect_figures(scores: Floats, relevant: Bools) -> Group:
    """Return what the best cut of each query's own ranking would be worth, by F1: no rule can do better.

    ``perfect_as_wanted`` is the share of queries for which some cut has a precision of `WANTED_PRECISION` at a recall
    of `WANTED_RECALL`.
    """
    hits = np.take_along_axis(relevant, np.argsort(-scores, axis=1, kind="stable"), axis=1).cumsum(axis=1)
    total, lengths = relevant.sum(axis=1, keepdims=True), np.arange(1, scores.shape[1] + 1)
    precision, recall, f1 = hits / lengths, hits / np.maximum(total, 1), 2 * hits / (lengths + total)
    rows, best = np.arange(len(scores)), f1.argmax(axis=1)
    return {
        "perfect_precision": ratio(precision[rows, best]),
        "perfect_recall": ratio(recall[rows, best]),
        "perfect_f1": ratio(f1[rows, best]),
        "perfect_as_wanted": ratio(((precision >= WANTED_PRECISION) & (recall >= WANTED_RECALL)).any(axis=1)),
    }


def _rule(name: str, cut: Cut) -> Group:
    some = cut.kept > 0
    return {
        f"{name}_precision": ratio(cut.right[some] / cut.kept[some]),
        f"{name}_recall": ratio(cut.right / np.maximum(cut.relevant, 1.0)),
        f"{name}_f1": ratio(cut.f1),
        f"{name}_empty": ratio(~some),
        f"{name}_photos": ratio(cut.kept),
    }
