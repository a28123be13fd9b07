# SPDX-License-Identifier: GPL-3.0-or-later
"""Fits the confidence threshold of each automatic tag, and writes it into a pack.

A tag is right in a photo that a label, the words of a caption or a detector say it of, or of something it stands above
(animal above dog). It is wrong where a detector that knows the kind saw nothing of it. Where nobody could say so, a
photo whose words do not mention the tag counts as wrong in part: in the share in which such tags proved wrong among the
kinds that the detectors know, measured for labels, one caption and several captions apart.

The precision of a tag is shrunk towards that of all tags at the same confidence, as if `HOLD` more photos had been
looked at with that result (empirical Bayes: Efron and Morris 1975, "Data analysis using Stein's estimator"). A tag with
few photos so keeps near the common threshold, and a single wrong photo silences none.

Command: ``python -m semantic_photos.training.tag_thresholds --pack DIR --index FILE... --objects FILE.jsonl.gz
--vectors FILE.npy`` fits, writes the pack's ``tags.json`` and seals it; ``--dry-run`` only reports.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from semantic_photos.domain.ports import FloatArray
from semantic_photos.domain.tag_tree import TagTree
from semantic_photos.ml.word_forms import folded, tokens
from semantic_photos.services.tags.tag_words import TagWords, shipped_tree
from semantic_photos.training.cutoff_fit import ABSENT, TRUE, Scores, read_scores

log = logging.getLogger(__name__)

#: Precision that each tag has to reach, and all of them together on photos that they were not fitted on.
TARGET = 0.8
#: Photos that the precision of all tags counts for in that of one.
HOLD = 8.0
#: Photos of one tag that count in the precision of all: one frequent tag must not speak for the others.
MOST_OF_ONE = 50.0
#: Unmentioned tags that the usual share of wrong ones, `SILENCE`, counts for in the measured one.
SILENCE_HOLD, SILENCE = 5.0, 0.8
#: From this confidence on tags are measured; below it nothing is set.
LOWEST = 0.2
#: Thresholds that are tried, and what is written for a tag that never is right often enough.
STEPS = np.round(np.arange(LOWEST, 0.991, 0.01), 2)
NEVER = 1.0
#: Targets of single tags, tried until the held-out precision of all reaches `TARGET`.
TARGETS = (0.8, 0.82, 0.84, 0.86, 0.88, 0.9, 0.92, 0.95)

Bools = NDArray[np.bool_]


class _Proved(Protocol):
    def __call__(self, name: str, *, part: bool = False) -> Bools: ...


@dataclass(frozen=True)
class Truth:
    """How right and how wrong each tag is in each photo.

    Attributes:
        right: float32 (N, T), 1 where it is right.
        wrong: float32 (N, T) in [0, 1]; both are 0 where nothing can be said.
        silence: the share of unmentioned tags that proved wrong, by what was said of the photo.
    """

    right: FloatArray
    wrong: FloatArray
    silence: Mapping[str, float]


def truth_of(
    photos: Sequence[Mapping[str, Any]], tags: Sequence[str], confidences: FloatArray, scores: Scores, tree: TagTree
) -> Truth:
    """Judge tags.

    Args:
        photos: N lines of the index, with ``labels`` and ``captions``.
        tags: T tags.
        confidences: float32 (N, T); only those of `LOWEST` and more tell what silence is worth.
        scores: for each label of the detectors, its score in each photo, float (N,); NaN where none looked.
        tree: which tags stand above which.
    """
    said = _said(photos, tags, tree)
    seen = _seen(tags, scores, tree, len(photos))
    with np.errstate(invalid="ignore"):
        found, absent = seen >= TRUE, seen < ABSENT
    right = said | found
    wrong = np.where(absent & ~right, np.float32(1.0), np.float32(0.0))
    unmentioned = ~said & (confidences >= LOWEST)
    silence = {}
    groups = _groups(photos)
    for name in sorted(set(groups) - {""}):
        rows = np.array([group == name for group in groups])
        proved, refuted = (unmentioned & found)[rows].sum(), (unmentioned & absent)[rows].sum()
        share = round(float((refuted + SILENCE_HOLD * SILENCE) / (proved + refuted + SILENCE_HOLD)), 3)
        silence[name] = share
        wrong[rows] = np.where(~right[rows] & np.isnan(seen[rows]), np.float32(share), wrong[rows])
    return Truth(right.astype(np.float32), wrong, silence)


def fit_thresholds(confidences: FloatArray, truth: Truth, target: float = TARGET) -> FloatArray:
    """Return for each tag the least confidence from which its shrunk precision reaches ``target``, float32 (T,).

    `NEVER` for tags that do not reach it.
    """
    right, wrong = _above(confidences, truth)
    weight = np.minimum(1.0, MOST_OF_ONE / np.maximum(right + wrong, 1.0))
    judged = (weight * (right + wrong)).sum(axis=1)
    # Where nothing is judged any more, what was true a step below is the best guess.
    common, last = np.zeros(len(STEPS)), 0.0
    for step, (count, all_right) in enumerate(zip(judged, (weight * right).sum(axis=1), strict=True)):
        last = float(all_right / count) if count else last
        common[step] = last
    precision = (right + HOLD * common[:, None]) / (right + wrong + HOLD)
    reached = precision >= target
    thresholds = np.where(reached.any(axis=0), STEPS[reached.argmax(axis=0)], NEVER)
    return np.asarray(thresholds, np.float32)


def figures(confidences: FloatArray, truth: Truth, thresholds: FloatArray | float) -> dict[str, float]:
    """Return precision, tags per photo and the share of photos with a tag from these thresholds on."""
    shown = confidences >= thresholds
    right, wrong = float(truth.right[shown].sum()), float(truth.wrong[shown].sum())
    return {
        "precision": round(right / (right + wrong), 4) if right + wrong else 1.0,
        "tags_per_photo": round(float(shown.sum() / max(1, len(shown))), 4),
        "photos_with_tag": round(float(shown.any(axis=1).mean()), 4),
    }


def held_out(confidences: FloatArray, truth: Truth, target: float, seeds: int = 5) -> dict[str, float]:
    """Return the means of ``figures`` of photos whose thresholds were fitted on the other half, and the reverse."""
    rows: list[dict[str, float]] = []
    for seed in range(seeds):
        first = np.random.default_rng(seed).permutation(len(confidences)) % 2 == 0
        for half in (first, ~first):
            there, here = (Truth(truth.right[part], truth.wrong[part], truth.silence) for part in (half, ~half))
            fitted = fit_thresholds(confidences[half], there, target)
            rows.append(figures(confidences[~half], here, fitted))
    return {name: round(float(np.mean([row[name] for row in rows])), 4) for name in rows[0]}


def choose(confidences: FloatArray, truth: Truth) -> tuple[FloatArray, dict[str, Any]]:
    """Return thresholds (T,) with the lowest target whose held-out precision reaches `TARGET`, and a report."""
    for target in TARGETS:
        outside = held_out(confidences, truth, target)
        if outside["precision"] >= TARGET:
            break
    thresholds = fit_thresholds(confidences, truth, target)
    return thresholds, {
        "target": target,
        "held_out": outside,
        "all": figures(confidences, truth, thresholds),
        "never": int((thresholds >= NEVER).sum()),
        "silence": dict(truth.silence),
    }


def _above(confidences: FloatArray, truth: Truth) -> tuple[FloatArray, FloatArray]:
    """Return what is right and wrong of each tag from each of `STEPS` on, both (S, T)."""
    step = np.searchsorted(STEPS, confidences, side="right") - 1
    found = []
    for values in (truth.right, truth.wrong):
        sums = np.zeros((len(STEPS), confidences.shape[1]))
        rows, columns = np.nonzero((step >= 0) & (values > 0))
        np.add.at(sums, (step[rows, columns], columns), values[rows, columns])
        found.append(np.cumsum(sums[::-1], axis=0)[::-1])
    return found[0], found[1]


def _plain(text: str) -> tuple[str, ...]:
    return tuple(folded(word) for word in tokens(text.replace("-", " ")))


def _columns(tags: Sequence[str], tree: TagTree) -> _Proved:
    """Return which tags (T,) a name proves: those of the same words or above it, and those that are a word of it."""
    plain = [_plain(tag) for tag in tags]
    kept: dict[tuple[str, bool], Bools] = {}

    def proved(name: str, *, part: bool = False) -> Bools:
        if (name, part) not in kept:
            words, known = _plain(name), tree.find(name) is not None
            kept[name, part] = np.array(
                [
                    own == words or (part and len(own) == 1 and own[0] in words) or (known and tree.above(tag, name))
                    for tag, own in zip(tags, plain, strict=True)
                ],
                dtype=np.bool_,
            )
        return kept[name, part]

    return proved


def _said(photos: Sequence[Mapping[str, Any]], tags: Sequence[str], tree: TagTree) -> Bools:
    """Return which tags labels and captions mention, bool (N, T)."""
    proved = _columns(tags, tree)
    said = np.zeros((len(photos), len(tags)), np.bool_)
    holding: dict[str, set[int]] = {}
    long = [(number, words) for number, words in enumerate(map(_plain, tags)) if len(words) > 1]
    for number, words in long:
        for word in words:
            holding.setdefault(word, set()).add(number)
    of_long = dict(long)
    for row, photo in enumerate(photos):
        for label in photo.get("labels") or ():
            said[row] |= proved(label.lower(), part=True)
        for caption in photo.get("captions") or ():
            words = set(_plain(caption))
            for word in words:
                said[row] |= proved(word)
            maybe: set[int] = set().union(*(holding[word] for word in words if word in holding))
            for number in maybe:
                said[row, number] |= words.issuperset(of_long[number])
    return said


def _seen(tags: Sequence[str], scores: Scores, tree: TagTree, count: int) -> NDArray[np.float32]:
    """Return the best score of each tag in each photo (N, T), NaN where no detector that knows it looked."""
    proved = _columns(tags, tree)
    seen = np.full((count, len(tags)), np.nan, np.float32)
    for label, column in scores.items():
        for number in np.flatnonzero(proved(label)).tolist():
            seen[:, number] = np.fmax(seen[:, number], column.astype(np.float32))
    return seen


def _groups(photos: Iterable[Mapping[str, Any]]) -> list[str]:
    return [
        "labels" if photo.get("labels")
        else "several captions" if len(photo.get("captions") or ()) > 1
        else "one caption" if photo.get("captions")
        else ""
        for photo in photos
    ]  # fmt: skip


def with_thresholds(text: str, thresholds: FloatArray) -> str:
    """Return the text of ``tags.json`` with the ``least`` of each tag, in the file's order."""
    root = json.loads(text)
    for entry, least in zip(root["tags"], thresholds.tolist(), strict=True):
        entry["least"] = round(least, 2)
    return json.dumps(root, indent=1, sort_keys=True) + "\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Fit the thresholds of a pack's tags."""
    parser = argparse.ArgumentParser(description="Fit from which confidence on each automatic tag is set.")
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--index", type=Path, nargs="+", required=True, help="JSON lines with file and split")
    parser.add_argument("--split", default="val", help="photos of the index that are used, in its order")
    parser.add_argument("--objects", type=Path, required=True, help="JSON lines with the objects of each file, gzipped")
    parser.add_argument("--vectors", type=Path, required=True, help="their unit vectors, .npy (N, D), in this order")
    parser.add_argument("--show", nargs="*", default=(), metavar="TAG", help="print the thresholds of these tags")
    parser.add_argument("--dry-run", action="store_true")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    from semantic_photos.ml.model_pack import MANIFEST, load_pack

    records = [json.loads(line) for index in args.index for line in index.read_text(encoding="utf-8").splitlines()]
    photos = [record for record in records if record["split"] == args.split]
    vectors = np.load(args.vectors)
    if len(vectors) != len(photos):
        parser.error(f"{len(vectors)} vectors for {len(photos)} photos")
    pack = load_pack(args.pack)
    tags, tree = [stat.tag for stat in pack.tags], shipped_tree()
    confidences = TagWords(tags, tree).uncontested(pack.tag_confidences(vectors))
    scores = read_scores(args.objects, [photo["file"] for photo in photos])
    truth = truth_of(photos, tags, confidences, scores, tree)
    thresholds, report = choose(confidences, truth)
    log.info("%s", json.dumps(report))
    for least in (0.6, 0.7, 0.8):
        log.info("one threshold of %.1f for all: %s", least, json.dumps(figures(confidences, truth, least)))
    for name in args.show:
        if name not in tags:
            log.info("%s is no tag of this pack", name)
            continue
        column = tags.index(name)
        shown = confidences[:, column] >= thresholds[column]
        right, wrong = truth.right[shown, column].sum(), truth.wrong[shown, column].sum()
        log.info("%s: %.2f, %.0f right, %.1f wrong", name, thresholds[column], right, wrong)
    if args.dry_run:
        return 0
    from semantic_photos.training.export import seal

    path = args.pack / pack.manifest.tags
    path.write_text(with_thresholds(path.read_text(encoding="utf-8"), thresholds), encoding="utf-8")
    seal(args.pack, json.loads((args.pack / MANIFEST).read_text(encoding="utf-8")))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
