# SPDX-License-Identifier: GPL-3.0-or-later
"""The ONNX graph of the phrase encoder, written node by node."""

from __future__ import annotations

import math

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper
from torch import nn

from semantic_photos.training.onnx_graph import GraphWriter
from semantic_photos.training.phrase_encoder import Block, PhraseEncoder


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().float().numpy()


def _linear(writer: GraphWriter, x: str, layer: nn.Linear) -> str:
    # int8 rows are output channels, MatMul wants inputs first.
    weight = writer.add("Transpose", [writer.weight(_numpy(layer.weight), "weight")], perm=[1, 0])
    y = writer.add("MatMul", [x, weight])
    return y if layer.bias is None else writer.add("Add", [y, writer.constant(_numpy(layer.bias), "bias")])


def _norm(writer: GraphWriter, x: str, layer: nn.LayerNorm) -> str:
    scale = writer.constant(_numpy(layer.weight), "norm_scale")
    shift = writer.constant(_numpy(layer.bias), "norm_shift")
    return writer.add("LayerNormalization", [x, scale, shift], axis=-1, epsilon=layer.eps)


def _unit(writer: GraphWriter, x: str, output: str | None = None) -> str:
    axis = writer.constant(np.array([1], dtype=np.int64), "axes")
    size = writer.add("ReduceL2", [x, axis], keepdims=1)
    size = writer.add("Max", [size, writer.constant(np.float32(1e-12), "tiny")])
    return writer.add("Div", [x, size], output)


def _block(writer: GraphWriter, x: str, block: Block) -> str:
    width = block.answer.out_features
    asked = _linear(writer, _norm(writer, x, block.before_attention), block.ask)
    thirds = []
    apart = writer.constant(np.array([1, -1, block.heads, width // block.heads], dtype=np.int64), "shape")
    for part in range(3):
        bounds = [writer.constant(np.array([part * width + add], dtype=np.int64), "bound") for add in (0, width)]
        axis = writer.constant(np.array([2], dtype=np.int64), "axis")
        third = writer.add("Reshape", [writer.add("Slice", [asked, *bounds, axis]), apart])
        thirds.append(writer.add("Transpose", [third], perm=[0, 2, 3, 1] if part == 1 else [0, 2, 1, 3]))
    factor = writer.constant(np.float32(1.0 / math.sqrt(width // block.heads)), "factor")
    share = writer.add("Softmax", [writer.add("Mul", [writer.add("MatMul", thirds[:2]), factor])], axis=-1)
    answer = writer.add("Transpose", [writer.add("MatMul", [share, thirds[2]])], perm=[0, 2, 1, 3])
    answer = writer.add("Reshape", [answer, writer.constant(np.array([1, -1, width], dtype=np.int64), "shape")])
    x = writer.add("Add", [x, _linear(writer, answer, block.answer)])
    hidden = writer.add("Relu", [_linear(writer, _norm(writer, x, block.before_hidden), block.first)])
    return writer.add("Add", [x, _linear(writer, hidden, block.second)])


def phrase_model(encoder: PhraseEncoder, storage: str) -> onnx.ModelProto:
    """``words`` float32 (1, L, D) and ``weights`` float32 (1, L) of one phrase to ``vector`` (1, D), unit length."""
    encoder = encoder.cpu().eval()
    writer = GraphWriter(storage)
    dim = encoder.enter.in_features
    second = writer.constant(np.array([1], dtype=np.int64), "axes")
    wide = writer.add("Unsqueeze", ["weights", writer.constant(np.array([2], dtype=np.int64), "axes")])
    total = writer.add("ReduceSum", [writer.add("Mul", ["words", wide]), second], keepdims=0)
    total = _unit(writer, total)
    x = _linear(writer, "words", encoder.enter)
    length = writer.add("Shape", ["words"], start=1, end=2)
    first = writer.constant(np.array([0], dtype=np.int64), "first")
    places = writer.constant(_numpy(encoder.places), "places")
    x = writer.add("Mul", [x, writer.constant(np.float32(math.sqrt(dim) ** 0.5), "factor")])
    x = writer.add("Add", [x, writer.add("Slice", [places, first, length, first])])
    counts = writer.add("Cast", [writer.add("Greater", [wide, writer.constant(np.float32(0.0), "zero")])],
                        to=TensorProto.FLOAT)  # fmt: skip
    x = writer.add("Add", [x, writer.add("Mul", [counts, writer.constant(_numpy(encoder.counts), "counts")])])
    for block in encoder.blocks:
        assert isinstance(block, Block)
        x = _block(writer, x, block)
    x = writer.add("ReduceMean", [_norm(writer, x, encoder.last), second], keepdims=0)
    _unit(writer, writer.add("Add", [total, _linear(writer, x, encoder.leave)]), "vector")
    return writer.model(
        [
            helper.make_tensor_value_info("words", TensorProto.FLOAT, [1, "L", dim]),
            helper.make_tensor_value_info("weights", TensorProto.FLOAT, [1, "L"]),
        ],
        [helper.make_tensor_value_info("vector", TensorProto.FLOAT, [1, dim])],
        "phrases",
    )
