# SPDX-License-Identifier: GPL-3.0-or-later
"""The way through the states: who waits, who is committed, who failed, and who ends the program."""

from __future__ import annotations

import dataclasses

import pytest

from semantic_photos.domain.photo import Counts, PhotoFacts, PhotoId, PhotoState
from tests.unit.storage.conftest import PACK, Shelf


def waiting(shelf: Shelf, limit: int = 100) -> list[PhotoId]:
    return [photo.id for photo in shelf.catalog.queue.pending(limit, pack=PACK)]


def test_the_newest_wait_in_front(shelf: Shelf) -> None:
    ids = shelf.add(2, 1, 3)
    assert waiting(shelf) == [ids[2], ids[0], ids[1]]
    assert waiting(shelf, 2) == [ids[2], ids[0]]


def test_missing_and_offline_photos_do_not_wait(shelf: Shelf) -> None:
    ids = shelf.add(1, 2)
    shelf.catalog.files.mark_missing(ids[:1])
    assert waiting(shelf) == ids[1:]
    shelf.catalog.folders.set_online(shelf.folder, online=False)
    assert waiting(shelf) == []
    assert shelf.catalog.photos.counts(PACK) == Counts(offline=1)


def test_a_commit_makes_indexed_and_keeps_the_facts(shelf: Shelf) -> None:
    (photo_id,) = shelf.add(1)
    facts = PhotoFacts(
        6000, 4000, "HEIC", "2021-07-03T10:00:00", "Cam\udcff", "Lens", "1/60 s", -33.5, 151.25, "bad profile"
    )
    assert shelf.catalog.queue.commit(PACK, [shelf.row(photo_id, facts=facts)]) == [photo_id]
    photo = shelf.catalog.photos.get([photo_id])[photo_id]
    assert photo.state is PhotoState.INDEXED
    assert photo.facts == dataclasses.replace(facts, camera="Cam?")
    assert waiting(shelf) == []
    assert shelf.catalog.queue.commit(PACK, []) == []


def test_not_a_number_is_no_place(shelf: Shelf) -> None:
    (photo_id,) = shelf.add(1)
    facts = PhotoFacts(latitude=float("nan"), longitude=1.0)
    shelf.catalog.queue.commit(PACK, [shelf.row(photo_id, facts=facts)])
    assert shelf.catalog.photos.get([photo_id])[photo_id].facts.latitude is None


def test_what_changed_in_flight_is_skipped_and_the_rest_kept(shelf: Shelf) -> None:
    ids = shelf.add(*range(6))
    rows = [shelf.row(photo_id) for photo_id in ids]
    shelf.catalog.files.mark_changed([(ids[0], shelf.stamp(0, size=1))])
    shelf.catalog.files.mark_changed([(ids[1], shelf.stamp(1, mtime_ns=1))])
    shelf.catalog.files.mark_missing([ids[2]])
    rows[3] = dataclasses.replace(rows[3], photo_id=PhotoId(12345))
    assert shelf.catalog.queue.commit(PACK, rows) == ids[4:]
    assert shelf.searchable() == ids[4:]
    assert shelf.catalog.photos.counts(PACK) == Counts(indexed=2, pending=3)


def test_a_folder_that_went_offline_in_flight_is_not_searched(shelf: Shelf) -> None:
    ids = shelf.add(1)
    rows = [shelf.row(ids[0])]
    shelf.catalog.folders.set_online(shelf.folder, online=False)
    assert shelf.catalog.queue.commit(PACK, rows) == []


def test_a_failure_has_a_reason_and_can_be_tried_again(shelf: Shelf) -> None:
    first, second = shelf.indexed(1, 2)
    shelf.catalog.queue.mark_failed(first, shelf.stamp(1), "photo.truncated", "The file \udcff ends too early.")
    (failed,) = shelf.catalog.queue.failures()
    assert (failed.id, failed.path.name, failed.code, failed.attempts) == (first, "1.jpg", "photo.truncated", 1)
    assert failed.reason == "The file ? ends too early."
    assert shelf.catalog.photos.counts(PACK) == Counts(indexed=1, failed=1)
    assert shelf.searchable() == [second]
    photo = shelf.catalog.photos.get([first])[first]
    assert (photo.state, photo.reason_code) == (PhotoState.FAILED, "photo.truncated")
    shelf.catalog.queue.retry([second])
    assert waiting(shelf) == []
    shelf.catalog.queue.retry([first])
    assert waiting(shelf) == [first]
    shelf.catalog.queue.mark_failed(first, shelf.stamp(1), "photo.truncated", "Again.")
    assert shelf.catalog.queue.failures()[0].attempts == 2
    shelf.catalog.queue.retry()
    assert shelf.commit([first]) == [first]
    photo = shelf.catalog.photos.get([first])[first]
    assert (photo.reason, photo.reason_code) == ("", "")


def test_a_failure_of_a_file_that_changed_says_nothing(shelf: Shelf) -> None:
    (photo_id,) = shelf.add(1)
    shelf.catalog.queue.mark_failed(photo_id, shelf.stamp(1, size=3), "photo.x", "Old news.")
    shelf.catalog.queue.mark_failed(PhotoId(99), shelf.stamp(1), "photo.x", "Nobody.")
    assert shelf.catalog.queue.failures() == []
    assert waiting(shelf) == [photo_id]


