# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a photo matches a query: heat maps, contributing words, parts of photos."""
