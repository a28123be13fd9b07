# SPDX-License-Identifier: GPL-3.0-or-later
"""Command: ``python -m semantic_photos.evaluation.proving --images ZIP... --index photos.jsonl --pack DIR [--json]``.

Do the figures that a person is shown after teaching (``services.concepts.concept_evaluation``) agree with the truth,
and what are answered questions worth? Labels stand for subjects, as in ``evaluation.subjects``. A photo without the
label may show the subject all the same, so rejections in here are wrong now and then, more often than a person's.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from semantic_photos.domain.errors import SemanticPhotosError
from semantic_photos.domain.vectors import normalise
from semantic_photos.evaluation.figure import Figure, Floats, ratio
from semantic_photos.evaluation.subjects import subjects_of
from semantic_photos.evaluation.vectors import Judged, common_arguments, judged
from semantic_photos.services.concepts.concept_direction import fit_direction
from semantic_photos.services.concepts.concept_evaluation import hold_out, photos_to_review, probabilities

SEEDS, EXAMPLES, ANSWERS, GIVEN = 3, (5, 12), 10, 5
_LEAST_LEFT = 3


def agreement(bench: Judged, seeds: int = SEEDS) -> dict[str, Figure]:
    """Return held-out shares beside the shares of all other photos of the subject that really come first.

    Precision among the first K is that share times a number that is the same for every way to ask, so where one is
    right the other is.
    """
    report: dict[str, Figure] = {}
    for count in EXAMPLES:
        for kind in ("word", "no word"):
            rows = [
                _told(bench, name, has, count, seed, by_word=kind == "word")
                for name, has in subjects_of(bench.photos, bench).items() if has.sum() >= count + _LEAST_LEFT
                for seed in range(seeds)
            ]  # fmt: skip
            if not rows:
                continue
            table = np.array(rows)
            said, true = table[:, 1] - table[:, 0], table[:, 3] - table[:, 2]
            better = table[:, 4] > 0
            for column, title in enumerate(("before, told", "after, told", "before, true", "after, true")):
                report[f"{count} examples, {kind}: {title}"] = ratio(table[:, column])
            report[f"{count} examples, {kind}: error of after"] = ratio(np.abs(table[:, 1] - table[:, 3]))
            if said.std() > 0 and true.std() > 0:
                corr = np.corrcoef(said, true)[0, 1]
                report[f"{count} examples, {kind}: gain told and true, correlation"] = Figure(float(corr), len(rows))
            report[f"{count} examples, {kind}: called better"] = ratio(better.astype(float))
            if better.any():
                report[f"{count} examples, {kind}: called better and truly is"] = ratio(
                    (true[better] > 0).astype(float)
                )
    return report


def _told(
    bench: Judged, name: str, has: NDArray[np.bool_], count: int, seed: int, *, by_word: bool
) -> tuple[float, float, float, float, float]:
    word = bench.words.encode(name) if by_word else None
    chosen = np.random.default_rng(seed).choice(np.flatnonzero(has), count, replace=False)
    own = np.zeros(len(has), np.bool_)
    own[chosen] = True
    examples = bench.vectors[chosen]
    told = hold_out(name, examples, bench.vectors, word, own=own, seed=seed).figures
    subject = fit_direction(name, examples, bench.vectors, word, own=own, seed=seed)
    plain = word if word is not None else normalise(examples.mean(axis=0))
    shares = [
        float(has[~own][np.argsort(-(bench.vectors[~own] @ way))[: told.first]].sum() / has[~own].sum())
        for way in (plain, subject.vector)
    ]
    return told.before / told.examples, told.after / told.examples, shares[0], shares[1], float(told.better)


def _rows(vectors: Floats, rows: NDArray[np.int64]) -> Floats:
    return vectors[rows]


def average_precision(scores: Floats, relevant: NDArray[np.bool_]) -> float:
    """Return the mean precision at each right photo (N,), in the order of scores (N,)."""
    right = relevant[np.argsort(-scores, kind="stable")]
    return float((np.cumsum(right)[right] / (np.flatnonzero(right) + 1)).mean())


def answered(bench: Judged, seeds: int = SEEDS) -> dict[str, Figure]:
    """Return what ten answers add to five examples, by what is asked, on the half of the photos nobody is asked about.

    The chances that the questions go by are there too: how many of those around one half are right.
    """
    gains: dict[str, list[float]] = {}
    yes: dict[str, list[float]] = {}
    sure: list[Floats] = []
    right: list[NDArray[np.bool_]] = []
    asked_of = np.random.default_rng(9).permutation(len(bench.vectors)) % 2 == 0
    pool, rest = np.flatnonzero(asked_of), bench.vectors[~asked_of]
    for name, has in subjects_of(bench.photos, bench).items():
        if has[pool].sum() < GIVEN + 3 or has[~asked_of].sum() < _LEAST_LEFT:
            continue
        for seed in range(seeds):
            rng = np.random.default_rng(seed)
            chosen = rng.choice(pool[has[pool]], GIVEN, replace=False)
            own = np.zeros(len(has), np.bool_)
            own[chosen] = True
            library = bench.vectors[pool]
            subject = fit_direction(name, bench.vectors[chosen], library, own=own[pool], seed=seed)
            base = average_precision(rest @ subject.vector, has[~asked_of])
            free = pool[~own[pool]]
            scores = bench.vectors[free] @ subject.vector
            held = hold_out(name, bench.vectors[chosen], library, None, own=own[pool], seed=seed).scores
            chances = probabilities(subject, held, scores)
            sure.append(chances)
            right.append(has[free])
            ways = {
                "most uncertain": free[
                    photos_to_review(chances, functools.partial(_rows, bench.vectors[free]), ANSWERS)
                ],
                "likest": free[np.argsort(-scores)[:ANSWERS]],
                "random": rng.choice(free, ANSWERS, replace=False),
            }
            gains.setdefault("no answers", []).append(base)
            for way, asked in ways.items():
                good, bad = asked[has[asked]], asked[~has[asked]]
                yes.setdefault(way, []).append(len(good) / ANSWERS)
                spoken = own.copy()
                spoken[asked] = True
                shown = bench.vectors[np.r_[chosen, good]]
                for kind, wrong in (("", bench.vectors[bad]), (", rejections left out", None)):
                    then = fit_direction(name, shown, library, own=spoken[pool], wrong=wrong, seed=seed)
                    gains.setdefault(f"{way}{kind}", []).append(
                        average_precision(rest @ then.vector, has[~asked_of])
                    )  # fmt: skip
    report = {f"average precision: {way}": ratio(np.array(each)) for way, each in gains.items()}
    for way in yes:
        difference = np.array(gains[way]) - np.array(gains["no answers"])
        report[f"gain over no answers: {way}"] = ratio(difference)
        report[f"answered yes: {way}"] = ratio(np.array(yes[way]))
    if sure:
        chance, truth = np.concatenate(sure), np.concatenate(right)
        for low, high in ((0.1, 0.3), (0.3, 0.5), (0.5, 0.7), (0.7, 0.9)):
            within = (chance >= low) & (chance < high)
            if within.any():
                report[f"right with a chance of {low} to {high}"] = ratio(truth[within].astype(float))
    return report


def main(argv: Sequence[str] | None = None) -> int:
    """Measure one pack; returns 0, or 1 after a sentence on standard error."""
    parser = common_arguments("proving", __doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"draws of the examples ({SEEDS})")
    args = parser.parse_args(argv)
    try:
        bench, seeds = judged(args), max(1, args.seeds)
        report = answered(bench, seeds) | agreement(bench, seeds)
    except SemanticPhotosError as error:
        print(error, file=sys.stderr)
        return 1
    if args.json:
        print(json.dumps({"pack": args.pack.name, "figures": {k: f.as_json() for k, f in report.items()}}, indent=1))
        return 0
    for title, figure in report.items():
        span = "" if figure.low is None else f"[{figure.low:.3f}, {figure.high:.3f}]"
        print(f"{title:<62}{figure.value:>8.3f}  {span}  {figure.count}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
