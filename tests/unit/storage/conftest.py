# SPDX-License-Identifier: GPL-3.0-or-later
"""A catalog in a temporary folder and short words for what happens to photos."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from semantic_photos.domain.photo import ContentKey, FileStamp, FolderId, PhotoFacts, PhotoId
from semantic_photos.domain.ports import FloatArray
from semantic_photos.storage.catalog import Catalog, IndexedPhoto
from semantic_photos.storage.database import Database

PACK = "pack-a"
DIM = 8


class Shelf:
    """A catalog with one folder, and a clock that a test moves."""

    def __init__(self, path: Path) -> None:
        self.path, self.time = path, 1_000_000.0
        self.open()
        self.root = Path("/photos")
        self.folder = self.catalog.folders.add(self.root).id

    def open(self) -> None:
        self.database = Database.open(self.path)
        self.catalog = Catalog(self.database, now=lambda: self.time)

    def reopen(self) -> None:
        """Close and open again, as the next start of the program would."""
        self.database.close()
        self.open()

    def stamp(self, number: int, **changes: int) -> FileStamp:
        values = {"size": 1000 + number, "mtime_ns": 10**18 + number * 10**9, "inode": number} | changes
        return FileStamp(**values)

    def add(self, *numbers: int, folder: FolderId | None = None, root: Path | None = None) -> list[PhotoId]:
        """Add photos that wait; their names and stamps come from their numbers."""
        files = [((root or self.root) / f"{number}.jpg", self.stamp(number)) for number in numbers]
        return self.catalog.files.add(folder or self.folder, files)

    def row(self, photo_id: PhotoId, **changes: object) -> IndexedPhoto:
        photo = self.catalog.photos.get([photo_id])[photo_id]
        values: dict[str, object] = {
            "photo_id": photo_id, "stamp": photo.stamp, "content_key": ContentKey(f"{photo.stamp.size:032x}"),
            "facts": PhotoFacts(40, 30, "JPEG"), "vector": vector(photo_id),
        }  # fmt: skip
        return IndexedPhoto(**(values | changes))  # type: ignore[arg-type]

    def commit(self, ids: Sequence[PhotoId], pack: str = PACK) -> list[PhotoId]:
        return self.catalog.queue.commit(pack, [self.row(photo_id) for photo_id in ids])

    def indexed(self, *numbers: int) -> list[PhotoId]:
        ids = self.add(*numbers)
        assert self.commit(ids) == ids
        return ids

    def suspects(self) -> set[int]:
        """Return the waiting photos that were being read when the program died."""
        with self.database.read() as connection:
            return {row[0] for row in connection.execute("SELECT id FROM photo WHERE state = 0 AND crashes > 0")}

    def searchable(self, pack: str = PACK) -> list[int]:
        return list(self.catalog.vectors.searchable_ids(pack).tolist())


def vector(number: int, dim: int = DIM) -> FloatArray:
    """Return a unit vector of its own for each number."""
    array = np.random.default_rng(number).normal(size=dim).astype(np.float32)
    return np.asarray(array / np.linalg.norm(array), dtype=np.float32)


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Return a folder in memory where there is one: these tests wait for the disk otherwise, some hundred times."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        yield Path(folder)


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    made = Shelf(tmp_path / "catalog.sqlite")
    yield made
    assert made.database.closed or made.catalog.check() == []
    made.database.close()
