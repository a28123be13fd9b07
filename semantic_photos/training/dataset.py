# SPDX-License-Identifier: GPL-3.0-or-later
"""The training photos: zips of small pictures decoded once into one array, and augmented batches from it.

Decoding WebP costs more than everything else a data loader does, so it is paid once. After that a batch is a
fancy-indexed slice of a memory-mapped array, and crop, flip and colour jitter are one `grid_sample` and a few
multiplications on the whole batch: a few milliseconds, no worker processes, no cores taken from the training.

Command: ``python -m semantic_photos.training.dataset --photos DIR --out DIR``
"""

from __future__ import annotations

import argparse
import dataclasses
import io
import json
import logging
import os
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

log = logging.getLogger(__name__)

INDEX_NAME = "photos.jsonl"
FLICKR = "flickr8k"


@dataclasses.dataclass(frozen=True, slots=True)
class PhotoRecord:
    """One line of the index of training photos."""

    file: str
    shard: int
    source: str
    split: str
    labels: tuple[str, ...]
    captions: tuple[str, ...]


def read_index(path: Path) -> list[PhotoRecord]:
    """Read ``photos.jsonl``.

    Args:
        path: A text file with one JSON object a line: ``file``, ``shard``, ``source``, ``split`` and, where known,
            ``labels`` and ``captions``.

    Returns:
        The records in the order of the file; the row number is the row of the decoded array.
    """
    records = []
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            records.append(
                PhotoRecord(
                    file=row["file"],
                    shard=int(row["shard"]),
                    source=row["source"],
                    split=row["split"],
                    labels=tuple(row.get("labels") or ()),
                    captions=tuple(row.get("captions") or ()),
                )
            )
    return records


def decode_photo(data: bytes, side: int) -> np.ndarray:
    """Decode one picture and squeeze it to a square.

    Args:
        data: An encoded picture of any format Pillow knows.
        side: Pixels of the square.

    Returns:
        uint8 (side, side, 3), RGB. Bicubic with antialiasing, the filter the pack later declares to the product.
    """
    with Image.open(io.BytesIO(data)) as picture:
        rgb = picture.convert("RGB")
    if rgb.size != (side, side):
        rgb = rgb.resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(rgb)


def decode_all(photos: Path, out: Path, side: int) -> Path:
    """Decode every photo of the index into ``out/photos-<side>.npy`` (uint8, N x side x side x 3).

    The array is written beside its final name and moved there when complete, so a file of that name is whole.
    """
    out.mkdir(parents=True, exist_ok=True)
    target = out / f"photos-{side}.npy"
    records = read_index(photos / INDEX_NAME)
    if target.exists() and np.load(target, mmap_mode="r").shape[0] == len(records):
        return target
    part = target.with_suffix(".part.npy")
    pixels = np.lib.format.open_memmap(part, mode="w+", dtype=np.uint8, shape=(len(records), side, side, 3))
    shards: dict[int, list[int]] = {}
    for row, record in enumerate(records):
        shards.setdefault(record.shard, []).append(row)
    for shard, rows in sorted(shards.items()):
        with zipfile.ZipFile(photos / f"photos-{shard}.zip") as archive, ThreadPoolExecutor(2) as pool:
            names = {Path(name).name: name for name in archive.namelist()}
            # Reading the archive is not thread-safe, decoding is: read here, decode there.
            for start in range(0, len(rows), 512):
                some = rows[start : start + 512]
                blobs = [archive.read(names[records[row].file]) for row in some]
                for row, picture in zip(some, pool.map(lambda blob: decode_photo(blob, side), blobs), strict=True):
                    pixels[row] = picture
        log.info("shard %d decoded, %d photos", shard, len(rows))
    pixels.flush()
    del pixels
    os.replace(part, target)
    (out / INDEX_NAME).write_bytes((photos / INDEX_NAME).read_bytes())
    return target


@dataclasses.dataclass(frozen=True, slots=True)
class Augmentation:
    """How a training crop differs from the photo; all zero and ``whole = 1`` means not at all."""

    min_area: float = 0.4
    whole: float = 0.2
    max_stretch: float = 1.25
    brightness: float = 0.25
    contrast: float = 0.25
    saturation: float = 0.25


