# SPDX-License-Identifier: GPL-3.0-or-later
"""Use cases, background threads and the wiring of the library."""
