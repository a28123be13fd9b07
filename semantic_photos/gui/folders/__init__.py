# SPDX-License-Identifier: GPL-3.0-or-later
"""Dialogs about indexed folders and failed photos."""
