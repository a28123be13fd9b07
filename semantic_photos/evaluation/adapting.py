# SPDX-License-Identifier: GPL-3.0-or-later
"""Command: ``python -m semantic_photos.evaluation.adapting --images ZIP... --index photos.jsonl --pack DIR [--json]``.

What a correction from a person's confirmations is worth. Somebody confirms labels of half the photos of the split
``val``; measured is on the other half. Twice: with the labels as they are, which the shipped pack was trained on, and
by a person with words of their own, whose name for some things is a word that means something else to the pack.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semantic_photos.domain.errors import SemanticPhotosError
from semantic_photos.domain.personalization import Evidence, Outcome, personalize
from semantic_photos.domain.personalization_map import Shift
from semantic_photos.domain.tags import clean_name
from semantic_photos.evaluation.figure import Figure, ratio
from semantic_photos.evaluation.photos import Shown, read_photos
from semantic_photos.evaluation.pictures import PhotoImages
from semantic_photos.evaluation.steering import Bench
from semantic_photos.ml.model_pack import ModelPack, load_pack
from semantic_photos.services.concepts.personalization_evidence import anchors_of, confidences_of
from semantic_photos.services.search.vocabulary import LEAST_CONFIDENCE

Floats = NDArray[np.float32]
#: Labels of fewer photos say nothing about precision.
_LEAST_PHOTOS = 8
#: Share of the labels that the person confirms; the others tell what happens to words nobody spoke of.
_SPOKEN = 0.6
#: A word of one's own is at most so near to what the pack calls it.
_APART = 0.3
#: Of the wrong tags that are shown, so many are rejected for each that is confirmed.
_REJECTIONS = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """A simulated person: names (J) and unit vectors (J, D) of the words, and which photos show them, bool (N, J)."""

    names: tuple[str, ...]
    words: Floats
    shows: NDArray[np.bool_]
    spoken: NDArray[np.bool_]


def person_of(bench: Bench, pack: ModelPack, own: float, seed: int) -> Person:
    """Return a person who uses known labels; a share ``own`` of them goes by another word, a tag of the pack."""
    rng = np.random.default_rng(seed)
    counts = Counter(label for photo in bench.photos for label in set(photo.labels))
    names = [name for name in sorted(bench.known(list(counts))) if counts[name] >= _LEAST_PHOTOS]
    words = np.stack([bench.word(name) for name in names])
    shows = np.array([[name in photo.labels for name in names] for photo in bench.photos], np.bool_)
    spoken = rng.random(len(names)) < _SPOKEN
    for place in np.flatnonzero(spoken & (rng.random(len(names)) < own)):
        far = np.flatnonzero((pack.tag_matrix @ words[place] < _APART) & (words @ pack.tag_matrix.T < 0.9).all(axis=0))
        other = int(rng.choice(far))
        words[place], names[place] = pack.tag_matrix[other], pack.tags[other].tag
    return Person(tuple(map(clean_name, names)), words, shows, spoken)


def evidence_of(
    bench: Bench, pack: ModelPack, person: Person, rows: NDArray[np.int64], count: int, rng: np.random.Generator
) -> Evidence:
    """Return what the person said of some of these photos: ``count`` confirmations, some rejections, captions."""
    pairs = [(row, word) for row in rows.tolist() for word in np.flatnonzero(person.shows[row] & person.spoken)]
    chosen = [pairs[place] for place in rng.permutation(len(pairs))[:count]]
    words = sorted({word for _, word in chosen})
    photos = sorted({row for row, _ in chosen})
    captioned = [row for row in rows.tolist() if bench.photos[row].captions][: count // 2]
    place = {row: number for number, row in enumerate(dict.fromkeys([*photos, *captioned]))}
    said = np.zeros((len(place), len(words)), np.float32)
    column = {word: number for number, word in enumerate(words)}
    for row, word in chosen:
        said[place[row], column[word]] = 1.0
    vectors = bench.vectors[list(place)]
    confidences = confidences_of(pack, [person.names[word] for word in words])
    likely = np.nan_to_num(confidences(vectors, Shift.none(pack.dim)))
    wrong = [
        (number, column[word])
        for row, number in place.items() if bench.photos[row].labels
        for word in words if not person.shows[row, word] and likely[number, column[word]] >= LEAST_CONFIDENCE
    ]  # fmt: skip
    for number in rng.permutation(len(wrong))[: int(_REJECTIONS * len(chosen))]:
        said[wrong[number]] = -1.0
    texts = [(text, place[row]) for row in captioned for text in bench.photos[row].captions[:1]]
    known = [(vector, owner) for text, owner in texts if (vector := bench.words.encode(text)) is not None]
    captions = np.stack([v for v, _ in known]) if known else np.zeros((0, pack.dim), np.float32)
    return Evidence(
        tuple(person.names[word] for word in words), person.words[words], vectors, said,
        np.zeros(len(words), np.bool_), captions, np.array([owner for _, owner in known], np.int64),
        bench.vectors[rows], anchors_of(pack, person.words[words]), confidences, LEAST_CONFIDENCE,
    )  # fmt: skip


def held_out(bench: Bench, pack: ModelPack, person: Person, said: Sequence[str], rows: NDArray[np.int64],
             shift: Shift) -> dict[str, tuple[Figure, Figure, Figure]]:  # fmt: skip
    """Return figures on photos that nobody spoke of: before, after, and the change."""
    found: dict[str, tuple[Figure, Figure, Figure]] = {}

    def note(name: str, before: Sequence[float], after: Sequence[float]) -> None:
        pair = np.array(before, np.float64), np.array(after, np.float64)
        if len(pair[0]):
            found[name] = ratio(pair[0]), ratio(pair[1]), ratio(pair[1] - pair[0])

    labelled = np.array([row for row in rows.tolist() if bench.photos[row].labels], np.int64)
    vectors, shows = bench.vectors[labelled], person.shows[labelled]
    after = shift.words(person.words)
    for name, which in (("confirmed words", set(said)), ("words nobody spoke of", set(person.names) - set(said))):
        places = [j for j, word in enumerate(person.names) if word in which and shows[:, j].sum() >= 3]
        note(f"precision at 10, {name}", *([_precision(vectors @ words[j], shows[:, j]) for j in places]
                                           for words in (person.words, after)))  # fmt: skip
    captioned = np.array([row for row in rows.tolist() if bench.photos[row].captions], np.int64)
    texts = [(vector, number) for number, row in enumerate(captioned.tolist()) for text in bench.photos[row].captions
             if (vector := bench.words.encode(text)) is not None]  # fmt: skip
    if texts:
        queries, owners = np.stack([vector for vector, _ in texts]), np.array([number for _, number in texts])
        hits = []
        for words in (queries, shift.words(queries)):
            scores = bench.vectors[captioned] @ words.T
            hits.append(((scores > scores[owners, np.arange(len(owners))]).sum(axis=0) < 10).astype(float).tolist())
        note("recall at 10 of captions", hits[0], hits[1])
    confidences = confidences_of(pack, person.names)
    shares = []
    for change in (Shift.none(pack.dim), shift):
        shown = np.nan_to_num(confidences(vectors, change)) >= LEAST_CONFIDENCE
        shares.append(ratio((shown & shows).sum(axis=1), shown.sum(axis=1)))
    found["precision of automatic tags"] = shares[0], shares[1], Figure(shares[1].value - shares[0].value, len(vectors))
    return found


def _precision(scores: Floats, shows: NDArray[np.bool_]) -> float:
    first = min(10, int(shows.sum()))
    return float(shows[np.argsort(-scores, kind="stable")[:first]].mean())


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One simulated person: what was decided, in how many seconds, and what it is worth on the other half."""

    outcome: Outcome
    seconds: float
    figures: dict[str, tuple[Figure, Figure, Figure]]


