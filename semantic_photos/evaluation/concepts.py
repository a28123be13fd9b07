# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluation of custom concepts trained from a few photos, and of the figures that the program shows for them.

Labels of the val photos stand for concepts: some of their photos are the examples, and the others are to be found
among all the rest. Beside it: photos like the mean of the examples, and the typed word. A
concept's own name mostly is no word ("Bella"), so it is measured without the word too. A photo without the label may
show the thing all the same, so these figures are lower bounds. The effect of ten
reviewed photos is decided (``services/concepts/concept_evaluation``) and no longer measured.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np

from semantic_photos.domain.vectors import normalise
from semantic_photos.evaluation.bench import Bench
from semantic_photos.evaluation.figure import Figures, Floats, Group, plain, ratio
from semantic_photos.evaluation.metrics import Bools
from semantic_photos.evaluation.retrieval import LEFT_OUT
from semantic_photos.services.concepts.concept_direction import fit_direction
from semantic_photos.services.concepts.concept_evaluation import hold_out

CONCEPTS, EXAMPLES, SEEDS, FIRST = 30, (5, 10, 20), 10, 20
#: The figures that the program shows are checked for so many examples, with so many draws of them.
SHOWN_EXAMPLES, SHOWN_SEEDS = (5, 12), 3
#: So many photos of a concept must be left to be found.
_LEAST_LEFT = 3


def concepts_of(bench: Bench, count: int = CONCEPTS) -> dict[str, Bools]:
    """Return the labels with most photos whose name is a known word, each with its photos, bool (N,)."""
    counts = Counter(label for photo in bench.photos if photo.source not in LEFT_OUT for label in set(photo.labels))
    known = [name for name, _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])) if bench.knows(name)]
    return {name: np.array([name in photo.labels for photo in bench.photos]) for name in known[:count]}


def found_first(scores: Floats, relevant: Bools, k: int = FIRST) -> float:
    """Return the share of right ones among the first ``k``, of the right ones there are if these are fewer."""
    order = np.argsort(-scores, kind="stable")[:k]
    return float(relevant[order].sum() / min(k, int(relevant.sum())))


def concept_figures(bench: Bench, seeds: int = SEEDS) -> Figures:
    """Return precision among the first 20 for each number of examples, and how true the shown figures are.

    A concept's value is its mean over ``seeds`` draws of the examples; concepts with too few photos are left out.
    """
    concepts = concepts_of(bench)
    figures: Figures = {}
    for count in EXAMPLES:
        enough = {name: has for name, has in concepts.items() if has.sum() >= count + _LEAST_LEFT}
        means: dict[str, list[float]] = {}
        for name, has in enough.items():
            draws = [_found(bench, name, has, count, seed) for seed in range(seeds)]
            for way in draws[0]:
                means.setdefault(way, []).append(float(np.mean([draw[way] for draw in draws])))
        if means:
            group = {way: ratio(np.array(each)) for way, each in means.items()}
            gain = np.array(means["concept, without the word"]) - np.array(means["like the mean of the examples"])
            figures[f"concepts of {count} examples"] = group | {"gain over the mean": ratio(gain)}
    for count in SHOWN_EXAMPLES:
        if group := _agreement(bench, concepts, count, min(seeds, SHOWN_SEEDS)):
            figures[f"figures shown for {count} examples"] = group
    return figures


def _found(bench: Bench, name: str, has: Bools, count: int, seed: int) -> dict[str, float]:
    word = bench.word(name)
    chosen = np.random.default_rng(seed).choice(np.flatnonzero(has), count, replace=False)
    rest = np.ones(len(has), dtype=np.bool_)
    rest[chosen] = False
    examples, library = bench.vectors[chosen], bench.vectors[rest]
    ways: dict[str, Callable[[], Floats]] = {
        "the word, typed": lambda: word,
        "like the mean of the examples": lambda: normalise(examples.mean(axis=0)),
        "concept, without the word": lambda: fit_direction(name, examples, library, seed=seed).vector,
        "concept, with the word": lambda: fit_direction(name, examples, library, word, seed=seed).vector,
    }
    return {way: found_first(library @ vector(), has[rest]) for way, vector in ways.items()}


def _agreement(bench: Bench, concepts: dict[str, Bools], count: int, seeds: int) -> Group:
    """Return the held-out shares that the program shows beside the true shares of all other photos of the concept."""
    rows = [
        _shown_and_true(bench, name, has, count, seed)
        for name, has in concepts.items() if has.sum() >= count + _LEAST_LEFT
        for seed in range(seeds)
    ]  # fmt: skip
    if not rows:
        return {}
    shown, true, better, gained = np.array(rows).T
    group = {
        "shown": ratio(shown),
        "true": ratio(true),
        "error": ratio(np.abs(shown - true)),
        "called better": ratio(better),
        "called better and is": ratio(better * (gained > 0), better),
    }
    if shown.std() > 0 and true.std() > 0:
        group["correlation"] = plain(float(np.corrcoef(shown, true)[0, 1]), len(rows))
    return group


def _shown_and_true(bench: Bench, name: str, has: Bools, count: int, seed: int) -> tuple[float, float, float, float]:
    """Return the share found as shown and in truth, whether it was called better than the word, and the true gain."""
    word = bench.word(name)
    chosen = np.random.default_rng(seed).choice(np.flatnonzero(has), count, replace=False)
    own = np.zeros(len(has), np.bool_)
    own[chosen] = True
    examples = bench.vectors[chosen]
    shown = hold_out(name, examples, bench.vectors, word, own=own, seed=seed).figures
    concept = fit_direction(name, examples, bench.vectors, word, own=own, seed=seed)
    before, after = (
        float(has[~own][np.argsort(-(bench.vectors[~own] @ way))[: shown.first]].sum() / has[~own].sum())
        for way in (word, concept.vector)
    )
    return shown.after / shown.examples, after, float(shown.better), after - before
