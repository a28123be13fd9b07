# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders to catalog and vectors: scanning, watching, decoding ahead, encoding in batches."""
