# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures as lines of text: one pack, two reports side by side, a pack beside its references."""

from __future__ import annotations

import math
from collections.abc import Iterator

from semantic_photos.evaluation.figure import Figure, Figures
from semantic_photos.evaluation.results import Results

#: What a person reads first; the table of references shows these alone.
HEADLINES = (
    ("captions", "recall_at_1"), ("captions", "recall_at_5"), ("captions", "recall_at_10"),
    ("captions", "median_rank"), ("one_noun", "precision_at_10"), ("one_noun", "map"),
    ("two_nouns", "precision_at_10"), ("two_nouns", "map"), ("one_word", "precision_at_10"), ("one_word", "map"),
    ("two_words", "precision_at_10"), ("two_words", "map"), ("rare_noun", "map"), ("unseen_noun", "precision_at_10"),
    ("unseen_noun", "map"), ("unseen_word", "precision_at_10"), ("unseen_word", "map"), ("labels", "map"),
    ("labels", "zero_shot_top1"), ("labels", "zero_shot_top5"), ("similar", "precision_at_10"),
)  # fmt: skip


def lines_of(results: Results) -> Iterator[str]:
    """Yield the figures of a pack, each with its range and its count."""
    yield "  ".join(f"{name} {value}" for name, value in results.pack.items() if name in ("id", "version"))
    yield f"fingerprint {results.pack.get('fingerprint', '?')}  sha256 {results.pack.get('sha256', '?')}"
    yield f"{'':18}{'':26}{'value':>9}  {'95 % range':^19}{'of':>6}"
    for group, values in results.figures.items():
        for name, figure in values.items():
            yield f"{group:<18}{name:<26}{number(figure.value):>9}  {spread(figure):^19}{figure.count or '':>6}"


def compared(old: Results, new: Results) -> Iterator[str]:
    """Yield old, new, difference and whether the two ranges part, for every figure that both reports have.

    Ranges that part mean a difference beyond chance; ranges that overlap leave it open, since both packs were asked
    the same questions and a paired test would be sharper.
    """
    yield f"{'':18}{'':26}{'old':>9}{'new':>9}{'change':>10}  ranges"
    for group, values in new.figures.items():
        for name, figure in values.items():
            before = old.figures.get(group, {}).get(name)
            if before is None:
                yield f"{group:<18}{name:<26}{'–':>9}{number(figure.value):>9}{'':>10}  new"
                continue
            change = figure.value - before.value
            yield (
                f"{group:<18}{name:<26}{number(before.value):>9}{number(figure.value):>9}{signed(change):>10}"
                f"  {parting(before, figure)}"
            )
    for group, values in old.figures.items():
        for name, figure in values.items():
            if name not in new.figures.get(group, {}):
                yield f"{group:<18}{name:<26}{number(figure.value):>9}{'–':>9}{'':>10}  gone"


def beside_references(results: Results) -> Iterator[str]:
    """Yield the pack's main figures beside those of its references, and how many times better the pack is.

    The factors' ranges are paired: both models were asked the same questions.
    """
    columns: list[tuple[str, Figures]] = [("this pack", results.figures), *results.references.items()]
    yield f"{'':34}" + "".join(f"{name:>27}" for name, _ in columns)
    for group, name in HEADLINES:
        ours = results.figures.get(group, {}).get(name)
        if ours is None:
            continue
        cells = []
        for _, figures in columns:
            figure = figures.get(group, {}).get(name)
            cells.append("–" if figure is None else f"{number(figure.value)} {spread(figure)}")
        yield f"{group:<13}{name:<21}" + "".join(f"{cell:>27}" for cell in cells)
    for reference, factors in results.factors.items():
        yield ""
        yield f"this pack / {reference}"
        for group, name in HEADLINES:
            times = factors.get(group, {}).get(name)
            if times is not None:
                yield f"  {group:<13}{name:<21}{times.value:>7.2f} times {spread(times)}"


def parting(before: Figure, after: Figure) -> str:
    """Return whether two ranges part, and which way; a dash where there are none."""
    if before.low is None or before.high is None or after.low is None or after.high is None:
        return "–"
    if after.low > before.high:
        return "part, higher"
    if after.high < before.low:
        return "part, lower"
    return "overlap"


def number(value: float) -> str:
    """Return a number short enough for a column."""
    if not math.isfinite(value):
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 or (value == int(value) and abs(value) >= 2) else f"{value:.4g}"


def signed(value: float) -> str:
    """Return a difference with its sign."""
    return f"{value:+.4g}" if math.isfinite(value) else "–"


def spread(figure: Figure) -> str:
    """Return the range in brackets, or nothing."""
    if figure.low is None or figure.high is None:
        return ""
    return f"[{figure.low:.3f}, {figure.high:.3f}]" if figure.high < 10 else f"[{figure.low:.1f}, {figure.high:.1f}]"
