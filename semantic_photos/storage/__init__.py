# SPDX-License-Identifier: GPL-3.0-or-later
"""Workshop: the catalog, the single truth, in one SQLite file."""
