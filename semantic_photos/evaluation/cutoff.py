# SPDX-License-Identifier: GPL-3.0-or-later
"""How honest the end of the good matches is, beside the best constant threshold that hindsight can find."""

from __future__ import annotations

import numpy as np

from semantic_photos.domain import relevance
from semantic_photos.evaluation import metrics
from semantic_photos.evaluation.figure import Floats, Group, plain, ratio
from semantic_photos.evaluation.metrics import Cut
from semantic_photos.evaluation.questions import Questions
from semantic_photos.evaluation.retrieval import EncodeText, Material, text_matrix, usable

ASKED = ("one_noun", "two_nouns")


def cutoff_figures(material: Material, vectors: Floats, encode: EncodeText, background: Floats | None) -> Group:
    """Return what the "good" band holds, over one- and two-word queries among the captioned photos.

    Beside it stand two rules tuned on the very queries they are judged on, so they are flattered: one cosine for all
    queries (``constant``), and the program's own measure, deviations above the background, at the best border
    (``tuned``). Precision is the mean over queries whose band is not empty, recall and F1 over all.

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
    grounds = [relevance.background(text, sample) for text in texts]
    means, stds = (np.array(part, dtype=np.float32)[:, None] for part in zip(*grounds, strict=True))
    deviations = (scores - means) / stds
    constant = metrics.best_border(scores, both.relevant)
    tuned = metrics.best_border(deviations, both.relevant)
    count = len(both.texts)
    return {
        "queries": plain(count, count),
        **_rule("good", Cut.at(scores, both.relevant, _borders(scores, grounds))),
        **_rule("constant", Cut.at(scores, both.relevant, constant)),
        "constant_cosine": plain(constant, count),
        **_rule("tuned", Cut.at(deviations, both.relevant, tuned)),
        "tuned_deviations": plain(tuned, count),
    }


def _borders(scores: Floats, grounds: list[tuple[float, float]]) -> Floats:
    """Return the lowest score that the program counts as good, for each query; infinite where none is."""
    borders = np.full(len(scores), np.inf, dtype=np.float32)
    for number, (row, (mean, std)) in enumerate(zip(-np.sort(-scores, axis=1), grounds, strict=True)):
        good = relevance.count_good(row, mean, std)
        if good:
            borders[number] = row[good - 1]
    return borders


def _rule(name: str, cut: Cut) -> Group:
    some = cut.kept > 0
    return {
        f"{name}_precision": ratio(cut.right[some] / cut.kept[some]),
        f"{name}_recall": ratio(cut.right / np.maximum(cut.relevant, 1.0)),
        f"{name}_f1": ratio(cut.f1),
        f"{name}_empty": ratio(~some),
        f"{name}_photos": ratio(cut.kept),
    }
