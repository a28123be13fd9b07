# SPDX-License-Identifier: GPL-3.0-or-later
"""Custom concepts trained from a few photos, and the personalization of words to the user's confirmations."""
