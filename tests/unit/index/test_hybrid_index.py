# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from semantic_photos.domain.errors import CancelledError, CatalogError, InternalError
from semantic_photos.domain.messages import CancelToken
from semantic_photos.domain.ports import FloatArray, VectorIndex
from semantic_photos.domain.vectors import normalise
from semantic_photos.index import hybrid_index, segment_builder
from semantic_photos.index.annoy_index import Segment
from semantic_photos.index.exact_index import ExactIndex
from semantic_photos.index.hybrid_index import Engine, HybridIndex
from semantic_photos.index.segment_folder import SegmentFolder
from tests.fakes.vector_catalog import VectorCatalog
from tests.unit.index.conftest import DIM, IDS, clustered

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


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
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
    assert len(index.sample_ids(10)) == len(index.scores_sample(query)) == 0
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
    with pytest.raises(InternalError):
        index.scores_sample(bad[0])
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
    assert (exact.engine, exact.reason) == ("exact", "Exact search was chosen.")
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
    assert "exact search is as fast" in index.reason
    monkeypatch.setattr(hybrid_index, "ANNOY_FROM", 100)
    files = SegmentFolder(folder)
    manifest = files.manifest()
    assert manifest is not None
    files.publish(dataclasses.replace(manifest, trusted=2.0))
    index = reopen("auto")
    assert index.engine == "exact"
    assert "slower, or miss" in index.reason
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
    assert asked == [hybrid_index.PROBE, 5]
    # Far from all photos: Annoy was asked and not even let search.
    away = normalise(np.random.default_rng(4).normal(size=DIM))
    assert _ids(index, away, 5) == _ids(reopen("exact"), away, 5)
    # Nearly everything is wanted: Annoy is not even asked.
    assert len(_ids(index, vectors[7], 300)) == 300
    assert asked == [hybrid_index.PROBE, 5, hybrid_index.PROBE]


def test_sample_is_fixed_and_changes_little(reopen: Reopen, vectors: FloatArray) -> None:
    index = reopen("exact")
    sample = index.sample_ids(50)
    assert len(sample) == 50
    assert sample.tolist() == reopen("annoy").sample_ids(50).tolist() == index.sample_ids(50).tolist()
    index.remove([sample[0]])
    assert len(np.intersect1d(sample, index.sample_ids(50))) == 49
    assert np.allclose(index.scores_sample(vectors[0], 50), index.vectors_of(index.sample_ids(50)) @ vectors[0])
    assert len(index.sample_ids(-1)) == 0
    # Not the first or last photos of the library.
    assert 40 < np.mean(sample - IDS[0]) < 360
    assert index.vectors_of([5, IDS[9], -1]).shape == (1, DIM)


# Building


def test_when_a_build_is_due(
    tmp_path: Path, reopen: Reopen, vectors: FloatArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hybrid_index, "BUILD_FROM", 150)
    index = HybridIndex(tmp_path / "new", DIM, "pack", engine="exact")
    index.add(range(149), vectors[:149])
    assert not index.rebuild_due()
    assert index.reason == "Exact search was chosen."
    index.add([149], vectors[149][None])
    assert index.rebuild_due()
    assert index.rebuild()
    assert not index.rebuild_due()
    index = reopen()
    index.add(range(5000, 5150), -vectors[:150])
    assert not index.rebuild_due()
    index.add([5150], -vectors[150][None])
    assert index.rebuild_due()
    index = reopen()
    index.remove(IDS[:200])
    assert not index.rebuild_due()
    index.remove(IDS[:201])
    assert index.rebuild_due()


def test_reasons_without_a_segment(tmp_path: Path, vectors: FloatArray, monkeypatch: pytest.MonkeyPatch) -> None:
    index = HybridIndex(tmp_path, DIM, "pack")
    assert (index.engine, index.reason) == ("exact", "The library is small.")
    monkeypatch.setattr(hybrid_index, "BUILD_FROM", 10)
    index.add(range(10), vectors[:10])
    assert index.reason == "The fast index is not built yet."


@pytest.mark.slow
def test_a22_same_photos_same_bytes(tmp_path: Path, catalog: VectorCatalog) -> None:
    files = []
    for name in ("one", "two"):
        index = HybridIndex(tmp_path / name, DIM, "pack-1", engine="annoy")
        index.load(**catalog.callables())
        assert index.rebuild()
        files.append(next((tmp_path / name).glob("seg-*.annoy")).read_bytes())
    assert files[0] == files[1]


