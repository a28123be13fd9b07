# SPDX-License-Identifier: GPL-3.0-or-later
"""The page for reviewing tags, and everything that leads to it."""
