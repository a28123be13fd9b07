# SPDX-License-Identifier: GPL-3.0-or-later
"""The application and its window: start, shutdown, shortcuts, notices."""
