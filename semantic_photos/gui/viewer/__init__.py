# SPDX-License-Identifier: GPL-3.0-or-later
"""One photo as large as the window, with its heat map."""
