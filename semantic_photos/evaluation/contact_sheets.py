# SPDX-License-Identifier: GPL-3.0-or-later
"""Contact sheets of everyday queries, for a visual check of a pack."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from semantic_photos.domain.errors import PhotoError, UserFacingError
from semantic_photos.domain.translatable import Message
from semantic_photos.evaluation.bench import Bench
from semantic_photos.evaluation.objects import SHOWN
from semantic_photos.evaluation.photos import AnnotatedPhoto
from semantic_photos.evaluation.pictures import PhotoImages
from semantic_photos.evaluation.queries import folded_words

#: Always the same, so that the sheets of two packs can be laid side by side. Nothing is to be found for the last one.
QUERIES = (
    "dog beach", "cat sofa", "birthday cake", "red car", "bicycle", "train", "airplane", "wedding", "city at night",
    "laptop", "kitchen", "pizza", "child playing football", "guitar", "receipt", "screenshot", "boat", "clock",
    "backpack", "submarine",
)  # fmt: skip
TOP = 20
_COLUMNS, _CELL, _GAP, _TITLE, _NOTE = 5, 200, 8, 44, 18
_INK, _PAPER, _RIGHT, _WEAK = (20, 20, 20), (250, 250, 250), (0, 140, 60), (150, 150, 150)


def write_sheets(
    folder: Path, bench: Bench, pictures: PhotoImages, queries: Sequence[str] = QUERIES
) -> list[Path]:  # fmt: skip
    """Write one PNG for each query with the program's first hits; returns the files.

    A green frame marks photos of which a caption, a label or a detector names all words of the query; a photo without
    one is not known to be wrong. The line below a photo says whether the program calls it good or weak.

    Args:
        folder: made if missing.
        bench: the pack and the photos that are searched.
        pictures: where the photos are.
        queries: what is searched for.

    Raises:
        UserFacingError: the folder cannot be written to.
    """
    search, found = bench.search(), []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, query in enumerate(queries, start=1):
            ranking = search.ranking(query)
            cells = []
            for place, row in enumerate(ranking.rows[:TOP].tolist()):
                photo = bench.photos[row]
                note = f"{'good' if place < ranking.good else 'weak'}  {photo.source}"
                cells.append((_small(pictures, photo), note, _named(query, photo)))
            path = folder / f"{number:02d}-{'-'.join(query.split())}.png"
            _sheet(f"{query}   ({ranking.good} good of {len(bench.photos):,})", cells).save(path)
            found.append(path)
    except OSError as error:
        raise UserFacingError(
            Message.as_is(f"The contact sheets cannot be written: {error}."), code="evaluation.sheets"
        ) from error
    return found


def _named(query: str, photo: AnnotatedPhoto) -> bool:
    wanted = folded_words(query)
    seen = " ".join(name for scores in photo.detections.values() for name, score in scores.items() if score >= SHOWN)
    return any(wanted <= folded_words(text) for text in (*photo.captions, *photo.labels, seen))


def _small(pictures: PhotoImages, photo: AnnotatedPhoto) -> Image.Image:
    try:
        preview = pictures.decoded(photo.file, preview=_CELL).preview
    except PhotoError:
        preview = None
    picture = Image.new("RGB", (_CELL, _CELL), (200, 200, 200)) if preview is None else Image.fromarray(preview)
    scale = _CELL / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.BICUBIC)


def _sheet(title: str, cells: Sequence[tuple[Image.Image, str, bool]]) -> Image.Image:
    lines = -(-TOP // _COLUMNS)
    width = _COLUMNS * (_CELL + _GAP) + _GAP
    height = _TITLE + lines * (_CELL + _NOTE + _GAP) + _GAP
    sheet = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text(
        (_GAP, _GAP), title if cells else f"{title}: no known word", fill=_INK, font=ImageFont.load_default(24)
    )  # fmt: skip
    small = ImageFont.load_default(12)
    for place, (picture, note, named) in enumerate(cells):
        left = _GAP + place % _COLUMNS * (_CELL + _GAP)
        top = _TITLE + place // _COLUMNS * (_CELL + _NOTE + _GAP)
        sheet.paste(picture, (left + (_CELL - picture.width) // 2, top + (_CELL - picture.height) // 2))
        if named:
            draw.rectangle((left - 3, top - 3, left + _CELL + 2, top + _CELL + 2), outline=_RIGHT, width=3)
        draw.text((left, top + _CELL + 3), note, fill=_INK if note.startswith("good") else _WEAK, font=small)
    return sheet
