# SPDX-License-Identifier: GPL-3.0-or-later
"""Building segments: when, what happens meanwhile, and what happens when it fails."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from semantic_photos.domain.errors import CancelledError, CatalogError
from semantic_photos.domain.messages import CancelToken
from semantic_photos.domain.ports import FloatArray, VectorIndex
from semantic_photos.domain.vectors import normalise
from semantic_photos.index import hybrid_index, segment_builder
from semantic_photos.index.hybrid_index import HybridIndex
from tests.fakes.vector_catalog import VectorCatalog
from tests.unit.index.conftest import DIM, IDS, clustered

pytestmark = pytest.mark.slow  # real child processes

Reopen = Callable[..., HybridIndex]


def _ids(index: VectorIndex, query: FloatArray, k: int) -> list[int]:
    return index.search(query, k)[0].tolist()


def test_when_a_build_is_due(
    tmp_path: Path, reopen: Reopen, vectors: FloatArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hybrid_index, "BUILD_FROM", 150)
    index = HybridIndex(tmp_path / "new", DIM, "pack", engine="exact")
    index.add(range(149), vectors[:149])
    assert not index.rebuild_due()
    assert index.reason == "Exact search is selected."
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
        (MemoryError(), "out of memory"),
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
    assert (index.reason, index.sizes) == ("Exact search is selected.", (len(IDS), 0, 0))


def test_the_child_process_failing_is_a_failed_build(
    folder: Path, reopen: Reopen, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = reopen()
    for code, text in ((4, "disk is full"), (5, "out of memory"), (-9, "ended by signal 9"), (6, "exit code 6")):
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
