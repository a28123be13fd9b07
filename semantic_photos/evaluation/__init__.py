# SPDX-License-Identifier: GPL-3.0-or-later
"""Annex: evaluation of a model pack with reproducible figures."""
