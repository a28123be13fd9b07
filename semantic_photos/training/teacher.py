# SPDX-License-Identifier: GPL-3.0-or-later
"""The image teacher: MobileNetV2 (Apache-2.0) read from its ONNX initialisers, cut at four places.

Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018. The file comes from a TensorFlow
training, hence the "same" padding (more on the right and below) and the scaling to -1..1. Batch normalisation is
already folded into the convolutions.
"""

from __future__ import annotations

from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import nn
from torch.nn import functional

# Index of the last inverted-residual block before each cut; the fourth cut is the 1280-channel map.
CUT_BLOCKS = (1, 4, 11)
TEACHER_CHANNELS = (24, 32, 96, 1280)
TEACHER_STRIDES = (4, 8, 16, 32)
_BLOCK_STRIDES = (2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1)
_CLASSES = 1001


class SameConv(nn.Module):
    """A convolution with TensorFlow's "same" padding, optionally followed by ReLU6."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor, stride: int, groups: int, *, relu: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.bias = nn.Parameter(bias, requires_grad=False)
        self.stride = stride
        self.groups = groups
        self.relu = relu
        self.kernel = weight.shape[-1]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve ``x`` (N, C, H, W)."""
        pads = []
        for size in (x.shape[-1], x.shape[-2]):
            total = max((-(-size // self.stride) - 1) * self.stride + self.kernel - size, 0)
            pads += [total // 2, total - total // 2]
        if pads[0] == pads[1] and pads[2] == pads[3]:
            y = functional.conv2d(x, self.weight, self.bias, self.stride, (pads[2], pads[0]), 1, self.groups)
        else:
            y = functional.conv2d(functional.pad(x, pads), self.weight, self.bias, self.stride, 0, 1, self.groups)
        return functional.relu6(y) if self.relu else y


class Block(nn.Module):
    """Expand, depthwise, project; added to its input where shapes allow."""

    def __init__(self, expand: SameConv, depthwise: SameConv, project: SameConv) -> None:
        super().__init__()
        self.body = nn.Sequential(expand, depthwise, project)
        same = expand.weight.shape[1] == project.weight.shape[0]
        self.residual = depthwise.stride == 1 and same

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Run the block on ``x`` (N, C, H, W)."""
        y = self.body(x)
        return x + y if self.residual else y


class Teacher(nn.Module):
    """MobileNetV2 without its classifier, as four stages."""

    def __init__(self, stages: list[nn.Sequential]) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)
        self.eval()

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        """Maps at the four cuts.

        Args:
            image: float (N, 3, H, W), RGB, 0..255.

        Returns:
            Four maps, (N, C, H / stride, W / stride) with `TEACHER_CHANNELS` and `TEACHER_STRIDES`. The first three
            are linear bottlenecks (signed), the last is after ReLU6; its mean over positions is the feature.
        """
        x = image / 127.5 - 1.0
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps


def load_teacher(path: Path) -> Teacher:
    """Build the torch teacher from the ONNX file's weights.

    Raises:
        KeyError: an expected initialiser is missing, so this is another network.
    """
    weights = {
        tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy())
        for tensor in onnx.load(str(path)).graph.initializer
    }

    def conv(name: str, stride: int, *, relu: bool) -> SameConv:
        weight = weights[f"{name}.weight"]
        groups = weight.shape[0] if weight.shape[1] == 1 and weight.shape[-1] == 3 else 1
        return SameConv(weight, weights[f"{name}.bias"], stride, groups, relu=relu)

    stages: list[nn.Sequential] = []
    layers: list[nn.Module] = [
        conv("net.stem.0", 2, relu=True),
        conv("net.stem.1", 1, relu=True),
        conv("net.stem.2", 1, relu=False),
    ]
    for index, stride in enumerate(_BLOCK_STRIDES):
        name = f"net.bl.{index}"
        layers.append(
            Block(
                conv(f"{name}.0", 1, relu=True),
                conv(f"{name}.1", stride, relu=True),
                conv(f"{name}.2", 1, relu=False),
            )
        )
        if index in CUT_BLOCKS:
            stages.append(nn.Sequential(*layers))
            layers = []
    layers.append(conv("net.last", 1, relu=True))
    stages.append(nn.Sequential(*layers))
    return Teacher(stages)
