# SPDX-License-Identifier: GPL-3.0-or-later
"""Semantic Photos: find any photo in your own library by what is in it, on your own computer."""

__version__ = "0.1.0"
