# SPDX-License-Identifier: GPL-3.0-or-later
"""Damage done to a segment as disks and other programs do it, and what must hold afterwards."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from semantic_photos.domain.ports import FloatArray
from semantic_photos.index.hybrid_index import HybridIndex
from semantic_photos.index.segment_folder import MANIFEST, SegmentFolder
from tests.unit.index.conftest import IDS

Reopen = Callable[..., HybridIndex]


def damage(path: Path, change: Callable[[bytearray], object]) -> None:
    """Give a file other content under the same name, as a disk does: not in place, nobody has it mapped."""
    data = bytearray(path.read_bytes())
    result = change(data)
    path.unlink()
    path.write_bytes(result if isinstance(result, bytes) else bytes(data))


def file_of(folder: Path, ending: str) -> Path:
    return next(folder.glob(f"seg-*.{ending}"))


def edit_manifest(folder: Path, **changes: Any) -> None:
    manifest = SegmentFolder(folder).manifest()
    assert manifest is not None
    (folder / MANIFEST).write_text(dataclasses.replace(manifest, **changes).to_json())


def assert_all_is_found(index: HybridIndex, vectors: FloatArray) -> None:
    assert len(index) == len(IDS)
    for row in (0, 17, 399):
        ids, scores = index.search(vectors[row], 1)
        assert ids.tolist() == [IDS[row]]
        assert scores[0] == pytest.approx(1.0, abs=1e-5)


def assert_set_aside(folder: Path, index: HybridIndex, vectors: FloatArray, reason: str) -> None:
    """Search is exact, tells why, the bad file has another name, and a build makes all well."""
    assert index.engine == "exact"
    assert "Search is exact until the index is rebuilt" in index.reason
    assert index.sizes == (0, len(IDS), 0)
    assert_all_is_found(index, vectors)
    assert list(folder.glob(f"*.bad-{reason}"))
    assert not (folder / MANIFEST).exists()
    assert index.rebuild()
    assert (index.engine, index.reason) == ("annoy", "")
    assert_all_is_found(index, vectors)


def zeroed(start: int, length: int) -> Callable[[bytearray], None]:
    def change(data: bytearray) -> None:
        begin = start % len(data)
        data[begin : begin + length] = bytes(len(data[begin : begin + length]))

    return change


def flipped(place: int) -> Callable[[bytearray], None]:
    def change(data: bytearray) -> None:
        data[place % len(data)] ^= 4

    return change
