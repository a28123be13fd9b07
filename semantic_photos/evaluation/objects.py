# SPDX-License-Identifier: GPL-3.0-or-later
"""Search for everyday objects, measured against object detectors: ranking, good matches, excluded words.

A photo shows an object if a detector gives it 0.5 or more, and does not if all detectors that know the object ran and
none gives it 0.12. What lies between is left out, object by object: at 0.3 a detector is often right about large
things, so such a photo can count neither way. The detectors are small: they miss small things, and what they miss
counts against the pack.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from semantic_photos.domain.tag_tree import TagTree
from semantic_photos.domain.tags import leaf
from semantic_photos.evaluation import metrics
from semantic_photos.evaluation.bench import Bench
from semantic_photos.evaluation.figure import Figures, Floats, Group, Ints, plain, ratio
from semantic_photos.evaluation.metrics import Bools
from semantic_photos.evaluation.photos import AnnotatedPhoto, by_source
from semantic_photos.evaluation.queries import word_queries
from semantic_photos.evaluation.retrieval import Collection, good_matches

SHOWN, ABSENT = 0.5, 0.12
#: An object is a query if so many photos show it.
LEAST_PHOTOS = 5
#: Detectors give small things low scores; below this a photo that shows the object counts as a faint one.
FAINT = 0.65
#: Everyday objects that the good matches are measured on: those that most photos show.
CUTOFF_OBJECTS = 40
#: Excluded words: first hits examined, pairs in all and for one object, and how often the two occur together.
MINUS_FIRST, MINUS_PAIRS, MINUS_OF_ONE, MINUS_LEAST, MINUS_SHARES = 20, 60, 15, 8, (0.15, 0.7)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Objects:
    """Kinds of objects (K) on photos (N).

    Attributes:
        names: of the kinds.
        detectors: the first detector that knows each.
        scores: float32 (K, N), the highest score of the kind, or of kinds of it (animal: dog).
        shown: bool (K, N), photos that show it.
        absent: bool (K, N), photos that do not.
    """

    names: tuple[str, ...]
    detectors: tuple[str, ...]
    scores: Floats
    shown: Bools
    absent: Bools

    @classmethod
    def of(cls, photos: Sequence[AnnotatedPhoto], kinds: Mapping[str, frozenset[str]], tree: TagTree) -> Objects:
        """Join the scores of all detectors.

        Args:
            photos: N photos with detections.
            kinds: what each detector knows.
            tree: which kinds are kinds of others, and which names mean the same.
        """
        first = {name: detector for detector in sorted(kinds, reverse=True) for name in kinds[detector]}
        names = sorted(name for name in first if not _second_name(name, first, tree))
        row = {name: number for number, name in enumerate(sorted(first))}
        best = np.zeros((len(row), len(photos)), np.float32)
        looked = np.zeros((len(row), len(photos)), np.bool_)
        for detector, known in kinds.items():
            ran = np.array([detector in photo.detections for photo in photos])
            looked[[row[name] for name in known]] |= ran
        for column, photo in enumerate(photos):
            for detections in photo.detections.values():
                for name, score in detections.items():
                    best[row[name], column] = max(best[row[name], column], score)
        scores = np.stack([best[[row[other] for other in first if tree.above(name, other)]].max(axis=0)
                           for name in names]) if names else best  # fmt: skip
        looked = looked[[row[name] for name in names]]
        return cls(
            tuple(names), tuple(first[name] for name in names), scores,
            looked & (scores >= SHOWN), looked & (scores < ABSENT),
        )  # fmt: skip

    def common(self, rows: Ints | None = None, *, everyday: bool = False) -> Ints:
        """Return the kinds, int64, that enough photos show, of all or of some rows; by name.

        Args:
            rows: of the photos; None means all.
            everyday: only kinds of the first detector by name, which knows everyday objects alone.
        """
        shown = self.shown if rows is None else self.shown[:, rows]
        first = min(self.detectors, default="")
        wanted = np.array([not everyday or detector == first for detector in self.detectors], np.bool_)
        return np.flatnonzero((shown.sum(axis=1) >= LEAST_PHOTOS) & wanted)


def _second_name(name: str, names: Mapping[str, str], tree: TagTree) -> bool:
    known = tree.find(name)
    return known is not None and leaf(known) != name and leaf(known) in names


def object_figures(bench: Bench, objects: Objects) -> Figures:
    """Return R-precision and average precision of objects: by detector, collection and source, and of each."""
    search, everything = bench.search(), np.arange(len(bench.photos))
    kinds = objects.common()
    scores = np.full(objects.shown.shape, -np.inf, np.float32)
    scores[kinds] = search.scores([objects.names[kind] for kind in kinds])
    # What can count neither way is taken out of the rankings.
    scores[~(objects.shown | objects.absent)] = -np.inf
    figures: Figures = {}
    for detector in sorted(set(objects.detectors)):
        chosen = np.array([kind for kind in kinds if objects.detectors[kind] == detector], np.int64)
        if len(chosen):
            figures[f"objects of {detector}"] = _ranked(objects, scores, chosen, everything)
    groups = _collections(bench.photos)
    if len(groups) > 1:
        figures |= {f"{name}: objects": g for name, rows in groups.items() if (g := _part(objects, scores, rows))}
    for source, rows in by_source(bench.photos).items():
        if group := _part(objects, scores, rows):
            figures[f"objects in {source}"] = group
    everyday = objects.common(everyday=True)
    for kind in everyday[np.argsort(-objects.shown[everyday].sum(axis=1), kind="stable")]:
        one, count = _ranked(objects, scores, np.array([kind]), everything), int(objects.shown[kind].sum())
        figures[f"object: {objects.names[kind]}"] = {
            "photos": plain(count, count),
            "r_precision": plain(one["r_precision"].value, 1),
            "average_precision": plain(one["average_precision"].value, 1),
        }
    return figures


def _part(objects: Objects, scores: Floats, rows: Sequence[int] | Ints) -> Group:
    """Return the figures among some photos of those everyday objects that enough of them show."""
    part = np.array(rows, np.int64)
    kinds = objects.common(part, everyday=True)
    return _ranked(objects, scores, kinds, part) if len(kinds) else {}


def _ranked(objects: Objects, scores: Floats, kinds: Ints, rows: Ints) -> Group:
    """Return mean R-precision and average precision of some objects among some photos.

    ``…_faint`` counts only photos whose score is low, and leaves the others that show the object out. The score stands
    for the size, which the detections do not tell.
    """
    shown, part = objects.shown[np.ix_(kinds, rows)], scores[np.ix_(kinds, rows)]
    faint = shown & (objects.scores[np.ix_(kinds, rows)] < FAINT)
    enough = faint.sum(axis=1) >= LEAST_PHOTOS
    without = np.where(shown & ~faint, -np.inf, part)[enough]
    pool = shown | objects.absent[np.ix_(kinds, rows)]
    return {
        "objects": plain(len(kinds), len(kinds)),
        "unknown": plain(int((part == -np.inf).all(axis=1).sum()), len(kinds)),
        "r_precision": ratio(metrics.r_precisions(part, shown)),
        "average_precision": ratio(metrics.average_precisions(part, shown)),
        "r_precision_faint": ratio(metrics.r_precisions(without, faint[enough])),
        "average_precision_faint": ratio(metrics.average_precisions(without, faint[enough])),
        "chance": ratio(shown.sum(axis=1) / np.maximum(pool.sum(axis=1), 1)),
    }


def cutoff_figures(bench: Bench, objects: Objects, count: int = CUTOFF_OBJECTS) -> Figures:
    """Return what is called good for the most frequent everyday objects, and how often nothing is, rightly.

    Precision and recall are among photos that show the object or do not; ``rightly_empty`` is the share of objects for
    which nothing is called good among the photos that do not show them, ``wrong_photos`` the mean number that is. Of
    all photos, and of each collection searched alone.
    """
    groups = _collections(bench.photos)
    figures: Figures = {}
    for name, rows in ({"": np.arange(len(bench.photos))} | (groups if len(groups) > 1 else {})).items():
        kinds = objects.common(rows, everyday=True)
        most = kinds[np.argsort(-objects.shown[np.ix_(kinds, rows)].sum(axis=1), kind="stable")][:count]
        found = {kind: _good_matches_of(bench, objects, kind, rows) for kind in most.tolist()}
        if not found:
            continue
        kept, right, relevant, wrongly = (np.array(column) for column in zip(*found.values(), strict=True))
        figures[f"{name}: good matches" if name else "good matches"] = {
            "objects": plain(len(found), len(found)), **good_matches(kept, right, relevant),
            "rightly_empty": ratio(wrongly == 0), "wrong_photos": ratio(wrongly),
        }  # fmt: skip
        if not name:
            figures |= {
                f"good matches of {objects.names[kind]}": {
                    title: plain(value, 1)
                    for title, value in zip(("good", "right", "photos", "good_without_any"), values, strict=True)
                }
                for kind, values in found.items()
            }
    return figures


def _good_matches_of(bench: Bench, objects: Objects, kind: int, rows: Ints) -> tuple[int, int, int, int]:
    """Return how many photos are called good, how many of them and of all show it, and how many are without any."""
    shown, absent = objects.shown[kind], objects.absent[kind]
    found = bench.search(rows[(shown | absent)[rows]]).ranking(objects.names[kind])
    without = bench.search(rows[absent[rows]]).ranking(objects.names[kind])
    return found.good, int(shown[found.rows[: found.good]].sum()), int(shown[rows].sum()), without.good


def _collections(photos: Sequence[AnnotatedPhoto]) -> dict[str, Ints]:
    """Return the rows of each collection."""
    names = dict.fromkeys(photo.collection for photo in photos)
    return {name: np.flatnonzero([photo.collection == name for photo in photos]) for name in names}


def minus_figures(bench: Bench, collections: Sequence[Collection], objects: Objects, tree: TagTree) -> Figures:
    """Return what is left of excluded objects among the first hits of queries such as ``beach -person``.

    The words are nouns of captions; the excluded object is one that a part of the photos with that noun clearly shows.
    ``still_right`` is the share of hits with the noun in a caption: dropping everything would exclude, too.
    """
    pairs, searched = minus_pairs(bench.photos, collections, objects, tree)
    if not pairs:
        return {}
    search = bench.search(searched)
    rows: dict[str, list[float]] = {}
    for text, kind, relevant in pairs:
        plain_hits = search.ranking(text).rows[:MINUS_FIRST]
        minus_hits = search.ranking(f"{text} -{objects.names[kind]}").rows[:MINUS_FIRST]
        for name, hits in (("without_minus", plain_hits), ("", minus_hits)):
            prefix = f"_{name}" if name else ""
            rows.setdefault(f"clearly_shown{prefix}", []).append(_share(objects.shown[kind], hits))
            rows.setdefault(f"still_right{prefix}", []).append(_share(relevant, hits))
    count = len(pairs)
    return {"minus words": {"queries": plain(count, count), **{k: ratio(np.array(v)) for k, v in rows.items()}}}


def _share(which: Bools, hits: Ints) -> float:
    return float(which[hits].mean()) if len(hits) else 0.0


def minus_pairs(
    photos: Sequence[AnnotatedPhoto], collections: Sequence[Collection], objects: Objects, tree: TagTree
) -> tuple[list[tuple[str, int, Bools]], Ints]:
    """Return words, excluded kinds and which photos have the word, bool (N,); and the rows of all captioned photos.

    The most frequent pairs first. A noun and an object of the same kind are no pair, nor are those that hardly ever or
    nearly always occur together.
    """
    searched = np.concatenate([c.captioned for c in collections]) if collections else np.zeros(0, np.int64)
    captioned = [photos[row] for row in searched]
    nouns = {text for c in collections if "one noun" in c.words for text in c.words["one noun"].texts}
    asked = word_queries(captioned, words=1, least=MINUS_LEAST, most=len(captioned), limit=10 * len(nouns) + 1)
    found = []
    for text, relevant in zip(asked.texts, asked.relevant, strict=True):
        if text not in nouns:
            continue
        together = (objects.shown[:, searched] & relevant).sum(axis=1)
        for kind in np.flatnonzero(together >= MINUS_LEAST):
            name = objects.names[kind]
            share = together[kind] / relevant.sum()
            if MINUS_SHARES[0] <= share <= MINUS_SHARES[1] and not tree.above(name, text) and name != text:
                everywhere = np.zeros(len(photos), np.bool_)
                everywhere[searched[relevant]] = True
                found.append((int(together[kind]), text, int(kind), everywhere))
    chosen: list[tuple[str, int, Bools]] = []
    for _, text, number, everywhere in sorted(found, key=lambda one: (-one[0], one[1], one[2])):
        if sum(other == number for _, other, _ in chosen) < MINUS_OF_ONE and len(chosen) < MINUS_PAIRS:
            chosen.append((text, number, everywhere))
    return chosen, searched
