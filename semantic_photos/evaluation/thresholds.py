# SPDX-License-Identifier: GPL-3.0-or-later
"""Command: ``python -m semantic_photos.evaluation.thresholds --images ZIP... --index FILE --pack DIR [--json]``.

From which confidence on automatic tags should be set: how right they are and how many photos get one, for each
threshold, on labelled and on captioned photos of the split ``val``. The tags are chosen as the program chooses them
(``services.tags.tag_words``). Photos are halved at random, because a threshold that was read off all of them is a
little too good on them: what holds in one half has to hold in the other.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semantic_photos.domain.errors import SemanticPhotosError
from semantic_photos.domain.tag_tree import TagTree
from semantic_photos.evaluation.figure import Floats, Group, ratio
from semantic_photos.evaluation.metrics import Bools
from semantic_photos.evaluation.photos import Shown
from semantic_photos.evaluation.questions import names
from semantic_photos.evaluation.vectors import Judged, common_arguments, judged
from semantic_photos.evaluation.wording import folded_words, plain_words
from semantic_photos.services.tags.tag_words import TagWords, shipped_tree

THRESHOLDS = (0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
#: What automatic tags have to reach on labelled photos.
TARGET = 0.8
#: Their labels are of another kind than the pack was trained for.
_LEFT_OUT = frozenset({"based_cooking"})


@dataclass(frozen=True, slots=True, eq=False)
class Tagged:
    """Tags of photos (N, T).

    Attributes:
        confidences: float32, 0 where another tag speaks against one.
        right: bool, a label or a caption of the photo says so.
        said: int64 (N,), things said of each photo that a tag of the pack could name.
    """

    confidences: Floats
    right: Bools
    said: NDArray[np.int64]

    def rows(self, chosen: NDArray[np.bool_]) -> Tagged:
        """Return some of the photos, bool (N,)."""
        return Tagged(self.confidences[chosen], self.right[chosen], self.said[chosen])


def tagged(photos: Sequence[Shown], tags: Sequence[str], confidences: Floats, tree: TagTree) -> Tagged:
    """Return tags as the program would set them, beside what people said.

    A tag is right if it names a label or stands above one in the tree (animal above dog), or if all its words occur in
    one caption. Everything else counts as wrong though much of it is true: labels and captions leave out most of what
    is to be seen, so precision is a lower bound.

    Args:
        photos: N photos with labels or captions.
        tags: T tags.
        confidences: float32 (N, T).
        tree: which tags speak against each other, and which are above others.
    """
    words = TagWords(tags, tree)
    wanted = [frozenset(plain_words(tag)) for tag in tags]
    naming: dict[str, Bools] = {}
    right = np.zeros(confidences.shape, dtype=np.bool_)
    for row, photo in enumerate(photos):
        for label in photo.labels:
            if label not in naming:
                naming[label] = np.array(
                    [names(tag, label) or (bool(tree.find(label)) and tree.above(tag, label)) for tag in tags]
                )
            right[row] |= naming[label]
        for caption in map(folded_words, photo.captions):
            right[row] |= np.array([tag <= caption for tag in wanted])
    return Tagged(words.uncontested(confidences), right, right.sum(axis=1))


def figures_at(found: Tagged, least: float) -> Group:
    """Return precision, recall, tags per photo and the share of photos with a tag, from a confidence on."""
    shown = found.confidences >= least
    right = (found.right & shown).sum(axis=1)
    return {
        "precision": ratio(right, shown.sum(axis=1)),
        "recall": ratio(right, found.said),
        "per_photo": ratio(shown.sum(axis=1)),
        "photos_with_tag": ratio(np.asarray(shown.any(axis=1))),
    }


def least_for(found: Tagged, target: float = TARGET) -> float:
    """Return the lowest confidence in steps of 0.01 from which precision reaches the target and stays there; else 1."""
    best = 1.0
    for hundredths in range(99, 29, -1):
        shown = found.confidences >= hundredths / 100
        if not shown.any():
            continue
        if (found.right & shown).sum() < target * shown.sum():
            break
        best = hundredths / 100
    return best


def halves(found: Tagged, seeds: int, target: float = TARGET) -> dict[str, list[float]]:
    """Choose the threshold on one half of the photos and use it on the other, both ways, several times."""
    rows: dict[str, list[float]] = {"least": [], "precision": [], "photos_with_tag": []}
    for seed in range(seeds):
        first = np.random.default_rng(seed).permutation(len(found.said)) % 2 == 0
        for half in (first, ~first):
            least = least_for(found.rows(half), target)
            figures = figures_at(found.rows(~half), least)
            rows["least"].append(least)
            for name in ("precision", "photos_with_tag"):
                rows[name].append(figures[name].value)
    return rows


def measured(bench: Judged, seeds: int = 10) -> dict[str, object]:
    """Return everything the command prints."""
    rows = [
        row
        for row, photo in enumerate(bench.photos)
        if (photo.labels or photo.captions) and photo.source not in _LEFT_OUT
    ]
    photos = [bench.photos[row] for row in rows]
    tags = [stat.tag for stat in bench.pack.tags]
    found = tagged(photos, tags, bench.pack.tag_confidences(bench.vectors[rows]), shipped_tree())
    labelled = np.array([bool(photo.labels) for photo in photos])
    report: dict[str, object] = {"pack": bench.pack.id, "version": bench.pack.version, "tags": len(tags)}
    for kind, chosen in (("labelled", labelled), ("captioned", ~labelled)):
        part = found.rows(chosen)
        if len(part.said):
            table = {f"{least:.2f}": figures_at(part, least) for least in THRESHOLDS}
            report[kind] = {
                "photos": len(part.said),
                "thresholds": {
                    least: {name: value.as_json() for name, value in group.items()} for least, group in table.items()
                },
            }
    if labelled.any():
        report["chosen"] = least_for(found.rows(labelled))
        report["halves"] = halves(found.rows(labelled), seeds)
    return report


def _lines(report: Mapping[str, object]) -> list[str]:
    lines = [f"{report['pack']} {report['version']}, {report['tags']} tags"]
    for kind in ("labelled", "captioned"):
        part = report.get(kind)
        if not isinstance(part, dict):
            continue
        lines += ["", f"{part['photos']} {kind} photos"]
        lines.append(f"{'from':>6}{'precision':>11}{'':16}{'recall':>8}{'tags a photo':>14}{'photos with a tag':>19}")
        for least, group in part["thresholds"].items():
            precision = group["precision"]
            span = "" if precision["low"] is None else f"  [{precision['low']:.3f}, {precision['high']:.3f}]"
            value = "-" if precision["value"] is None else f"{precision['value']:.3f}"
            lines.append(
                f"{least:>6}{value:>11}{span:<16}{group['recall']['value']:>8.3f}"
                f"{group['per_photo']['value']:>14.2f}{group['photos_with_tag']['value']:>19.1%}"
            )
    chosen = report.get("halves")
    if isinstance(chosen, dict):
        lines += [
            "",
            f"precision {TARGET} on labelled photos from {report['chosen']:.2f} on; chosen on one half, on the other:",
        ]
        lines += [
            f"  {name:<16}{np.mean(values):.3f}  (from {min(values):.3f} to {max(values):.3f} in {len(values)} halves)"
            for name, values in chosen.items()
        ]
    return lines


def main(argv: Sequence[str] | None = None) -> int:
    """Measure one pack; returns 0, or 1 after a sentence on standard error."""
    args = common_arguments("thresholds", __doc__).parse_args(argv)
    try:
        report = measured(judged(args))
    except SemanticPhotosError as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(report, indent=1, allow_nan=False) if args.json else "\n".join(_lines(report)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
