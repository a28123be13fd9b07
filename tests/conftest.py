# SPDX-License-Identifier: GPL-3.0-or-later
"""Set-up shared by all tests: Qt without a display, automatic `gui` marks."""

from __future__ import annotations

import os

import pytest

# Before Qt is imported anywhere. Tests that want a real window start their own process under Xvfb.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if {"qtbot", "qapp"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.gui)
