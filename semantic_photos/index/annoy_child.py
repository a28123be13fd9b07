# SPDX-License-Identifier: GPL-3.0-or-later
"""The child process that tests Annoy and builds its trees.

Annoy is C++ compiled for the machine it was built on: on an older one it ends the process at its first illegal
instruction; it trusts its memory and its disk. Here it can take down nothing but itself, can be stopped at any
moment, and gives all its memory back.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np

DONE, WRONG_ANSWER, DISK_FULL, NO_MEMORY, FAILED = 0, 3, 4, 5, 6

#: Rows handed to Annoy between two looks around.
_CHUNK_ROWS = 4096


def main(arguments: Sequence[str]) -> int:
    """Run ``check``, or ``build VECTORS OUTPUT DIM TREES SEED`` in the current folder; return the exit code."""
    _die_with_parent()
    try:
        if arguments[0] == "check":
            return check()
        vectors, output, dim, trees, seed = arguments[1:]
        build(Path(vectors), output, int(dim), int(trees), int(seed))
    except MemoryError:
        return NO_MEMORY
    except OSError as error:
        # Annoy keeps the text of errno in the message and loses the number.
        full = error.errno in (errno.ENOSPC, errno.EDQUOT) or os.strerror(errno.ENOSPC) in str(error)
        return DISK_FULL if full else FAILED
    return DONE


def check() -> int:
    """Build a tiny index and query it; return ``DONE`` if the result is right."""
    from annoy import AnnoyIndex

    vectors = np.random.default_rng(1).normal(size=(300, 32)).astype(np.float32)
    index = AnnoyIndex(32, "angular")
    index.set_seed(1)
    for row, vector in enumerate(vectors):
        index.add_item(row, vector.tolist())
    index.build(4, n_jobs=1)
    found = index.get_nns_by_vector(vectors[7].tolist(), 3, 10_000)
    return DONE if found[:1] == [7] else WRONG_ANSWER


def build(vectors: Path, output: str, dim: int, trees: int, seed: int) -> None:
    """Build trees over the float32 matrix (N, D) in the file ``vectors`` and save them as ``output``.

    One job and a fixed seed: the same vectors give the same bytes (on machines of the same instruction set).

    Raises:
        OSError: when a file cannot be read or written.
        MemoryError: when the trees do not fit.
    """
    from annoy import AnnoyIndex

    matrix = np.memmap(vectors, dtype="<f4", mode="r").reshape(-1, dim)
    index = AnnoyIndex(dim, "angular")
    index.set_seed(seed)
    for start in range(0, len(matrix), _CHUNK_ROWS):
        for row, vector in enumerate(matrix[start : start + _CHUNK_ROWS].tolist(), start):
            index.add_item(row, vector)
    index.build(trees, n_jobs=1)
    index.save(output)


def _die_with_parent() -> None:
    """End when the other end of standard input goes, however that happened: the result is no longer needed then."""

    def watch() -> None:
        # Not sys.stdin: a thread that holds its lock at the end of the process is a fatal error.
        while os.read(0, 1):
            pass
        os._exit(FAILED)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
