# SPDX-License-Identifier: GPL-3.0-or-later
"""The tag review page, and the actions on tags of the main page."""
