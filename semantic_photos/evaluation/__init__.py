# SPDX-License-Identifier: GPL-3.0-or-later
"""Annex: how good a model pack is, in figures that can be repeated."""
