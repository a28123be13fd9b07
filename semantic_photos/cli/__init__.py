# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line, on the same ``Library`` as the window."""
