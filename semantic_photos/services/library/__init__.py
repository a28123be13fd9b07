# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens one library and wires its services: window and command line use ``library.Library``."""
