# SPDX-License-Identifier: GPL-3.0-or-later
"""The roof: the Qt window. The only package that imports PySide6."""
