# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel beside the grid: facts, tags, rating, words of the selected photos."""
