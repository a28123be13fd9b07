# SPDX-License-Identifier: GPL-3.0-or-later
"""Explanations of results: heat maps, contributing words, parts of photos."""
