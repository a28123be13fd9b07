# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalog: all facts and vectors of a library, in one SQLite file."""
