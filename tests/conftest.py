# SPDX-License-Identifier: GPL-3.0-or-later
"""Set-up shared by all tests: Qt without a display, automatic `gui` marks."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from importlib.util import find_spec

import pytest
from hypothesis import settings

# Before Qt is imported anywhere. Tests that want a real window start their own process under Xvfb.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
# Tests read English, in this process and in those it starts, whatever the developer's language is.
os.environ["LC_ALL"] = "C.UTF-8"

#: Without PySide6 everything below the window is tested all the same; its tests could not even be imported.
HAS_QT = find_spec("PySide6") is not None
collect_ignore = [] if HAS_QT else ["gui", "unit/gui"]


def pytest_addoption(parser: pytest.Parser) -> None:
    if find_spec("pytestqt") is None:
        # Its settings in pyproject.toml would be unknown ones, and those are errors.
        parser.addini("qt_api", "of pytest-qt")
        parser.addini("qt_log_level_fail", "of pytest-qt")
        parser.addini("qt_log_ignore", "of pytest-qt", type="linelist")


# The fast set is run after every change and tries fewer examples; each run tries others.
settings.register_profile("fast", max_examples=30)


def pytest_configure(config: pytest.Config) -> None:
    if "not slow" in (config.option.markexpr or ""):
        settings.load_profile("fast")


def pytest_collection_finish() -> None:
    # What was collected stays to the end: the collector need not look through it again and again.
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if {"qtbot", "qapp"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.gui)


@pytest.fixture(autouse=True)
def _nothing_stays(request: pytest.FixtureRequest) -> Iterator[None]:
    """After a test of the window no timer and no thread of ours lives on: it would act in the middle of the next."""
    if "gui" not in request.keywords:
        yield
        return
    from tests.leaks import LeakCheck

    request.getfixturevalue("qapp")
    check = LeakCheck()
    yield
    left = check.left()
    assert not left, f"left behind: {', '.join(left)}"
