# SPDX-License-Identifier: GPL-3.0-or-later
"""Pooled features of a frozen network for every photo, computed once and cached for targets and heads.

A run can be stopped at any moment; the next one goes on where it was. Photos that were added behind the others are
computed, those that are there stay.

Command: ``python -m semantic_photos.training.teacher_features --network edge|lite2|student --file FILE --data DIR
--out DIR [--mirrored]``
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from semantic_photos.training import progress
from semantic_photos.training.dataset import PhotoArray
from semantic_photos.training.edge_teacher import EdgeTeacher
from semantic_photos.training.features import load_student
from semantic_photos.training.lite import Lite

log = logging.getLogger(__name__)

NETWORKS = ("edge", "lite2", "student")
#: Pixels of a side at which EfficientNet-Lite2 is asked.
_LITE_SIDE = 224


def network_of(name: str, file: Path | None) -> nn.Module:
    """Return one of `NETWORKS`, frozen; ``file`` is its ONNX file (edge) or checkpoint (student)."""
    if name == "lite2":
        return Lite(2, _LITE_SIDE).to(memory_format=torch.channels_last)
    if file is None:
        raise ValueError(f"{name} needs --file")
    network = EdgeTeacher(file) if name == "edge" else load_student(file, "cpu")
    return network.to(memory_format=torch.channels_last)


def feature_file(folder: Path, name: str, *, mirrored: bool = False) -> Path:
    """Return where the features of a network are kept."""
    return folder / f"features-{name}{'-mirrored' if mirrored else ''}.npy"


@torch.no_grad()
def compute(network: nn.Module, photos: PhotoArray, path: Path, *, mirrored: bool, batch: int = 64) -> None:
    """Fill ``path``, float16 (photos, C), a row a photo in the order of the index; NaN rows are still to be made."""
    count = len(photos.records)
    made = np.load(path) if path.exists() else np.empty((0, 0), np.float16)
    start = int(np.isfinite(made[:, :1]).sum()) if made.size else 0
    values = made[:start]
    began, first = time.monotonic(), start
    while start < count:
        parts = [values] if values.size else []
        for _ in range(64):
            rows = np.arange(start, min(start + batch, count))
            if not len(rows):
                break
            image = photos.clean(rows)
            image = (image.flip(3) if mirrored else image).contiguous(memory_format=torch.channels_last)
            with progress.half_precision("cpu"):
                last = network(image)[-1]
            parts.append(last.float().mean(dim=(2, 3)).numpy().astype(np.float16))
            start = int(rows[-1]) + 1
        values = np.concatenate(parts)
        part = path.with_suffix(".part.npy")
        np.save(part, values)
        part.replace(path)
        log.info("%s: %d of %d, %.0f/s", path.stem, start, count, (start - first) / (time.monotonic() - began))


def main(argv: Sequence[str] | None = None) -> int:
    """Compute the features of one network."""
    parser = argparse.ArgumentParser(description="Pooled features of a frozen network for all training photos.")
    parser.add_argument("--network", choices=NETWORKS, required=True)
    parser.add_argument("--file", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--side", type=int, default=160)
    parser.add_argument("--mirrored", action="store_true", help="of the mirrored photos")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    progress.prepare(0, 2)
    args.out.mkdir(parents=True, exist_ok=True)
    photos = PhotoArray(args.data, args.side)
    network = network_of(args.network, args.file)
    compute(network, photos, feature_file(args.out, args.network, mirrored=args.mirrored), mirrored=args.mirrored)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
