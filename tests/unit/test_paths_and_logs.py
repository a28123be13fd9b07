# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things are written, and what happens to an exception that nobody caught."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from semantic_photos import logs
from semantic_photos.domain.errors import UserFacingError
from semantic_photos.paths import Paths, resources


@pytest.fixture
def _restored() -> Iterator[None]:
    hooks, root = (sys.excepthook, threading.excepthook), logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    sys.excepthook, threading.excepthook = hooks
    root.setLevel(level)
    for handler in set(root.handlers) - set(handlers):
        root.removeHandler(handler)
        handler.close()


def test_everything_lies_in_home_and_is_private(tmp_path: Path) -> None:
    paths = Paths.under(tmp_path / "home").create()
    for place in (paths.data, paths.cache, paths.config, paths.logs):
        assert place.is_dir()
        assert tmp_path / "home" in place.parents
        assert place.stat().st_mode & 0o077 == 0
    for file in (paths.catalog, paths.settings, paths.index, paths.thumbnails, paths.packs):
        assert tmp_path / "home" in file.parents


def test_a_home_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserFacingError, match="cannot be created"):
        Paths.under(tmp_path / "file" / "home").create()


def test_the_resources_are_found() -> None:
    assert (resources() / "demo").is_dir()


@pytest.mark.usefixtures("_restored")
def test_uncaught_exceptions_of_threads_are_in_the_log(tmp_path: Path) -> None:
    logs.set_up(tmp_path)
    logs.set_up(tmp_path)

    def fail() -> None:
        raise ValueError("lost and found")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    text = (tmp_path / "semantic-photos.log").read_text()
    assert text.count("ValueError: lost and found") == 1


@pytest.mark.usefixtures("_restored")
def test_names_that_are_no_text_do_not_break_the_log(tmp_path: Path) -> None:
    logs.set_up(tmp_path)
    logging.getLogger("x").info("a file: %s", "caf\udce9.jpg")
    assert "caf" in (tmp_path / "semantic-photos.log").read_text()


@pytest.mark.slow
def test_searching_needs_no_qt_and_no_torch() -> None:
    code = (
        "import sys, semantic_photos.services.library.library, semantic_photos.cli.commands; "
        "print([n for n in sys.modules if n.split('.')[0] in ('PySide6', 'torch', 'onnx', 'rich')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
