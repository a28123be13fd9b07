# SPDX-License-Identifier: GPL-3.0-or-later
"""Command: ``python -m semantic_photos.evaluation.subjects --images ZIP... --index photos.jsonl --pack DIR [--json]``.

What teaching a subject from a few photos is worth (``services.concepts.custom_concepts``): labels of the split ``val``
stand for subjects, some of their photos are the examples, and the others are to be found among all the rest. Beside it:
photos that are like the mean of the examples, and the word as somebody would type it. A subject's own name mostly is no
word ("Bella"), so teaching is measured without the word too.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from semantic_photos.domain.errors import SemanticPhotosError
from semantic_photos.domain.vectors import normalise
from semantic_photos.evaluation.figure import Figure, Floats, ratio
from semantic_photos.evaluation.photos import Shown
from semantic_photos.evaluation.vectors import Judged, common_arguments, judged
from semantic_photos.services.concepts.concept_direction import fit_direction

SUBJECTS, EXAMPLES, SEEDS, FIRST = 30, (5, 10, 20), 10, 20
#: So many photos of a subject must be left to be found.
_LEAST_LEFT = 3
#: Their labels are of another kind than the pack was trained for.
_LEFT_OUT = frozenset({"based_cooking"})


def subjects_of(photos: Sequence[Shown], bench: Judged, count: int = SUBJECTS) -> dict[str, NDArray[np.bool_]]:
    """Return the labels with most photos whose name is a known word, each with its photos, bool (N,)."""
    counts = Counter(label for photo in photos if photo.source not in _LEFT_OUT for label in set(photo.labels))
    known = [name for name, _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
             if bench.words.encode(name) is not None]  # fmt: skip
    return {name: np.array([name in photo.labels for photo in photos]) for name in known[:count]}


def found_first(scores: Floats, relevant: NDArray[np.bool_], k: int = FIRST) -> float:
    """Return the share of right ones among the first ``k``, of the right ones there are if these are fewer."""
    order = np.argsort(-scores, kind="stable")[:k]
    return float(relevant[order].sum() / min(k, int(relevant.sum())))


def ways_of(name: str, examples: Floats, library: Floats, word: Floats, seed: int) -> dict[str, Floats]:
    """Return the direction (D,) of each way to ask for a subject."""
    return {
        "the word, typed": word,
        "like the mean of the examples": normalise(examples.mean(axis=0)),
        "taught, a name that is no word": fit_direction(name, examples, library, seed=seed).vector,
        "taught, with the word": fit_direction(name, examples, library, word, seed=seed).vector,
    }


def measured(bench: Judged, seeds: int = SEEDS) -> dict[int, dict[str, Figure]]:
    """Return precision among the first 20 for each number of examples and each way, with a range over the subjects.

    A subject's value is its mean over ``seeds`` draws of the examples. Subjects with too few photos are left out.
    """
    subjects = subjects_of(bench.photos, bench)
    report: dict[int, dict[str, Figure]] = {}
    for count in EXAMPLES:
        means: dict[str, list[float]] = {}
        for name, has in subjects.items():
            if has.sum() < count + _LEAST_LEFT:
                continue
            word = bench.words.encode(name)
            assert word is not None
            values: dict[str, list[float]] = {}
            for seed in range(seeds):
                examples = np.random.default_rng(seed).choice(np.flatnonzero(has), count, replace=False)
                rest = np.ones(len(has), dtype=np.bool_)
                rest[examples] = False
                library = bench.vectors[rest]
                for way, vector in ways_of(name, bench.vectors[examples], library, word, seed).items():
                    values.setdefault(way, []).append(found_first(library @ vector, has[rest]))
            for way, each in values.items():
                means.setdefault(way, []).append(float(np.mean(each)))
        if means:
            report[count] = {way: ratio(np.array(each)) for way, each in means.items()}
            ours, plain = (
                np.array(means["taught, a name that is no word"]),
                np.array(means["like the mean of the examples"]),
            )
            report[count]["gain of teaching over the mean"] = ratio(ours - plain)
    return report


def main(argv: Sequence[str] | None = None) -> int:
    """Measure one pack; returns 0, or 1 after a sentence on standard error."""
    parser = common_arguments("subjects", __doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"draws of the examples ({SEEDS})")
    args = parser.parse_args(argv)
    try:
        report = measured(judged(args), max(1, args.seeds))
    except SemanticPhotosError as error:
        print(error, file=sys.stderr)
        return 1
    if args.json:
        values = {count: {way: figure.as_json() for way, figure in ways.items()} for count, ways in report.items()}
        print(json.dumps({"pack": args.pack.name, "figures": values}, indent=1, allow_nan=False))
        return 0
    for count, ways in report.items():
        print(f"{count} examples")
        for way, figure in ways.items():
            span = "" if figure.low is None else f"[{figure.low:.3f}, {figure.high:.3f}]"
            print(f"  {way:<34}{figure.value:>8.3f}  {span}  {figure.count} subjects")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