class PhotoArray:
    """The decoded photos with their records."""

    def __init__(self, folder: Path, side: int) -> None:
        self.side = side
        self.records = read_index(folder / INDEX_NAME)
        self.pixels = np.load(folder / f"photos-{side}.npy", mmap_mode="r")
        if len(self.records) != self.pixels.shape[0]:
            raise ValueError(f"index has {len(self.records)} photos, array has {self.pixels.shape[0]}: decode again")

    def rows(self, split: str, source: str | None = None) -> np.ndarray:
        """Row numbers (int64) of one split, optionally of one source."""
        return np.array(
            [
                i
                for i, record in enumerate(self.records)
                if record.split == split and (source is None or record.source == source)
            ],
            dtype=np.int64,
        )

    def clean(self, rows: Sequence[int] | np.ndarray) -> torch.Tensor:
        """Photos as they are: float32 (N, 3, side, side), 0..255, channels last in memory."""
        order = np.asarray(rows, dtype=np.int64)
        picked = torch.from_numpy(np.ascontiguousarray(self.pixels[order]))
        return picked.permute(0, 3, 1, 2).float()

    def augmented(
        self, rows: np.ndarray, rng: torch.Generator, how: Augmentation, device: str = "cpu", side: int | None = None
    ) -> torch.Tensor:
        """Photos randomly cropped, flipped and coloured: float32 (N, 3, side, side), 0..255; ``side`` None: as kept."""
        return augment(self.clean(rows).to(device), rng, how, side)


def augment(batch: torch.Tensor, rng: torch.Generator, how: Augmentation, side: int | None = None) -> torch.Tensor:
    """Random resized crop, mirror, brightness, contrast and saturation for a whole batch at once.

    Args:
        batch: float32 (N, 3, S, S), 0..255.
        rng: A CPU generator; the random numbers are the same on every device.
        how: Strengths.
        side: Pixels of the result, S if None. Little smaller than S at the least: nothing is smoothed.

    Returns:
        float32 (N, 3, side, side), clamped to 0..255.
    """
    count = batch.shape[0]

    def uniform(low: float, high: float) -> torch.Tensor:
        return torch.rand(count, generator=rng) * (high - low) + low

    area = uniform(how.min_area, 1.0)
    stretch = torch.exp(uniform(-1.0, 1.0) * float(np.log(how.max_stretch)))
    whole = torch.rand(count, generator=rng) < how.whole
    width = torch.where(whole, torch.ones(count), (area * stretch).sqrt().clamp(max=1.0))
    height = torch.where(whole, torch.ones(count), (area / stretch).sqrt().clamp(max=1.0))
    centre_x = uniform(-1.0, 1.0) * (1.0 - width)
    centre_y = uniform(-1.0, 1.0) * (1.0 - height)
    mirror = torch.where(torch.rand(count, generator=rng) < 0.5, -torch.ones(count), torch.ones(count))
    theta = torch.zeros(count, 2, 3)
    theta[:, 0, 0] = width * mirror
    theta[:, 0, 2] = centre_x
    theta[:, 1, 1] = height
    theta[:, 1, 2] = centre_y
    size = [count, batch.shape[1], side or batch.shape[2], side or batch.shape[3]]
    grid = functional.affine_grid(theta.to(batch.device), size, align_corners=False)
    # Crops only enlarge, so bilinear without antialiasing is right here.
    out = functional.grid_sample(batch, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    shape = (count, 1, 1, 1)
    light = (1.0 + uniform(-1.0, 1.0) * how.brightness).view(shape).to(out.device)
    contrast = (1.0 + uniform(-1.0, 1.0) * how.contrast).view(shape).to(out.device)
    colour = (1.0 + uniform(-1.0, 1.0) * how.saturation).view(shape).to(out.device)
    out = out * light
    middle = out.mean(dim=(1, 2, 3), keepdim=True)
    out = (out - middle) * contrast + middle
    grey = out.mean(dim=1, keepdim=True)
    return ((out - grey) * colour + grey).clamp_(0.0, 255.0)


class EpochSampler:
    """Endless batches of row numbers: a new permutation each pass, resumable by its generator's state."""

    def __init__(self, rows: np.ndarray, batch: int, seed: int) -> None:
        self.rows_all = rows
        self.batch = batch
        self._rng = np.random.default_rng(seed)
        self._order = np.empty(0, dtype=np.int64)

    def next(self) -> np.ndarray:
        """The next ``batch`` row numbers (int64)."""
        while self._order.size < self.batch:
            self._order = np.concatenate([self._order, self._rng.permutation(self.rows_all)])
        picked, self._order = self._order[: self.batch], self._order[self.batch :]
        return picked

    def state(self) -> dict[str, object]:
        """What is needed to go on exactly here."""
        return {"rng": self._rng.bit_generator.state, "order": torch.from_numpy(self._order.copy())}

    def restore(self, state: dict[str, object]) -> None:
        """Go on where `state` was taken."""
        self._rng.bit_generator.state = state["rng"]
        order = state["order"]
        assert isinstance(order, torch.Tensor)
        self._order = order.numpy()


def main(argv: Sequence[str] | None = None) -> int:
    """Decode the photos once."""
    parser = argparse.ArgumentParser(description="Decode the training photos into one array.")
    parser.add_argument("--photos", type=Path, required=True, help="folder with photos.jsonl and photos-N.zip")
    parser.add_argument("--out", type=Path, required=True, help="folder for the array")
    parser.add_argument("--side", type=int, default=128)
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    log.info("array at %s", decode_all(args.photos, args.out, args.side))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
