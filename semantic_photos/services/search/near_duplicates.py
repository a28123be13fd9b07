# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups near-duplicates in a result: bursts, copies and small edits are shown once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from semantic_photos.domain.ports import FloatArray, IdArray

#: Cosine from which two photos are taken for the same picture. Copies of one file have one vector, cosine 1.
SAME = 0.985
#: Hits that are compared; further down a second copy matters little, and comparing all pairs is slow.
MOST = 2_000


def group_near_duplicates(
    ids: IdArray, vectors_of: Callable[[IdArray], FloatArray], searchable: Callable[[IdArray], NDArray[np.bool_]]
) -> tuple[NDArray[np.bool_], dict[int, tuple[int, ...]]]:
    """Return which hits are shown, bool (N,), and for those that stand for others the ids behind them, best first.

    A hit goes behind the best hit before it that looks the same. What looks like a copy of a copy only stays itself:
    chains would join photos that differ.

    Args:
        ids: int64 (N,), best first.
        vectors_of: unit vectors (M, D) of those of the given photos that have one, in their order.
        searchable: which of the given photos have a vector, bool (N,).
    """
    shown = np.ones(len(ids), np.bool_)
    groups: dict[int, list[int]] = {}
    rows = np.flatnonzero(searchable(ids[:MOST]))
    vectors = vectors_of(ids[rows])
    if len(vectors) != len(rows):
        # One of them left the index between the two queries; the next key press brings the stacks.
        return shown, {}
    alike = vectors @ vectors.T >= SAME
    for place, row in enumerate(rows.tolist()):
        if not shown[row]:
            continue
        copies = [other for other in np.flatnonzero(alike[place]).tolist() if other > place and shown[rows[other]]]
        if copies:
            shown[rows[copies]] = False
            groups[int(ids[row])] = ids[rows[copies]].tolist()
    return shown, {photo_id: tuple(copies) for photo_id, copies in groups.items()}
