# SPDX-License-Identifier: GPL-3.0-or-later
"""Training curves from a log, drawn with Pillow: one small diagram for each quantity.

Command: ``python -m semantic_photos.training.curves LOG... --out PNG``
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

# Fields that are no training quantity, or are the axis itself.
_NO_CURVE = frozenset({"step", "at", "event", "stage", "parameters", "photos", "seed", "spent"})
_WIDTH, _HEIGHT, _COLUMNS, _MARGIN = 360, 220, 3, 46
_INK, _FAINT, _PAPER = (30, 30, 30), (225, 225, 225), (255, 255, 255)
_COLOURS = ((31, 119, 180), (214, 39, 40), (44, 160, 44), (148, 103, 189), (255, 127, 14), (23, 190, 207))
_MOST_POINTS = 2000


@dataclasses.dataclass(frozen=True, slots=True)
class Curve:
    """The values of one quantity of one run: steps and values, equally long."""

    name: str
    run: str
    steps: tuple[float, ...]
    values: tuple[float, ...]


def read_curves(path: Path, run: str) -> list[Curve]:
    """Read every quantity of a ``log.jsonl`` against its step.

    Lines that are cut off (a run that was killed) or hold no step are passed over, and so are values that are not
    finite. After a run was resumed its steps go back to the checkpoint; what was done twice counts as it was last.

    Raises:
        OSError, UnicodeDecodeError: the log cannot be read.
    """
    found: dict[str, dict[float, float]] = {}
    reached = -math.inf
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        step = row.get("step") if isinstance(row, dict) else None
        if not _is_number(step):
            continue
        if step < reached:
            for values in found.values():
                for late in [one for one in values if one > step]:
                    del values[late]
        reached = float(step)
        for name, value in row.items():
            if name not in _NO_CURVE and _is_number(value):
                found.setdefault(name, {})[float(step)] = float(value)
    return [
        Curve(name, run, tuple(sorted(values)), tuple(values[step] for step in sorted(values)))
        for name, values in found.items()
        if values
    ]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def draw(curves: Sequence[Curve]) -> Image.Image:
    """Draw one diagram for each quantity, in the order in which they are met; runs share it in different colours.

    Returns:
        An RGB picture, three diagrams wide. A quantity of one point is drawn as a dot.
    """
    names = list(dict.fromkeys(curve.name for curve in curves))
    runs = list(dict.fromkeys(curve.run for curve in curves))
    lines = max(1, -(-len(names) // _COLUMNS))
    legend = 18 * len(runs) + 12
    picture = Image.new("RGB", (_COLUMNS * _WIDTH, legend + lines * _HEIGHT), _PAPER)
    pen = ImageDraw.Draw(picture)
    font = ImageFont.load_default(12)
    for number, run in enumerate(runs):
        pen.rectangle((12, 10 + 18 * number, 24, 20 + 18 * number), fill=_COLOURS[number % len(_COLOURS)])
        pen.text((30, 7 + 18 * number), run, fill=_INK, font=font)
    if not names:
        pen.text((12, legend), "No curve in this log.", fill=_INK, font=font)
    for place, name in enumerate(names):
        corner = (place % _COLUMNS * _WIDTH, legend + place // _COLUMNS * _HEIGHT)
        _diagram(pen, corner, [curve for curve in curves if curve.name == name], runs, font)
    return picture


def _diagram(
    pen: ImageDraw.ImageDraw, corner: tuple[int, int], curves: Sequence[Curve], runs: Sequence[str], font: object
) -> None:
    left, top = corner[0] + _MARGIN, corner[1] + 24
    right, bottom = corner[0] + _WIDTH - 14, corner[1] + _HEIGHT - 26
    steps = [step for curve in curves for step in curve.steps]
    values = [value for curve in curves for value in curve.values]
    (first, last), (least, most) = _span(steps), _span(values)
    pen.text((left, corner[1] + 5), curves[0].name, fill=_INK, font=font)
    for part in (0.0, 0.5, 1.0):
        y = bottom - part * (bottom - top)
        pen.line((left, y, right, y), fill=_FAINT)
        text = _number(least + part * (most - least))
        pen.text((left - 4 - pen.textlength(text, font=font), y - 7), text, fill=_INK, font=font)
        x = left + part * (right - left)
        text = f"{first + part * (last - first):.0f}"
        pen.text((x - pen.textlength(text, font=font) / 2, bottom + 5), text, fill=_INK, font=font)
    for curve in curves:
        colour = _COLOURS[runs.index(curve.run) % len(_COLOURS)]
        every = max(1, len(curve.steps) // _MOST_POINTS)
        points = [
            (left + (step - first) / (last - first) * (right - left),
             bottom - (value - least) / (most - least) * (bottom - top))
            for step, value in list(zip(curve.steps, curve.values, strict=True))[::every]
        ]  # fmt: skip
        if len(points) > 1:
            pen.line(points, fill=colour, width=2)
        x, y = points[-1]
        pen.ellipse((x - 2, y - 2, x + 2, y + 2), fill=colour)


def _number(value: float) -> str:
    """Return a number that fits into the margin."""
    return f"{value:.3g}" if abs(value) < 1000 or abs(value) >= 1e6 else f"{value:,.0f}"


def _span(values: Sequence[float]) -> tuple[float, float]:
    """Return least and most; a span of no width is widened, so that it can be divided by."""
    least, most = min(values), max(values)
    if most > least:
        return least, most
    width = max(abs(least) * 0.1, 1e-6)
    return least - width, most + width


def main(argv: Sequence[str] | None = None) -> int:
    """Draw the curves of one or more runs."""
    parser = argparse.ArgumentParser(description="Draw the curves of training runs.")
    parser.add_argument("logs", type=Path, nargs="+", metavar="LOG", help="log.jsonl, or the folder it lies in")
    parser.add_argument("--out", type=Path, required=True, metavar="PNG")
    args = parser.parse_args(argv)
    curves: list[Curve] = []
    for log in args.logs:
        path = log / "log.jsonl" if log.is_dir() else log
        curves += read_curves(path, path.absolute().parent.name)
    draw(curves).save(args.out)
    print(f"{args.out}: {len({curve.name for curve in curves})} quantities of {len(args.logs)} run(s)")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
