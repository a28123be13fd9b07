# SPDX-License-Identifier: GPL-3.0-or-later
"""Which photos of a result page are rows of the grid: good matches, weaker ones and near-duplicates on request."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

import numpy as np

from semantic_photos.domain.ports import FloatArray, IdArray
from semantic_photos.domain.query import ResultPage

#: Weaker matches that are added at a time: a query never shows the whole library.
WEAKER = 40
#: So many are shown where none is good.
NEAREST = 12


@dataclass(frozen=True, slots=True)
class ResultRows:
    """The rows of the grid.

    Attributes:
        ids: int64 (N,), the photos of the rows.
        scores: float32 (N,) cosines, NaN for near-duplicates, or None when nothing was ranked.
        strong: how many of the first rows are good matches.
        weaker: how many weaker matches are shown.
        hidden: how many weaker matches are not shown.
        stacks: for the first photo of each group of near-duplicates, how many others there are.
        members: rows of near-duplicates, shown because their group is open.
    """

    ids: IdArray
    scores: FloatArray | None
    strong: int
    weaker: int = 0
    hidden: int = 0
    stacks: dict[int, int] = field(default_factory=dict)
    members: frozenset[int] = frozenset()


def arrange(page: ResultPage, weaker: int = 0, opened: AbstractSet[int] = frozenset()) -> ResultRows:
    """Return the rows for a page.

    Args:
        page: the result.
        weaker: how many weaker matches to show; without a good match the first ``NEAREST`` are always shown.
        opened: first photos of the groups whose near-duplicates are shown behind them.
    """
    total = len(page.ids)
    strong = total if page.scores is None else min(page.strong, total)
    shown = min(max(weaker, 0 if strong else NEAREST), total - strong)
    ids = page.ids[: strong + shown]
    scores = None if page.scores is None else page.scores[: strong + shown]
    stacks = {head: len(page.stacks[head]) for head in ids.tolist() if page.stacks.get(head)} if page.stacks else {}
    members: frozenset[int] = frozenset()
    if opened and stacks:
        ids, scores, strong, members = _unfolded(page, ids, scores, strong, opened)
    return ResultRows(ids, scores, strong, shown, total - min(page.strong, total) - shown if scores is not None else 0,
                       stacks, members)  # fmt: skip


def _unfolded(
    page: ResultPage, ids: IdArray, scores: FloatArray | None, strong: int, opened: AbstractSet[int]
) -> tuple[IdArray, FloatArray | None, int, frozenset[int]]:
    rows: list[int] = []
    cosines: list[float] = []
    members: set[int] = set()
    good = 0
    for place, head in enumerate(ids.tolist()):
        copies = [i for i in page.stacks.get(head, ()) if head in opened]
        members.update(range(len(rows) + 1, len(rows) + 1 + len(copies)))
        rows += [head, *copies]
        if scores is not None:
            cosines += [float(scores[place]), *[float("nan")] * len(copies)]
        good += 1 + len(copies) if place < strong else 0
    made = None if scores is None else np.array(cosines, np.float32)
    return np.array(rows, np.int64), made, good, frozenset(members)
