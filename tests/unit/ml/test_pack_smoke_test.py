# SPDX-License-Identifier: GPL-3.0-or-later
"""A pack is tried out where it can do no harm."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from semantic_photos.domain.errors import PackError
from semantic_photos.ml.model_pack import load_pack
from semantic_photos.ml.pack_smoke_test import try_pack
from tests.fakes.encoders import CHANNELS, DIM
from tests.fakes.packs import model, read_manifest, write_manifest

pytestmark = pytest.mark.slow


def test_a_good_pack_passes(good_folder: Path) -> None:
    try_pack(good_folder)


def test_the_reason_comes_back(folder: Path) -> None:
    (folder / "words.txt").unlink()
    with pytest.raises(PackError, match=r"words\.txt is missing") as caught:
        try_pack(folder)
    assert caught.value.code == "pack.missing"


def hungry_head(folder: Path, side: int) -> None:
    """Make a head whose constants unfold to ``side``² floats, out of operators that are all allowed."""
    nodes = [
        helper.make_node("MatMul", ["column", "row"], ["square"]),
        helper.make_node("ReduceMax", ["square"], ["one"], keepdims=0),
        helper.make_node("MatMul", ["features", "turn"], ["turned"]),
        helper.make_node("Mul", ["turned", "one"], ["embedding"]),
    ]
    proto = model(
        nodes,
        inputs=[helper.make_tensor_value_info("features", TensorProto.FLOAT, ["M", CHANNELS])],
        outputs=[helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["M", DIM])],
        constants={
            "column": np.ones((side, 1), np.float32),
            "row": np.ones((1, side), np.float32),
            "turn": np.ones((CHANNELS, DIM), np.float32),
        },
    )
    onnx.save(proto, folder / "head.onnx")
    write_manifest(folder, read_manifest(folder))


@pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded on Linux only")
def test_a_pack_that_wants_all_memory_is_refused(folder: Path) -> None:
    hungry_head(folder, 60_000)  # 14 GB out of a file of half a megabyte
    load_pack(folder)  # by its looks it is fine
    with pytest.raises(PackError):
        try_pack(folder, memory_bytes=1024**3)


def test_a_pack_that_never_answers_is_refused(folder: Path) -> None:
    start = time.monotonic()
    with pytest.raises(PackError, match="did not respond"):
        try_pack(folder, limit_s=0.0)
    assert time.monotonic() - start < 10
