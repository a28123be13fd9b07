# SPDX-License-Identifier: GPL-3.0-or-later
"""Vectors of two packs side by side: stored beside, made current in one step, pruned where they are not needed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from semantic_photos.domain.photo import Counts, PhotoId
from semantic_photos.services.indexing.pack_change import is_ready
from semantic_photos.storage.pack_vectors import Coverage, PreparedPhoto
from tests.unit.storage.conftest import PACK, Shelf, vector

NEW = "pack-b"
NEW_DIM = 5


def prepare(shelf: Shelf, *ids: PhotoId) -> list[PhotoId]:
    photos = shelf.catalog.photos.get(ids)
    return shelf.catalog.packs.store(NEW, [PreparedPhoto(i, photos[i].stamp, vector(i, NEW_DIM)) for i in ids])


def test_vectors_beside_the_current_ones_change_no_search(shelf: Shelf) -> None:
    a, b, c = shelf.indexed(1, 2, 3)
    assert shelf.catalog.packs.lacking(NEW).tolist() == [c, b, a], "newest first"
    assert prepare(shelf, c, b) == [c, b]
    assert prepare(shelf, b) == [], "once is enough"
    assert shelf.catalog.packs.lacking(NEW).tolist() == [a]
    assert shelf.catalog.packs.coverage(NEW) == Coverage(2, 3, 0, 0)
    assert shelf.catalog.packs.current() == {PACK: 3}
    assert (shelf.searchable(), shelf.searchable(NEW)) == ([a, b, c], [])
    assert shelf.catalog.photos.counts(PACK) == Counts(3, 0, 0, 0)


def test_adopted_vectors_are_searched_and_the_rest_waits(shelf: Shelf) -> None:
    a, b = shelf.indexed(1, 2)
    prepare(shelf, b)
    assert shelf.catalog.packs.adopt(NEW) == 1
    assert shelf.catalog.packs.adopt(NEW) == 0
    assert shelf.catalog.vectors.all(NEW)[0].tolist() == [b]
    assert np.array_equal(shelf.catalog.vectors.all(NEW)[1][0], vector(b, NEW_DIM))
    assert [photo.id for photo in shelf.catalog.queue.pending(9, pack=NEW)] == [a]
    assert shelf.catalog.packs.adopt(PACK) == 1, "going back costs nothing"
    assert shelf.searchable() == [a, b]


def test_only_what_no_search_uses_is_pruned(shelf: Shelf) -> None:
    a, b = shelf.indexed(1, 2)
    prepare(shelf, b)
    shelf.catalog.packs.adopt(NEW)
    assert shelf.catalog.packs.prune(NEW) == 1
    assert shelf.catalog.vectors.get(PACK, [a, b])[0].tolist() == [a]
    assert shelf.catalog.packs.prune(NEW) == 0


def test_a_photo_that_changed_gets_no_vector_of_its_old_content(shelf: Shelf) -> None:
    a, b = shelf.indexed(1, 2)
    old = shelf.catalog.photos.get([a])[a].stamp
    prepare(shelf, b)
    shelf.catalog.files.mark_changed([(a, shelf.stamp(1, size=7)), (b, shelf.stamp(2, size=7))])
    assert shelf.catalog.packs.store(NEW, [PreparedPhoto(a, old, vector(a, NEW_DIM))]) == []
    shelf.commit([a, b])
    assert shelf.catalog.packs.lacking(NEW).tolist() == [b, a], "the vector of the other pack went with the content"


def test_copies_share_a_vector(shelf: Shelf) -> None:
    (a,) = shelf.indexed(1)
    key = shelf.catalog.photos.get([a])[a].content_key
    assert key is not None
    assert shelf.catalog.packs.of_content(NEW, key) is None
    prepare(shelf, a)
    found = shelf.catalog.packs.of_content(NEW, key)
    assert found is not None
    assert np.array_equal(found, vector(a, NEW_DIM))


def test_a_pack_is_ready_with_nearly_all_photos_that_are_there(shelf: Shelf) -> None:
    assert not is_ready(shelf.catalog, NEW)
    ids = shelf.indexed(*range(100))
    prepare(shelf, *ids[:97])
    assert not is_ready(shelf.catalog, NEW)
    prepare(shelf, ids[97])
    assert is_ready(shelf.catalog, NEW)


def test_unreadable_photos_do_not_hold_it_up_unless_they_are_most(shelf: Shelf) -> None:
    ids = shelf.indexed(*range(20))
    shelf.catalog.set_meta("pack.unreadable", f"{NEW} 12")
    prepare(shelf, *ids[:8])
    assert not is_ready(shelf.catalog, NEW), "more than half would be lost"
    prepare(shelf, *ids[8:10])
    assert is_ready(shelf.catalog, NEW)


def test_offline_photos_do_not_hold_it_up_unless_they_are_most(shelf: Shelf) -> None:
    here = shelf.indexed(*range(4))
    other = shelf.catalog.folders.add(Path("/stick"))
    away = shelf.add(*range(10, 14), folder=other.id, root=other.path)
    shelf.commit(away)
    shelf.catalog.folders.set_online(other.id, online=False)
    assert set(shelf.catalog.packs.lacking(NEW).tolist()) == set(here)
    prepare(shelf, *here)
    assert shelf.catalog.packs.coverage(NEW) == Coverage(4, 4, 0, 4)
    assert is_ready(shelf.catalog, NEW)
    more = shelf.add(20, folder=other.id, root=other.path)
    shelf.catalog.folders.set_online(other.id, online=True)
    shelf.commit(more)
    shelf.catalog.folders.set_online(other.id, online=False)
    assert not is_ready(shelf.catalog, NEW), "most photos would not be found when their folder comes back"
