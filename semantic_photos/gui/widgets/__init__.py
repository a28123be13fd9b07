# SPDX-License-Identifier: GPL-3.0-or-later
"""Widgets, theme, icons and text formatting shared by all packages of ``gui``."""
