# SPDX-License-Identifier: GPL-3.0-or-later
"""Which fonts there are: without any, Qt draws every label empty and says nothing."""

from __future__ import annotations

from PySide6.QtGui import QFontDatabase, QGuiApplication


def families() -> list[str]:
    """Return the font families Qt can draw with; an application object is made if there is none."""
    application = QGuiApplication.instance() or QGuiApplication([])
    found = list(QFontDatabase.families())
    del application
    return found
