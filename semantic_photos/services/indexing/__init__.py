# SPDX-License-Identifier: GPL-3.0-or-later
"""From folders to catalog and vectors: scanning, watching, decoding ahead, encoding in batches."""
