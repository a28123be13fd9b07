# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from semantic_photos.domain.photo import ContentKey, FileStamp, PhotoId
from semantic_photos.domain.tags import Act, FileWords, Remark, Standing, after
from semantic_photos.storage.keyword_sync import KeywordSync, WriteJob
from semantic_photos.storage.tags import TagStore
from tests.unit.storage.conftest import Shelf

A, C, M, IM, R = Standing


@pytest.fixture
def store(shelf: Shelf) -> TagStore:
    return TagStore(shelf.database, now=lambda: shelf.time)


@pytest.fixture
def exchange(shelf: Shelf) -> KeywordSync:
    return KeywordSync(shelf.database, now=lambda: shelf.time)


def wrote(exchange: KeywordSync, photo: PhotoId, names: list[str], stamp: str) -> None:
    exchange.wrote([(WriteJob(photo, Path("/p/a.jpg"), FileStamp(1, 1, 1), (), (), tuple(names)), stamp)])


def standings(store: TagStore, photo: PhotoId) -> dict[str, Standing]:
    return {line.tag: line.standing for line in store.lines([photo], rejected=True).get(photo, [])}


def test_what_the_person_said_is_left_alone_by_a_tagging_run(shelf: Shelf, store: TagStore) -> None:
    a, b, c = shelf.indexed(1, 2, 3)
    store.suggest({a: {"dog": 0.9, "cat": 0.8}, b: {"dog": 0.7}})
    store.act(Act.CONFIRM, [a], "dog")
    store.act(Act.REJECT, [a], "cat")
    store.act(Act.ADD, [c], "holiday")
    store.suggest({a: {"cat": 0.99, "dog": 0.2, "tree": 0.6}, b: {}, c: {"holiday": 0.5}})
    assert standings(store, a) == {"dog": C, "cat": R, "tree": A}
    assert standings(store, b) == {}
    assert standings(store, c) == {"holiday": M}


def test_removing_all_automatic_tags_can_be_undone_and_done_again(shelf: Shelf, store: TagStore) -> None:
    a, b = shelf.indexed(1, 2)
    store.suggest({a: {"dog": 0.9}, b: {"dog": 0.7, "sea": 0.8}})
    store.act(Act.CONFIRM, [a], "dog")
    gone = store.remove_automatic()
    assert gone.photo_ids == (b,)
    assert standings(store, b) == {}
    back = store.revert(gone)
    assert [line.confidence for line in store.lines([b])[b]] == [0.8, 0.7]
    store.revert(back)
    assert standings(store, b) == {}
    assert standings(store, a) == {"dog": C}


def test_undo_leaves_what_was_decided_since(shelf: Shelf, store: TagStore) -> None:
    a, b = shelf.indexed(1, 2)
    run = store.suggest({a: {"dog": 0.9}, b: {"dog": 0.7}})
    store.act(Act.CONFIRM, [a], "dog")
    store.revert(run)
    assert standings(store, a) == {"dog": C}
    assert standings(store, b) == {}


def test_undo_leaves_the_same_decision_made_anew(shelf: Shelf, store: TagStore) -> None:
    (a,) = shelf.indexed(1)
    first = store.act(Act.ADD, [a], "dog")
    for act in (Act.REJECT, Act.ADD):
        shelf.time += 1
        store.act(act, [a], "dog")
    assert not store.revert(first)
    assert standings(store, a) == {"dog": M}


def test_undo_brings_the_time_of_a_decision_back(shelf: Shelf, store: TagStore) -> None:
    (a,) = shelf.indexed(1)
    added = store.act(Act.ADD, [a], "dog")
    shelf.time += 1
    rejected = store.act(Act.REJECT, [a], "dog")
    forward = store.revert(rejected)
    assert store.revert(store.revert(forward))
    assert store.revert(added), "it is the decision that it was"
    assert standings(store, a) == {}


def test_undo_after_a_photo_was_forgotten(shelf: Shelf, store: TagStore) -> None:
    a, b = shelf.indexed(1, 2)
    change = store.act(Act.ADD, [a, b], "dog")
    shelf.catalog.folders.remove(shelf.folder)
    assert not store.revert(change)


