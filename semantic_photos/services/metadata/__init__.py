# SPDX-License-Identifier: GPL-3.0-or-later
"""Keywords in photo files and sidecars, and export and import of user data."""
