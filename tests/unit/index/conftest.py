# SPDX-License-Identifier: GPL-3.0-or-later
"""One real segment, built once by the real child process; each test gets its own copy of the folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from semantic_photos.domain.ports import FloatArray
from semantic_photos.domain.vectors import normalise
from semantic_photos.index.hybrid_index import Engine, HybridIndex
from tests.fakes.vector_catalog import VectorCatalog

DIM = 64
#: Catalog ids of the photos of the ready-made segment.
IDS = np.arange(1000, 1400)


def clustered(n: int, dim: int, seed: int = 3) -> FloatArray:
    """Return unit vectors (N, D) in clusters, as photos are."""
    rng = np.random.default_rng(seed)
    centres = normalise(rng.normal(size=(max(4, n // 100), dim)).astype(np.float32))
    own = normalise(rng.normal(size=(n, dim)).astype(np.float32))
    return normalise(centres[rng.integers(len(centres), size=n)] + 0.6 * own)


@pytest.fixture(scope="session")
def vectors() -> FloatArray:
    return clustered(len(IDS), DIM)


@pytest.fixture(scope="session")
def ready_folder(tmp_path_factory: pytest.TempPathFactory, vectors: FloatArray) -> Path:
    folder = tmp_path_factory.mktemp("index") / "ready"
    catalog = VectorCatalog(DIM)
    catalog.put(IDS, vectors)
    index = HybridIndex(folder, DIM, "pack-1", engine="annoy")
    index.load(**catalog.callables())
    assert index.rebuild(), index.reason
    assert index.engine == "annoy", index.reason
    return folder


@pytest.fixture
def folder(tmp_path: Path, ready_folder: Path) -> Path:
    return Path(shutil.copytree(ready_folder, tmp_path / "index"))


@pytest.fixture
def catalog(vectors: FloatArray) -> VectorCatalog:
    """A catalog that the ready-made segment was built from."""
    catalog = VectorCatalog(DIM)
    catalog.put(IDS, vectors)
    return catalog


@pytest.fixture
def reopen(folder: Path, catalog: VectorCatalog) -> Callable[..., HybridIndex]:
    """Open the folder as a start of the program does."""

    def open_it(engine: Engine = "annoy", *, read_only: bool = False, pack: str = "pack-1") -> HybridIndex:
        index = HybridIndex(folder, catalog.dim, pack, engine=engine, read_only=read_only)
        index.load(**catalog.callables())
        return index

    return open_it
