# SPDX-License-Identifier: GPL-3.0-or-later
"""Queries to result pages: examples, filters, relevance feedback, near-duplicates, completion, vocabulary."""
