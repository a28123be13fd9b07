# SPDX-License-Identifier: GPL-3.0-or-later
"""Automatic tags for the whole library."""
