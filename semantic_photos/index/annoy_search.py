# SPDX-License-Identifier: GPL-3.0-or-later
"""Annoy search with exact re-scoring, and the choice between it and exact search for each query."""

from __future__ import annotations

from typing import Literal

import numpy as np

from semantic_photos.domain.ports import FloatArray, IdArray
from semantic_photos.domain.vectors import top_k
from semantic_photos.index.annoy_index import Segment
from semantic_photos.index.snapshot import Snapshot

Engine = Literal["auto", "annoy", "exact"]

#: Below so many photos Annoy's gain cannot be felt; above, the measurement at the build decides. Median of one search,
#: 256 dimensions, vectors and words of the shipped pack, two cores: 100,000 photos exact 5 ms, Annoy 6 ms (with both
#: cores busy elsewhere 12-42 ms and 10 ms); 300,000 exact 18 ms, Annoy 7 ms at recall@50 0.99 of photos, 0.93 of words.
ANNOY_FROM = 50_000
#: Fewest candidates examined when Annoy is forced, so that nothing but this constant guards its answers.
FORCED_CANDIDATES = 50_000
#: Beyond this share of all photos Annoy is slower than exact search and finds less. Measured at 100,000 photos with
#: the shipped pack's words on a busy machine: 50 wanted 20 ms at recall 0.98 (exact 31 ms), 500 wanted 28 ms at 0.95
#: (exact 43 ms), 2,000 wanted 44 ms at 0.91 (exact 41 ms).
WANTED_SHARE = 0.01
#: A quick search, well below a millisecond, to check that a query is near enough to any photo.
PROBE, PROBE_CANDIDATES = 10, 100
#: A filter that leaves less than this share of the photos is answered exactly: Annoy would bring mostly others.
AMONG_SHARE = 0.3
#: How many times more candidates are examined than a filter should need, as what it leaves may lie elsewhere.
#: Measured with 60,000 photos, half of them left, photos as queries: recall@50 0.99, at worst 0.86.
AMONG_SPARE = 2.0


def is_used(segment: Segment, mode: Engine) -> bool:
    """Return whether Annoy answers the queries it is good at."""
    if not segment.has_trees or mode == "exact":
        return False
    return mode == "annoy" or (segment.manifest.n >= ANNOY_FROM and segment.manifest.trusted <= 1.0)


def ask(
    state: Snapshot, query: FloatArray, k: int, mode: Engine, among: IdArray | None = None
) -> tuple[IdArray, FloatArray] | None:
    """Return Annoy's ``k`` nearest of the base, scored exactly, or None when exact search should answer.

    Args:
        state: what is searched.
        query: unit vector (D,).
        k: how many.
        mode: which engine was chosen.
        among: sorted ids (M,) of the only photos that may be answered, or None.
    """
    segment, base = state.segment, state.base
    if segment is None or k <= 0 or not is_used(segment, mode):
        return None
    share = 1.0 if among is None else min(1.0, len(among) / max(1, state.size))
    if share < AMONG_SHARE:
        return None
    looked_for = k if among is None else int(k * AMONG_SPARE / share)
    if mode == "auto" and looked_for > WANTED_SHARE * len(base.ids):
        return None
    # Hidden rows come on top of what is wanted: twice their share, as they may lie together. If more of them
    # stand in the way, too few are left below and exact search answers.
    spare = min(state.hidden, 2 * looked_for * state.hidden // max(1, base.size) + 50)
    wanted = min(len(base.ids), looked_for + spare)
    if mode == "auto" and not _is_near(segment, query):
        return None
    # What was measured to be enough without a filter must be found among what the filter leaves.
    search_k = max(int(segment.manifest.search_k / share), wanted * segment.manifest.trees)
    rows = segment.candidates(query, wanted, search_k if mode == "auto" else max(search_k, FORCED_CANDIDATES))
    if base.live is not None:
        rows = rows[base.live[rows]]
    if among is not None:
        rows = rows[np.isin(base.ids[rows], among)]
    if len(rows) < min(k, base.size):
        return None
    return top_k(base.ids[rows], base.vectors[rows] @ query, k)


def _is_near(segment: Segment, query: FloatArray) -> bool:
    """Return whether the query lies so near to the photos that Annoy was measured to find enough."""
    rows = segment.candidates(query, PROBE, PROBE * PROBE_CANDIDATES)
    return len(rows) > 0 and float((segment.rows.vectors[rows] @ query).max()) >= segment.manifest.trusted
