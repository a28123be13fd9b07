# SPDX-License-Identifier: GPL-3.0-or-later
"""The main measurement of a pack: search quality on everyday photos."""

from __future__ import annotations

from collections.abc import Callable

from semantic_photos.evaluation.bench import Bench, pack_facts
from semantic_photos.evaluation.figure import Figures
from semantic_photos.evaluation.objects import Objects, cutoff_figures, minus_figures, object_figures
from semantic_photos.evaluation.photos import Material
from semantic_photos.evaluation.report import Report
from semantic_photos.evaluation.retrieval import collections_of, retrieval_figures
from semantic_photos.evaluation.tags import Tagged, tag_figures
from semantic_photos.services.tags.tag_words import shipped_tree

#: Parts of the measurement, in the order of the report.
PARTS = ("retrieval", "objects", "cutoff", "minus", "tags", "speed")


class Life:
    """The queries of one material; the same for every pack that is measured."""

    def __init__(self, material: Material) -> None:
        """Make the queries and the truth about objects."""
        self._material, self._tree = material, shipped_tree()
        self._collections = collections_of(material)
        self._objects = Objects.of(material.photos, material.kinds, self._tree)

    def measure(self, bench: Bench, parts: tuple[str, ...] = PARTS) -> Report:
        """Return the figures of a pack; those of objects only if there are detections."""
        figures: Figures = {}
        measures: dict[str, Callable[[], Figures]] = {
            "retrieval": lambda: {
                group: values
                for collection in self._collections
                for group, values in retrieval_figures(bench, collection).items()
            },
            "objects": lambda: object_figures(bench, self._objects),
            "cutoff": lambda: cutoff_figures(bench, self._objects),
            "minus": lambda: minus_figures(bench, self._collections, self._objects, self._tree),
            "tags": lambda: tag_figures(bench, Tagged.of(bench, self._material.kinds, self._tree)),
            "speed": lambda: {"speed": bench.speed} if bench.speed else {},
        }
        for part in PARTS:
            if part in parts and (part not in ("objects", "cutoff", "minus") or self._objects.names):
                figures |= measures[part]()
        return Report(pack_facts(bench.pack), figures)
