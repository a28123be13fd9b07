# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports: figures of one pack as JSON and as lines of text, and two packs side by side."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from semantic_photos.domain.errors import UserFacingError
from semantic_photos.domain.translatable import Message
from semantic_photos.evaluation.figure import Figure, Figures, difference

#: What is read first, in this order.
HEADLINES = (
    ("web val: captions", "recall_at_1"), ("web val: captions", "recall_at_5"), ("web val: captions", "recall_at_10"),
    ("old val: captions", "recall_at_1"), ("old val: captions", "recall_at_5"), ("old val: captions", "recall_at_10"),
    ("web val: one noun", "precision_at_10"), ("web val: two nouns", "precision_at_10"),
    ("old val: one noun", "precision_at_10"), ("old val: two nouns", "precision_at_10"),
    ("objects of coco", "r_precision"), ("objects of coco", "average_precision"),
    ("objects of coco", "r_precision_faint"), ("web val: objects", "r_precision"), ("old val: objects", "r_precision"),
    ("good matches", "precision"), ("good matches", "recall"), ("good matches", "precision_of_all_hits"),
    ("good matches", "recall_of_all_photos"), ("good matches", "rightly_empty"), ("good matches", "wrong_photos"),
    ("web val: good matches", "precision"), ("web val: good matches", "recall"), ("old val: good matches", "precision"),
    ("old val: good matches", "recall"),
    ("minus words", "clearly_shown_without_minus"), ("minus words", "clearly_shown"),
    ("minus words", "still_right_without_minus"), ("minus words", "still_right"),
    ("tags", "precision"), ("tags", "precision_checked"), ("tags", "recall"), ("tags", "photos_with_tag"),
    ("old val, labelled: tags", "precision"), ("old val, labelled: tags", "photos_with_tag"),
    ("web val, captioned: tags", "precision"), ("web val, captioned: tags", "photos_with_tag"),
    ("old val: labels", "map"), ("old val: similar photos", "precision_at_10"),
    ("speed", "photos_per_second"), ("speed", "photos_per_cpu_second"), ("speed", "phrase_ms_median"),
)  # fmt: skip
#: Groups with one of these beginnings are of single things or sources.
SINGLE = ("object: ", "tag: ", "good matches of ", "tags in ", "objects in ", "captions of ")
#: How much is listed: the headlines, all but single things, or everything.
DETAILS = ("headlines", "all", "single")
#: Columns of the table of sources: group before the source's name, figure, title.
_BY_SOURCE = (
    ("tags in ", "photos", "photos"), ("captions of ", "recall_at_10", "captions, R@10"),
    ("objects in ", "objects", "objects"), ("objects in ", "r_precision", "objects, R-precision"),
    ("tags in ", "precision", "tags, precision"), ("tags in ", "photos_with_tag", "photos with a tag"),
)  # fmt: skip


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
            raise UserFacingError(
                Message.as_is(f"The report cannot be written: {error}."), code="evaluation.report"
            ) from error


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
        raise UserFacingError(
            Message.as_is(f"{path} is no report of an evaluation: {error}."), code="evaluation.report"
        ) from error
    return Report(pack, figures)


def lines_of(report: Report, detail: str = DETAILS[0]) -> Iterator[str]:
    """Yield the figures of a pack as lines of a Markdown table, each with its 95 % range and its count."""
    yield _title(report)
    yield ""
    yield "| | figure | value | 95 % range | of |"
    yield "|---|---|---|---|---|"
    for group, name in _shown([report], detail):
        figure = report.figures[group][name]
        yield f"| {group} | {name} | {number(figure)} | {spread(figure)} | {figure.count or ''} |"
    yield from _sources([report])


def compared(old: Report, new: Report, detail: str = DETAILS[0]) -> Iterator[str]:
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
    for group, name in _shown([new, old], detail):
        was, now = (report.figures.get(group, {}).get(name) for report in (old, new))
        cells = ["–" if figure is None else f"{number(figure)} {spread(figure)}".strip() for figure in (was, now)]
        change, mark = "", "gone" if now is None else "new"
        if was is not None and now is not None:
            change, mark = _change(was, now)
        yield f"| {group} | {name} | {cells[0]} | {cells[1]} | {change} | {mark} |"
    yield from _sources([old, new])


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


def _shown(reports: Sequence[Report], detail: str) -> list[tuple[str, str]]:
    """Return group and name of the figures that are listed; all of them where there are no headlines."""
    every = [(group, name) for report in reports for group, values in report.figures.items() for name in values]
    every = list(dict.fromkeys(every))
    headlines = [key for key in HEADLINES if key in every]
    if detail == "headlines" and headlines:
        return headlines
    return [key for key in every if detail == "single" or not key[0].startswith(SINGLE)]


def _sources(reports: Sequence[Report]) -> Iterator[str]:
    """Yield a line for each source, with the figures of one report or of two with an arrow between them."""
    names = dict.fromkeys(
        group.removeprefix(beginning)
        for report in reports for group in report.figures
        for beginning in ("captions of ", "objects in ", "tags in ") if group.startswith(beginning)
    )  # fmt: skip
    if not names:
        return
    yield ""
    yield "| source | " + " | ".join(title for _, _, title in _BY_SOURCE) + " |"
    yield "|---|" + "---|" * len(_BY_SOURCE)
    for source in names:
        cells = []
        for beginning, name, _ in _BY_SOURCE:
            figures = [report.figures.get(f"{beginning}{source}", {}).get(name) for report in reports]
            values = ["" if figure is None else number(figure) for figure in figures]
            cells.append(" → ".join(dict.fromkeys(values)))
        yield f"| {source} | " + " | ".join(cells) + " |"


def _title(report: Report) -> str:
    return " ".join(report.pack[name] for name in ("id", "version", "fingerprint") if name in report.pack)


def number(figure: Figure) -> str:
    """Return a figure's value short enough for a column; counts have no decimals."""
    value = figure.value
    if not math.isfinite(value):
        return "–"
    if abs(value) >= 1000 or (figure.low is None and value == int(value)):
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
