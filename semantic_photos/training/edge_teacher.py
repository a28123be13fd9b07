# SPDX-License-Identifier: GPL-3.0-or-later
"""The stronger image teacher: MobileNetEdgeTPU (MLPerf Mobile, Apache-2.0) read from ONNX into torch.

The graph holds convolutions with TensorFlow's "same" padding, clips and additions only, so it is followed node by node;
in torch it runs in bf16 beside the student, on the same crop. Used to train towards: nothing of it goes into a pack.
"""

from __future__ import annotations

from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import nn
from torch.nn import functional

#: Channels of the last map and of the feature.
EDGE_CHANNELS = 1280
#: Pixels of a side at which it sees best; at 160 it names a tenth fewer photos rightly.
EDGE_SIDE = 224


class EdgeTeacher(nn.Module):
    """MobileNetEdgeTPU without its classifier, on photos enlarged to ``side``.

    Args:
        path: the ONNX file, with the output ``map`` before pooling.
        side: pixels to which photos are enlarged.

    Raises:
        KeyError: the file holds an operation this network does not have.
    """

    def __init__(self, path: Path, side: int = EDGE_SIDE) -> None:
        super().__init__()
        graph = onnx.load(str(path)).graph
        values = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        self.side = side
        self._steps: list[tuple[str, list[str], str, dict[str, object]]] = []
        last = next(node.input[0] for node in graph.node if "map" in node.output)
        for node in graph.node:
            if node.op_type == "Conv":
                settings = {a.name: a for a in node.attribute}
                weight = torch.from_numpy(values[node.input[1]].copy())
                self.register_buffer(f"{node.output[0]}_w", weight)
                self.register_buffer(f"{node.output[0]}_b", torch.from_numpy(values[node.input[2]].copy()))
                how = {"stride": int(settings["strides"].ints[0]), "groups": int(settings["group"].i)}
            elif node.op_type == "Clip":
                how = {"low": float(values[node.input[1]]), "high": float(values[node.input[2]])}
            elif node.op_type in ("Sub", "Mul"):
                how = {"value": float(values[node.input[1]])}
            elif node.op_type == "Add":
                how = {}
            else:
                continue
            inputs = [name for name in node.input if name not in values]
            self._steps.append((node.op_type, inputs, node.output[0], how))
            if node.output[0] == last:
                break
        self.last = last
        self.eval().requires_grad_(requires_grad=False)

    def _conv(self, x: torch.Tensor, name: str, stride: int, groups: int) -> torch.Tensor:
        weight, bias = getattr(self, f"{name}_w"), getattr(self, f"{name}_b")
        kernel = weight.shape[-1]
        pads = []
        for size in (x.shape[-1], x.shape[-2]):
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            pads += [total // 2, total - total // 2]
        if pads[0] == pads[1] and pads[2] == pads[3]:
            return functional.conv2d(x, weight, bias, stride, (pads[2], pads[0]), 1, groups)
        return functional.conv2d(functional.pad(x, pads), weight, bias, stride, 0, 1, groups)

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        """Photos, float (N, 3, H, W), RGB, 0..255, to a list with the last map (N, 1280, side / 32, side / 32)."""
        if image.shape[-1] != self.side:
            shape = (self.side, self.side)
            image = functional.interpolate(image, size=shape, mode="bicubic", align_corners=False).clamp(0.0, 255.0)
            image = image.contiguous(memory_format=torch.channels_last)
        known = {"image": image}
        for kind, inputs, output, how in self._steps:
            x = known[inputs[0]]
            if kind == "Conv":
                known[output] = self._conv(x, output, int(str(how["stride"])), int(str(how["groups"])))
            elif kind == "Clip":
                known[output] = x.clamp(how["low"], how["high"])  # type: ignore[arg-type]
            elif kind == "Sub":
                known[output] = x - how["value"]  # type: ignore[operator]
            elif kind == "Mul":
                known[output] = x * how["value"]  # type: ignore[operator]
            else:
                known[output] = x + known[inputs[1]]
        return [known[self.last]]