def test_a_rejection_comes_with_what_the_network_thought(shelf: Shelf, store: TagStore) -> None:
    (a,) = shelf.indexed(1)
    store.suggest({a: {"dog": 0.9}})
    store.act(Act.REJECT, [a], "dog")
    (line,) = store.lines([a], rejected=True)[a]
    assert (line.standing, line.confidence) == (R, 0.9)
    assert store.lines([a]) == {}


def test_reading_the_words_of_a_file_leaves_confidences_alone(
    shelf: Shelf, store: TagStore, exchange: KeywordSync
) -> None:
    (a,) = shelf.indexed(1)
    store.suggest({a: {"dog": 0.9, "sea": 0.7}})
    exchange.store_words([(a, FileWords(("sea",)), "s")])
    store.act(Act.MISS, [a], "dog")
    lines = {line.tag: (line.standing, line.confidence) for line in store.lines([a])[a]}
    assert lines == {"dog": (A, 0.9), "sea": (IM, 0.7)}
    store.suggest({a: {"dog": 0.4}})
    assert [line.confidence for line in store.lines([a])[a] if line.tag == "dog"] == [0.4]


def test_case_makes_no_second_tag(shelf: Shelf, store: TagStore, exchange: KeywordSync) -> None:
    (a,) = shelf.indexed(1)
    store.act(Act.ADD, [a], "Éléphant")
    store.act(Act.ADD, [a], "éléphant")
    exchange.store_words([(a, FileWords(("ÉLÉPHANT",)), "s")])
    assert standings(store, a) == {"Éléphant": M}


def test_counts_and_photos_of_a_tag_by_confidence(shelf: Shelf, store: TagStore) -> None:
    a, b, c = shelf.indexed(1, 2, 3)
    store.suggest({a: {"dog": 0.6}, b: {"dog": 0.9}, c: {"dog": 0.7}})
    store.act(Act.CONFIRM, [c], "dog")
    assert [photo for photo, _ in store.photos_with("DOG")] == [c, b, a]
    assert [photo for photo, _ in store.photos_with("dog", [A], least=0.8)] == [b]
    (count,) = store.counts()
    assert (count.tag, count.photos, count.kept) == ("dog", {A: 2, C: 1}, 1)
    assert store.own_names() == ["dog"]
    shelf.catalog.files.mark_missing([b])
    assert [photo for photo, _ in store.photos_with("dog")] == [c, a]


def test_remarks_are_set_and_undone(shelf: Shelf, store: TagStore) -> None:
    a, b = shelf.indexed(1, 2)
    change = store.remark([a, b], rating=4)
    store.remark([a], caption="At the sea")
    assert store.remarks([a, b]) == {a: Remark(4, caption="At the sea"), b: Remark(4)}
    store.revert(change)
    assert store.remarks([a, b]) == {a: Remark(4, caption="At the sea")}, "changed since, so left alone"


@pytest.mark.parametrize(
    ("work", "kept"),
    [
        (lambda s, p: s.act(Act.ADD, [p], "dog"), True),
        (lambda s, p: s.act(Act.REJECT, [p], "dog"), True),
        (lambda s, p: s.remark([p], rating=3), True),
        (lambda s, p: s.remark([p], caption="x"), True),
        (lambda s, p: s.suggest({p: {"dog": 0.9}}), False),
        (lambda s, p: None, False),
    ],
)
def test_photos_with_own_work_outlive_the_thirty_days(shelf: Shelf, store: TagStore, work, kept) -> None:  # type: ignore[no-untyped-def]
    (a,) = shelf.indexed(1)
    work(store, a)
    shelf.catalog.files.mark_missing([a])
    shelf.time += 100 * 24 * 3600
    assert shelf.catalog.files.purge_missing(30 * 24 * 3600) == (0 if kept else 1)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    acts=st.lists(st.tuples(st.sampled_from(list(Act)), st.integers(0, 1), st.sampled_from(["dog", "a|b"])), max_size=8)
)
def test_the_catalog_follows_the_table_of_rules(
    shelf: Shelf, store: TagStore, acts: list[tuple[Act, int, str]]
) -> None:
    photos = shelf.add(1, 2)
    store.revert(store.act(Act.ADD, photos, "x"))
    with shelf.database.transaction() as connection:
        connection.execute("DELETE FROM photo_tag")
    model: dict[tuple[int, str], Standing | None] = {}
    changes = []
    for act, number, tag in acts:
        changes.append(store.act(act, [photos[number]], tag))
        model[number, tag] = after(model.get((number, tag)), act)
    found = {(n, tag): s for n in (0, 1) for tag, s in standings(store, photos[n]).items()}
    assert found == {key: value for key, value in model.items() if value is not None}
    for change in reversed(changes):
        store.revert(change)
    assert store.lines(photos, rejected=True) == {}


