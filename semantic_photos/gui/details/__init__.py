# SPDX-License-Identifier: GPL-3.0-or-later
"""The details panel beside the grid: facts, tags, rating and near words of the selected photos."""
