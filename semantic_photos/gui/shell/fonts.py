# SPDX-License-Identifier: GPL-3.0-or-later
"""The installed fonts: without any, Qt draws every label empty and reports nothing."""

from __future__ import annotations

from PySide6.QtGui import QFontDatabase, QGuiApplication


def families() -> list[str]:
    """Return the font families Qt can draw with; creates an application object if there is none."""
    application = QGuiApplication.instance() or QGuiApplication([])
    found = list(QFontDatabase.families())
    del application
    return found
