# SPDX-License-Identifier: GPL-3.0-or-later
"""A real window on a real (virtual) screen: keys typed from outside, pixels looked at, ended by signals."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import ImageGrab

pytestmark = [
    pytest.mark.gui,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(shutil.which("Xvfb") is None or shutil.which("xdotool") is None, reason="no Xvfb or xdotool"),
]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def display() -> Iterator[str]:
    reader, writer = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writer), "-screen", "0", "1366x900x24", "-nolisten", "tcp"],
        pass_fds=[writer],
        stderr=subprocess.DEVNULL,
    )
    os.close(writer)
    with os.fdopen(reader) as answer:
        number = answer.readline().strip()
    yield f":{number}"
    server.terminate()
    server.wait(10)


@pytest.fixture
def start(display: str, tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    runtime = tmp_path / "runtime"
    runtime.mkdir(mode=0o700, exist_ok=True)
    started: list[subprocess.Popen[bytes]] = []
    environment = os.environ | {
        "DISPLAY": display, "QT_QPA_PLATFORM": "xcb", "XDG_RUNTIME_DIR": str(runtime),
        "SEMANTIC_PHOTOS_SCHEME": "light",
    }  # fmt: skip

    def go() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.gui.window_process", str(tmp_path / "home"), "600"]
        started.append(subprocess.Popen(command, cwd=ROOT, env=environment))
        return started[-1]

    yield go
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()


def xdotool(display: str, *words: str) -> str:
    environment = os.environ | {"DISPLAY": display}
    done = subprocess.run(["xdotool", *words], env=environment, capture_output=True, text=True, timeout=30, check=False)
    return done.stdout.strip()


def until(done: Callable[[], object], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)


def window_of(display: str) -> str:
    found: list[str] = []
    until(lambda: found.append(xdotool(display, "search", "--onlyvisible", "--name", "Semantic Photos")) or found[-1])
    return found[-1].splitlines()[0]


def pixels(display: str) -> np.ndarray:
    return np.asarray(ImageGrab.grab(xdisplay=display).convert("RGB"), np.float32)


def share(display: str, colour: str) -> float:
    """Return which part of the screen is clearly red or blue."""
    image = pixels(display)
    strong, weak = (2, 0) if colour == "blue" else (0, 2)
    return float((image[..., strong] > image[..., weak] + 45).mean())


def test_typed_words_change_what_is_seen(display: str, start: Callable[[], subprocess.Popen[bytes]]) -> None:
    process = start()
    window = window_of(display)
    until(lambda: pixels(display).std() > 40)
    xdotool(display, "windowfocus", "--sync", window)
    xdotool(display, "type", "--delay", "60", "blue")
    until(lambda: share(display, "blue") > 0.25)
    xdotool(display, "key", "Escape")
    xdotool(display, "key", "Escape")
    until(lambda: share(display, "blue") < 0.2)
    xdotool(display, "type", "--delay", "60", "red")
    until(lambda: share(display, "red") > 0.25)
    xdotool(display, "key", "ctrl+q")
    assert process.wait(10) == 0


def test_a_second_start_ends_and_signals_close_in_order(
    display: str, start: Callable[[], subprocess.Popen[bytes]]
) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        first = start()
        window_of(display)
        assert start().wait(20) == 0
        assert first.poll() is None, "the second start must leave the first alone"
        begin = time.monotonic()
        first.send_signal(number)
        assert first.wait(10) == 0
        assert time.monotonic() - begin < 5
