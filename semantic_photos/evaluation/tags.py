# SPDX-License-Identifier: GPL-3.0-or-later
"""Precision of automatic tags against labels, captions and detectors, at several thresholds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semantic_photos.domain.tag_tree import TagTree
from semantic_photos.evaluation.bench import Bench
from semantic_photos.evaluation.figure import Figures, Floats, Group, plain, ratio
from semantic_photos.evaluation.metrics import Bools
from semantic_photos.evaluation.objects import ABSENT, SHOWN
from semantic_photos.evaluation.photos import AnnotatedPhoto, by_source
from semantic_photos.evaluation.queries import names_label, plain_words
from semantic_photos.services.tags.tag_words import PRECISE, TagWords, strengths

THRESHOLDS = (0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
#: What automatic tags have to reach.
TARGET = 0.8
#: Single tags are reported if they are set, or true, at least so often.
_LEAST_SET, _LEAST_TRUE = 5, 10


@dataclass(frozen=True, slots=True, eq=False)
class TagTruth:
    """Ground truth of tags (T) on photos (N).

    Attributes:
        names: the tags, as the program calls them.
        right: bool (N, T), a label, a caption or a detector confirms it.
        unsure: bool (N, T), a detector that knows the thing is in doubt or did not run, and nothing else confirms it.
        checked: bool (T,), detectors know the thing: then a tag that is neither right nor unsure is wrong. Labels and
            captions leave out much of what is to be seen, so other tags that count as wrong may be true.
    """

    names: tuple[str, ...]
    right: Bools
    unsure: Bools
    checked: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        photos: Sequence[AnnotatedPhoto],
        names: Sequence[str],
        kinds: Mapping[str, frozenset[str]],
        tree: TagTree,
    ) -> TagTruth:
        """Look up tags in labels, captions and detections.

        A tag is right if it names a label, a detected object, or something above one in the tree (animal above dog),
        or if all its words occur in one caption.
        """
        chosen = tuple(dict.fromkeys(names))
        right, unsure = np.zeros((2, len(photos), len(chosen)), np.bool_)
        checked = np.zeros(len(chosen), np.bool_)
        labels = sorted({label for photo in photos for label in photo.labels})
        with_label = {label: [i for i, photo in enumerate(photos) if label in photo.labels] for label in labels}
        said: dict[str, set[tuple[int, int]]] = {}
        for row, photo in enumerate(photos):
            for number, caption in enumerate(photo.captions):
                for word in plain_words(caption):
                    said.setdefault(word, set()).add((row, number))
        every = sorted({name for known in kinds.values() for name in known})
        best = {name: _scores_of(photos, name, kinds) for name in every}
        for column, tag in enumerate(chosen):
            for label in labels:
                if names_label(tag, label) or (tree.find(label) is not None and tree.above(tag, label)):
                    right[with_label[label], column] = True
            words = [said.get(word, set()) for word in plain_words(tag)]
            if words:
                right[[row for row, _ in set.intersection(*words)], column] = True
            same = [name for name in every if tree.above(tag, name) or plain_words(tag) == plain_words(name)]
            if same:
                checked[column] = True
                score = np.fmax.reduce([best[name] for name in same])
                right[:, column] |= score >= SHOWN
                unsure[:, column] = (score >= ABSENT) & (score < SHOWN) | ~np.isfinite(score)
        return cls(chosen, right, unsure & ~right, checked)

    def rows(self, rows: Sequence[int]) -> TagTruth:
        """Return the same of some photos."""
        return TagTruth(self.names, self.right[rows], self.unsure[rows], self.checked)


def _scores_of(photos: Sequence[AnnotatedPhoto], name: str, kinds: Mapping[str, frozenset[str]]) -> Floats:
    """Return the highest score of a kind (N,), NaN where no detector that knows it ran."""
    knowing = [detector for detector, names in kinds.items() if name in names]
    found = np.full(len(photos), np.nan, np.float32)
    for row, photo in enumerate(photos):
        ran = [photo.detections[detector] for detector in knowing if detector in photo.detections]
        if ran:
            found[row] = max(scores.get(name, 0.0) for scores in ran)
    return found


def set_tags(words: TagWords, names: Sequence[str], confidences: Floats, strength: Floats, least: float) -> Bools:
    """Return which tags the program sets, bool (N, T), for confidences and strengths (N, all tags of the pack)."""
    column = {name: number for number, name in enumerate(names)}
    chosen = np.zeros((len(confidences), len(names)), np.bool_)
    for row, found in enumerate(words.likely(confidences, least, strength=strength)):
        chosen[row, [column[name] for name in found]] = True
    return chosen


def figures_at(truth: TagTruth, chosen: Bools) -> Group:
    """Return precision, recall, tags a photo and the share of photos with a tag, of tags that were set (N, T).

    Tags in doubt are left out of precision. ``precision_checked`` is that of tags that detectors know, which is no
    lower bound as ``precision`` is.
    """
    right, counted = chosen & truth.right, chosen & ~truth.unsure
    checked = truth.checked[None]
    return {
        "photos": plain(len(chosen), len(chosen)),
        "precision": ratio(right.sum(axis=1), counted.sum(axis=1)),
        "precision_checked": ratio((right & checked).sum(axis=1), (counted & checked).sum(axis=1)),
        "recall": ratio(right.sum(axis=1), truth.right.sum(axis=1)),
        "tags_a_photo": ratio(chosen.sum(axis=1)),
        "photos_with_tag": ratio(np.asarray(chosen.any(axis=1))),
    }


@dataclass(frozen=True, slots=True, eq=False)
class Tagged:
    """Automatic tags of a pack on the val photos: names (T), what is known of them, and the pack's confidences.

    ``strength`` is the largest threshold with which the program would set a tag: tags have thresholds of their own,
    and colours are off as they are by default.
    """

    words: TagWords
    truth: TagTruth
    confidences: Floats
    strength: Floats

    @classmethod
    def of(cls, bench: Bench, kinds: Mapping[str, frozenset[str]], tree: TagTree) -> Tagged:
        """Tag the photos as the program does."""
        words = TagWords([stat.tag for stat in bench.pack.tags], tree)
        confidences = bench.pack.tag_confidences(bench.vectors)
        # A photo without a vector gets no tags.
        confidences[~bench.vectors.any(axis=1)] = 0.0
        strength = strengths(confidences, bench.pack.tags, colours=False)
        return cls(words, TagTruth.of(bench.photos, words.names, kinds, tree), confidences, strength)

    def at(self, least: float = PRECISE) -> Bools:
        """Return which tags are set at a threshold, bool (N, T)."""
        return set_tags(self.words, self.truth.names, self.confidences, self.strength, least)


def groups_of(photos: Sequence[AnnotatedPhoto]) -> dict[str, list[int]]:
    """Return the rows of labelled and of captioned photos of each collection."""
    groups: dict[str, list[int]] = {}
    for row, photo in enumerate(photos):
        for kind, has in (("captioned", photo.captions), ("labelled", photo.labels)):
            if has:
                groups.setdefault(f"{photo.collection}, {kind}", []).append(row)
    return groups


def tag_figures(bench: Bench, tagged: Tagged) -> Figures:
    """Return the figures at the program's threshold: of all photos, by collection and source, and of each tag."""
    chosen, truth = tagged.at(), tagged.truth
    figures = {"tags": figures_at(truth, chosen)}
    for name, rows in groups_of(bench.photos).items():
        figures[f"{name}: tags"] = figures_at(truth.rows(rows), chosen[rows])
    for source, rows in by_source(bench.photos).items():
        figures[f"tags in {source}"] = figures_at(truth.rows(rows), chosen[rows])
    often = Counter(dict(enumerate(chosen.sum(axis=0).tolist())))
    for column, count in often.most_common():
        right = chosen[:, column] & truth.right[:, column]
        counted = chosen[:, column] & ~truth.unsure[:, column]
        true = int(truth.right[:, column].sum())
        if count >= _LEAST_SET or true >= _LEAST_TRUE:
            figures[f"tag: {truth.names[column]}"] = {
                "set": plain(count, count),
                "true": plain(true, true),
                "precision": ratio(right[counted]),
                "recall": ratio(right[truth.right[:, column]]),
            }
    return figures


def threshold_figures(bench: Bench, tagged: Tagged) -> Figures:
    """Return the figures at several thresholds for each group of photos, and the lowest that keeps to the target."""
    figures: Figures = {}
    for name, rows in groups_of(bench.photos).items():
        truth, best, keeps = tagged.truth.rows(rows), 1.0, True
        for least in reversed(THRESHOLDS):
            chosen = set_tags(tagged.words, truth.names, tagged.confidences[rows], tagged.strength[rows], least)
            group = figures_at(truth, chosen)
            figures[f"{name}: tags from {least:.2f}"] = group
            # Without a single tag there is no precision, which is no failure.
            keeps = keeps and not group["precision"].value < TARGET
            if keeps and group["tags_a_photo"].value > 0:
                best = least
        figures[f"{name}: lowest threshold with precision {TARGET}"] = {"threshold": plain(best, len(rows))}
    return figures
