# SPDX-License-Identifier: GPL-3.0-or-later
"""The working page: search bar, examples, focus, saved searches, relevance feedback."""
