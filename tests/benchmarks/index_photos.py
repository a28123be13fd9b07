# SPDX-License-Identifier: GPL-3.0-or-later
"""Throughput of indexing against its two halves, in one run.

    python -m tests.benchmarks.index_photos FOLDER [--repeat 4] [--pack DIR]

Decodes every photo (child processes alone), encodes as many squares (network alone), and indexes them into a new
library (all of it). The slower half is the ceiling; with two cores that both halves share, the ceiling of the whole
is 1 / (1/decode + 1/encode) when each half alone can use all cores.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np

from semantic_photos.domain.messages import CancelToken
from semantic_photos.media.decode_request import DecodeRequest
from semantic_photos.media.decoder_pool import DecoderPool
from semantic_photos.media.thumbnails import THUMBNAIL_SIDE
from semantic_photos.ml.image_encoder import OnnxImageEncoder
from semantic_photos.ml.model_pack import find_packs, load_pack
from semantic_photos.paths import Paths, resources
from semantic_photos.services.indexing.pipeline import BATCH
from semantic_photos.services.indexing.scanner import ScanReport, walk
from semantic_photos.services.library.library import Library


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repeat", type=int, default=4, help="copies of each photo, unlike in their last byte")
    parser.add_argument("--pack", type=Path)
    options = parser.parse_args()
    pack = load_pack(options.pack or find_packs(resources() / "packs")[0])
    cores = os.cpu_count() or 2
    with tempfile.TemporaryDirectory(prefix="semantic-photos-") as folder:
        photos = _copies(options.folder, Path(folder) / "photos", options.repeat)
        decode = _decode(photos, pack.recipe, min(4, cores))
        encode = _encode(pack, len(photos), cores)
        index, seconds, library_counts = _index(Path(folder) / "photos", Path(folder) / "home", options.pack)
    ceiling = 1.0 / (1.0 / decode + 1.0 / encode)
    print(
        json.dumps(
            {
                "photos": len(photos),
                "decode_only_per_s": round(decode, 1),
                "encode_only_per_s": round(encode, 1),
                "index_per_s": round(index, 1),
                "index_seconds": round(seconds, 2),
                "shared_cores_ceiling_per_s": round(ceiling, 1),
                "index_of_ceiling": round(index / ceiling, 3),
                "counts": library_counts,
            }
        )
    )


def _copies(source: Path, target: Path, repeat: int) -> list[Path]:
    made = []
    files = [path for path, _ in walk(source, ScanReport(), CancelToken())]
    for number in range(repeat):
        for path in files:
            copy = target / str(number) / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)
            # Trailing bytes are legal in a JPEG and make the content new, so that nothing is taken over.
            with copy.open("ab") as file:
                file.write(number.to_bytes(4, "little"))
            made.append(copy)
    return made


def _decode(photos: list[Path], recipe: object, processes: int) -> float:
    pool = DecoderPool(processes)
    try:
        warm = [pool.submit(DecodeRequest(path, recipe=recipe, thumbnail_side=THUMBNAIL_SIDE)) for path in photos[:8]]  # type: ignore[arg-type]
        for future in warm:
            future.exception(timeout=60)
        start = time.perf_counter()
        futures = [pool.submit(DecodeRequest(path, recipe=recipe, thumbnail_side=THUMBNAIL_SIDE)) for path in photos]  # type: ignore[arg-type]
        for future in futures:
            future.exception(timeout=600)
        return len(photos) / (time.perf_counter() - start)
    finally:
        pool.close()


def _encode(pack: object, count: int, threads: int) -> float:
    encoder = OnnxImageEncoder(pack, threads)  # type: ignore[arg-type]
    side = encoder.recipe.side
    squares = np.random.default_rng(1).integers(0, 255, (BATCH, side, side, 3), dtype=np.uint8)
    encoder.encode(squares)
    start = time.perf_counter()
    batches = max(1, count // BATCH)
    for _ in range(batches):
        encoder.encode(squares)
    rate = batches * BATCH / (time.perf_counter() - start)
    encoder.close()
    return rate


def _index(photos: Path, home: Path, pack: Path | None) -> tuple[float, float, str]:
    with Library.open(Paths.under(home), pack_folder=pack) as library:
        start = time.perf_counter()
        library.add_folder(photos)
        library.indexer.wait_until_idle()
        seconds = time.perf_counter() - start
        return library.indexer.indexed / seconds, seconds, str(library.counts())


if __name__ == "__main__":
    main()
