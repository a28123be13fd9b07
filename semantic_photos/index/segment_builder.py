# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds a segment in a separate folder, measures it, and publishes it."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import os
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from semantic_photos.domain.errors import SegmentRefusedError, UserFacingError
from semantic_photos.domain.messages import CancelToken
from semantic_photos.domain.ports import FloatArray, IdArray
from semantic_photos.domain.translatable import NO_MESSAGE, Message
from semantic_photos.domain.vectors import normalise, usable_rows
from semantic_photos.index import annoy_child, recall_calibration
from semantic_photos.index.annoy_guard import annoy_available, annoy_version, run_child
from semantic_photos.index.annoy_index import TOO_FEW, TREES_FROM, Segment, VectorSource, map_segment
from semantic_photos.index.segment_folder import Manifest, SegmentFile, SegmentFolder

_log = logging.getLogger(__name__)

#: Rows read from the catalog at once: 4 MB of vectors at 256 dimensions.
CHUNK_ROWS = 4096
#: Any number does; a fixed one makes builds repeatable.
SEED = 20_240_229
#: What a query finds is ruled by how many candidates it looks at, hardly by the number of trees, while time, memory
#: and file grow with each tree. Measured at 100,000 vectors spread as the shipped pack spreads photos (256 dimensions),
#: recall@50 of photos / of words at 50,000 candidates: 10 trees 0.991 / 0.975, 20 trees 0.994 / 0.980, 50 trees
#: 0.996 / 0.980, 100 trees 0.996 / 0.981.
TREES = 10


def build_segment(
    folder: SegmentFolder,
    ids: IdArray,
    vectors_for: VectorSource,
    *,
    dim: int,
    pack: str,
    generation: int,
    use_annoy: bool,
    token: CancelToken,
) -> Segment | None:
    """Build a segment of these photos, publish it and return it opened; None, and no segment, if there are none.

    Memory: one chunk of vectors here; Annoy's trees are built in a process of their own (about 1.4 GB for a million
    photos of 256 dimensions) which gives it back.

    Args:
        folder: where it goes.
        ids: int64 (N,), the photos wanted.
        vectors_for: reads their vectors.
        dim: dimensions D.
        pack: fingerprint of the model pack.
        generation: vector generation of the catalog, read before ``ids``.
        use_annoy: build trees, if Annoy works here.
        token: asks to stop; the old segment stays then.

    Raises:
        CancelledError: when the token says so.
        UserFacingError: when Annoy's process fails.
        OSError: when the disk is full or fails.
        MemoryError: when a chunk does not fit.
    """
    folder.create()
    try:
        folder.clean(folder.manifest())
    except SegmentRefusedError as error:
        folder.set_aside(error, None)
    stem = f"seg-{folder.next_number()}"
    try:
        manifest = _write_rows(folder, stem, np.unique(ids), vectors_for, Manifest(
            0, dim, pack, generation, SegmentFile("", 0, ""), SegmentFile("", 0, "")
        ), token)  # fmt: skip
        if manifest is None:
            folder.withdraw()
            return None
        reason = Message("Exact search is selected.") if not use_annoy else NO_MESSAGE
        if not reason and manifest.n < TREES_FROM:
            reason = TOO_FEW
        reason = reason or annoy_available(folder.path)
        if not reason:
            manifest = _grow_trees(folder, stem, manifest, token)
        segment = map_segment(folder, manifest, dim=dim, pack=pack, use_annoy=not reason)
        if segment.has_trees:
            search_k, trusted = recall_calibration.calibrate(segment, token)
            manifest = dataclasses.replace(manifest, search_k=search_k, trusted=trusted)
        token.raise_if_cancelled()
        folder.publish(manifest)
    except BaseException:
        _sweep(folder)
        raise
    return dataclasses.replace(segment, manifest=manifest, without_trees=reason)


def _sweep(folder: SegmentFolder) -> None:
    """Delete what an unfinished build left."""
    try:
        folder.clean(folder.manifest())
    except (OSError, UserFacingError) as error:
        _log.warning("an unfinished index segment was left: %s", error)


