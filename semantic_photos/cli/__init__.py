# SPDX-License-Identifier: GPL-3.0-or-later
"""The roof: the command line on the same Library as the window."""
