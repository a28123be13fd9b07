# SPDX-License-Identifier: GPL-3.0-or-later
# Before numpy, which benchmarks import first: what is measured must run as the program does, with one BLAS thread.
import semantic_photos  # noqa: F401
