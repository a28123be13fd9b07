# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read from a folder of material, and what is refused."""

import gzip
import json

import pytest

from semantic_photos.domain.errors import UserFacingError
from semantic_photos.evaluation.photos import read_folder, read_material, read_photos


def write(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def test_only_the_asked_split_is_read_and_keys_may_be_missing(tmp_path):
    write(
        tmp_path / "photos.jsonl",
        {"file": "a.webp", "shard": 1, "source": "s", "split": "train", "labels": ["Dog"]},
        {"file": "b.webp", "shard": 2, "source": "s", "split": "val", "labels": ["Cat"]},
        {"file": "c.webp", "split": "val", "captions": None},
    )
    photos = read_photos(tmp_path / "photos.jsonl")
    assert [photo.file for photo in photos] == ["b.webp", "c.webp"]
    assert photos[0].labels == ("cat",)
    assert photos[1].captions == photos[1].labels == ()


def test_all_indexes_of_a_folder_with_what_detectors_saw(tmp_path):
    write(tmp_path / "photos.jsonl", {"file": "a", "split": "val"}, {"file": "t", "split": "train"})
    write(tmp_path / "photos-more.jsonl", {"file": "b", "split": "val"})
    with gzip.open(tmp_path / "objects.jsonl.gz", "wt", encoding="utf-8") as lines:
        for row in (
            {"file": "a", "coco": {"tv": 0.3}, "oiv7": {"Television": 0.2, "House": 0.7}},
            {"file": "t", "coco": {"dog": 0.9}, "oiv7": {}},
            {"file": "b", "coco": {}},
        ):
            lines.write(json.dumps(row) + "\n")
    material = read_material(tmp_path)
    one, two = sorted(material.photos, key=lambda photo: photo.file)
    assert (one.collection, two.collection) == ("old val", "web val")
    assert set(material.collections) == {"old val", "web val"}
    assert one.detections == {"coco": {"tv": 0.3}, "oiv7": {"tv": 0.2, "house": 0.7}}
    assert two.detections == {"coco": {}}
    # What a detector knows is what it ever named, also in photos that are not measured.
    assert material.kinds == {"coco": {"tv", "dog"}, "oiv7": {"tv", "house"}}
    assert [photo.file for photo in material.training] == ["t"]


@pytest.mark.parametrize(
    "line",
    ["no json", "[]", "{}", '{"split": "val"}', '{"split": "val", "file": "a", "labels": [3]}', "[" * 100_000],
)
def test_a_line_that_is_no_photo_is_named(tmp_path, line):
    index = tmp_path / "photos.jsonl"
    index.write_text(f'{{"file": "a", "split": "val"}}\n\n{line}\n', encoding="utf-8")
    with pytest.raises(UserFacingError, match="line 3"):
        read_photos(index)


@pytest.mark.parametrize("line", ["{", "[]", "{}", '{"file": "a", "coco": 1}', '{"file": "a", "coco": {"dog": "x"}}'])
def test_detections_that_are_none_are_named(tmp_path, line):
    write(tmp_path / "photos.jsonl", {"file": "a", "split": "val"})
    (tmp_path / "objects.jsonl").write_text(f"{line}\n", encoding="utf-8")
    with pytest.raises(UserFacingError, match=r"objects\.jsonl, line 1"):
        read_material(tmp_path)


def test_an_index_that_is_not_there_or_no_text_is_refused(tmp_path):
    with pytest.raises(UserFacingError, match="no index"):
        read_material(tmp_path)
    with pytest.raises(UserFacingError, match="cannot be read"):
        read_photos(tmp_path / "photos.jsonl")
    (tmp_path / "photos.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserFacingError, match="cannot be read"):
        read_photos(tmp_path / "photos.jsonl")
    (tmp_path / "photos.jsonl").write_text("", encoding="utf-8")
    with pytest.raises(UserFacingError, match="no photo of the split"):
        read_material(tmp_path)
    (tmp_path / "objects.jsonl.gz").write_bytes(b"no gzip")
    write(tmp_path / "photos.jsonl", {"file": "a", "split": "val"})
    with pytest.raises(UserFacingError, match="cannot be read"):
        read_material(tmp_path)


def test_a_folder_without_an_index_holds_pictures_nobody_described(tmp_path):
    with pytest.raises(UserFacingError, match="no pictures"):
        read_folder(tmp_path)
    (tmp_path / "beach").mkdir()
    (tmp_path / "beach" / "a.JPG").write_bytes(b"")
    (tmp_path / "notes.txt").write_bytes(b"")
    (photo,) = read_folder(tmp_path).photos
    assert (photo.file, photo.source) == ("beach/a.JPG", "beach")
