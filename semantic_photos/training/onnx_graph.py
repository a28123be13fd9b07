# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the two ONNX graphs of a pack node by node, with nothing unintended in them.

Weights are stored as int8 with one scale per output channel, or as float16, and turned to float32 by ordinary `Cast`
and `Mul` nodes on constants. A runtime folds those at load, so the file is small and the arithmetic is float32.
(`DequantizeLinear` would say the same but is often left in the graph for a later fusion and then runs every time.)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from semantic_photos.training.head import Head
from semantic_photos.training.student import ResidualBlock, Stage, Student

OPSET = 18
IR_VERSION = 9


class GraphWriter:
    """Collects nodes and constants of one graph."""

    def __init__(self, storage: str) -> None:
        if storage not in {"int8", "float16", "float32"}:
            raise ValueError(f"unknown weight storage {storage!r}")
        self.storage = storage
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._count = 0

    def _name(self, kind: str) -> str:
        self._count += 1
        return f"{kind}_{self._count}"

    def add(self, kind: str, inputs: Sequence[str], output: str | None = None, **attributes: object) -> str:
        """Append a node with one output and return the output's name."""
        output = output or self._name(kind.lower())
        self.nodes.append(helper.make_node(kind, list(inputs), [output], name=f"make_{output}", **attributes))
        return output

    def constant(self, values: np.ndarray, name: str) -> str:
        """Append an initialiser as it is."""
        name = self._name(name)
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def weight(self, values: np.ndarray, name: str) -> str:
        """Append a large weight, first axis = output channels, in the storage type; returns the float32 value."""
        values = values.astype(np.float32)
        if self.storage == "float32":
            return self.constant(values, name)
        if self.storage == "float16":
            return self.add("Cast", [self.constant(values.astype(np.float16), name)], to=TensorProto.FLOAT)
        rows = values.reshape(values.shape[0], -1)
        scale = np.maximum(np.abs(rows).max(axis=1), 1e-12) / 127.0
        whole = np.rint(rows / scale[:, None]).astype(np.int8).reshape(values.shape)
        shape = (-1,) + (1,) * (values.ndim - 1)
        stored = self.add("Cast", [self.constant(whole, name)], to=TensorProto.FLOAT)
        return self.add("Mul", [stored, self.constant(scale.astype(np.float32).reshape(shape), f"{name}_scale")])

    def model(
        self, inputs: Sequence[onnx.ValueInfoProto], outputs: Sequence[onnx.ValueInfoProto], name: str
    ) -> onnx.ModelProto:
        """Check and return the finished model."""
        graph = helper.make_graph(self.nodes, name, list(inputs), list(outputs), self.constants)
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(graph, opset_imports=[opset], producer_name="semantic-photos")
        model.ir_version = IR_VERSION
        onnx.checker.check_model(model, full_check=True)
        return model


def folded(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> tuple[np.ndarray, np.ndarray]:
    """Weight and bias of a convolution with the normalisation after it worked in."""
    factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    weight = conv.weight * factor[:, None, None, None]
    bias = norm.bias - norm.running_mean * factor
    return weight.detach().float().numpy(), bias.detach().float().numpy()


def _conv(writer: GraphWriter, x: str, weight: np.ndarray, bias: np.ndarray, stride: int, *, relu: bool) -> str:
    pad = weight.shape[-1] // 2
    y = writer.add(
        "Conv",
        [x, writer.weight(weight, "weight"), writer.constant(bias, "bias")],
        kernel_shape=list(weight.shape[-2:]),
        strides=[stride, stride],
        pads=[pad] * 4,
    )
    return writer.add("Relu", [y]) if relu else y


def _stage(writer: GraphWriter, x: str, stage: Stage) -> str:
    layers = list(stage.body)
    index = 0
    while index < len(layers):
        layer = layers[index]
        if isinstance(layer, ResidualBlock):
            y = _conv(writer, x, *folded(layer.first[0], layer.first[1]), 1, relu=True)
            y = _conv(writer, y, *folded(layer.second[0], layer.second[1]), 1, relu=False)
            x = writer.add("Relu", [writer.add("Add", [x, y])])
            index += 1
        elif isinstance(layer, nn.Conv2d) and isinstance(layers[index + 1], nn.BatchNorm2d):
            x = _conv(writer, x, *folded(layer, layers[index + 1]), int(layer.stride[0]), relu=True)
            index += 3
        else:
            raise TypeError(f"no rule for {type(layer).__name__}")
    weight = stage.out.weight.detach().float().numpy()
    assert stage.out.bias is not None
    return _conv(writer, x, weight, stage.out.bias.detach().float().numpy(), 1, relu=stage.relu)


def encoder_model(student: Student, side: int, storage: str) -> onnx.ModelProto:
    """``image`` uint8 (N, side, side, 3) to ``map`` (N, C, h, w) and ``pooled`` (N, C), float32."""
    student = student.cpu().eval()
    writer = GraphWriter(storage)
    x = writer.add("Cast", ["image"], to=TensorProto.FLOAT)
    x = writer.add("Transpose", [x], perm=[0, 3, 1, 2])
    x = writer.add("Mul", [x, writer.constant(np.float32(1.0 / 127.5), "scale")])
    x = writer.add("Sub", [x, writer.constant(np.float32(1.0), "one")])
    for stage in student.stages:
        x = _stage(writer, x, stage)
    channels = student.stages[-1].out.out_channels
    grid = side // 32
    writer.add("Identity", [x], "map")
    writer.add("ReduceMean", [x, writer.constant(np.array([2, 3], dtype=np.int64), "axes")], "pooled", keepdims=0)
    return writer.model(
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", side, side, 3])],
        [
            helper.make_tensor_value_info("map", TensorProto.FLOAT, ["N", channels, grid, grid]),
            helper.make_tensor_value_info("pooled", TensorProto.FLOAT, ["N", channels]),
        ],
        "encoder",
    )


def head_model(head: Head, storage: str) -> onnx.ModelProto:
    """``features`` float32 (M, C) to ``embedding`` float32 (M, D), unit length."""
    head = head.cpu().eval()
    writer = GraphWriter(storage)

    def numpy(tensor: torch.Tensor) -> np.ndarray:
        return tensor.detach().float().numpy()

    def linear(x: str, layer: nn.Linear) -> str:
        weight = writer.weight(numpy(layer.weight), "weight")
        return writer.add("Gemm", [x, weight, writer.constant(numpy(layer.bias), "bias")], transB=1)

    x = writer.add("Sub", ["features", writer.constant(numpy(head.mean)[None], "mean")])
    x = writer.add("Mul", [x, writer.constant(1.0 / numpy(head.std)[None], "inverse_std")])
    x = writer.add("Clip", [x, writer.constant(np.float32(-8), "low"), writer.constant(np.float32(8), "high")])
    hidden = writer.add("Relu", [linear(x, head.first)])
    y = writer.add("Add", [linear(x, head.straight), linear(hidden, head.second)])
    size = writer.add("ReduceL2", [y, writer.constant(np.array([1], dtype=np.int64), "axes")], keepdims=1)
    size = writer.add("Max", [size, writer.constant(np.float32(1e-12), "tiny")])
    writer.add("Div", [y, size], "embedding")
    return writer.model(
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["M", head.mean.shape[0]])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["M", head.second.out_features])],
        "head",
    )
