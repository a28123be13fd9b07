# SPDX-License-Identifier: GPL-3.0-or-later
"""Workshop: from a file on disk to pixels, facts and thumbnails."""
