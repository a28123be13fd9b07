# SPDX-License-Identifier: GPL-3.0-or-later
"""Manifests that lie, folders that cannot be used, files that come and go: what is not good is set aside."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from semantic_photos.domain.errors import SegmentRefusedError
from semantic_photos.domain.ports import FloatArray
from semantic_photos.index import segment_folder
from semantic_photos.index.annoy_index import open_segment
from semantic_photos.index.hybrid_index import HybridIndex
from semantic_photos.index.segment_folder import KEEP_BAD, MANIFEST, Manifest, SegmentFolder
from tests.fakes.segment_damage import (
    Reopen,
    assert_all_is_found,
    damage,
    edit_manifest,
    file_of,
    flipped,
)
from tests.fakes.vector_catalog import VectorCatalog
from tests.unit.index.conftest import DIM, IDS

pytestmark = pytest.mark.slow  # a sweep over all damage


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
    assert_all_is_found(index, vectors)


def test_manifest_with_one_figure_changed(folder: Path, reopen: Reopen, vectors: FloatArray) -> None:
    document = json.loads((folder / MANIFEST).read_text())
    document["segment"]["generation"] += 1
    (folder / MANIFEST).write_text(json.dumps(document))
    index = reopen()
    assert "its manifest is damaged" in index.reason
    assert_all_is_found(index, vectors)


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
    edit_manifest(folder, ids=dataclasses.replace(manifest.ids, name="../seg-9.ids"))
    assert "invalid file" in reopen().reason


def test_links_are_not_followed(folder: Path, tmp_path: Path, reopen: Reopen, vectors: FloatArray) -> None:
    path = file_of(folder, "ids")
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    index = reopen()
    assert "cannot be read" in index.reason
    assert_all_is_found(index, vectors)


def test_ids_out_of_order_are_refused(folder: Path, reopen: Reopen) -> None:
    path = file_of(folder, "ids")
    damage(path, lambda data: np.repeat(np.frombuffer(bytes(data), "<i8")[:1], len(IDS)).tobytes())
    edit_manifest(folder, ids=SegmentFolder(folder).settle(path.name))
    assert "not sorted" in reopen().reason


def test_only_a_few_bad_files_are_kept_and_no_leftovers(folder: Path, ready_folder: Path, reopen: Reopen) -> None:
    for round_ in range(KEEP_BAD + 3):
        for path in ready_folder.iterdir():
            shutil.copy(path, folder / path.name)
        damage(file_of(folder, ("annoy", "vectors", "ids")[round_ % 3]), flipped(round_))
        (folder / "seg-77.part").write_bytes(b"half")
        (folder / "current.json.tmp").write_bytes(b"half")
        assert reopen().engine == "exact"
        assert len(list(folder.glob("*.bad-*"))) <= KEEP_BAD
        assert not list(folder.glob("seg-77*"))
        assert not (folder / "current.json.tmp").exists()


def test_read_only_changes_nothing(folder: Path, reopen: Reopen, vectors: FloatArray) -> None:
    (folder / "seg-77.part").write_bytes(b"half")
    damage(file_of(folder, "annoy"), flipped(99))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    index = reopen(read_only=True)
    assert_all_is_found(index, vectors)
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
    assert_all_is_found(index, vectors)
    assert not index.rebuild()
    assert "could not be built" in index.reason
    assert_all_is_found(index, vectors)


@pytest.mark.parametrize("name", [MANIFEST, "annoy"])
def test_a_directory_in_place_of_a_file(folder: Path, reopen: Reopen, vectors: FloatArray, name: str) -> None:
    path = folder / MANIFEST if name == MANIFEST else file_of(folder, name)
    path.unlink()
    path.mkdir()
    index = reopen()
    assert index.engine == "exact"
    assert_all_is_found(index, vectors)


def test_files_that_fail_while_they_are_read(
    folder: Path, reopen: Reopen, vectors: FloatArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(handle: object) -> str:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(segment_folder, "sha256_of", fail)
    index = reopen()
    assert "Input/output error" in index.reason
    assert_all_is_found(index, vectors)


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
    assert_all_is_found(index, vectors)
