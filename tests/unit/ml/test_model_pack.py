# SPDX-License-Identifier: GPL-3.0-or-later
"""Packs are verified or not used: every way in which one can be wrong is refused with the file and the fact."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from semantic_photos.domain.errors import PackError
from semantic_photos.domain.photo import ImageRecipe
from semantic_photos.ml.image_encoder import OnnxImageEncoder
from semantic_photos.ml.model_pack import ModelPack, find_packs, load_pack, ramp_picture
from tests.fakes.encoders import DIM
from tests.fakes.packs import build_tiny_pack, encoder_model, head_model, ramp, read_manifest, write_manifest

#: Loading this would write a file: nothing in a pack may ever get so far.
_BOMB = "import pathlib; pathlib.Path({!r}).write_text('boom')"


class Bomb:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, (_BOMB.format(str(self.target)),)


def refusal(folder: Path) -> str:
    with pytest.raises(PackError) as caught:
        load_pack(folder)
    return str(caught.value)


def change(folder: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    """Edit the manifest and write it with sizes and checksums that are right."""
    manifest = read_manifest(folder)
    edit(manifest)
    write_manifest(folder, manifest)


def edit_raw(folder: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    """Edit the manifest and write it as it is, lies included."""
    manifest = read_manifest(folder)
    edit(manifest)
    (folder / "pack.json").write_text(json.dumps(manifest), encoding="utf-8")


# Good ones


def test_a_pack_tells_what_it_is(pack: ModelPack) -> None:
    assert (pack.id, pack.title, pack.version, pack.dim) == ("tiny-colours", "Tiny colours", "0.0.1", DIM)
    assert pack.recipe == ImageRecipe(32, "squash", "bilinear")
    assert pack.licence == "GPL-3.0-or-later"
    assert pack.card().startswith("# Tiny colours")
    assert len(pack.tags) == 10
    assert pack.tag_matrix.shape == (10, DIM)
    assert pack.background is not None
    assert pack.background.shape == (64, DIM)
    assert pack.background.dtype == np.float32


def test_a_pack_without_background_has_none(tmp_path: Path) -> None:
    assert load_pack(build_tiny_pack(tmp_path / "tiny", background=False)).background is None


def test_the_fingerprint_is_what_the_format_says(good_folder: Path, pack: ModelPack) -> None:
    manifest = read_manifest(good_folder)
    lines = sorted(f"{name} {manifest['files'][name]['sha256']}" for name in ("encoder.onnx", "head.onnx"))
    image = json.dumps(manifest["image"], sort_keys=True, separators=(",", ":"))
    assert pack.fingerprint == hashlib.sha256(("\n".join(lines) + "\n" + image).encode()).hexdigest()[:16]


def test_new_words_keep_the_fingerprint_and_a_new_recipe_changes_it(folder: Path, pack: ModelPack) -> None:
    np.save(folder / "word_weights.npy", np.ones(64, np.float32))
    change(folder, lambda manifest: manifest.update(title="Other"))
    assert load_pack(folder).fingerprint == pack.fingerprint
    change(folder, lambda manifest: manifest["image"].update(fit="crop"))
    assert load_pack(folder).fingerprint != pack.fingerprint


def test_the_ramp_is_what_the_format_says() -> None:
    for side in (16, 33, 128):
        assert np.array_equal(ramp_picture(side), ramp(side))


def test_packs_are_found_in_order_and_half_installed_ones_are_not(good_folder: Path, tmp_path: Path) -> None:
    for name in ("first/b", "first/a", "first/.half", "second/c"):
        shutil.copytree(good_folder, tmp_path / name)
    (tmp_path / "first" / "no-pack").mkdir()
    (tmp_path / "first" / "file").write_text("x", encoding="utf-8")
    found = find_packs(tmp_path / "first", tmp_path / "missing", tmp_path / "second")
    assert [path.name for path in found] == ["a", "b", "c"]


def test_what_desktops_strew_about_does_not_cost_the_search(folder: Path) -> None:
    (folder / ".DS_Store").write_bytes(b"\0")
    (folder / "Thumbs.db").write_bytes(b"\0")
    assert load_pack(folder).title


def test_keys_that_are_not_known_are_passed_over(folder: Path) -> None:
    change(
        folder, lambda manifest: manifest.update(homepage="https://example.org", image={**manifest["image"], "q": 1})
    )
    assert load_pack(folder).title


# Files


@pytest.mark.parametrize("name", ["encoder.onnx", "head.onnx", "words.npy", "words.txt", "tags.json", "pack.json"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert name in refusal(folder)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    assert "nowhere" in refusal(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["encoder.onnx", "words.npy", "words.txt", "background.npy", "MODEL_CARD.md"])
def test_a_cut_file_is_refused(folder: Path, name: str) -> None:
    path = folder / name
    path.write_bytes(path.read_bytes()[:-1])
    assert name in refusal(folder)
    assert "incomplete" in refusal(folder)


def test_altered_weights_are_refused(folder: Path) -> None:
    path = folder / "encoder.onnx"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert "encoder.onnx was changed: its checksum differs" in refusal(folder)


def test_weights_altered_after_loading_are_refused(folder: Path) -> None:
    encoder = OnnxImageEncoder(load_pack(folder))
    path = folder / "encoder.onnx"
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(PackError, match=r"encoder\.onnx"):
        encoder.encode(ramp_picture(32)[None])


@pytest.mark.parametrize("name", ["extra.onnx", "evil.py", "evil.so", "model.pkl", "sub"])
def test_what_is_not_listed_is_refused(folder: Path, name: str) -> None:
    if name == "sub":
        (folder / name).mkdir()
    else:
        (folder / name).write_bytes(b"x")
    assert name in refusal(folder)


@pytest.mark.parametrize("name", ["evil.py", "evil.so", "model.pkl", "weights.pt", "data.npz", "words.npy.exe"])
def test_what_could_be_run_is_refused_even_if_listed(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"x")
    change(folder, lambda manifest: None)
    assert name in refusal(folder)


def test_a_listed_network_that_nobody_uses_is_refused(folder: Path) -> None:
    onnx.save(head_model(), folder / "other.onnx")
    change(folder, lambda manifest: None)
    assert "other.onnx" in refusal(folder)


@pytest.mark.parametrize(
    "name",
    ["../x.txt", "/etc/x.txt", "a/b.txt", "a\\b.txt", "C:x.txt", "..", ".x.txt", "", "x\0.txt", "é.txt", "pack.json"],
)
def test_names_that_lead_elsewhere_are_refused(folder: Path, name: str) -> None:
    edit_raw(folder, lambda manifest: manifest["files"].update({name: {"bytes": 1, "sha256": "0" * 64}}))
    assert "invalid name" in refusal(folder)


def test_names_that_are_one_on_other_systems_are_refused(folder: Path) -> None:
    edit_raw(folder, lambda m: m["files"].update({"WORDS.txt": m["files"]["words.txt"]}))
    assert "only in case" in refusal(folder)


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_links_are_refused(folder: Path, tmp_path: Path) -> None:
    shutil.move(folder / "words.txt", tmp_path / "words.txt")
    (folder / "words.txt").symlink_to(tmp_path / "words.txt")
    assert "words.txt is a link" in refusal(folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_does_not_block(folder: Path) -> None:
    (folder / "words.txt").unlink()
    os.mkfifo(folder / "words.txt")
    assert "not a regular file" in refusal(folder)


def test_lying_sizes_are_refused(folder: Path) -> None:
    edit_raw(folder, lambda manifest: manifest["files"]["words.npy"].update(bytes=10))
    assert "words.npy is larger" in refusal(folder)
    edit_raw(folder, lambda manifest: manifest["files"]["words.npy"].update(bytes=10**9))
    assert "words.npy has" in refusal(folder)


# Networks


@pytest.mark.parametrize("kind", ["empty", "half", "text", "jpeg"])
def test_a_broken_network_is_refused(folder: Path, kind: str) -> None:
    path = folder / "encoder.onnx"
    data = path.read_bytes()
    path.write_bytes({"empty": b"", "half": data[: len(data) // 2], "text": b"hi", "jpeg": b"\xff\xd8\xff\xe0"}[kind])
    change(folder, lambda manifest: None)
    assert "encoder.onnx is damaged or not an ONNX model" in refusal(folder)


@pytest.mark.parametrize(
    ("edit", "fact"),
    [
        (lambda m: m["image"].update(side=48), "(any, 48, 48, 3)"),
        (lambda m: m["image"].update(layout="NCHW"), "(any, 3, 32, 32)"),
        (lambda m: m["image"].update(dtype="float32"), "float32"),
        (lambda m: m["image"].update(channels=8), "encoder.onnx: the output “map”"),
        (lambda m: m["image"].update(input="x"), "encoder.onnx has no input “x”"),
        (lambda m: m["image"].update(pooled="x"), "encoder.onnx has no output “x”"),
        (lambda m: m["head"].update(output="x"), "head.onnx has no output “x”"),
        (lambda m: m["head"].update(file="encoder.onnx"), "encoder.onnx has no input “features”"),
    ],
)  # fmt: skip
def test_a_network_that_does_not_fit_the_manifest_is_refused(
    folder: Path, edit: Callable[[dict[str, Any]], object], fact: str
) -> None:
    manifest = read_manifest(folder)
    edit(manifest)
    write_manifest(folder, manifest)
    if manifest["head"]["file"] == "encoder.onnx":
        (folder / "head.onnx").unlink()
        write_manifest(folder, manifest)
    assert fact in refusal(folder)


def test_a_head_of_another_width_is_refused(folder: Path) -> None:
    onnx.save(head_model(dim=8), folder / "head.onnx")
    change(folder, lambda manifest: None)
    assert "head.onnx: the output “embedding” is float32 (any, 8)" in refusal(folder)


def test_a_network_of_fixed_batch_is_refused(folder: Path) -> None:
    proto = encoder_model()
    proto.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    onnx.save(proto, folder / "encoder.onnx")
    change(folder, lambda manifest: None)
    assert "encoder.onnx: the input “image”" in refusal(folder)


def test_a_network_with_another_input_is_refused(folder: Path) -> None:
    proto = encoder_model()
    proto.graph.input.append(onnx.helper.make_tensor_value_info("more", TensorProto.FLOAT, [1]))
    onnx.save(proto, folder / "encoder.onnx")
    change(folder, lambda manifest: None)
    assert "2 inputs" in refusal(folder)


# Tables


@pytest.mark.parametrize(
    ("name", "array", "fact"),
    [
        ("words.npy", np.zeros((64, 8), np.int8), "64 × 8 int8"),
        ("words.npy", np.zeros((63, DIM), np.int8), "63 × 16"),
        ("words.npy", np.zeros((64, DIM), np.float32), "float32"),
        ("words.npy", np.zeros((64, DIM), np.dtype(">i2")), ">i2"),
        ("word_scales.npy", np.zeros(65, np.float32), "65"),
        ("word_scales.npy", np.full(64, np.nan, np.float32), "non-finite"),
        ("word_weights.npy", np.full(64, -1, np.float32), "negative"),
        ("word_weights.npy", np.float32(1), "float32"),
        ("background.npy", np.zeros((64, 8), np.float16), "64 × 8"),
        ("background.npy", np.zeros((64, DIM), np.float16), "unit length"),
        ("background.npy", np.full((64, DIM), np.nan, np.float16), "unit length"),
        ("background.npy", np.zeros((0, DIM), np.float16), "0"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(folder: Path, name: str, array: np.ndarray, fact: str) -> None:
    np.save(folder / name, array)
    change(folder, lambda manifest: None)
    message = refusal(folder)
    assert name in message
    assert fact in message


def test_pickles_are_never_opened(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "boom"
    for kind in ("pickle", "object array", "archive"):
        path = folder / "word_scales.npy"
        if kind == "pickle":
            path.write_bytes(pickle.dumps(Bomb(target)))
        elif kind == "object array":
            np.save(path, np.array([Bomb(target)] * 64, dtype=object), allow_pickle=True)
        else:
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("word_scales.npy", b"x")
        change(folder, lambda manifest: None)
        assert "word_scales.npy" in refusal(folder), kind
        assert not target.exists(), kind


@pytest.mark.parametrize(
    "header",
    [b"{'descr': '<f4', 'fortran_order': False, 'shape': (2000000000000,), }", b"{" * 200, b"__import__('os')"],
)
def test_headers_that_lie_are_refused(folder: Path, header: bytes) -> None:
    padded = header + b" " * (-(len(header) + 11) % 64) + b"\n"
    data = b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded
    (folder / "word_scales.npy").write_bytes(data + bytes(256))
    change(folder, lambda manifest: None)
    assert "word_scales.npy" in refusal(folder)


@pytest.mark.parametrize("text", ["", "\n", "Red\n", "red\n\nblue\n", "red\nred\n", "red blue\n", "red\x07\n"])
def test_a_word_list_that_is_none_is_refused(folder: Path, text: str) -> None:
    (folder / "words.txt").write_text(text, encoding="utf-8")
    change(folder, lambda manifest: None)
    assert "words.txt" in refusal(folder)


def test_a_word_list_of_other_bytes_is_refused(folder: Path) -> None:
    (folder / "words.txt").write_bytes(b"caf\xe9\n")
    change(folder, lambda manifest: None)
    assert "words.txt" in refusal(folder)
