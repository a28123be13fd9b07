# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from semantic_photos.domain.errors import InternalError
from semantic_photos.domain.ports import FloatArray, VectorIndex
from semantic_photos.domain.vectors import normalise
from semantic_photos.index import annoy_search
from semantic_photos.index.annoy_index import Segment
from semantic_photos.index.exact_index import ExactIndex
from semantic_photos.index.hybrid_index import Engine, HybridIndex
from semantic_photos.index.segment_folder import SegmentFolder
from tests.fakes.vector_catalog import VectorCatalog
from tests.unit.index.conftest import DIM, IDS

Reopen = Callable[..., HybridIndex]


def _ids(index: VectorIndex, query: FloatArray, k: int) -> list[int]:
    return index.search(query, k)[0].tolist()


# The promise: whatever happens, the answers are those of exact search over the same photos

_CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.lists(st.integers(0, 60), min_size=1, max_size=12), st.integers(0, 10_000)),
        st.tuples(st.just("remove"), st.lists(st.integers(0, 70), max_size=12), st.just(0)),
        st.tuples(st.sampled_from(["rebuild", "reopen"]), st.just([0]), st.just(0)),
    ),
    max_size=14,
)


def _follow(changes: list[tuple[str, list[int], int]], engine: Engine, folder: Path, dim: int = 6) -> None:
    catalog, oracle = VectorCatalog(dim), ExactIndex(dim)

    def open_it() -> HybridIndex:
        index = HybridIndex(folder, dim, "pack", engine=engine)
        index.load(**catalog.callables())
        return index

    index = open_it()
    rng = np.random.default_rng(len(changes))
    if engine == "annoy":
        # Enough for trees.
        changes = [("add", list(range(100, 260)), 1), ("rebuild", [0], 0), *changes]
    for what, ids, seed in changes:
        if what == "add":
            vectors = normalise(np.random.default_rng(seed).normal(size=(len(ids), dim)))
            catalog.put(ids, vectors)
            index.add(ids, vectors)
            oracle.add(ids, vectors)
        elif what == "remove":
            catalog.delete(ids)
            index.remove(ids)
            oracle.remove(ids)
        elif what == "rebuild":
            assert index.rebuild(), index.reason
            assert index.sizes[1:] == (0, 0)
        else:
            index = open_it()
        assert len(index) == len(oracle)
        query = normalise(rng.normal(size=dim))
        for k in (1, 7, 300):
            found, scores = index.search(query, k)
            right, right_scores = oracle.search(query, k)
            assert np.allclose(scores, right_scores, atol=1e-5)
            # Equal up to the order of photos whose cosines are equal.
            border = right_scores[-1] + 1e-5 if len(right) else 0.0
            assert set(right[right_scores > border].tolist()) <= set(found.tolist())
            assert len(set(found.tolist())) == len(right)
        assert index.count_above(query[None], [0.2]).tolist() == oracle.rows.count_above(query[None], [0.2]).tolist()
        everyone = np.sort(oracle.rows.live_ids())
        assert index.sample_ids(1000).tolist() == everyone.tolist()
        assert np.allclose(index.vectors_of(everyone), oracle.rows.vectors[oracle.rows.find(everyone)], atol=1e-6)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_CHANGES)
