# SPDX-License-Identifier: GPL-3.0-or-later
"""Model packs, the image encoder with its projection head, and the word table."""
