# SPDX-License-Identifier: GPL-3.0-or-later
"""Annex: training of a model pack. The only place that imports torch; the program never imports it."""