def test_failures_that_cannot_be_seen_are_not_listed(shelf: Shelf) -> None:
    (photo_id,) = shelf.add(1)
    shelf.catalog.queue.mark_failed(photo_id, shelf.stamp(1), "photo.x", "Bad.")
    shelf.catalog.folders.set_online(shelf.folder, online=False)
    assert shelf.catalog.queue.failures() == []
    assert shelf.catalog.photos.counts(PACK) == Counts(offline=1)


def test_what_the_world_refused_is_tried_again_later_and_later(shelf: Shelf) -> None:
    world, broken = shelf.add(1, 2)
    waits = []
    for _ in range(6):
        shelf.catalog.queue.mark_failed(world, shelf.stamp(1), "photo.denied", "No permission.", retry=True)
        start = shelf.time
        while not shelf.catalog.queue.retry_due():
            shelf.time += 100
        waits.append(shelf.time - start)
    assert waits[:2] == [300, 1200]
    assert waits == sorted(waits)
    assert waits[-1] == 86_400
    shelf.catalog.queue.mark_failed(broken, shelf.stamp(2), "photo.truncated", "Cut.")
    shelf.time += 10**9
    assert shelf.catalog.queue.retry_due() == 0


def test_a_due_try_is_made_at_the_next_start(shelf: Shelf) -> None:
    (photo_id,) = shelf.add(1)
    shelf.catalog.queue.mark_failed(photo_id, shelf.stamp(1), "photo.denied", "No permission.", retry=True)
    shelf.reopen()
    assert waiting(shelf) == []
    shelf.time += 301
    shelf.reopen()
    assert waiting(shelf) == [photo_id]


def die(shelf: Shelf, *ids: PhotoId) -> None:
    """The program ends while these photos are read, and starts again."""
    shelf.catalog.queue.begin_decode(ids)
    shelf.reopen()


def test_a_photo_that_ends_the_program_twice_is_set_aside(shelf: Shelf) -> None:
    poison, fine = shelf.add(1, 2)
    die(shelf, poison)
    assert waiting(shelf) == [fine, poison], "a suspect waits behind the others"
    assert shelf.suspects() == {poison}
    die(shelf, poison)
    (failed,) = shelf.catalog.queue.failures()
    assert (failed.id, failed.code) == (poison, "photo.crash")
    assert waiting(shelf) == [fine]
    shelf.catalog.queue.retry([poison])
    assert waiting(shelf) == [fine, poison]
    assert shelf.suspects() == set(), "a person's wish clears the suspicion"


def test_two_of_two_are_both_set_aside(shelf: Shelf) -> None:
    ids = shelf.add(1, 2)
    die(shelf, *ids)
    die(shelf, *ids)
    assert {failed.id for failed in shelf.catalog.queue.failures()} == set(ids)


def test_power_cuts_do_not_blame_the_innocent(shelf: Shelf) -> None:
    ids = shelf.add(*range(40))
    for _ in range(5):
        die(shelf, *ids)
    assert shelf.catalog.queue.failures() == []
    for _ in range(2):
        die(shelf, ids[7])
    assert [failed.id for failed in shelf.catalog.queue.failures()] == [ids[7]]


def test_success_clears_the_suspicion(shelf: Shelf) -> None:
    (photo_id,) = shelf.add(1)
    die(shelf, photo_id)
    shelf.catalog.queue.begin_decode([photo_id])
    shelf.commit([photo_id])
    shelf.reopen()
    shelf.catalog.files.mark_changed([(photo_id, shelf.stamp(1, size=2))])
    die(shelf, photo_id)
    assert shelf.catalog.queue.failures() == []


@pytest.mark.parametrize("how", ["end", "purge", "commit", "fail", "missing", "stale commit"])
def test_marks_are_taken_off(shelf: Shelf, how: str) -> None:
    (photo_id,) = shelf.add(1)
    row = shelf.row(photo_id)
    shelf.catalog.queue.begin_decode([photo_id, PhotoId(999)])
    if how == "end":
        shelf.catalog.queue.end_decode([photo_id, PhotoId(999)])
        shelf.catalog.queue.end_decode([])
    elif how == "purge":
        shelf.catalog.queue.clear_marks()
    elif how == "commit":
        shelf.commit([photo_id])
    elif how == "fail":
        shelf.catalog.queue.mark_failed(photo_id, shelf.stamp(1, size=9), "photo.x", "Bad.")
    elif how == "missing":
        shelf.catalog.files.mark_missing([photo_id])
    else:
        shelf.catalog.queue.commit(PACK, [dataclasses.replace(row, stamp=shelf.stamp(2))])
    shelf.reopen()
    assert shelf.suspects() == set()


def test_a_second_catalog_on_the_same_file_is_no_crash(shelf: Shelf) -> None:
    (photo_id,) = shelf.add(1)
    shelf.catalog.queue.begin_decode([photo_id])
    type(shelf.catalog)(shelf.database)
    assert shelf.suspects() == set()
    shelf.catalog.queue.clear_marks()
