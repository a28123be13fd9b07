# SPDX-License-Identifier: GPL-3.0-or-later
"""Command: ``python -m semantic_photos.evaluation --images ZIP... --index photos.jsonl --pack DIR [--json]``.

Looks only at the photos of the split ``val``. Pictures go through the program's own preparation and encoders, so what
is measured is what a person gets.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from semantic_photos.domain.errors import SemanticPhotosError
from semantic_photos.domain.photo import ImageRecipe
from semantic_photos.evaluation.questions import Shown, read_photos
from semantic_photos.evaluation.report import all_figures
from semantic_photos.media.preprocess import square
from semantic_photos.ml.image_encoder import OnnxImageEncoder
from semantic_photos.ml.model_pack import load_pack
from semantic_photos.ml.text_encoder import WordTable

BATCH = 8


def batches(photos: Sequence[Shown], archives: Sequence[Path], recipe: ImageRecipe) -> Iterator[NDArray[np.uint8]]:
    """Yield uint8 (<= BATCH, S, S, 3) for the photos in order.

    Raises:
        KeyError: a photo of the index is in none of the archives.
    """
    opened = [zipfile.ZipFile(path) for path in archives]
    try:
        where = {Path(name).name: (archive, name) for archive in opened for name in archive.namelist()}
        for start in range(0, len(photos), BATCH):
            rows = []
            for photo in photos[start : start + BATCH]:
                archive, name = where[photo.file]
                with Image.open(io.BytesIO(archive.read(name))) as picture:
                    rows.append(square(picture.convert("RGB"), recipe))
            yield np.stack(rows)
    finally:
        for archive in opened:
            archive.close()


def main(argv: Sequence[str] | None = None) -> int:
    """Measure one pack."""
    parser = argparse.ArgumentParser(prog="python -m semantic_photos.evaluation", description=__doc__)
    parser.add_argument("--images", type=Path, nargs="+", required=True, help="zips with the pictures")
    parser.add_argument("--index", type=Path, required=True, help="photos.jsonl")
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    args = parser.parse_args(argv)
    try:
        pack = load_pack(args.pack)
        encoder = OnnxImageEncoder(pack, os.cpu_count() or 1)
        table = WordTable(pack)
    except SemanticPhotosError as error:
        print(error, file=sys.stderr)
        return 1
    photos = read_photos(args.index)
    begun = time.monotonic()
    vectors = np.concatenate([encoder.encode(batch) for batch in batches(photos, args.images, encoder.recipe)])
    seconds = time.monotonic() - begun
    figures = all_figures(photos, vectors, table.encode)
    figures["speed"] = {"photos": float(len(photos)), "seconds": seconds, "photos_per_second": len(photos) / seconds}
    if args.json:
        print(json.dumps({"pack": args.pack.name, "figures": figures}, indent=1, sort_keys=True))
        return 0
    for group, values in figures.items():
        for name, value in values.items():
            print(f"{group:>10}  {name:<26}{value:>10.4g}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