# What files say


def test_words_of_a_file_come_in_and_go_with_it(shelf: Shelf, store: TagStore, exchange: KeywordSync) -> None:
    (a,) = shelf.indexed(1)
    store.act(Act.REJECT, [a], "blurred")
    store.suggest({a: {"dog": 0.9, "cat": 0.8}})
    exchange.store_words([(a, FileWords(("animal|dog", "dog", "blurred", "mine"), "At home", 3), "1")])
    assert standings(store, a) == {"animal|dog": IM, "dog": IM, "blurred": R, "mine": IM, "cat": A}
    assert store.remarks([a])[a] == Remark(3, caption="At home")
    assert exchange.stamps([a]) == {a: "1"}
    exchange.store_words([(a, FileWords(("mine",), "At sea", 5), "2")])
    assert standings(store, a) == {"blurred": R, "mine": IM, "cat": A}
    assert store.remarks([a])[a] == Remark(5, caption="At sea")


def test_what_the_person_remarked_wins_over_the_file(shelf: Shelf, store: TagStore, exchange: KeywordSync) -> None:
    (a,) = shelf.indexed(1)
    exchange.store_words([(a, FileWords((), "file", 3), "1")])
    store.remark([a], rating=1)
    exchange.store_words([(a, FileWords((), "file again", 5), "2")])
    assert store.remarks([a])[a] == Remark(1, caption="file again")


def test_what_we_wrote_is_not_taken_back_as_foreign(shelf: Shelf, store: TagStore, exchange: KeywordSync) -> None:
    (a,) = shelf.indexed(1)
    store.suggest({a: {"dog": 0.9}})
    undone = store.act(Act.ADD, [a], "mine")
    wrote(exchange, a, ["dog", "mine"], "1")
    store.revert(undone)
    exchange.store_words([(a, FileWords(("dog", "mine", "theirs")), "2")])
    assert standings(store, a) == {"dog": A, "theirs": IM}
    (job,) = exchange.jobs()
    assert (job.want, job.drop) == (("theirs",), ("mine",)), "the automatic one is still in the catalog"
    assert job.ours == ("dog",)


def test_a_keyword_taken_off_and_given_again_elsewhere_is_theirs(
    shelf: Shelf, store: TagStore, exchange: KeywordSync
) -> None:
    (a,) = shelf.indexed(1)
    store.act(Act.ADD, [a], "cat")
    exchange.store_words([(a, FileWords(("dog",)), "1")])
    (job,) = exchange.jobs()
    assert (job.want, job.ours) == (("cat", "dog"), ("cat",))
    wrote(exchange, a, ["cat", "dog"], "2")
    for stamp, tags in (("3", ("cat",)), ("4", ("cat", "dog"))):
        exchange.store_words([(a, FileWords(tags), stamp)])
    assert standings(store, a) == {"cat": M, "dog": IM}
    (job,) = exchange.jobs()
    assert (job.want, job.drop) == (("cat", "dog"), ())


def test_a_level_of_another_keyword_is_still_ours(shelf: Shelf, store: TagStore, exchange: KeywordSync) -> None:
    (a,) = shelf.indexed(1)
    change = store.act(Act.ADD, [a], "dog")
    wrote(exchange, a, ["dog"], "1")
    exchange.store_words([(a, FileWords(("animal|dog",)), "2")])
    store.revert(change)
    (job,) = exchange.jobs()
    assert job.drop == ("dog",)


def test_words_that_are_not_whole_take_nothing_away(shelf: Shelf, store: TagStore, exchange: KeywordSync) -> None:
    (a,) = shelf.indexed(1)
    exchange.store_words([(a, FileWords(("dog", "sea"), "At home", 3), "1")])
    wrote(exchange, a, ["mine"], "")
    exchange.store_words([(a, FileWords(("new",), whole=False), "2")])
    exchange.store_words([(a, None, "3")])
    assert standings(store, a) == {"dog": IM, "sea": IM, "new": IM}
    assert store.remarks([a])[a] == Remark(3, caption="At home")
    assert exchange.jobs()[0].drop == ("mine",)
    exchange.store_words([(a, FileWords(("dog",), "At sea", 4), "4")])
    assert standings(store, a) == {"dog": IM}
    assert store.remarks([a])[a] == Remark(4, caption="At sea")


