# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds a tiny but real model pack: ONNX networks that see colours, 64 words, tags, a known answer.

The networks compute what ``tests.fakes.encoders`` computes with numpy, which also gives the known answers: two
independent ways to the same numbers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from semantic_photos.domain.ports import ByteArray, FloatArray
from semantic_photos.domain.vectors import normalise
from tests.fakes.encoders import (
    AWAKE,
    CHANNELS,
    DIM,
    GRID,
    MEANINGS,
    SIGNS,
    THRESHOLD,
    VOCABULARY,
    FakeImageEncoder,
    rotation,
    word_vector,
)  # fmt: skip

SIDE = 32
TAGS = {
    "red": "colour", "green": "colour", "blue": "colour", "yellow": "colour", "black": "colour", "white": "colour",
    "sky": "nature", "forest": "nature", "banana": "food", "beach": "place",
}  # fmt: skip
CARD = "# Tiny colours\n\nSees nothing but colour; made for tests, trained on nothing. Licence: GPL-3.0-or-later.\n"


def build_tiny_pack(
    folder: Path, *, side: int = SIDE, layout: str = "NHWC", dtype: str = "uint8", background: bool = True
) -> Path:
    """Write a valid pack to ``folder`` (made if missing) and return it.

    ``layout`` and ``dtype`` choose what the network takes: ours is uint8 NHWC; float32 and NCHW is what packs of
    others take, with mean and std in the manifest.
    """
    folder.mkdir(parents=True, exist_ok=True)
    mean, std = ([0.5, 0.5, 0.5], [0.5, 0.5, 0.5]) if dtype == "float32" else ([0.0, 0.0, 0.0], [1.0, 1.0, 1.0])
    onnx.save(encoder_model(side=side, layout=layout, dtype=dtype), folder / "encoder.onnx")
    onnx.save(head_model(), folder / "head.onnx")
    write_words(folder)
    eye = FakeImageEncoder(side)
    photos = eye.encode(random_photos(side, 64))
    write_tags(folder, photos)
    (folder / "MODEL_CARD.md").write_text(CARD, encoding="utf-8")
    if background:
        np.save(folder / "background.npy", photos.astype(np.float16))
    manifest: dict[str, Any] = {
        "format": 1, "id": "tiny-colours", "title": "Tiny colours", "version": "0.0.1", "created": "2026-11-24",
        "licence": "GPL-3.0-or-later", "card": "MODEL_CARD.md", "dim": DIM, "metric": "cosine",
        "image": {
            "file": "encoder.onnx", "input": "image", "side": side, "layout": layout, "dtype": dtype,
            "mean": mean, "std": std, "fit": "squash", "interpolation": "bilinear",
            "map": "map", "pooled": "pooled", "channels": CHANNELS,
        },
        "head": {"file": "head.onnx", "input": "features", "output": "embedding"},
        "text": {
            "words": "words.txt", "vectors": "words.npy", "scales": "word_scales.npy", "weights": "word_weights.npy",
        },
        "tags": "tags.json",
        "known_answer": {
            "picture": "ramp-1", "min_cosine": 0.999, "embedding": eye.encode(ramp(side)[None])[0].tolist(),
            "text": {"query": "dog beach", "embedding": phrase("dog beach").tolist()},
        },
    }  # fmt: skip
    if background:
        manifest["background"] = "background.npy"
    write_manifest(folder, manifest)
    return folder


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Write ``pack.json`` with sizes and checksums of all other files that lie in the folder now."""
    files = {}
    for path in sorted(folder.iterdir()):
        if path.name != "pack.json":
            data = path.read_bytes()
            files[path.name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    text = json.dumps({**manifest, "files": files}, indent=1, sort_keys=True)
    (folder / "pack.json").write_text(text, encoding="utf-8")


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return what ``pack.json`` says."""
    manifest: dict[str, Any] = json.loads((folder / "pack.json").read_text(encoding="utf-8"))
    return manifest


