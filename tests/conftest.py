# SPDX-License-Identifier: GPL-3.0-or-later
"""Set-up shared by all tests: Qt without a display, automatic `gui` marks."""

from __future__ import annotations

import gc
import os

import pytest
from hypothesis import settings

# Before Qt is imported anywhere. Tests that want a real window start their own process under Xvfb.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
# Tests read English, in this process and in those it starts, whatever the developer's language is.
os.environ["LC_ALL"] = "C.UTF-8"


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
