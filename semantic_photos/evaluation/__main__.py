# SPDX-License-Identifier: GPL-3.0-or-later
"""Command: ``python -m semantic_photos.evaluation [COMMAND] --photos DIR [--pack DIR] [--json FILE]``.

Everything is measured on the split ``val``, which nothing was trained on, through the program's own decoding,
encoders and search, so what is measured is what a user gets. Without a command it is ``life``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from semantic_photos.domain.errors import SemanticPhotosError, UserFacingError
from semantic_photos.evaluation import concepts, feedback, regions
from semantic_photos.evaluation.bench import Bench, open_bench, pack_facts
from semantic_photos.evaluation.contact_sheets import QUERIES, write_sheets
from semantic_photos.evaluation.figure import Figures
from semantic_photos.evaluation.life import PARTS, Life
from semantic_photos.evaluation.photos import Material, read_folder, read_material
from semantic_photos.evaluation.pictures import PhotoImages
from semantic_photos.evaluation.report import DETAILS, Report, compared, lines_of, read_report
from semantic_photos.evaluation.tags import Tagged, threshold_figures
from semantic_photos.ml.image_encoder import OnnxImageEncoder
from semantic_photos.paths import Paths
from semantic_photos.services.tags.tag_words import shipped_tree

DEFAULT = "life"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns 0, or 1 after a sentence on standard error."""
    given = list(sys.argv[1:] if argv is None else argv)
    if not given or (given[0].startswith("-") and given[0] not in ("-h", "--help")):
        given = [DEFAULT, *given]
    args = _arguments().parse_args(given)
    try:
        args.run(args)
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
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], None], text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text)
        made.set_defaults(run=run)
        return made

    life = command("life", _life, "captions, words, objects, good matches, minus words, tags and speed (the default)")
    _common(life)
    life.add_argument("--beside", type=Path, metavar="OLD", help="an older pack, or its report: both side by side")
    life.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="parts to measure (all)")
    tags = command("tags", _tags, "precision and recall of automatic tags at several thresholds")
    _common(tags)
    region = command("regions", _regions, "heat maps, focus and region search, on pictures composed of two photos")
    _common(region)
    region.add_argument("--pairs", type=int, default=150, help="composed pictures of each kind (150)")
    _common(command("feedback", _feedback, "what a few votes are worth"))
    concept = command("concepts", _concepts, "what custom concepts learnt from a few photos are worth")
    _common(concept)
    concept.add_argument("--seeds", type=int, default=concepts.SEEDS, help=f"draws of examples ({concepts.SEEDS})")
    sheets = command("sheets", _sheets, "contact sheets of the first hits of everyday queries")
    _common(sheets)
    sheets.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the sheets go")
    sheets.add_argument("--queries", nargs="+", metavar="TEXT", default=list(QUERIES), help="what to ask for instead")
    compare = command("compare", _compare, "two reports side by side")
    compare.add_argument("old", type=Path, help="a report made with --json")
    compare.add_argument("new", type=Path, help="another one")
    _listing(compare)
    return parser


def _common(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--photos", type=Path, required=True, metavar="DIR", help="photos*.jsonl, photos-*.zip, objects*.jsonl.gz")
    add("--pack", type=Path, metavar="DIR", help="the pack; without it the one that ships with the program")
    add("--cache", type=Path, metavar="DIR", default=Paths.for_user().cache / "evaluation", help="of photo vectors")
    add("--threads", type=int, default=2, help="threads of the network (2)")
    add("--json", type=Path, metavar="FILE", help="write the report to a file as well")
    _listing(parser)


def _listing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--list", choices=DETAILS, default=DETAILS[0], help="how much is listed (headlines)")


def _open(args: argparse.Namespace, material: Material, pack: Path | None, *, timed: bool = False) -> Bench:
    return open_bench(pack, material, args.cache, threads=max(1, args.threads), timed=timed)


def _life(args: argparse.Namespace) -> None:
    material = read_material(args.photos)
    life, parts = Life(material), tuple(args.only)
    old = None
    if args.beside is not None and args.beside.is_dir():
        with _open(args, material, args.beside, timed="speed" in parts) as bench:
            old = life.measure(bench, parts)
    elif args.beside is not None:
        old = read_report(args.beside)
    with _open(args, material, args.pack, timed="speed" in parts) as bench:
        report = life.measure(bench, parts)
    _print(args, report, old)


def _tags(args: argparse.Namespace) -> None:
    material = read_material(args.photos)
    with _open(args, material, args.pack) as bench:
        tagged = Tagged.of(bench, material.kinds, shipped_tree())
        _print(args, Report(pack_facts(bench.pack), threshold_figures(bench, tagged)))


def _regions(args: argparse.Namespace) -> None:
    material = read_material(args.photos)
    with _open(args, material, args.pack) as bench, PhotoImages(material.pictures) as pictures:
        encoder = OnnxImageEncoder(bench.pack, max(1, args.threads))
        try:
            figures = regions.region_figures(bench, encoder, pictures, max(1, args.pairs))
        finally:
            encoder.close()
        _print(args, Report(pack_facts(bench.pack), figures))


def _feedback(args: argparse.Namespace) -> None:
    _measured(args, feedback.feedback_figures)


def _concepts(args: argparse.Namespace) -> None:
    _measured(args, lambda bench: concepts.concept_figures(bench, max(1, args.seeds)))


def _measured(args: argparse.Namespace, measure: Callable[[Bench], Figures]) -> None:
    with _open(args, read_material(args.photos), args.pack) as bench:
        _print(args, Report(pack_facts(bench.pack), measure(bench)))


def _sheets(args: argparse.Namespace) -> None:
    material = read_folder(args.photos)
    with _open(args, material, args.pack) as bench, PhotoImages(material.pictures) as pictures:
        for path in write_sheets(args.out, bench, pictures, args.queries):
            print(path)


def _compare(args: argparse.Namespace) -> None:
    for line in compared(read_report(args.old), read_report(args.new), args.list):
        print(line)


def _print(args: argparse.Namespace, report: Report, old: Report | None = None) -> None:
    if args.json is not None:
        report.write(args.json)
    lines = lines_of(report, args.list) if old is None else compared(old, report, args.list)
    for line in lines:
        print(line)


if __name__ == "__main__":
    raise SystemExit(main())
