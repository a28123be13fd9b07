# SPDX-License-Identifier: GPL-3.0-or-later
"""The living floor: use cases, threads and wiring."""
