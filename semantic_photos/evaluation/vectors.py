# SPDX-License-Identifier: GPL-3.0-or-later
"""Photo vectors of the judged photos, kept between commands: encoding them takes longer than everything else."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from semantic_photos.domain.ports import ImageEncoder
from semantic_photos.evaluation.figure import Floats
from semantic_photos.evaluation.measure import encode_photos
from semantic_photos.evaluation.photos import Shown, read_photos
from semantic_photos.evaluation.pictures import PhotoImages
from semantic_photos.ml.image_encoder import OnnxImageEncoder
from semantic_photos.ml.model_pack import ModelPack, load_pack
from semantic_photos.ml.text_encoder import WordTableEncoder


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A pack and the photos it is judged on, with their unit vectors (N, D); zeros where one cannot be decoded."""

    pack: ModelPack
    words: WordTableEncoder
    photos: list[Shown]
    vectors: Floats


def vectors_of(
    photos: Sequence[Shown], pictures: PhotoImages, encoder: ImageEncoder, cache: Path | None = None
) -> Floats:
    """Return unit vectors (N, D), from ``cache`` if the same pack made them for as many photos, else kept there."""
    if cache is not None and cache.exists():
        with np.load(cache) as stored:
            if str(stored["pack"]) == encoder.fingerprint and len(stored["vectors"]) == len(photos):
                return np.asarray(stored["vectors"], np.float32)
    vectors: Floats = np.nan_to_num(encode_photos(photos, pictures, encoder)[0])
    if cache is not None:
        np.savez(cache, vectors=vectors, pack=encoder.fingerprint)
    return vectors


def common_arguments(prog: str, description: str | None) -> argparse.ArgumentParser:
    """Return a parser of what every measuring of a pack on photos needs."""
    parser = argparse.ArgumentParser(prog=f"python -m semantic_photos.evaluation.{prog}", description=description)
    parser.add_argument("--images", type=Path, nargs="+", required=True, help="zips or folders with them")
    parser.add_argument("--index", type=Path, required=True, help="photos.jsonl")
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--cache", type=Path, help="keep the photos' vectors in this .npz between runs")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    return parser


def judged(args: argparse.Namespace, threads: int = 2) -> Judged:
    """Return the pack and the photos that the arguments name.

    Raises:
        PackError: the pack is refused.
        UserFacingError: the index or a picture's place cannot be read.
    """
    pack, photos = load_pack(args.pack), read_photos(args.index)
    encoder = OnnxImageEncoder(pack, threads)
    try:
        with PhotoImages(args.images) as pictures:
            pictures.expect(photos)
            return Judged(pack, WordTableEncoder(pack), photos, vectors_of(photos, pictures, encoder, args.cache))
    finally:
        encoder.close()
