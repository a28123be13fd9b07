# SPDX-License-Identifier: GPL-3.0-or-later
"""The training loop's schedule by the clock, moving average, checkpoints and log."""

from __future__ import annotations

import json
import math
import os
import time
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

CHECKPOINT_NAME = "checkpoint.pt"
LOG_NAME = "log.jsonl"


class ClockSchedule:
    """Warm-up, then half a cosine over a budget of wall time instead of a number of steps.

    On a shared machine the number of steps in an hour is unknown. The learning rate therefore follows the time spent
    (across resumed runs), so that it always ends at its floor when the budget ends.
    """

    def __init__(self, seconds: float, *, warmup: int, floor: float = 0.0, spent: float = 0.0) -> None:
        self.seconds = seconds
        self.warmup = warmup
        self.floor = floor
        self._spent_before = spent
        self._start = time.monotonic()

    @property
    def spent(self) -> float:
        """Seconds of training so far, all runs together."""
        return self._spent_before + time.monotonic() - self._start

    @property
    def done(self) -> bool:
        """The budget is used up."""
        return self.spent >= self.seconds

    def factor(self, step: int) -> float:
        """Multiplier of the peak learning rate at this moment."""
        warm = min(1.0, (step + 1) / max(1, self.warmup))
        part = min(1.0, self.spent / self.seconds)
        return warm * (self.floor + (1.0 - self.floor) * 0.5 * (1.0 + math.cos(math.pi * part)))


class MovingAverage:
    """Exponential moving average of weights and normalisation statistics (Polyak averaging)."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.shadow = {name: value.detach().clone() for name, value in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """Move towards the current weights; faster at the beginning, when the average is still the random start."""
        decay = min(self.decay, (1.0 + step) / (10.0 + step))
        for name, value in module.state_dict().items():
            if value.is_floating_point():
                self.shadow[name].lerp_(value, 1.0 - decay)
            else:
                self.shadow[name].copy_(value)


def save_atomically(state: dict[str, Any], path: Path) -> None:
    """Write beside the target and rename: a killed run leaves the old checkpoint, never half a one."""
    part = path.with_suffix(".part")
    torch.save(state, part)
    os.replace(part, path)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint onto the CPU (tensors, numbers, strings and containers only: no code is run)."""
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state


class RunLog:
    """One JSON object a line, appended and flushed."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / LOG_NAME

    def write(self, **fields: object) -> None:
        """Append one line with the time of day."""
        line = {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **fields}
        rounded = {k: round(v, 6) if isinstance(v, float) else v for k, v in line.items()}
        with self._path.open("a", encoding="utf-8") as out:
            out.write(json.dumps(rounded) + "\n")


def read_config(path: Path) -> dict[str, Any]:
    """A stage's TOML."""
    with path.open("rb") as file:
        return tomllib.load(file)


def prepare(seed: int, threads: int) -> None:
    """Seed every generator and bound the cores used."""
    torch.manual_seed(seed)
    np.random.seed(seed)
    if threads:
        torch.set_num_threads(threads)


def pick_device(wanted: str) -> str:
    """``auto`` is the GPU where there is one."""
    if wanted != "auto":
        return wanted
    return "cuda" if torch.cuda.is_available() else "cpu"


def half_precision(device: str) -> torch.autocast:
    """Arithmetic in bf16 where the hardware has it; a processor without it emulates bf16 many times slower."""
    kind = torch.device(device).type
    able = kind != "cpu" or torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.autocast(kind, torch.bfloat16, enabled=able)
