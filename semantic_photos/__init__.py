# SPDX-License-Identifier: GPL-3.0-or-later
"""Semantic Photos: find any photo in your own library by what is in it, on your own computer."""

__version__ = "0.1.0"

import os as _os

# Before numpy is imported anywhere. The program's matrix products are small, and OpenBLAS's threads wait for each other
# by turning in circles: with both cores busy a product of 0.7 ms takes 32. Decoding, the network and the exact search
# have threads of their own. What a user has set stays.
_os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
