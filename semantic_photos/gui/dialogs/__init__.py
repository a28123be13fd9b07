# SPDX-License-Identifier: GPL-3.0-or-later
"""Dialogs of the window that belong to no page."""
