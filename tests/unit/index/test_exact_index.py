# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from semantic_photos.domain.errors import InternalError
from semantic_photos.domain.vectors import normalise
from semantic_photos.index.exact_index import CHUNK_ROWS, SHARED_ROWS, ExactIndex, cosines

RNG = np.random.default_rng(5)


def _unit(*shape: int) -> np.ndarray:
    return normalise(RNG.normal(size=shape).astype(np.float32))


def test_finds_the_nearest_in_order_with_cosines() -> None:
    vectors = _unit(200, 8)
    index = ExactIndex(8)
    index.add(range(1000, 1200), vectors)
    query = _unit(8)
    ids, scores = index.search(query * 3.0, 10)
    order = np.argsort(-(vectors @ query))[:10]
    assert ids.tolist() == (1000 + order).tolist()
    assert np.allclose(scores, (vectors @ query)[order], atol=1e-5)
    assert scores.dtype == np.float32
    assert ids.dtype == np.int64


def test_odd_numbers_of_hits_and_photos() -> None:
    index = ExactIndex(4)
    query = _unit(4)
    assert len(index.search(query, 5)[0]) == 0
    index.add([7], query[None])
    assert index.search(query, 5)[0].tolist() == [7]
    assert len(index.search(query, 0)[0]) == len(index.search(query, -3)[0]) == 0
    index.add([3, 1, 2], np.repeat(query[None], 3, axis=0))
    assert index.search(query, 3)[0].tolist() == [1, 2, 3]


def test_replace_remove_and_grow() -> None:
    index = ExactIndex(4)
    vectors = _unit(1000, 4)
    for start in range(0, 1000, 50):
        index.add(range(start, start + 50), vectors[start : start + 50])
        index.remove(range(start, start + 25))
        index.remove([-5, 99_999])
    assert len(index) == 500
    index.add([30], -vectors[30][None])
    assert len(index) == 500
    assert index.search(-vectors[30], 1)[0].tolist() == [30]
    kept = sorted(index.rows.live_ids().tolist())
    assert kept == [i for i in range(1000) if i % 50 >= 25]


def test_last_of_equal_ids_counts() -> None:
    index = ExactIndex(2)
    index.add([4, 5, 4], np.array([[1, 0], [0, 1], [-1, 0]], np.float32))
    assert len(index) == 2
    ids, scores = index.search(np.array([-1, 0], np.float32), 1)
    assert (ids.tolist(), scores.tolist()) == ([4], [1.0])


def test_rows_that_were_handed_out_never_change() -> None:
    index = ExactIndex(4)
    vectors = _unit(300, 4)
    index.add(range(10), vectors[:10])
    before = index.rows
    answer = before.search(vectors[3], 10)
    index.remove([3])
    index.add([4], vectors[200][None])
    index.add(range(10, 300), vectors[10:])
    again = before.search(vectors[3], 10)
    assert answer[0].tolist() == again[0].tolist()
    assert answer[1].tolist() == again[1].tolist()


@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0])
def test_vectors_without_a_direction_are_refused(bad: float) -> None:
    index = ExactIndex(3)
    vectors = np.ones((2, 3), np.float32)
    vectors[1] = bad
    with pytest.raises(InternalError, match="photo 9"):
        index.add([8, 9], vectors)
    assert len(index) == 0
    with pytest.raises(InternalError):
        index.search(np.full(3, bad, np.float32), 1)


def test_wrong_shapes_are_refused() -> None:
    index = ExactIndex(3)
    with pytest.raises(InternalError, match="3 dimensions"):
        index.add([1], np.ones((1, 4), np.float32))
    with pytest.raises(InternalError):
        index.add([1, 2], np.ones((1, 3), np.float32))
    with pytest.raises(InternalError):
        index.search(np.ones((1, 3), np.float32), 1)


def test_counts_over_several_chunks() -> None:
    index = ExactIndex(2)
    angles = np.linspace(0, np.pi, CHUNK_ROWS + 5000)
    index.add(range(len(angles)), np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32))
    index.remove(range(100))
    queries = np.array([[1, 0], [0, 1]], np.float32)
    counts = index.rows.count_above(queries, np.array([0.5, 2.0], np.float32))
    assert counts.tolist() == [int((np.cos(angles[100:]) >= 0.5).sum()), 0]


def test_find_tells_rows_of_live_photos_only() -> None:
    index = ExactIndex(2)
    index.add([9, 3, 5], np.eye(2, dtype=np.float32)[[0, 1, 0]])
    index.remove([3])
    assert index.rows.find(np.array([5, 3, 9, 1, 100])).tolist() == [2, -1, 0, -1, -1]
    assert ExactIndex(2).rows.find(np.array([1])).tolist() == [-1]


@pytest.mark.parametrize("count", [0, 1, SHARED_ROWS - 1, SHARED_ROWS, 3 * SHARED_ROWS + 1])
def test_many_rows_are_multiplied_by_several_threads_and_none_is_left_out(count: int) -> None:
    rng = np.random.default_rng(count)
    vectors = rng.normal(size=(count, 4)).astype(np.float32)
    query = normalise(rng.normal(size=4).astype(np.float32))
    found = cosines(vectors, query)
    assert found.dtype == np.float32
    assert np.allclose(found, (vectors.astype(np.float64) @ query), atol=1e-5)


def test_searches_of_several_threads_share_the_threads() -> None:
    vectors = np.random.default_rng(1).normal(size=(SHARED_ROWS, 4)).astype(np.float32)
    queries = normalise(vectors[:12])
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda query: cosines(vectors, query), queries, timeout=30))
    for query, scores in zip(queries, found, strict=True):
        assert np.allclose(scores, vectors @ query, atol=1e-5)
