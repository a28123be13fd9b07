# SPDX-License-Identifier: GPL-3.0-or-later
"""What disks, power cuts and other programs do to an index: every answer stays right, no bad file is used."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from semantic_photos.domain.errors import SegmentRefusedError
from semantic_photos.domain.ports import FloatArray
from semantic_photos.index import annoy_index
from semantic_photos.index.annoy_index import open_segment
from semantic_photos.index.hybrid_index import HybridIndex
from semantic_photos.index.segment_folder import MANIFEST, SegmentFolder
from tests.fakes.segment_damage import (
    Reopen,
    assert_all_is_found,
    assert_set_aside,
    damage,
    edit_manifest,
    file_of,
    flipped,
    zeroed,
)
from tests.fakes.vector_catalog import VectorCatalog
from tests.unit.index.conftest import DIM, IDS

pytestmark = pytest.mark.slow  # a sweep over all damage


def test_the_ready_segment_is_good_and_needs_no_reading(
    reopen: Reopen, vectors: FloatArray, catalog: VectorCatalog
) -> None:
    index = reopen()
    assert index.sizes == (len(IDS), 0, 0)
    assert (index.engine, index.reason) == ("annoy", "")
    assert len(catalog.read) <= 400
    assert_all_is_found(index, vectors)


@pytest.mark.slow
def test_a01_missing(folder: Path, reopen: Reopen, vectors: FloatArray) -> None:
    shutil.rmtree(folder)
    index = reopen()
    assert index.engine == "exact"
    assert index.reason
    assert_all_is_found(index, vectors)
    assert index.rebuild()
    assert index.engine == "annoy"


@pytest.mark.parametrize("ending", ["annoy", "vectors", "ids"])
def test_a01_one_file_missing(folder: Path, reopen: Reopen, vectors: FloatArray, ending: str) -> None:
    file_of(folder, ending).unlink()
    index = reopen()
    assert "missing" in index.reason
    assert_all_is_found(index, vectors)


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["annoy", "vectors", "ids"])
def test_a02_zero_bytes(folder: Path, reopen: Reopen, vectors: FloatArray, ending: str) -> None:
    damage(file_of(folder, ending), lambda data: b"")
    assert_set_aside(folder, reopen(), vectors, "size")


def test_a02_zero_bytes_of_manifest(folder: Path, reopen: Reopen, vectors: FloatArray) -> None:
    (folder / MANIFEST).write_bytes(b"")
    assert_set_aside(folder, reopen(), vectors, "empty")


@pytest.mark.parametrize("nodes", [1, 2, 9, 10, 11, *range(30, 330, 20)])
def test_a03_truncated_at_a_node(folder: Path, reopen: Reopen, vectors: FloatArray, nodes: int) -> None:
    damage(file_of(folder, "annoy"), lambda data: bytes(data[: -nodes * (12 + 4 * DIM)]))
    index = reopen()
    assert index.engine == "exact"
    assert "bytes instead of" in index.reason
    assert_all_is_found(index, vectors)


@pytest.mark.parametrize("ending", ["annoy", "vectors", "ids"])
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(zeroed(-4096, 4096), id="a04-last-page"),
        pytest.param(zeroed(512, 2048), id="a05-a-page"),
        pytest.param(flipped(2), id="a05-bit-in-the-head"),
        pytest.param(flipped(1717), id="a05-bit"),
    ],
)
def test_a04_a05_damaged_content(
    folder: Path, reopen: Reopen, vectors: FloatArray, ending: str, change: Callable[[bytearray], None]
) -> None:
    damage(file_of(folder, ending), change)
    index = reopen()
    assert index.engine == "exact"
    assert "damaged or replaced" in index.reason
    assert len(list(folder.glob(f"*.{ending}.bad-checksum"))) == 1
    assert_all_is_found(index, vectors)


def test_a06_other_dimension(folder: Path, vectors: FloatArray) -> None:
    # Annoy itself opens a file of 64 dimensions as one of 131, and crashes or answers nothing.
    with pytest.raises(SegmentRefusedError, match="64 dimensions instead of 131"):
        open_segment(SegmentFolder(folder), dim=131, pack="pack-1")
    edit_manifest(folder, dim=32)
    with pytest.raises(SegmentRefusedError, match="another size"):
        open_segment(SegmentFolder(folder), dim=32, pack="pack-1")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"metric": "dot"}, "another distance metric"),
        ({"pack": "pack-2"}, "another model pack"),
        ({"annoy_version": "1.16.0"}, "another version of Annoy"),
        ({"trees": 3}, "does not match"),
        ({"n": 0}, "another size"),
    ],
)
def test_a07_another_kind_of_segment(
    folder: Path, reopen: Reopen, vectors: FloatArray, change: dict[str, object], text: str
) -> None:
    edit_manifest(folder, **change)
    index = reopen()
    assert text in index.reason
    assert index.engine == "exact"
    assert_all_is_found(index, vectors)


@pytest.mark.slow
def test_a08_foreign_file_of_the_right_size(folder: Path, reopen: Reopen, vectors: FloatArray) -> None:
    noise = np.random.default_rng(1).bytes(file_of(folder, "annoy").stat().st_size)
    damage(file_of(folder, "annoy"), lambda data: noise)
    assert_set_aside(folder, reopen(), vectors, "checksum")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="names of open files are Linux's")
def test_a09_swapped_after_the_check(
    folder: Path, reopen: Reopen, vectors: FloatArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = annoy_index._load

    def swap_then_load(handle: object, path: Path, dim: int) -> object:
        other = path.with_name("other")
        other.write_bytes(np.random.default_rng(1).bytes(path.stat().st_size))
        os.replace(other, path)
        return load(handle, path, dim)  # type: ignore[arg-type]

    monkeypatch.setattr(annoy_index, "_load", swap_then_load)
    index = reopen()
    # What was checked is what was mapped: the other file under the same name was never looked at.
    assert index.engine == "annoy"
    assert_all_is_found(index, vectors)


def test_a09_swapped_after_the_check_without_names_of_open_files(
    folder: Path, reopen: Reopen, vectors: FloatArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = annoy_index._load

    def swap_then_load(handle: object, path: Path, dim: int) -> object:
        copy = path.with_name("other")
        shutil.copyfile(path, copy)
        os.replace(copy, path)
        with monkeypatch.context() as patch:
            patch.setattr(os.path, "exists", lambda name: False)
            return load(handle, path, dim)  # type: ignore[arg-type]

    monkeypatch.setattr(annoy_index, "_load", swap_then_load)
    index = reopen()
    assert "replaced while it was opened" in index.reason
    assert_all_is_found(index, vectors)


def test_a10_written_in_place_while_it_is_opened(
    folder: Path, reopen: Reopen, vectors: FloatArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = annoy_index._load

    def load_then_touch(handle: object, path: Path, dim: int) -> object:
        trees = load(handle, path, dim)  # type: ignore[arg-type]
        os.utime(path, ns=(1, 1))
        return trees

    monkeypatch.setattr(annoy_index, "_load", load_then_touch)
    index = reopen()
    assert "changed while it was opened" in index.reason
    assert_all_is_found(index, vectors)


def test_annoy_refusing_a_file_is_a_refused_segment(
    folder: Path, reopen: Reopen, vectors: FloatArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = file_of(folder, "annoy")
    damage(path, lambda data: bytes(data[:-1]))
    edit_manifest(folder, annoy=SegmentFolder(folder).settle(path.name))
    index = reopen()
    assert "cannot be opened by Annoy" in index.reason
    assert_all_is_found(index, vectors)


def test_a18_segment_newer_than_the_catalog(
    folder: Path, reopen: Reopen, vectors: FloatArray, catalog: VectorCatalog
) -> None:
    catalog.number -= 1  # the last commit was lost, its number will be given again
    index = reopen()
    assert "newer than the catalog" in index.reason
    assert index.sizes == (0, len(IDS), 0)
    assert_all_is_found(index, vectors)


def test_a18_photos_the_catalog_does_not_know_are_dropped(
    reopen: Reopen, vectors: FloatArray, catalog: VectorCatalog
) -> None:
    catalog.delete(IDS[:300])
    index = reopen()
    assert index.sizes == (100, 0, 300)
    assert set(index.search(vectors[0], 400)[0].tolist()) == set(IDS[300:].tolist())


def test_segment_of_another_catalog_is_refused(reopen: Reopen, vectors: FloatArray, catalog: VectorCatalog) -> None:
    catalog.rows = {photo_id: (-vector, number) for photo_id, (vector, number) in catalog.rows.items()}
    index = reopen()
    assert "differ from the catalog" in index.reason
    assert index.search(-vectors[5], 1)[0].tolist() == [IDS[5]]


def test_a19_catalog_newer_than_the_segment(reopen: Reopen, vectors: FloatArray, catalog: VectorCatalog) -> None:
    new = -vectors[:50]
    catalog.put(np.arange(5000, 5050), new)
    catalog.put([IDS[0]], -vectors[17][None])  # encoded again: the same photo, another vector
    index = reopen()
    assert index.sizes == (len(IDS) - 1, 51, 1)
    assert index.search(new[3], 1)[0].tolist() == [5003]
    ids, scores = index.search(vectors[0], 450)
    assert len(set(ids.tolist())) == 450
    everything, truth = catalog.vectors_for(catalog.ids_now())
    order = np.argsort(-(truth @ vectors[0]), kind="stable")
    assert np.allclose(scores, (truth @ vectors[0])[order], atol=1e-5)
    assert set(ids[:20].tolist()) == set(everything[order[:20]].tolist())


@pytest.mark.parametrize(
    "name",
    [pytest.param("zdjęcia-фото-写真-🌻", marks=pytest.mark.slow), os.fsdecode(b"raw-\xff\xfe")],
)
def test_a21_folder_names(tmp_path: Path, ready_folder: Path, catalog: VectorCatalog, vectors: FloatArray,
                          name: str) -> None:  # fmt: skip
    try:
        home = Path(shutil.copytree(ready_folder, tmp_path / name))
    except OSError:
        pytest.skip("this file system refuses the name")
    index = HybridIndex(home, DIM, "pack-1", engine="annoy")
    index.load(**catalog.callables())
    assert (index.engine, index.reason) == ("annoy", "")
    assert_all_is_found(index, vectors)
    assert index.rebuild(), index.reason
    assert_all_is_found(index, vectors)
