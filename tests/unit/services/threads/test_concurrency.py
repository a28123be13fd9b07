# SPDX-License-Identifier: GPL-3.0-or-later
"""The event bus keeps no window alive and survives bad listeners; lanes keep order and close quickly."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator

import pytest

from semantic_photos.domain.errors import CancelledError
from semantic_photos.domain.messages import Notice, PhotosChanged
from semantic_photos.services.threads.background import Background
from semantic_photos.services.threads.concurrency import EventBus, Lane, Lanes


class Listener:
    def __init__(self, heard: list[object]) -> None:
        self.heard = heard

    def hear(self, message: object) -> None:
        self.heard.append(message)


@pytest.fixture
def lane() -> Iterator[Lane]:
    made = Lane("test", 1)
    yield made
    made.close()


def test_a_message_reaches_listeners_of_its_type_only() -> None:
    bus, heard, other = EventBus(), Listener([]), Listener([])
    bus.subscribe(Notice, heard.hear)
    bus.subscribe(PhotosChanged, other.hear)
    notice = Notice("a", "b")
    bus.publish(notice)
    assert heard.heard == [notice]
    assert other.heard == []


def test_a_listener_that_was_dropped_is_not_called_and_not_kept() -> None:
    bus, heard = EventBus(), list[object]()
    listener = Listener(heard)
    bus.subscribe(Notice, listener.hear)
    del listener
    gc.collect()
    bus.publish(Notice("a", "b"))
    assert heard == []


def test_a_plain_function_stays_until_it_is_unsubscribed() -> None:
    bus, heard = EventBus(), list[object]()

    def hear(message: Notice) -> None:
        heard.append(message)

    bus.subscribe(Notice, hear)
    gc.collect()
    bus.publish(Notice("a", "b"))
    bus.unsubscribe(Notice, hear)
    bus.publish(Notice("c", "d"))
    assert [message.code for message in heard if isinstance(message, Notice)] == ["a"]


def test_a_failing_listener_does_not_silence_the_others() -> None:
    bus, heard = EventBus(), Listener([])

    def fail(_: Notice) -> None:
        raise ValueError("no")

    bus.subscribe(Notice, fail)
    bus.subscribe(Notice, heard.hear)
    bus.publish(Notice("a", "b"))
    assert len(heard.heard) == 1


def test_a_lane_works_in_order(lane: Lane) -> None:
    done: list[int] = []
    for number in range(50):
        last = lane.submit(done.append, number)
    last.result(timeout=5)
    assert done == list(range(50))


def test_a_closed_lane_drops_what_waits_and_refuses_more(lane: Lane) -> None:
    gate, started = threading.Event(), threading.Event()

    def hold() -> None:
        started.set()
        gate.wait(5)

    running = lane.submit(hold)
    waiting = lane.submit(lambda: 1)
    assert started.wait(5)
    closer = threading.Thread(target=lane.close)
    closer.start()
    gate.set()
    closer.join(5)
    assert running.done()
    assert waiting.cancelled()
    with pytest.raises(CancelledError):
        lane.submit(lambda: 1).result(timeout=1)


def test_waiting_for_background_work_ends_when_it_closes() -> None:
    background, go, busy = Background("test", "Testing", EventBus()), threading.Event(), threading.Event()

    def work() -> None:
        busy.set()
        go.wait(20)

    background.put(work)
    assert busy.wait(20)
    answers: list[bool] = []
    waiting = threading.Thread(target=lambda: answers.append(background.settle()), daemon=True)
    waiting.start()
    background.close(0.0)
    go.set()
    waiting.join(5)
    assert answers == [False]


def test_the_library_lane_is_one_thread() -> None:
    lanes = Lanes()
    try:
        names = {lanes.library.submit(lambda: threading.current_thread().name).result(5) for _ in range(20)}
    finally:
        lanes.close()
    assert len(names) == 1