def test_a_file_without_an_automatic_tag_leaves_its_confidence(
    shelf: Shelf, store: TagStore, exchange: KeywordSync
) -> None:
    (a,) = shelf.indexed(1)
    store.suggest({a: {"dog": 0.9}})
    exchange.store_words([(a, FileWords(("sea",)), "1")])
    assert {line.tag: line.confidence for line in store.lines([a])[a]} == {"sea": None, "dog": 0.9}


def test_what_is_about_to_be_written_is_ours_at_once(shelf: Shelf, store: TagStore, exchange: KeywordSync) -> None:
    (a,) = shelf.indexed(1)
    store.suggest({a: {"dog": 0.9, "cat": 0.9}})
    wrote(exchange, a, ["dog"], "1")
    exchange.writing({a: ["cat"]})
    exchange.store_words([(a, FileWords(("dog", "cat")), "2")])
    assert standings(store, a) == {"dog": A, "cat": A}


def test_rating_and_caption_that_were_taken_off_stay_off(shelf: Shelf, store: TagStore, exchange: KeywordSync) -> None:
    (a,) = shelf.indexed(1)
    exchange.store_words([(a, FileWords((), "At sea", 5), "1")])
    store.remark([a], rating=0, caption="")
    exchange.store_words([(a, FileWords((), "At sea", 5), "2")])
    assert store.remarks([a]) == {}


def test_jobs_hold_what_the_person_has_and_took_off(shelf: Shelf, store: TagStore, exchange: KeywordSync) -> None:
    a, b, c = shelf.indexed(1, 2, 3)
    store.act(Act.ADD, [a], "holiday|sea")
    store.suggest({a: {"dog": 0.9, "cat": 0.5}, b: {"dog": 0.9}})
    store.act(Act.REJECT, [c], "dog")
    jobs = {job.photo_id: (job.want, job.drop) for job in exchange.jobs()}
    assert jobs == {a: (("holiday|sea",), ()), c: ((), ("dog",))}
    jobs = {job.photo_id: job.want for job in exchange.jobs(automatic=0.8)}
    assert jobs == {a: ("dog", "holiday|sea"), b: ("dog",), c: ()}


def test_failed_writes_are_listed_until_they_succeed(shelf: Shelf, store: TagStore, exchange: KeywordSync) -> None:
    a, b = shelf.indexed(1, 2)
    store.act(Act.ADD, [a], "dog")
    for _ in range(2):
        exchange.write_failed(a, "write.no-permission", "No.")
    (failed,) = exchange.failed_writes()
    assert (failed.path, failed.tries) == (Path("/photos/1.jpg"), 2)
    assert [job.photo_id for job in exchange.jobs(failed_only=True)] == [a]
    store.act(Act.ADD, [b], "dog")
    assert [job.photo_id for job in exchange.jobs([a, b], failed_only=True)] == [a]
    wrote(exchange, a, ["dog"], "")
    assert exchange.failed_writes() == []


def sort_key_of(shelf: Shelf, photo: PhotoId) -> int:
    with shelf.database.read() as connection:
        return int(connection.execute("SELECT sort_key FROM photo WHERE id = ?", (photo,)).fetchone()[0])


def test_an_embedded_write_keeps_the_vector(shelf: Shelf, exchange: KeywordSync) -> None:
    (a,) = shelf.indexed(1)
    old = shelf.catalog.photos.get([a])[a].stamp
    new = shelf.stamp(1, size=5000, mtime_ns=10**18)
    place = sort_key_of(shelf, a)
    assert exchange.rewritten(a, old, new, ContentKey("f" * 32))
    assert shelf.searchable() == [a]
    assert shelf.catalog.photos.get([a])[a].stamp == new
    assert sort_key_of(shelf, a) == place, "it was not taken today"
    assert not exchange.rewritten(a, old, new, ContentKey("f" * 32)), "it is not what it was"
