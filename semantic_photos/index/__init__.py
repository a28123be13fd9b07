# SPDX-License-Identifier: GPL-3.0-or-later
"""Nearest-neighbour search: exact, in immutable Annoy segments, and both behind one interface."""
