# SPDX-License-Identifier: GPL-3.0-or-later
"""A search among some photos only: as exact as one of an index that holds nothing else."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semantic_photos.domain.ports import FloatArray
from semantic_photos.index import annoy_search
from semantic_photos.index.exact_index import ExactIndex
from semantic_photos.index.hybrid_index import HybridIndex
from tests.fakes.vector_catalog import VectorCatalog
from tests.unit.index.conftest import DIM, IDS, clustered

pytestmark = pytest.mark.slow  # builds real segments

Reopen = Callable[..., HybridIndex]
NONE = np.empty(0, np.int64)

_VECTORS = clustered(300, 8)


@settings(max_examples=25, deadline=None)
@given(
    st.sets(st.integers(-5, 400)),
    st.sets(st.integers(0, 299), max_size=40),
    st.integers(0, 30),
    st.sampled_from([1, 10**9]),
    st.integers(0, 299),
)
def test_as_if_the_others_were_not_there(
    among: set[int], removed: set[int], k: int, spread: int, question: int
) -> None:
    ids = np.arange(300) * spread
    index = ExactIndex(8)
    index.add(ids, _VECTORS)
    index.remove([i * spread for i in removed])
    wanted = np.array(sorted(i * spread for i in among), np.int64)
    left = ExactIndex(8)
    keep = [i for i in sorted(among - removed) if 0 <= i < 300]
    left.add(np.array(keep, np.int64) * spread, _VECTORS[keep])
    got, scores = index.search(_VECTORS[question], k, wanted)
    expected, best = left.search(_VECTORS[question], k)
    assert got.tolist() == expected.tolist()
    np.testing.assert_allclose(scores, best, atol=1e-6)


def test_segment_delta_and_removed_photos(reopen: Reopen, vectors: FloatArray) -> None:
    index = reopen("exact")
    more = clustered(60, DIM, seed=8)
    index.add(np.arange(5000, 5060), more)
    index.remove(IDS[:50])
    among = np.sort(np.concatenate([IDS[40:200:3], np.arange(5000, 5060, 2), [7]]))
    left = ExactIndex(DIM)
    ids = [i for i in among.tolist() if i in set(IDS[50:].tolist()) or i >= 5000]
    left.add(np.array(ids), index.vectors_of(ids))
    for question in (vectors[100], more[4]):
        assert index.search(question, 20, among)[0].tolist() == left.search(question, 20)[0].tolist()
    assert len(index.search(vectors[3], 20, NONE)[0]) == 0


def test_annoy_is_asked_for_large_parts_only(reopen: Reopen, vectors: FloatArray) -> None:
    index, exact = reopen("annoy"), reopen("exact")
    state = index._state
    half, few = IDS[::2], IDS[::20]
    assert annoy_search.ask(state, vectors[7], 10, "annoy", few) is None
    found = annoy_search.ask(state, vectors[7], 10, "annoy", half)
    assert found is not None
    assert set(found[0].tolist()) <= set(half.tolist())
    hits = 0
    for row in range(0, 400, 10):
        got = set(index.search(vectors[row], 10, half)[0].tolist())
        hits += len(got & set(exact.search(vectors[row], 10, half)[0].tolist()))
    assert hits / 400 > 0.95


@pytest.mark.parametrize("engine", ["annoy", "exact"])
def test_too_few_candidates_are_made_up_for(reopen: Reopen, catalog: VectorCatalog, engine: str) -> None:
    # All that lies near is left out by the filter: what the trees bring first does not help.
    index = reopen(engine)
    question = catalog.vectors_for(IDS[:1])[1][0]
    order = index.search(question, len(IDS))[0]
    far = np.sort(order[200:])
    assert index.search(question, 15, far)[0].tolist() == order[200:215].tolist()
