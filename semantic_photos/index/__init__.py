# SPDX-License-Identifier: GPL-3.0-or-later
"""Workshop: nearest-vector search, rebuilt from the catalog at any time."""
