# SPDX-License-Identifier: GPL-3.0-or-later
"""From a file on disk to pixels, facts and thumbnails."""