@pytest.mark.slow
def test_a_segment_built_without_annoy_gets_trees_when_they_can_grow(reopen: Reopen, vectors: FloatArray) -> None:
    plain = reopen("exact")
    assert plain.rebuild()
    assert not plain.rebuild_due()
    index = reopen("annoy")
    assert (index.engine, index.reason) == ("exact", "The index was built without Annoy.")
    assert index.rebuild_due()
    assert index.rebuild()
    assert index.engine == "annoy"
    assert not index.rebuild_due()


def test_building_an_empty_library_leaves_no_segment(folder: Path, reopen: Reopen, catalog: VectorCatalog) -> None:
    index = reopen()
    catalog.delete(IDS)
    assert index.rebuild()
    assert (len(index), index.sizes) == (0, (0, 0, 0))
    assert not list(folder.glob("seg-*"))
    assert not (folder / "current.json").exists()
    assert reopen().sizes == (0, 0, 0)


def test_older_segments_are_deleted_and_numbers_grow(folder: Path, reopen: Reopen) -> None:
    index = reopen("exact")
    for number in (2, 3):
        assert index.rebuild()
        assert sorted(path.name for path in folder.glob("seg-*")) == [f"seg-{number}.ids", f"seg-{number}.vectors"]


def test_changes_during_a_build_survive_it(reopen: Reopen, vectors: FloatArray, catalog: VectorCatalog) -> None:
    index = reopen("exact")
    read = catalog.vectors_for

    def and_meanwhile(ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        answer = read(ids)
        catalog.put([7000], -vectors[0][None])
        index.add([7000], -vectors[0][None])
        catalog.delete([IDS[5], IDS[6]])
        index.remove([IDS[5], IDS[6]])
        catalog.put([IDS[6], IDS[7]], -vectors[[6, 7]])
        index.add([IDS[6], IDS[7]], -vectors[[6, 7]])
        index.remove([IDS[8]])
        index.add([IDS[8]], vectors[8][None])
        return answer

    index._vectors_for = and_meanwhile
    assert index.rebuild()
    expected = set(IDS.tolist()) - {IDS[5]} | {7000}
    assert set(index.sample_ids(1000).tolist()) == expected
    assert index.sizes == (len(IDS) - 3, 3, 3)
    for query, photo in ((-vectors[0], 7000), (-vectors[6], IDS[6]), (-vectors[7], IDS[7]), (vectors[8], IDS[8])):
        assert _ids(index, query, 1) == [photo]
    # The segment on the disk knows none of it; the catalog tells at the next start.
    again = reopen("exact")
    assert set(again.sample_ids(1000).tolist()) == expected
    for query, photo in ((-vectors[0], 7000), (-vectors[6], IDS[6]), (-vectors[7], IDS[7])):
        assert _ids(again, query, 1) == [photo]


def test_what_is_committed_but_not_added_yet_is_not_lost(
    reopen: Reopen, vectors: FloatArray, catalog: VectorCatalog
) -> None:
    index = reopen("exact")
    # The worker has committed a new vector of an old photo when the build reads the generation, and tells the index
    # only after; the program dies in between.
    catalog.put([IDS[0]], -vectors[0][None])
    assert index.rebuild()
    assert _ids(reopen("exact"), -vectors[0], 1) == [IDS[0]]


@pytest.mark.parametrize("when", ["before", "reading", "growing"])
def test_a_build_can_be_cancelled(
    folder: Path, reopen: Reopen, catalog: VectorCatalog, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = reopen()
    before = sorted(path.name for path in folder.iterdir())
    token = CancelToken()
    read = index._vectors_for
    if when == "before":
        token.cancel()
    elif when == "reading":
        monkeypatch.setattr(segment_builder, "CHUNK_ROWS", 10)
        index._vectors_for = lambda ids: (token.cancel(), read(ids))[1]
    else:
        real = segment_builder.run_child

        def cancelled_soon(arguments: list[str], where: Path, *, token: CancelToken) -> int | None:
            threading.Timer(0.05, token.cancel).start()
            return real(arguments, where, token=token)

        monkeypatch.setattr(segment_builder, "run_child", cancelled_soon)
    with pytest.raises(CancelledError):
        index.rebuild(token)
    assert sorted(path.name for path in folder.iterdir()) == before
    assert index.engine == "annoy"
    assert index.sizes == (len(IDS), 0, 0)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(28, "No space left on device"), "No space left on device"),
        (MemoryError(), "not enough memory"),
        (CatalogError("The catalog is locked."), "The catalog is locked."),
    ],
)
def test_a13_a14_a_failing_build_leaves_the_old_segment(
    folder: Path, reopen: Reopen, vectors: FloatArray, error: Exception, text: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    clock = [1000.0]
    monkeypatch.setattr(hybrid_index.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(hybrid_index, "BUILD_FROM", 10)
    index = reopen()
    before = sorted(path.name for path in folder.iterdir())
    index.add(range(5000, 5200), -vectors[:200])
    read = index._vectors_for

    def fail(ids: object) -> None:
        raise error

    index._vectors_for = fail  # type: ignore[assignment]
    assert index.rebuild_due()
    assert not index.rebuild()
    assert text in index.reason
    assert index.engine == "annoy"
    assert sorted(path.name for path in folder.iterdir()) == before
    assert index.sizes == (len(IDS), 200, 0)
    assert _ids(index, -vectors[3], 1) == [5003]
    assert not index.rebuild_due()
    clock[0] += 61
    assert index.rebuild_due()
    assert not index.rebuild()
    clock[0] += 61
    assert not index.rebuild_due()
    clock[0] += 60
    assert index.rebuild_due()
    index._vectors_for, index._mode = read, "exact"
    assert index.rebuild()
    assert (index.reason, index.sizes) == ("Exact search was chosen.", (len(IDS), 0, 0))


def test_the_child_process_failing_is_a_failed_build(
    folder: Path, reopen: Reopen, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = reopen()
    for code, text in ((4, "disk is full"), (5, "not enough memory"), (-9, "ended by signal 9"), (6, "exit code 6")):
        monkeypatch.setattr(segment_builder, "run_child", lambda *_, c=code, **__: c)
        assert not index.rebuild()
        assert text in index.reason
        assert index.engine == "annoy"
    assert len(list(folder.glob("seg-*"))) == 3


def test_a_manifest_damaged_while_we_run_does_not_stop_builds(folder: Path, reopen: Reopen) -> None:
    index = reopen("exact")
    (folder / "current.json").write_text("{")
    assert index.rebuild()
    assert reopen("exact").sizes == (len(IDS), 0, 0)
    (folder / "current.json").write_text("{")
    index._vectors_for = lambda ids: (_ for _ in ()).throw(OSError("gone"))
    assert not index.rebuild()


def test_a_leftover_that_cannot_be_swept_hides_no_error(
    folder: Path, reopen: Reopen, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = reopen("exact")

    def fail(ids: object) -> None:
        (folder / "current.json").write_text("{")
        raise OSError(5, "Input/output error")

    index._vectors_for = fail  # type: ignore[assignment]
    assert not index.rebuild()
    assert "Input/output error" in index.reason


def test_closed_index_finds_nothing(reopen: Reopen, vectors: FloatArray) -> None:
    index = reopen()
    index.close()
    index.close()
    assert len(index) == 0
    assert _ids(index, vectors[0], 5) == []


@pytest.mark.slow
def test_a23_recall_of_what_ships() -> None:
    vectors = clustered(20_000, 32, seed=9)
    queries = normalise(vectors[::500] + 0.1 * np.random.default_rng(1).normal(size=(40, 32)))
    with tempfile.TemporaryDirectory() as folder:
        index = HybridIndex(Path(folder), 32, "pack", engine="annoy")
        index.add(np.arange(20_000), vectors)
        assert index.rebuild()
        found = [set(_ids(index, query, 20)) for query in queries]
    true = [set(np.argsort(-(vectors @ query))[:20].tolist()) for query in queries]
    recall = np.mean([len(a & b) / 20 for a, b in zip(found, true, strict=True)])
    assert recall >= 0.95


def test_few_photos_get_no_trees(tmp_path: Path, vectors: FloatArray) -> None:
    catalog = VectorCatalog(DIM)
    catalog.put([7], vectors[:1])
    for _ in range(2):
        index = HybridIndex(tmp_path, DIM, "pack", engine="annoy")
        index.load(**catalog.callables())
        assert index.reason == "The library is small."
        assert not index.rebuild_due()
        assert _ids(index, vectors[1], 3) == [7]
        assert index.rebuild()
        assert (index.engine, index.reason, index.sizes) == ("exact", "The library is small.", (1, 0, 0))


def test_photos_whose_vectors_are_gone_are_left_out(
    reopen: Reopen, catalog: VectorCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segment_builder, "CHUNK_ROWS", 50)
    index = reopen("exact")
    read = index._vectors_for
    index._vectors_for = lambda ids: read(ids[ids >= IDS[120]])
    assert index.rebuild()
    assert index.sizes == (len(IDS) - 120, 0, 0)
