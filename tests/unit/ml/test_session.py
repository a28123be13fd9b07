# SPDX-License-Identifier: GPL-3.0-or-later
"""A session can be stopped from outside, loads when it is needed, and has no error but ours."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from semantic_photos.domain.errors import CancelledError, InternalError, PackError, SemanticPhotosError
from semantic_photos.ml.session import Session
from tests.fakes.packs import encoder_model, head_model
from tests.unit.ml.hostile import loop_model

FEATURES = np.ones((3, 9), np.float32)


def head() -> Session:
    return Session("head.onnx", head_model().SerializeToString, 1)


def endless() -> Session:
    return Session("loop.onnx", loop_model().SerializeToString, 1)


def start(run: Callable[[], object]) -> tuple[threading.Thread, list[BaseException]]:
    caught: list[BaseException] = []

    def body() -> None:
        try:
            run()
        except BaseException as error:  # noqa: BLE001  # handed to the test
            caught.append(error)

    thread = threading.Thread(target=body, daemon=True)
    thread.start()
    return thread, caught


def stop_when_running(session: Session, thread: threading.Thread, stop: Callable[[], None]) -> None:
    """Call ``stop`` again and again: the run may not have begun at the first time."""
    until = time.monotonic() + 20
    while thread.is_alive() and time.monotonic() < until:
        stop()
        thread.join(0.02)
    assert not thread.is_alive()


def test_it_runs_and_names_where() -> None:
    session = head()
    (vectors,) = session.run({"features": FEATURES}, ["embedding"])
    assert vectors.shape == (3, 16)
    assert session.providers == ["CPUExecutionProvider"]


def test_nothing_is_read_before_it_is_needed_and_then_once() -> None:
    reads = []

    def read() -> bytes:
        reads.append(1)
        time.sleep(0.05)
        return head_model().SerializeToString()

    session = Session("head.onnx", read, 1)
    assert not reads
    threads = [start(lambda: session.run({"features": FEATURES}, ["embedding"])) for _ in range(4)]
    for thread, caught in threads:
        thread.join(20)
        assert not caught
    assert len(reads) == 1


def test_threads_share_it() -> None:
    session = head()
    inputs = [np.random.default_rng(n).random((5, 9), dtype=np.float32) for n in range(8)]
    alone = [session.run({"features": array}, ["embedding"])[0] for array in inputs]
    wrong: list[int] = []

    def work(n: int) -> None:
        for _ in range(50):
            if not np.array_equal(session.run({"features": inputs[n]}, ["embedding"])[0], alone[n]):
                wrong.append(n)

    threads = [start(lambda n=n: work(n)) for n in range(8)]
    for thread, caught in threads:
        thread.join(30)
        assert not caught
    assert not wrong


def test_a_run_without_end_is_stopped_and_the_session_goes_on() -> None:
    session = endless()
    feed = {"x": np.ones((1, 4), np.float32)}
    for _ in range(2):
        thread, caught = start(lambda: session.run(feed, ["y"]))
        stop_when_running(session, thread, session.terminate)
        assert isinstance(caught[0], CancelledError)


def test_stopping_stops_all_runs_and_none_that_comes_later() -> None:
    session, other = endless(), head()
    feed = {"x": np.ones((1, 4), np.float32)}
    running = [start(lambda: session.run(feed, ["y"])) for _ in range(3)]
    for thread, caught in running:
        stop_when_running(session, thread, session.terminate)
        assert isinstance(caught[0], CancelledError)
    other.terminate()
    assert len(other.run({"features": FEATURES}, ["embedding"])) == 1


def test_closing_stops_what_runs_and_later_runs_are_our_mistake() -> None:
    session = endless()
    feed = {"x": np.ones((1, 4), np.float32)}
    thread, caught = start(lambda: session.run(feed, ["y"]))
    stop_when_running(session, thread, session.close)
    # Closed while running, or before it began to.
    assert isinstance(caught[0], CancelledError | InternalError)
    session.close()
    with pytest.raises(InternalError, match="closed"):
        session.run(feed, ["y"])


@pytest.mark.parametrize(
    "feed",
    [
        {"features": np.ones((3, 8), np.float32)},
        {"features": np.ones((3, 9), np.float64)},
        {"features": np.ones(9, np.float32)},
        {"other": FEATURES},
        {},
    ],
)
def test_inputs_that_do_not_fit_are_our_mistake(feed: dict[str, np.ndarray]) -> None:
    with pytest.raises(InternalError, match=r"head\.onnx failed"):
        head().run(feed, ["embedding"])


def test_an_output_that_is_not_there_is_our_mistake() -> None:
    with pytest.raises(InternalError):
        head().run({"features": FEATURES}, ["other"])


def test_broken_models_are_refused_in_silence(capfd: pytest.CaptureFixture[str]) -> None:
    good = encoder_model().SerializeToString()
    rng = np.random.default_rng(5)
    models = [b"", b"text", good[:-1], good[: len(good) // 2]]
    for _ in range(60):
        damaged = bytearray(good)
        damaged[int(rng.integers(len(good)))] = int(rng.integers(256))
        models.append(bytes(damaged))
    refused = 0
    for data in models:
        session = Session("net.onnx", lambda data=data: data, 1)
        try:
            session.run({"image": np.zeros((1, 32, 32, 3), np.uint8)}, ["pooled"])
        except SemanticPhotosError as error:
            refused += 1
            assert "net.onnx" in str(error)  # some damage is harmless
            assert "\n" not in str(error)
    assert refused >= 4
    out, err = capfd.readouterr()
    assert out + err == ""


def test_errors_of_the_reader_come_through() -> None:
    def read() -> bytes:
        raise PackError("head.onnx was changed")

    with pytest.raises(PackError, match="was changed"):
        Session("head.onnx", read, 1).run({"features": FEATURES}, ["embedding"])


@pytest.mark.slow
def test_the_runtime_is_not_loaded_before_a_network_is() -> None:
    code = (
        "import sys; import semantic_photos.ml.image_encoder, semantic_photos.ml.text_encoder\n"
        "sys.exit('onnxruntime' in sys.modules or 'onnx' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
