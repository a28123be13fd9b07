# SPDX-License-Identifier: GPL-3.0-or-later
"""Results as a file: what one measuring found, written as JSON and read again for comparing."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from semantic_photos.domain.errors import UserFacingError
from semantic_photos.evaluation.figure import Figure, Figures, factor


@dataclasses.dataclass(frozen=True, slots=True)
class Results:
    """What was measured.

    Attributes:
        pack: What the pack is, by name of the fact.
        figures: Its figures.
        references: Figures of what it is measured against, by name.
        facts: What is known of the references' making.
        factors: How many times better the pack is than each reference, with paired ranges.
    """

    pack: dict[str, str]
    figures: Figures
    references: dict[str, Figures] = dataclasses.field(default_factory=dict)
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)
    factors: dict[str, Figures] = dataclasses.field(default_factory=dict)

    def beside(self, references: dict[str, Figures], facts: dict[str, Any]) -> Results:
        """Return these results with references beside them; the figures must have been measured in this process."""
        return Results(
            self.pack, self.figures, references, facts,
            {name: _factors(self.figures, figures) for name, figures in references.items()},
        )  # fmt: skip

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "pack": self.pack,
            "figures": _figures_as_json(self.figures),
            "references": {name: _figures_as_json(figures) for name, figures in self.references.items()},
            "reference_facts": self.facts,
            "factors": {name: _figures_as_json(figures) for name, figures in self.factors.items()},
        }


def read_results(path: Path) -> Results:
    """Read what was written with ``--json``; reports of older versions hold plain numbers, which have no range.

    Raises:
        UserFacingError: the file cannot be read or is no report.
    """
    try:
        root = json.loads(path.read_text(encoding="utf-8"))
        pack = root["pack"] if isinstance(root["pack"], dict) else {"id": str(root["pack"])}
        references = {name: _figures_of(figures) for name, figures in root.get("references", {}).items()}
        factors = {name: _figures_of(figures) for name, figures in root.get("factors", {}).items()}
        return Results(pack, _figures_of(root["figures"]), references, root.get("reference_facts", {}), factors)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UserFacingError(f"{path} is no report of an evaluation: {error}.", code="evaluation.report") from error


def _factors(ours: Figures, theirs: Figures) -> Figures:
    found: Figures = {}
    for group, values in ours.items():
        for name, figure in values.items():
            other = theirs.get(group, {}).get(name)
            times = factor(figure, other) if other is not None else None
            if times is not None:
                found.setdefault(group, {})[name] = times
    return found


def _figures_as_json(figures: Figures) -> dict[str, Any]:
    return {group: {name: figure.as_json() for name, figure in values.items()} for group, values in figures.items()}


def _figures_of(root: dict[str, Any]) -> Figures:
    return {group: {name: Figure.from_json(value) for name, value in values.items()} for group, values in root.items()}
