# SPDX-License-Identifier: GPL-3.0-or-later
"""The student: a plain residual network of dense 3x3 convolutions, in four stages that mirror the teacher's cuts.

Dense convolutions instead of depthwise ones, because CPUs run and train them several times faster per arithmetic
operation (He et al., "Deep Residual Learning", CVPR 2016). Each stage maps the teacher's channels at one cut to the
teacher's channels at the next, so a stage can be trained alone on the teacher's own input map, and the chain of stages
is the whole network.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from semantic_photos.training.teacher import TEACHER_CHANNELS


@dataclasses.dataclass(frozen=True, slots=True)
class StudentShape:
    """Widths and depths of the four stages."""

    widths: tuple[int, ...] = (48, 96, 192, 384)
    blocks: tuple[int, ...] = (1, 2, 3, 2)
    stem: int = 32

    def as_dict(self) -> dict[str, object]:
        """For checkpoints."""
        return {"widths": list(self.widths), "blocks": list(self.blocks), "stem": self.stem}


def _conv_norm(inputs: int, outputs: int, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)]


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around which the input is carried."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Sequential(*_conv_norm(width, width), nn.ReLU(inplace=True))
        self.second = nn.Sequential(*_conv_norm(width, width))
        # Starts as the identity: deep stages then learn from the first step.
        nn.init.zeros_(self.second[1].weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, width, H, W) to the same shape."""
        return functional.relu(x + self.second(self.first(x)))


class Stage(nn.Module):
    """Halves the resolution, works in its own width, and ends in the teacher's channels."""

    def __init__(self, inputs: int, width: int, blocks: int, outputs: int, *, stem: int = 0, relu: bool) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        if stem:
            layers += [*_conv_norm(inputs, stem, 2), nn.ReLU(inplace=True)]
            inputs = stem
        layers += [*_conv_norm(inputs, width, 2), nn.ReLU(inplace=True)]
        layers += [ResidualBlock(width) for _ in range(blocks)]
        self.body = nn.Sequential(*layers)
        self.out = nn.Conv2d(width, outputs, 1)
        self.relu = relu

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, inputs, H, W) to (N, outputs, H / 2, W / 2); a quarter instead of a half for the stage with the stem."""
        y = self.out(self.body(x))
        return functional.relu(y) if self.relu else y


class Student(nn.Module):
    """The image encoder of the pack."""

    def __init__(self, shape: StudentShape) -> None:
        super().__init__()
        self.shape = shape
        inputs = (3, *TEACHER_CHANNELS[:-1])
        self.stages = nn.ModuleList(
            Stage(
                inputs[i],
                shape.widths[i],
                shape.blocks[i],
                TEACHER_CHANNELS[i],
                stem=shape.stem if i == 0 else 0,
                relu=i == len(TEACHER_CHANNELS) - 1,
            )
            for i in range(len(TEACHER_CHANNELS))
        )

    @staticmethod
    def scale(image: torch.Tensor) -> torch.Tensor:
        """0..255 to -1..1."""
        return image / 127.5 - 1.0

    def forward(self, image: torch.Tensor, frozen: int = 0) -> list[torch.Tensor]:
        """Chain of the four stages.

        Args:
            image: float (N, 3, H, W), RGB, 0..255.
            frozen: So many stages are not trained: no gradient is kept for them.

        Returns:
            Four maps in the teacher's channels; the mean of the last over positions is the pooled feature.
        """
        x = self.scale(image)
        maps = []
        for number, stage in enumerate(self.stages):
            with torch.set_grad_enabled(torch.is_grad_enabled() and number >= frozen):
                x = stage(x)
            maps.append(x)
        return maps

    def apart(self, image: torch.Tensor, teacher_maps: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Every stage on the teacher's map of the cut before it (the first one on the image), as in stage one."""
        inputs = [self.scale(image), *teacher_maps[:-1]]
        return [stage(x) for stage, x in zip(self.stages, inputs, strict=True)]


def parameter_count(module: nn.Module) -> int:
    """Number of trained weights."""
    return sum(p.numel() for p in module.parameters())
