# SPDX-License-Identifier: GPL-3.0-or-later
"""The ground: values, messages, protocols, errors and pure maths (standard library, numpy and rapidfuzz only)."""