def _write_rows(
    folder: SegmentFolder,
    stem: str,
    ids: IdArray,
    vectors_for: VectorSource,
    manifest: Manifest,
    token: CancelToken,
) -> Manifest | None:
    written: list[IdArray] = []
    with folder.create_file(f"{stem}.vectors") as file:
        digest = _Digest(file)
        for some_ids, vectors in _chunks(ids, vectors_for, token):
            digest.write(np.ascontiguousarray(vectors, dtype="<f4").data.cast("B"))
            written.append(some_ids)
        vectors_file = digest.finish(f"{stem}.vectors")
    kept = np.concatenate(written) if written else np.empty(0, np.int64)
    if not len(kept):
        return None
    with folder.create_file(f"{stem}.ids") as file:
        digest = _Digest(file)
        digest.write(np.ascontiguousarray(kept, dtype="<i8").data.cast("B"))
        ids_file = digest.finish(f"{stem}.ids")
    return dataclasses.replace(manifest, n=len(kept), vectors=vectors_file, ids=ids_file)


def _chunks(ids: IdArray, vectors_for: VectorSource, token: CancelToken) -> Iterator[tuple[IdArray, FloatArray]]:
    """Yield photos with unit vectors, ids ascending over all chunks."""
    for start in range(0, len(ids), CHUNK_ROWS):
        token.raise_if_cancelled()
        found, vectors = read_vectors(vectors_for, ids[start : start + CHUNK_ROWS])
        order = np.argsort(found)
        if len(found):
            yield found[order], vectors[order]


def read_vectors(vectors_for: VectorSource, ids: IdArray) -> tuple[IdArray, FloatArray]:
    """Read vectors of these ids and return ids, int64 (M,), and unit vectors, float32 (M, D).

    A vector without a direction is left out: it came from a damaged catalog and must not end a start.
    """
    found, vectors = vectors_for(ids)
    found, vectors = np.asarray(found, dtype=np.int64), np.asarray(vectors, dtype=np.float32)
    good = usable_rows(vectors) if len(found) else np.empty(0, np.bool_)
    if not good.all():
        _log.warning("%d vectors of the catalog have no direction and are left out", int((~good).sum()))
        found, vectors = found[good], vectors[good]
    return found, normalise(vectors)


def _grow_trees(folder: SegmentFolder, stem: str, manifest: Manifest, token: CancelToken) -> Manifest:
    arguments = [manifest.vectors.name, f"{stem}.part", str(manifest.dim), str(TREES), str(SEED)]
    code = run_child(["build", *arguments], folder.path, token=token)
    if code != annoy_child.DONE:
        raise UserFacingError(
            Message("The index could not be built: {reason}.", reason=_why(code)), code="segment.not-built"
        )
    name = f"{stem}.annoy"
    os.replace(folder.path / f"{stem}.part", folder.path / name)
    return dataclasses.replace(manifest, annoy=folder.settle(name), annoy_version=annoy_version(), trees=TREES)


def _why(code: int | None) -> Message:
    if code == annoy_child.DISK_FULL:
        return Message("disk full")
    if code == annoy_child.NO_MEMORY:
        return Message("out of memory")
    if code is not None and code < 0:
        return Message("the process was stopped by signal {number}", number=-code)
    return Message("the process failed (exit code {number})", number=code)


class _Digest:
    """Writes to a file that is not buffered, and knows size and SHA-256 of what it wrote."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._sha256, self._size = file, hashlib.sha256(), 0

    def write(self, data: memoryview) -> None:
        self._sha256.update(data)
        self._size += len(data)
        while len(data):
            data = data[self._file.write(data) :]

    def finish(self, name: str) -> SegmentFile:
        os.fsync(self._file.fileno())
        return SegmentFile(name, self._size, self._sha256.hexdigest())


__all__ = ["CHUNK_ROWS", "TREES", "build_segment", "read_vectors"]
