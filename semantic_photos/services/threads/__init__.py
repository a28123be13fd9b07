# SPDX-License-Identifier: GPL-3.0-or-later
"""Event bus, lanes and background threads, used by every other service."""
