# SPDX-License-Identifier: GPL-3.0-or-later
"""Keywords in photo files and sidecars, and user data out of a library and into one."""