def test_hybrid_equals_exact(changes: list[tuple[str, list[int], int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _follow(changes, "exact", Path(folder))


@pytest.mark.slow
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(_CHANGES)
def test_hybrid_equals_exact_with_annoy(changes: list[tuple[str, list[int], int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _follow(changes, "annoy", Path(folder))


# What a segment answers


def test_a20_sizes_and_numbers_that_are_odd(tmp_path: Path) -> None:
    index = HybridIndex(tmp_path, 4, "pack")
    query = normalise(np.ones(4))
    assert len(index) == 0
    assert _ids(index, query, 10) == []
    assert index.count_above(np.empty((0, 4)), np.empty(0)).tolist() == []
    assert index.count_above(query[None], [0.0]).tolist() == [0]
    assert len(index.sample_ids(10)) == 0
    index.add([5], query[None])
    assert _ids(index, query, 10) == [5]
    assert _ids(index, query, 0) == _ids(index, query, -1) == []
    index.remove([5, 6])
    index.remove([])
    assert _ids(index, query, 10) == []


@pytest.mark.slow
def test_a20_all_photos_identical(tmp_path: Path) -> None:
    index = HybridIndex(tmp_path, 8, "pack", engine="annoy")
    vector = normalise(np.arange(8))
    index.add(range(500), np.repeat(vector[None], 500, axis=0))
    assert index.rebuild()
    assert index.engine == "annoy"
    ids, scores = index.search(vector, 500)
    assert sorted(ids.tolist()) == list(range(500))
    assert np.allclose(scores, 1.0, atol=1e-5)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0.0])
def test_a15_vectors_without_a_direction(tmp_path: Path, value: float) -> None:
    index = HybridIndex(tmp_path, 4, "pack")
    bad = np.full((1, 4), value, np.float32)
    with pytest.raises(InternalError):
        index.add([1], bad)
    with pytest.raises(InternalError):
        index.search(bad[0], 1)
    with pytest.raises(InternalError):
        index.count_above(bad, [0.1])
    assert len(index) == 0


def test_bad_vectors_of_a_damaged_catalog_end_nothing(tmp_path: Path) -> None:
    catalog = VectorCatalog(4)
    catalog.put([1, 2, 3], np.array([[1, 0, 0, 0], [np.nan, 0, 0, 0], [0, 0, 0, 0]], np.float32))
    index = HybridIndex(tmp_path, 4, "pack", engine="exact")
    index.load(**catalog.callables())
    assert index.sample_ids(9).tolist() == [1]
    assert index.rebuild()
    assert index.sizes == (1, 0, 0)


def test_annoy_answers_and_photos_that_come_and_go_are_respected(reopen: Reopen, vectors: FloatArray) -> None:
    index, exact = reopen("annoy"), reopen("exact")
    for one in (index, exact):
        one.remove(IDS[::3])
        one.add([IDS[1], 9000], -vectors[[1, 2]])
    assert index.engine == "annoy"
    assert (exact.engine, exact.reason) == ("exact", "Exact search is selected.")
    assert index.sizes == exact.sizes == (len(IDS) - 134 - 1, 2, 135)
    for query in (vectors[0], vectors[1], -vectors[1], -vectors[2]):
        assert _ids(index, query, 25) == _ids(exact, query, 25)
        assert np.allclose(index.search(query, 25)[1], exact.search(query, 25)[1], atol=1e-5)
    assert _ids(index, -vectors[2], 1) == [9000]
    assert len(_ids(index, vectors[0], 10_000)) == len(index)


def test_putting_back_the_same_vector_needs_no_delta(reopen: Reopen, vectors: FloatArray) -> None:
    index = reopen()
    index.remove(IDS)  # a drive is unplugged
    assert (len(index), index.sizes) == (0, (0, 0, len(IDS)))
    index.add(IDS, vectors)  # and plugged in
    assert index.sizes == (len(IDS), 0, 0)
    index.add([IDS[3]], vectors[4][None])
    assert index.sizes == (len(IDS) - 1, 1, 1)
    index.add([IDS[3]], vectors[3][None])
    assert index.sizes == (len(IDS), 0, 0)


def test_exact_answers_when_annoy_finds_too_few(
    reopen: Reopen, vectors: FloatArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = reopen()
    monkeypatch.setattr(Segment, "candidates", lambda *_: np.array([3, 4]))
    assert len(_ids(index, vectors[0], 10)) == 10
    assert _ids(index, vectors[0], 2) == [IDS[row] for row in _best(vectors[[3, 4]] @ vectors[0], [3, 4])]


def _best(scores: FloatArray, rows: list[int]) -> list[int]:
    return [rows[i] for i in np.argsort(-scores)]


def test_auto_asks_annoy_only_where_it_is_good(
    reopen: Reopen, folder: Path, vectors: FloatArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = reopen("auto")
    assert index.engine == "exact"
    assert "Exact search is just as fast" in index.reason
    monkeypatch.setattr(annoy_search, "ANNOY_FROM", 100)
    monkeypatch.setattr(annoy_search, "WANTED_SHARE", 0.05)
    files = SegmentFolder(folder)
    manifest = files.manifest()
    assert manifest is not None
    files.publish(dataclasses.replace(manifest, trusted=2.0))
    index = reopen("auto")
    assert index.engine == "exact"
    assert "slower or less accurate" in index.reason
    files.publish(dataclasses.replace(manifest, trusted=0.8))
    index = reopen("auto")
    assert (index.engine, index.reason) == ("annoy", "")
    asked: list[int] = []
    real = Segment.candidates

    def noted(self: Segment, query: FloatArray, n: int, search_k: int) -> np.ndarray:
        asked.append(n)
        return real(self, query, n, search_k)[:5]

    monkeypatch.setattr(Segment, "candidates", noted)
    # A photo of the library: Annoy's answer is trusted, here to the point of believing the five it was cut to.
    assert _ids(index, vectors[7], 5)[0] == IDS[7]
    assert asked == [annoy_search.PROBE, 5]
    # Far from all photos: Annoy was asked and not even let search.
    away = normalise(np.random.default_rng(4).normal(size=DIM))
    assert _ids(index, away, 5) == _ids(reopen("exact"), away, 5)
    # Nearly everything is wanted: Annoy is not even asked.
    assert len(_ids(index, vectors[7], 300)) == 300
    assert asked == [annoy_search.PROBE, 5, annoy_search.PROBE]


def test_sample_is_fixed_and_changes_little(reopen: Reopen, vectors: FloatArray) -> None:
    index = reopen("exact")
    sample = index.sample_ids(50)
    assert len(sample) == 50
    assert sample.tolist() == reopen("annoy").sample_ids(50).tolist() == index.sample_ids(50).tolist()
    index.remove([sample[0]])
    assert len(np.intersect1d(sample, index.sample_ids(50))) == 49
    assert len(index.sample_ids(-1)) == 0
    # Not the first or last photos of the library.
    assert 40 < np.mean(sample - IDS[0]) < 360
    assert index.vectors_of([5, IDS[9], -1]).shape == (1, DIM)


def test_exact_answers_when_hidden_photos_stand_in_the_way(reopen: Reopen, vectors: FloatArray) -> None:
    index, exact = reopen("annoy"), reopen("exact")
    # All that are near are removed: whatever Annoy finds first may not be shown.
    near = IDS[np.argsort(-(vectors @ vectors[0]))[:390]]
    for one in (index, exact):
        one.remove(near)
    assert len(index) == 10
    assert _ids(index, vectors[0], 5) == _ids(exact, vectors[0], 5)
