# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifest is read strictly: a wrong number in it gives wrong search results."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from semantic_photos.domain.errors import PackError
from semantic_photos.ml.manifest import parse_manifest
from semantic_photos.ml.model_pack import load_pack
from tests.fakes.packs import read_manifest


def refusal(folder: Path) -> str:
    with pytest.raises(PackError) as caught:
        load_pack(folder)
    return str(caught.value)


def edit_raw(folder: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    """Edit the manifest and write it as it is, lies included."""
    manifest = read_manifest(folder)
    edit(manifest)
    (folder / "pack.json").write_text(json.dumps(manifest), encoding="utf-8")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "[" * 100_000, '{"format": NaN}', '{"format": 1, "format": 1}', "\ud800"]
)
def test_a_manifest_that_is_no_manifest_is_refused(text: str) -> None:
    with pytest.raises(PackError, match=r"pack\.json"):
        parse_manifest(text.encode("utf-8", "surrogatepass"))


def test_a_manifest_that_never_ends_is_refused(folder: Path) -> None:
    with (folder / "pack.json").open("ab") as file:
        file.write(b" " * 5_000_000)
    assert "pack.json is larger" in refusal(folder)


def test_a_newer_format_says_what_to_do(folder: Path) -> None:
    edit_raw(folder, lambda manifest: manifest.update(format=2))
    with pytest.raises(PackError, match="newer Semantic Photos") as caught:
        load_pack(folder)
    assert "Update" in caught.value.sentence()


EDITS: list[tuple[str, Any, str]] = [
    ("dim", 0, "dim"), ("dim", True, "dim"), ("dim", "16", "dim"), ("dim", 16.0, "dim"), ("dim", 10**9, "dim"),
    ("metric", "euclidean", "metric"), ("id", "../up", "id"), ("id", "", "id"), ("title", 7, "title"),
    ("title", "a\x1b[31mb", "title"), ("title", "x" * 501, "title"), ("licence", None, "licence"),
    ("files", [], "files"), ("files", {}, "files"), ("image", None, "image"), ("tags", "words.txt", "tags"),
    ("background", "words.txt", "background"), ("background", "none.npy", "none.npy"), ("card", "pack.json", "card"),
    ("image.side", 4, "image.side"), ("image.side", 100_000, "image.side"), ("image.layout", "HWC", "image.layout"),
    ("image.dtype", "float16", "image.dtype"), ("image.fit", "stretch", "image.fit"),
    ("image.interpolation", "nearest", "image.interpolation"), ("image.mean", [0, 0], "image.mean"),
    ("image.std", [1, 0, 1], "image.std"), ("image.std", [1, "1", 1], "image.std"),
    ("image.mean", [0, 1e7, 0], "image.mean"),
    ("image.channels", 0, "image.channels"), ("image.file", "head.json", "head.json"),
    ("image.file", "words.txt", "words.txt"), ("image.file", "../encoder.onnx", "image.file"),
    ("head.file", 3, "head.file"), ("text.words", "words.npy", "text.words"),
    ("known_answer.embedding", [1.0], "embedding"), ("known_answer.min_cosine", 0.5, "min_cosine"),
    ("known_answer.picture", "photo", "picture"), ("known_answer.text", {}, "known_answer.text.query"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "named"), EDITS)
def test_every_field_of_the_manifest_is_checked(good_folder: Path, path: str, value: Any, named: str) -> None:
    root = section = read_manifest(good_folder)
    *parents, last = path.split(".")
    for parent in parents:
        section = section[parent]
    section[last] = value
    with pytest.raises(PackError, match=r"pack\.json") as caught:
        parse_manifest(json.dumps(root).encode())
    assert named in str(caught.value)


@pytest.mark.parametrize("path", ["format", "dim", "image.side", "head.output", "text.scales", "known_answer.text"])
def test_a_missing_field_is_named(good_folder: Path, path: str) -> None:
    root = section = read_manifest(good_folder)
    *parents, last = path.split(".")
    for parent in parents:
        section = section[parent]
    del section[last]
    with pytest.raises(PackError, match=f"“{path}” is missing"):
        parse_manifest(json.dumps(root).encode())
