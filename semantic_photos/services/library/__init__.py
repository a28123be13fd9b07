# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens one library and wires its services: ``library.Library`` is all that window and command line hold."""
