# SPDX-License-Identifier: GPL-3.0-or-later
"""An immutable segment: vectors, ids and Annoy trees, verified and memory-mapped."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from semantic_photos.domain.errors import SegmentRefusedError
from semantic_photos.domain.ports import FloatArray, IdArray
from semantic_photos.domain.translatable import NO_MESSAGE, Message
from semantic_photos.index.annoy_guard import annoy_available, annoy_version
from semantic_photos.index.exact_index import RowArray, Rows
from semantic_photos.index.segment_folder import METRIC, Manifest, SegmentFile, SegmentFolder, refused

#: A file of segments may be replaced by the writer while another process opens it; it looks again then.
_TRIES = 3
#: Fewer photos get no trees. Annoy guesses from the end of its file where the roots begin, and for a single photo it
#: guesses wrongly.
TREES_FROM = 100
TOO_FEW = Message("The library is small.")


class _Trees(Protocol):
    def get_nns_by_vector(self, vector: list[float], n: int, search_k: int, /) -> list[int]: ...

    def get_n_items(self) -> int: ...

    def get_n_trees(self) -> int: ...


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """A segment that was checked and mapped.

    Thread: any number of threads may ask one at once. It is closed by being forgotten: unmapping under a search
    would end the process.

    Attributes:
        manifest: what it holds.
        rows: all its photos, memory-mapped, ids ascending.
        without_trees: why it has no trees; empty if it has.
    """

    manifest: Manifest
    rows: Rows
    without_trees: Message
    _trees: _Trees | None

    @property
    def has_trees(self) -> bool:
        """Return whether Annoy can be queried."""
        return self._trees is not None

    def candidates(self, query: FloatArray, n: int, search_k: int) -> RowArray:
        """Return up to ``n`` rows that Annoy takes for the nearest to a unit vector (D,), int64."""
        assert self._trees is not None
        found = self._trees.get_nns_by_vector(query.tolist(), n, search_k)
        return np.asarray(found, dtype=np.int64)


def open_segment(folder: SegmentFolder, *, dim: int, pack: str, use_annoy: bool = True) -> Segment | None:
    """Open the current segment of a folder, or return None when there is none.

    Every file is hashed (about 1.8 GB/s) before it is used: Annoy itself accepts any file, and answers wrongly or
    ends the process when it is damaged.

    Raises:
        SegmentRefusedError: when the segment is damaged or belongs to another pack, dimension, metric or Annoy.
    """
    last = None
    for _ in range(_TRIES):
        manifest = folder.manifest()
        if manifest is None:
            return None
        if manifest == last:
            break
        try:
            return map_segment(folder, manifest, dim=dim, pack=pack, use_annoy=use_annoy)
        except SegmentRefusedError as error:
            trouble, last = error, manifest
            if error.code != "segment.missing":
                break
    raise trouble


def map_segment(folder: SegmentFolder, manifest: Manifest, *, dim: int, pack: str, use_annoy: bool = True) -> Segment:
    """Check and map the files that ``manifest`` names.

    Raises:
        SegmentRefusedError: as ``open_segment``.
    """
    if manifest.dim != dim:
        raise refused(
            "dim", Message("it has {found} dimensions instead of {expected}", found=manifest.dim, expected=dim)
        )
    if manifest.metric != METRIC:
        raise refused("metric", Message("it uses another distance metric"))
    if manifest.pack != pack:
        raise refused("pack", Message("it belongs to another model pack"))
    vectors = _map(folder, manifest.vectors, "<f4", manifest.n * dim).reshape(manifest.n, dim)
    ids: IdArray = _map(folder, manifest.ids, "<i8", manifest.n)
    if manifest.n < 1 or np.any(ids[1:] <= ids[:-1]):
        raise refused("ids", Message("its list of photos is not sorted"))
    rows = Rows(vectors, ids, None, manifest.n)
    if not use_annoy:
        return Segment(manifest, rows, Message("Exact search is selected."), None)
    if manifest.annoy is None:
        return Segment(
            manifest, rows, TOO_FEW if manifest.n < TREES_FROM else Message("The index was built without Annoy."), None
        )
    reason = annoy_available(folder.path)
    if reason:
        return Segment(manifest, rows, reason, None)
    if manifest.annoy_version != annoy_version():
        raise refused("version", Message("it was built by another version of Annoy"))
    with folder.verified(manifest.annoy) as handle:
        trees = _load(handle, folder.path / manifest.annoy.name, dim)
    if trees.get_n_items() != manifest.n or trees.get_n_trees() != manifest.trees:
        raise refused("annoy", Message("{file} does not match its manifest", file=manifest.annoy.name))
    return Segment(manifest, rows, NO_MESSAGE, trees)


def _map(folder: SegmentFolder, file: SegmentFile, dtype: str, items: int) -> NDArray[Any]:
    if file.size != items * np.dtype(dtype).itemsize or file.size == 0:
        raise refused("size", Message("{file} has a wrong size for its number of photos", file=file.name))
    with folder.verified(file) as handle:
        # The array keeps the mapping, the mapping keeps the inode; no handle stays open.
        mapping = mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ)
    return np.frombuffer(mapping, dtype=dtype)


def _load(handle: BinaryIO, path: Path, dim: int) -> _Trees:
    """Let Annoy map the very file that ``handle`` holds.

    Raises:
        SegmentRefusedError: when it cannot, or when the name leads to another file by now.
    """
    from annoy import AnnoyIndex

    # Annoy opens files by name only. Where the system has names for open files, this one cannot be swapped, and is
    # plain ASCII whatever the folder is called.
    name = f"/proc/self/fd/{handle.fileno()}"
    if not os.path.exists(name):
        name = os.fspath(path)
    trees = AnnoyIndex(dim, "angular")
    try:
        trees.load(name)
        there = os.stat(name)
    except (OSError, UnicodeError) as error:
        raise refused("unreadable", Message("{file} cannot be opened by Annoy", file=path.name)) from error
    if not os.path.samestat(there, os.fstat(handle.fileno())):
        raise refused("changed", Message("{file} was replaced while it was opened", file=path.name))
    mapped: _Trees = trees
    return mapped


#: Reads vectors of these ids: returns ids, int64 (M,), and float32 (M, D); photos without a vector are left out.
VectorSource = Callable[[IdArray], tuple[IdArray, FloatArray]]

__all__ = [
    "TOO_FEW",
    "TREES_FROM",
    "Segment",
    "VectorSource",
    "annoy_available",
    "annoy_version",
    "map_segment",
    "open_segment",
]
