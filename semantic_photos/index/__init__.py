# SPDX-License-Identifier: GPL-3.0-or-later
"""The workshop of nearest vectors: exact search, immutable Annoy segments, and both behind one door."""
