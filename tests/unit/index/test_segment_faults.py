# SPDX-License-Identifier: GPL-3.0-or-later
"""What disks, power cuts and other programs do to an index: every answer stays right, no bad file is used."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from semantic_photos.domain.errors import SegmentRefusedError
from semantic_photos.domain.ports import FloatArray
from semantic_photos.index import annoy_index, segment_folder
from semantic_photos.index.annoy_index import open_segment
from semantic_photos.index.hybrid_index import HybridIndex
from semantic_photos.index.segment_folder import KEEP_BAD, MANIFEST, Manifest, SegmentFolder
from tests.fakes.vector_catalog import VectorCatalog
from tests.unit.index.conftest import DIM, IDS

pytestmark = pytest.mark.slow  # a sweep over all damage

Reopen = Callable[..., HybridIndex]


def _damage(path: Path, change: Callable[[bytearray], object]) -> None:
    """Give a file other content under the same name, as a disk does: not in place, nobody has it mapped."""
    data = bytearray(path.read_bytes())
    result = change(data)
    path.unlink()
    path.write_bytes(result if isinstance(result, bytes) else bytes(data))


def _file(folder: Path, ending: str) -> Path:
    return next(folder.glob(f"seg-*.{ending}"))


def _edit(folder: Path, **changes: object) -> None:
    manifest = SegmentFolder(folder).manifest()
    assert manifest is not None
    (folder / MANIFEST).write_text(dataclasses.replace(manifest, **changes).to_json())


def _assert_all_is_found(index: HybridIndex, vectors: FloatArray) -> None:
    assert len(index) == len(IDS)
    for row in (0, 17, 399):
        ids, scores = index.search(vectors[row], 1)
        assert ids.tolist() == [IDS[row]]
        assert scores[0] == pytest.approx(1.0, abs=1e-5)


def _assert_set_aside(folder: Path, index: HybridIndex, vectors: FloatArray, reason: str) -> None:
    """Search is exact, tells why, the bad file has another name, and a build makes all well."""
    assert index.engine == "exact"
    assert "Search is exact until a new one is built" in index.reason
    assert index.sizes == (0, len(IDS), 0)
    _assert_all_is_found(index, vectors)
    assert list(folder.glob(f"*.bad-{reason}"))
    assert not (folder / MANIFEST).exists()
    assert index.rebuild()
    assert (index.engine, index.reason) == ("annoy", "")
    _assert_all_is_found(index, vectors)


def test_the_ready_segment_is_good_and_needs_no_reading(
    reopen: Reopen, vectors: FloatArray, catalog: VectorCatalog
) -> None:
    index = reopen()
    assert index.sizes == (len(IDS), 0, 0)
    assert (index.engine, index.reason) == ("annoy", "")
    assert len(catalog.read) <= 400
    _assert_all_is_found(index, vectors)


@pytest.mark.slow
def test_a01_missing(folder: Path, reopen: Reopen, vectors: FloatArray) -> None:
    shutil.rmtree(folder)
    index = reopen()
    assert index.engine == "exact"
    assert index.reason
    _assert_all_is_found(index, vectors)
    assert index.rebuild()
    assert index.engine == "annoy"


@pytest.mark.parametrize("ending", ["annoy", "vectors", "ids"])
def test_a01_one_file_missing(folder: Path, reopen: Reopen, vectors: FloatArray, ending: str) -> None:
    _file(folder, ending).unlink()
    index = reopen()
    assert "missing" in index.reason
    _assert_all_is_found(index, vectors)


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["annoy", "vectors", "ids"])
def test_a02_zero_bytes(folder: Path, reopen: Reopen, vectors: FloatArray, ending: str) -> None:
    _damage(_file(folder, ending), lambda data: b"")
    _assert_set_aside(folder, reopen(), vectors, "size")


def test_a02_zero_bytes_of_manifest(folder: Path, reopen: Reopen, vectors: FloatArray) -> None:
    (folder / MANIFEST).write_bytes(b"")
    _assert_set_aside(folder, reopen(), vectors, "empty")


@pytest.mark.parametrize("nodes", [1, 2, 9, 10, 11, *range(30, 330, 20)])
def test_a03_truncated_at_a_node(folder: Path, reopen: Reopen, vectors: FloatArray, nodes: int) -> None:
    _damage(_file(folder, "annoy"), lambda data: bytes(data[: -nodes * (12 + 4 * DIM)]))
    index = reopen()
    assert index.engine == "exact"
    assert "bytes instead of" in index.reason
    _assert_all_is_found(index, vectors)


def _zero(start: int, length: int) -> Callable[[bytearray], None]:
    def change(data: bytearray) -> None:
        begin = start % len(data)
        data[begin : begin + length] = bytes(len(data[begin : begin + length]))

    return change


def _flip(place: int) -> Callable[[bytearray], None]:
    def change(data: bytearray) -> None:
        data[place % len(data)] ^= 4

    return change


@pytest.mark.parametrize("ending", ["annoy", "vectors", "ids"])
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(_zero(-4096, 4096), id="a04-last-page"),
        pytest.param(_zero(512, 2048), id="a05-a-page"),
        pytest.param(_flip(2), id="a05-bit-in-the-head"),
        pytest.param(_flip(1717), id="a05-bit"),
    ],
)
def test_a04_a05_damaged_content(
    folder: Path, reopen: Reopen, vectors: FloatArray, ending: str, change: Callable[[bytearray], None]
) -> None:
    _damage(_file(folder, ending), change)
    index = reopen()
    assert index.engine == "exact"
    assert "damaged or replaced" in index.reason
    assert len(list(folder.glob(f"*.{ending}.bad-checksum"))) == 1
    _assert_all_is_found(index, vectors)


def test_a06_other_dimension(folder: Path, vectors: FloatArray) -> None:
    # Annoy itself opens a file of 64 dimensions as one of 131, and crashes or answers nothing.
    with pytest.raises(SegmentRefusedError, match="64 dimensions, the pack 131"):
        open_segment(SegmentFolder(folder), dim=131, pack="pack-1")
    _edit(folder, dim=32)
    with pytest.raises(SegmentRefusedError, match="another size"):
        open_segment(SegmentFolder(folder), dim=32, pack="pack-1")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"metric": "dot"}, "distances in another way"),
        ({"pack": "pack-2"}, "another model pack"),
        ({"annoy_version": "1.16.0"}, "another version of Annoy"),
        ({"trees": 3}, "does not hold"),
        ({"n": 0}, "another size"),
    ],
)
def test_a07_another_kind_of_segment(
    folder: Path, reopen: Reopen, vectors: FloatArray, change: dict[str, object], text: str
) -> None:
    _edit(folder, **change)
    index = reopen()
    assert text in index.reason
    assert index.engine == "exact"
    _assert_all_is_found(index, vectors)


@pytest.mark.slow
def test_a08_foreign_file_of_the_right_size(folder: Path, reopen: Reopen, vectors: FloatArray) -> None:
    noise = np.random.default_rng(1).bytes(_file(folder, "annoy").stat().st_size)
    _damage(_file(folder, "annoy"), lambda data: noise)
    _assert_set_aside(folder, reopen(), vectors, "checksum")


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
    _assert_all_is_found(index, vectors)


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
    _assert_all_is_found(index, vectors)


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
    assert "written to while it was opened" in index.reason
    _assert_all_is_found(index, vectors)


def test_annoy_refusing_a_file_is_a_refused_segment(
    folder: Path, reopen: Reopen, vectors: FloatArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _file(folder, "annoy")
    _damage(path, lambda data: bytes(data[:-1]))
    _edit(folder, annoy=SegmentFolder(folder).settle(path.name))
    index = reopen()
    assert "cannot be mapped by Annoy" in index.reason
    _assert_all_is_found(index, vectors)


def test_a18_segment_newer_than_the_catalog(
    folder: Path, reopen: Reopen, vectors: FloatArray, catalog: VectorCatalog
) -> None:
    catalog.number -= 1  # the last commit was lost, its number will be given again
    index = reopen()
    assert "newer than the catalog" in index.reason
    assert index.sizes == (0, len(IDS), 0)
    _assert_all_is_found(index, vectors)


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
    assert "not those of the catalog" in index.reason
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
    _assert_all_is_found(index, vectors)
    assert index.rebuild(), index.reason
    _assert_all_is_found(index, vectors)


@pytest.mark.parametrize(
    "text",
    [
        "{", "[]", "null", '"x"', "[" * 5000, '{"check": "", "segment": {}}', '{"segment": 3, "check": 4}',
        '{"check": "0", "segment": {"format": 1, "n": "many"}}',
    ],
)  # fmt: skip
def test_manifests_that_are_none(folder: Path, reopen: Reopen, vectors: FloatArray, text: str) -> None:
    (folder / MANIFEST).write_text(text)
    index = reopen()
    assert "manifest" in index.reason
    _assert_all_is_found(index, vectors)


def test_manifest_with_one_figure_changed(folder: Path, reopen: Reopen, vectors: FloatArray) -> None:
    document = json.loads((folder / MANIFEST).read_text())
    document["segment"]["generation"] += 1
    (folder / MANIFEST).write_text(json.dumps(document))
    index = reopen()
    assert "manifest of the index segment is damaged" in index.reason
    _assert_all_is_found(index, vectors)


def test_manifest_of_a_later_program(folder: Path, reopen: Reopen) -> None:
    manifest = SegmentFolder(folder).manifest()
    assert manifest is not None
    text = manifest.to_json().replace('"format": 1', '"format": 2')
    body = json.loads(text)
    from semantic_photos.index.segment_folder import _check

    body["check"] = _check(body["segment"])
    (folder / MANIFEST).write_text(json.dumps(body))
    assert "another version of the program" in reopen().reason


def test_manifest_cannot_lead_out_of_the_folder(folder: Path, tmp_path: Path, reopen: Reopen) -> None:
    manifest = SegmentFolder(folder).manifest()
    assert manifest is not None
    shutil.copy(folder / manifest.ids.name, tmp_path / "seg-9.ids")
    _edit(folder, ids=dataclasses.replace(manifest.ids, name="../seg-9.ids"))
    assert "strange file" in reopen().reason


def test_links_are_not_followed(folder: Path, tmp_path: Path, reopen: Reopen, vectors: FloatArray) -> None:
    path = _file(folder, "ids")
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    index = reopen()
    assert "cannot be read" in index.reason
    _assert_all_is_found(index, vectors)


def test_ids_out_of_order_are_refused(folder: Path, reopen: Reopen) -> None:
    path = _file(folder, "ids")
    _damage(path, lambda data: np.repeat(np.frombuffer(bytes(data), "<i8")[:1], len(IDS)).tobytes())
    _edit(folder, ids=SegmentFolder(folder).settle(path.name))
    assert "out of order" in reopen().reason


def test_only_a_few_bad_files_are_kept_and_no_leftovers(folder: Path, ready_folder: Path, reopen: Reopen) -> None:
    for round_ in range(KEEP_BAD + 3):
        for path in ready_folder.iterdir():
            shutil.copy(path, folder / path.name)
        _damage(_file(folder, ("annoy", "vectors", "ids")[round_ % 3]), _flip(round_))
        (folder / "seg-77.part").write_bytes(b"half")
        (folder / "current.json.tmp").write_bytes(b"half")
        assert reopen().engine == "exact"
        assert len(list(folder.glob("*.bad-*"))) <= KEEP_BAD
        assert not list(folder.glob("seg-77*"))
        assert not (folder / "current.json.tmp").exists()


def test_read_only_changes_nothing(folder: Path, reopen: Reopen, vectors: FloatArray) -> None:
    (folder / "seg-77.part").write_bytes(b"half")
    _damage(_file(folder, "annoy"), _flip(99))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    index = reopen(read_only=True)
    _assert_all_is_found(index, vectors)
    assert not index.rebuild_due()
    assert not index.rebuild()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_reader_looks_again_when_the_writer_publishes(
    folder: Path, reopen: Reopen, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = reopen("exact")
    old = SegmentFolder(folder).manifest()
    real = SegmentFolder.manifest
    asked: list[Manifest | None] = []

    def first_the_old_one(self: SegmentFolder) -> Manifest | None:
        asked.append(old if not asked else real(self))
        return asked[-1]

    assert writer.rebuild()
    monkeypatch.setattr(SegmentFolder, "manifest", first_the_old_one)
    segment = open_segment(SegmentFolder(folder, read_only=True), dim=DIM, pack="pack-1")
    assert segment is not None
    assert segment.manifest != old
    assert len(asked) == 2


def test_a_folder_that_cannot_be_used_leaves_exact_search(
    tmp_path: Path, catalog: VectorCatalog, vectors: FloatArray
) -> None:
    (tmp_path / "file").write_text("not a folder")
    index = HybridIndex(tmp_path / "file" / "index", DIM, "pack-1")
    index.load(**catalog.callables())
    assert "cannot be used" in index.reason
    _assert_all_is_found(index, vectors)
    assert not index.rebuild()
    assert "could not be built" in index.reason
    _assert_all_is_found(index, vectors)


@pytest.mark.parametrize("name", [MANIFEST, "annoy"])
def test_a_directory_in_place_of_a_file(folder: Path, reopen: Reopen, vectors: FloatArray, name: str) -> None:
    path = folder / MANIFEST if name == MANIFEST else _file(folder, name)
    path.unlink()
    path.mkdir()
    index = reopen()
    assert index.engine == "exact"
    _assert_all_is_found(index, vectors)


def test_files_that_fail_while_they_are_read(
    folder: Path, reopen: Reopen, vectors: FloatArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(handle: object) -> str:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(segment_folder, "sha256_of", fail)
    index = reopen()
    assert "Input/output error" in index.reason
    _assert_all_is_found(index, vectors)


def test_files_that_cannot_be_deleted_yet_are_left_for_the_next_time(
    folder: Path, reopen: Reopen, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "seg-77.part").mkdir()  # unlink refuses it, as other systems refuse a mapped file
    assert reopen().engine == "annoy"
    (folder / "seg-77.part").rmdir()
    (folder / "seg-77.part").touch()
    assert reopen().engine == "annoy"
    assert not (folder / "seg-77.part").exists()


def test_a_folder_that_vanishes_is_an_empty_one(tmp_path: Path) -> None:
    files = SegmentFolder(tmp_path / "gone")
    files.clean(None)
    files.withdraw()
    assert files.next_number() == 1
    assert files._changed("seg-1.ids.bad-size") == 0.0


def test_a_writer_that_publishes_all_the_time_is_given_up(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    current = SegmentFolder(folder).manifest()
    assert current is not None
    numbers = iter(range(50, 99))

    def always_a_new_one(self: SegmentFolder) -> Manifest:
        gone = dataclasses.replace(current.ids, name=f"seg-{next(numbers)}.ids")
        return dataclasses.replace(current, ids=gone)

    monkeypatch.setattr(SegmentFolder, "manifest", always_a_new_one)
    with pytest.raises(SegmentRefusedError, match="missing"):
        open_segment(SegmentFolder(folder, read_only=True), dim=DIM, pack="pack-1")


def test_read_only_uses_what_is_good(folder: Path, reopen: Reopen, vectors: FloatArray) -> None:
    (folder / "seg-77.part").touch()
    index = reopen(read_only=True)
    assert index.engine == "annoy"
    assert (folder / "seg-77.part").exists()
    _assert_all_is_found(index, vectors)
