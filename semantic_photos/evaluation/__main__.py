# SPDX-License-Identifier: GPL-3.0-or-later
"""Command: ``python -m semantic_photos.evaluation --images DIR|ZIP... --index photos.jsonl [--pack DIR] [--json]``.

Judges only the photos of the split ``val``; those of ``train`` are read to know which words were never trained on.
Pictures go through the program's own decoding and encoders, so what is measured is what a person gets.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from semantic_photos.domain.errors import PackError, SemanticPhotosError, UserFacingError
from semantic_photos.evaluation import measure
from semantic_photos.evaluation.contact_sheets import write_sheets
from semantic_photos.evaluation.photos import read_photos
from semantic_photos.evaluation.pictures import PhotoImages
from semantic_photos.evaluation.references import reference_figures
from semantic_photos.evaluation.results import Results, read_results
from semantic_photos.evaluation.retrieval import Material
from semantic_photos.evaluation.table import beside_references, compared, lines_of
from semantic_photos.ml.image_encoder import OnnxImageEncoder
from semantic_photos.ml.model_pack import ModelPack, find_packs, load_pack
from semantic_photos.ml.text_encoder import WordTableEncoder
from semantic_photos.paths import resources


def main(argv: Sequence[str] | None = None) -> int:
    """Measure one pack; returns 0, or 1 after a sentence on standard error."""
    args = _arguments().parse_args(argv)
    try:
        _run(args)
    except UserFacingError as error:
        print(error.sentence(), file=sys.stderr)
        return 1
    except SemanticPhotosError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m semantic_photos.evaluation", description="How good a model pack is, in figures."
    )
    add = parser.add_argument
    add("--images", type=Path, nargs="+", required=True, metavar="DIR|ZIP", help="where the pictures are")
    add("--index", type=Path, required=True, metavar="FILE", help="photos.jsonl: one photo a line")
    add("--pack", type=Path, metavar="DIR", help="the pack; without it the one that ships with the program")
    add("--reference", type=Path, metavar="FILE", help="references made by training.reference, shown side by side")
    add("--compare", type=Path, metavar="OLD", help="an earlier report (--json): old, new, and whether they part")
    add("--contact-sheets", type=Path, metavar="DIR", help="write sheets of the best photos of everyday queries")
    add("--threads", type=int, default=2, help="threads of the network (2)")
    add("--json", action="store_true", help="one JSON object instead of lines")
    return parser


def _run(args: argparse.Namespace) -> None:
    old = read_results(args.compare) if args.compare else None
    pack = load_pack(args.pack) if args.pack else shipped_pack()
    photos = read_photos(args.index)
    if not photos:
        raise UserFacingError(f"{args.index} has no photo of the split “val”.", code="evaluation.index")
    material = Material.of(photos, read_photos(args.index, "train"))
    table = WordTableEncoder(pack)
    encoder = OnnxImageEncoder(pack, max(1, args.threads))
    try:
        with PhotoImages(args.images) as pictures:
            pictures.expect(photos)
            vectors, speed = measure.encode_photos(photos, pictures, encoder)
            for file, trouble in pictures.troubles.items():
                print(f"{file}: {trouble}", file=sys.stderr)
            if args.contact_sheets:
                rows = material.captioned or list(range(len(photos)))
                shown = [photos[row] for row in rows]
                write_sheets(args.contact_sheets, shown, vectors[rows], table.encode, pictures)
    finally:
        encoder.close()
    figures = measure.pack_figures(material, pack, vectors, table.encode)
    figures["speed"] = speed | measure.text_speed(material.queries(), table.encode)
    results = Results(measure.pack_facts(pack), figures)
    if args.reference:
        results = results.beside(*reference_figures(args.reference, material, table.encode, measure.words_sha(pack)))
    if args.json:
        print(json.dumps(results.as_json(), indent=1, ensure_ascii=False, allow_nan=False))
        return
    for line in lines_of(results) if old is None else compared(old, results):
        print(line)
    if results.references:
        print()
        for line in beside_references(results):
            print(line)


def shipped_pack() -> ModelPack:
    """Return the first good pack that ships with the program.

    Raises:
        PackError: there is none, or the last one's reason.
    """
    trouble = PackError("No model pack ships with this program.", code="pack.missing", advice="Name one with --pack.")
    for folder in find_packs(resources() / "packs"):
        try:
            return load_pack(folder)
        except PackError as error:
            trouble = error
    raise trouble


if __name__ == "__main__":
    raise SystemExit(main())
