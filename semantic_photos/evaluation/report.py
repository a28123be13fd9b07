# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports: figures of one pack as JSON and as lines of text, and two packs side by side."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from semantic_photos.domain.errors import UserFacingError
from semantic_photos.evaluation.figure import Figure, Figures, difference

#: Groups with one of these beginnings tell of single things; lines show them only if asked for.
SINGLE = ("object: ", "tag: ", "good band of ", "tags in ", "objects in ")


@dataclasses.dataclass(frozen=True, slots=True)
class Report:
    """What was measured: facts of the pack by name, and figures by group and name."""

    pack: dict[str, str]
    figures: Figures

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain values; a number that is none becomes null."""
        return {
            "pack": self.pack,
            "figures": {
                group: {name: figure.as_json() for name, figure in values.items()}
                for group, values in self.figures.items()
            },
        }

    def write(self, path: Path) -> None:
        """Write the report as JSON.

        Raises:
            UserFacingError: the file cannot be written.
        """
        text = json.dumps(self.as_json(), indent=1, ensure_ascii=False, allow_nan=False)
        try:
            path.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise UserFacingError(f"The report cannot be written: {error}.", code="evaluation.report") from error


def read_report(path: Path) -> Report:
    """Read a report; those of older versions hold plain numbers, which have no range.

    Raises:
        UserFacingError: the file cannot be read or is no report.
    """
    try:
        root = json.loads(path.read_text(encoding="utf-8"))
        pack = root["pack"] if isinstance(root["pack"], dict) else {"id": str(root["pack"])}
        figures = {
            group: {name: Figure.from_json(value) for name, value in values.items()}
            for group, values in root["figures"].items()
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UserFacingError(f"{path} is no report of an evaluation: {error}.", code="evaluation.report") from error
    return Report(pack, figures)


def lines_of(report: Report, *, single: bool = False) -> Iterator[str]:
    """Yield the figures of a pack as lines of a Markdown table, each with its 95 % range and its count."""
    yield _title(report)
    yield ""
    yield "| | figure | value | 95 % range | of |"
    yield "|---|---|---|---|---|"
    for group, values in _shown(report.figures, single=single):
        for name, figure in values.items():
            yield f"| {group} | {name} | {number(figure.value)} | {spread(figure)} | {figure.count or ''} |"


def compared(old: Report, new: Report, *, single: bool = False) -> Iterator[str]:
    """Yield old, new and change of every figure as lines of a Markdown table.

    The change has a paired range if both packs were measured in this run; a change whose range does not hold zero is
    marked. Of a report that was read from a file only the ranges can be compared: they are marked if they part, which
    is a coarser test.
    """
    yield f"old: {_title(old)}"
    yield f"new: {_title(new)}"
    yield ""
    yield "| | figure | old | new | change | |"
    yield "|---|---|---|---|---|---|"
    groups = {**dict(_shown(new.figures, single=single)), **dict(_shown(old.figures, single=single))}
    for group in groups:
        before, after = old.figures.get(group, {}), new.figures.get(group, {})
        for name in {**after, **before}:
            was, now = before.get(name), after.get(name)
            cells = ["–" if figure is None else f"{number(figure.value)} {spread(figure)}" for figure in (was, now)]
            change, mark = "", "gone" if now is None else "new"
            if was is not None and now is not None:
                change, mark = _change(was, now)
            yield f"| {group} | {name} | {cells[0].strip()} | {cells[1].strip()} | {change} | {mark} |"


def _change(was: Figure, now: Figure) -> tuple[str, str]:
    paired = difference(now, was)
    if paired is not None and paired.low is not None and paired.high is not None:
        mark = "higher" if paired.low > 0 else "lower" if paired.high < 0 else ""
        return f"{signed(paired.value)} [{signed(paired.low)}, {signed(paired.high)}]", mark
    low, high = (math.nan if end is None else end for end in (now.low, now.high))
    mark = ""
    if was.high is not None and was.low is not None:
        mark = "higher" if low > was.high else "lower" if high < was.low else ""
    return signed(now.value - was.value), mark


def _shown(figures: Figures, *, single: bool) -> Iterator[tuple[str, dict[str, Figure]]]:
    for group, values in figures.items():
        if single or not group.startswith(SINGLE):
            yield group, values


def _title(report: Report) -> str:
    return " ".join(report.pack[name] for name in ("id", "version", "fingerprint") if name in report.pack)


def number(value: float) -> str:
    """Return a number short enough for a column."""
    if not math.isfinite(value):
        return "–"
    if abs(value) >= 1000 or (value == int(value) and abs(value) >= 2):
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"


def signed(value: float) -> str:
    """Return a difference with its sign."""
    return f"{value:+.3f}" if math.isfinite(value) else "–"


def spread(figure: Figure) -> str:
    """Return the range in brackets, or nothing."""
    if figure.low is None or figure.high is None:
        return ""
    return f"[{figure.low:.3f}, {figure.high:.3f}]" if figure.high < 10 else f"[{figure.low:.1f}, {figure.high:.1f}]"
