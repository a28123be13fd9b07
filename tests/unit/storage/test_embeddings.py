# SPDX-License-Identifier: GPL-3.0-or-later
"""Vectors: kept exactly, found by pack, numbered so that an index knows what is new."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from semantic_photos.domain.errors import CatalogError, InternalError
from semantic_photos.domain.photo import ContentKey, Counts, PhotoId
from tests.unit.storage.conftest import DIM, PACK, Shelf, vector


def test_a_vector_comes_back_bit_by_bit(shelf: Shelf) -> None:
    ids = shelf.indexed(*range(20))
    found, matrix = shelf.catalog.vectors.all(PACK)
    assert matrix.dtype == np.float32
    assert found.tolist() == ids
    assert np.array_equal(matrix, np.stack([vector(i) for i in ids]))


def test_no_vector_is_an_empty_matrix(shelf: Shelf) -> None:
    ids, matrix = shelf.catalog.vectors.all("never seen")
    assert (ids.shape, matrix.shape) == ((0,), (0, 0))
    shelf.indexed(1)
    assert shelf.catalog.vectors.get(PACK, [])[1].shape == (0, DIM)
    assert shelf.catalog.vectors.get("never seen", [1])[1].shape == (0, 0)
    assert shelf.searchable("never seen") == []


def test_missing_and_offline_photos_keep_vectors_but_are_not_searched(shelf: Shelf) -> None:
    here, gone = shelf.indexed(1, 2)
    other = shelf.catalog.folders.add(Path("/stick"))
    (away,) = shelf.add(3, folder=other.id, root=other.path)
    shelf.commit([away])
    shelf.catalog.files.mark_missing([gone])
    assert shelf.catalog.folders.set_online(other.id, online=False) == [away]
    assert shelf.searchable() == [here]
    assert shelf.catalog.vectors.all(PACK)[0].tolist() == [here]
    assert shelf.catalog.vectors.get(PACK, [away, gone, here])[0].tolist() == [here, gone, away]
    shelf.catalog.files.mark_found([gone])
    shelf.catalog.folders.set_online(other.id, online=True)
    assert shelf.searchable() == [here, gone, away]


def test_many_ids_are_one_question(shelf: Shelf) -> None:
    ids = shelf.indexed(*range(50))
    wanted = np.arange(10_000)[::-1]
    found, matrix = shelf.catalog.vectors.get(PACK, wanted)
    assert found.tolist() == ids
    assert np.array_equal(matrix[7], vector(ids[7]))


def test_packs_never_mix_and_the_old_vectors_wait_for_a_way_back(shelf: Shelf) -> None:
    ids = shelf.indexed(1, 2, 3)
    assert [photo.id for photo in shelf.catalog.queue.pending(10, pack="pack-b")] == ids[::-1]
    assert shelf.catalog.photos.counts("pack-b") == Counts(pending=3)
    rows = [dataclasses.replace(shelf.row(i), vector=vector(i, 4)) for i in ids[:2]]
    shelf.catalog.queue.commit("pack-b", rows)
    assert shelf.searchable("pack-b") == ids[:2]
    assert shelf.searchable(PACK) == ids[2:]
    assert shelf.catalog.photos.counts("pack-b") == Counts(indexed=2, pending=1)
    assert shelf.catalog.vectors.all("pack-b")[1].shape == (2, 4)
    known = shelf.catalog.vectors.by_content(PACK, shelf.row(ids[0]).content_key)
    assert known is not None
    assert np.array_equal(known[1], vector(ids[0]))
    assert shelf.catalog.check() == []


@pytest.mark.parametrize(
    "bad",
    [
        np.full(DIM, np.nan), np.r_[np.inf, np.zeros(DIM - 1)], np.zeros(DIM), np.full(DIM, 1e-9),
        np.ones(DIM + 1), np.ones((2, DIM // 2)), np.ones(0), np.float32(1),
    ],
)  # fmt: skip
def test_a_bad_vector_is_refused_with_its_whole_batch(shelf: Shelf, bad: np.ndarray) -> None:
    shelf.indexed(0)
    ids = shelf.add(1, 2)
    rows = [shelf.row(ids[0]), shelf.row(ids[1], vector=bad)]
    with pytest.raises(InternalError):
        shelf.catalog.queue.commit(PACK, rows)
    assert len(shelf.searchable()) == 1
    assert shelf.catalog.photos.counts(PACK).pending == 2


def test_vectors_need_the_name_of_a_pack(shelf: Shelf) -> None:
    (photo_id,) = shelf.add(1)
    with pytest.raises(InternalError):
        shelf.commit([photo_id], pack="")


def test_generations_only_rise(shelf: Shelf) -> None:
    assert shelf.catalog.vectors.generation(PACK) == 0
    first, second = shelf.indexed(1, 2)
    before = shelf.catalog.vectors.generation(PACK)
    assert shelf.catalog.vectors.changed_since(PACK, before).tolist() == []
    shelf.commit([first])
    assert shelf.catalog.vectors.changed_since(PACK, before).tolist() == [first]
    last = shelf.catalog.vectors.generation(PACK)
    assert last > before
    shelf.catalog.folders.remove(shelf.folder)
    assert shelf.catalog.vectors.generation(PACK) == last
    shelf.reopen()
    shelf.folder = shelf.catalog.folders.add(shelf.root).id
    (third,) = shelf.indexed(3)
    assert third > second, "an id was given twice"
    assert shelf.catalog.vectors.generation(PACK) > last
    assert shelf.catalog.vectors.changed_since("pack-b", 0).tolist() == []


def test_the_same_content_is_found_once_it_was_encoded(shelf: Shelf) -> None:
    (photo_id,) = shelf.indexed(1)
    key = shelf.row(photo_id).content_key
    shelf.catalog.files.mark_missing([photo_id])
    found = shelf.catalog.vectors.by_content(PACK, key)
    assert found is not None
    assert (found[0].width, found[0].format) == (40, "JPEG")
    assert np.array_equal(found[1], vector(photo_id))
    assert shelf.catalog.vectors.by_content(PACK, ContentKey("f" * 32)) is None
    assert shelf.catalog.vectors.by_content("pack-b", key) is None


def test_vectors_of_a_wrong_length_are_damage(shelf: Shelf) -> None:
    (photo_id,) = shelf.indexed(1)
    with shelf.database.transaction() as connection:
        connection.execute("UPDATE embedding SET vector = zeroblob(7)")
    for ask in (lambda: shelf.catalog.vectors.all(PACK), lambda: shelf.catalog.vectors.get(PACK, [photo_id])):
        with pytest.raises(CatalogError) as caught:
            ask()
        assert caught.value.code == "catalog.corrupt"
    assert shelf.catalog.check() == ["Vectors of a wrong length: 1."]
    shelf.catalog.files.mark_changed([(photo_id, shelf.stamp(1, size=7))])


def test_ids_out_of_arrays_are_ids(shelf: Shelf) -> None:
    ids = shelf.add(1, 2)
    rows = [dataclasses.replace(shelf.row(i), photo_id=PhotoId(np.int64(i))) for i in ids]
    assert shelf.catalog.queue.commit(PACK, rows) == ids
    assert list(shelf.catalog.photos.get([PhotoId(i) for i in np.array(ids)])) == ids
