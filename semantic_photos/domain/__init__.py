# SPDX-License-Identifier: GPL-3.0-or-later
"""Values, messages, protocols, errors and pure maths (standard library, numpy and rapidfuzz only)."""
