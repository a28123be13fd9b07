# SPDX-License-Identifier: GPL-3.0-or-later
"""Annex: how a model pack is made. The only place that imports torch; the program itself never enters here."""