def ramp(side: int) -> ByteArray:
    """Return the picture ``ramp-1``, uint8 (side, side, 3), pixel by pixel as the format's text says."""
    pixels = np.zeros((side, side, 3), np.uint8)
    for y in range(side):
        for x in range(side):
            for c in range(3):
                pixels[y, x, c] = (x * (c + 1) * 5 + y * (3 - c) * 3) % 256
    return pixels


def random_photos(side: int, n: int) -> ByteArray:
    """Return pictures of four random patches each, uint8 (n, side, side, 3), the same at every call."""
    patches = np.random.default_rng(3).integers(0, 256, size=(n, 2, 2, 3), dtype=np.uint8)
    return patches.repeat(side // 2, axis=1).repeat(side // 2, axis=2)


def phrase(text: str) -> FloatArray:
    """Return the vector of a phrase as the pack's weights make it."""
    weights = word_weights()
    rows = [VOCABULARY.index(word) for word in text.split()]
    return normalise(np.sum([weights[row] * word_vector(VOCABULARY[row]) for row in rows], axis=0))


def word_weights() -> FloatArray:
    """Return a weight for each word, float32 (V,): 0 for stop words, more for rarer words."""
    return np.array(
        [0.0 if MEANINGS[word] is None else 1e-3 / (1e-3 + 1e-3 / (1 + row)) for row, word in enumerate(VOCABULARY)],
        dtype=np.float32,
    )


def write_words(folder: Path) -> None:
    """Write the word table."""
    vectors = np.stack([word_vector(word) for word in VOCABULARY])
    scales = np.abs(vectors).max(axis=1) / 127
    (folder / "words.txt").write_text("".join(f"{word}\n" for word in VOCABULARY), encoding="utf-8")
    np.save(folder / "words.npy", np.round(vectors / scales[:, None]).astype(np.int8))
    np.save(folder / "word_scales.npy", scales.astype(np.float32))
    np.save(folder / "word_weights.npy", word_weights())


def write_tags(folder: Path, photos: FloatArray) -> None:
    """Write ``tags.json`` with the background that ``photos``, unit vectors (B, D), give each tag."""
    tags = []
    for tag, category in TAGS.items():
        cosines = photos @ word_vector(tag)
        tags.append({"tag": tag, "category": category, "mean": float(cosines.mean()), "std": float(cosines.std())})
    text = json.dumps({"calibration": {"a": 2.0, "b": -3.0}, "tags": tags}, indent=1)
    (folder / "tags.json").write_text(text, encoding="utf-8")


def encoder_model(*, side: int = SIDE, layout: str = "NHWC", dtype: str = "uint8") -> onnx.ModelProto:
    """Return a network of real parts: convolutions, activation, pooling; every pixel excites nine detectors."""
    # In two steps, so that it is a network with a hidden layer: relu(x) - relu(-x) = x for the first one.
    split = np.concatenate([np.eye(3), -np.eye(3)]).astype(np.float32)
    join = np.concatenate([np.concatenate([SIGNS, -SIGNS], axis=1), np.zeros((1, 6))]).astype(np.float32)
    bias = np.array([-THRESHOLD] * len(SIGNS) + [AWAKE], dtype=np.float32)
    constants = {
        "split": split.reshape(6, 3, 1, 1),
        "join": join.reshape(CHANNELS, 6, 1, 1),
        "bias": bias,
        "half": np.array(127.5, dtype=np.float32),
        "one": np.array(1.0, dtype=np.float32),
    }
    nodes, last = [], "image"
    if dtype == "uint8":
        nodes += [
            helper.make_node("Cast", [last], ["floats"], to=TensorProto.FLOAT),
            helper.make_node("Div", ["floats", "half"], ["scaled"]),
            helper.make_node("Sub", ["scaled", "one"], ["centred"]),
        ]
        last = "centred"
    if layout == "NHWC":
        nodes.append(helper.make_node("Transpose", [last], ["planes"], perm=[0, 3, 1, 2]))
        last = "planes"
    cell = side // GRID
    nodes += [
        helper.make_node("Conv", [last, "split"], ["hidden"]),
        helper.make_node("Relu", ["hidden"], ["awake"]),
        helper.make_node("Conv", ["awake", "join", "bias"], ["excited"]),
        helper.make_node("Relu", ["excited"], ["pixels"]),
        helper.make_node("AveragePool", ["pixels"], ["map"], kernel_shape=[cell, cell], strides=[cell, cell]),
        helper.make_node("GlobalAveragePool", ["map"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["pooled"], axis=1),
    ]
    shape: list[str | int | None] = ["N", side, side, 3] if layout == "NHWC" else ["N", 3, side, side]
    kind = TensorProto.UINT8 if dtype == "uint8" else TensorProto.FLOAT
    return model(
        nodes,
        inputs=[helper.make_tensor_value_info("image", kind, shape)],
        outputs=[
            helper.make_tensor_value_info("map", TensorProto.FLOAT, ["N", CHANNELS, GRID, GRID]),
            helper.make_tensor_value_info("pooled", TensorProto.FLOAT, ["N", CHANNELS]),
        ],
        constants=constants,
    )


def head_model(*, dim: int = DIM) -> onnx.ModelProto:
    """Return the projection head: a rotation and a division by the length."""
    turn = rotation()[:, :dim]
    nodes = [
        helper.make_node("MatMul", ["features", "turn"], ["turned"]),
        helper.make_node("LpNormalization", ["turned"], ["embedding"], axis=-1, p=2),
    ]
    return model(
        nodes,
        inputs=[helper.make_tensor_value_info("features", TensorProto.FLOAT, ["M", CHANNELS])],
        outputs=[helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["M", dim])],
        constants={"turn": turn},
    )


def phrase_model(
    *, dim: int = DIM, inputs: Sequence[str] = ("words", "weights"), length: str | int = "L"
) -> onnx.ModelProto:
    """Return a network for phrases in which later words weigh more: each by the sum of the weights up to it."""
    shapes: dict[str, tuple[int, list[str | int | None]]] = {
        "rows": (TensorProto.INT64, [1, length]),
        "words": (TensorProto.FLOAT, [1, length, dim]),
        "weights": (TensorProto.FLOAT, [1, length]),
    }
    nodes = [
        helper.make_node("CumSum", ["weights", "along"], ["sums"]),
        helper.make_node("Unsqueeze", ["sums", "last"], ["column"]),
        helper.make_node("Mul", ["words", "column"], ["weighted"]),
        helper.make_node("ReduceSum", ["weighted", "along"], ["total"], keepdims=0),
        helper.make_node("LpNormalization", ["total"], ["vector"], axis=-1, p=2),
    ]
    return model(
        nodes,
        inputs=[helper.make_tensor_value_info(name, *shapes[name]) for name in inputs],
        outputs=[helper.make_tensor_value_info("vector", TensorProto.FLOAT, [1, dim])],
        constants={"along": np.array([1], np.int64), "last": np.array([2], np.int64)},
    )


def add_phrases(folder: Path, proto: onnx.ModelProto | None = None, *, max_words: int = 16) -> Path:
    """Give a pack a network for phrases and the known answer that belongs to ``phrase_model``."""
    onnx.save(proto if proto is not None else phrase_model(), folder / "phrases.onnx")
    manifest = read_manifest(folder)
    manifest["phrases"] = {"file": "phrases.onnx", "max_words": max_words}
    manifest["known_answer"]["text"]["embedding"] = in_order("dog beach").tolist()
    write_manifest(folder, manifest)
    return folder


def in_order(text: str) -> FloatArray:
    """Return the vector of a phrase as ``phrase_model`` makes it, stop words included."""
    weights = word_weights()
    rows = [VOCABULARY.index(word) for word in text.split()]
    sums = np.cumsum(weights[rows])
    return normalise(np.sum([share * word_vector(VOCABULARY[r]) for share, r in zip(sums, rows, strict=True)], axis=0))


def model(
    nodes: list[onnx.NodeProto],
    *,
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    constants: dict[str, np.ndarray],
    opset: int = 17,
) -> onnx.ModelProto:
    """Return a checked-by-nobody model of these nodes: hostile ones are made with it too."""
    graph = helper.make_graph(
        nodes, "tiny", inputs, outputs, [numpy_helper.from_array(value, name) for name, value in constants.items()]
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
