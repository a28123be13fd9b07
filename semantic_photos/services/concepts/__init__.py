# SPDX-License-Identifier: GPL-3.0-or-later
"""Custom concepts taught by a few photos, and the personalization of words to the user's confirmations."""
