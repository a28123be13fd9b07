# SPDX-License-Identifier: GPL-3.0-or-later
"""The viewer: one photo in the whole window, with its heat map."""