def simulate(bench: Bench, pack: ModelPack, count: int, own: float, seed: int) -> Run:
    """Let one person confirm, fit, and measure on the photos of the other half."""
    rng = np.random.default_rng(1000 + seed)
    person = person_of(bench, pack, own, seed)
    order = rng.permutation(len(bench.photos))
    half = len(order) // 2
    evidence = evidence_of(bench, pack, person, np.sort(order[:half]), count, rng)
    begun = time.perf_counter()
    outcome = personalize(evidence, seed=seed)
    seconds = time.perf_counter() - begun
    return Run(outcome, seconds, held_out(bench, pack, person, evidence.names, np.sort(order[half:]), outcome.shift))


def summary(runs: Sequence[Run]) -> dict[str, object]:
    """Return of several persons how many got a correction, and the mean changes where it was applied."""
    applied = [run for run in runs if run.outcome.better]
    changes = {
        name: {"before": _mean(applied, name, 0), "after": _mean(applied, name, 1), "change": _mean(applied, name, 2),
               "worst": min(run.figures[name][2].value for run in applied if name in run.figures)}
        for name in (applied[0].figures if applied else {})
    }  # fmt: skip
    # What the guard kept away.
    refused = [run for run in runs if not run.outcome.better and run.outcome.moved]
    kept_away = {name: _mean(refused, name, 2) for name in (refused[0].figures if refused else {})}
    return {
        "persons": len(runs), "applied": len(applied), "figures": changes, "kept_away": kept_away,
        "reasons": dict(Counter(run.outcome.reason.split(":")[0].split(",")[0] for run in runs if run.outcome.reason)),
        "seconds": round(float(np.mean([run.seconds for run in runs])), 2),
    }  # fmt: skip


def _mean(runs: Sequence[Run], name: str, place: int) -> dict[str, float]:
    figure = ratio(np.array([run.figures[name][place].value for run in runs if name in run.figures]))
    low, high = (figure.value if end is None else end for end in (figure.low, figure.high))
    return {"mean": round(figure.value, 4), "low": round(low, 4), "high": round(high, 4)}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure one pack."""
    parser = argparse.ArgumentParser(prog="python -m semantic_photos.evaluation.adapting", description=__doc__)
    parser.add_argument("--images", type=Path, nargs="+", required=True, help="zips or folders with them")
    parser.add_argument("--index", type=Path, required=True, help="photos.jsonl")
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--confirmations", type=int, nargs="+", default=[50, 200, 1000])
    parser.add_argument("--own", type=float, nargs="+", default=[0.0, 0.3], help="shares of words of one's own")
    parser.add_argument("--persons", type=int, default=6, help="simulated persons each (6)")
    parser.add_argument("--cache", type=Path, help="keep the photos' vectors in this .npz between runs")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    args = parser.parse_args(argv)
    try:
        photos: list[Shown] = read_photos(args.index)
        pack = load_pack(args.pack)
        with PhotoImages(args.images) as pictures:
            pictures.expect(photos)
            bench = Bench(args.pack, photos, pictures, args.cache)
    except SemanticPhotosError as error:
        print(error, file=sys.stderr)
        return 1
    report = {}
    for own in args.own:
        for count in args.confirmations:
            name = f"{count} confirmations, {own:.0%} own words"
            report[name] = found = summary([simulate(bench, pack, count, own, seed) for seed in range(args.persons)])
            if not args.json:
                print(name, json.dumps(found, indent=1), sep="\n", flush=True)
    if args.json:
        print(json.dumps({"pack": args.pack.name, "figures": report}, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
