# SPDX-License-Identifier: GPL-3.0-or-later
"""Contact sheets of everyday queries: figures tell how good a pack is, looking tells what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from semantic_photos.domain.errors import PhotoError, UserFacingError
from semantic_photos.domain.vectors import usable_rows
from semantic_photos.evaluation.figure import Floats
from semantic_photos.evaluation.photos import Shown
from semantic_photos.evaluation.pictures import PhotoImages
from semantic_photos.evaluation.retrieval import EncodeText, usable
from semantic_photos.evaluation.wording import folded_words

#: Always the same, so that the sheets of two packs can be laid side by side. The last four are everyday words that
#: stand in no caption or label of the photos our pack was trained on.
QUERIES = (
    "dog", "beach", "snow", "bicycle", "child", "food", "flowers", "car",
    "dog beach", "child swimming", "red car", "man guitar", "woman hat", "boat lake", "people street", "dog snow",
    "cathedral", "graduation", "wharf", "orchestra",
)  # fmt: skip
TOP = 12
_COLUMNS, _CELL, _GAP, _TITLE, _NOTE = 4, 200, 8, 44, 18
_INK, _PAPER, _RIGHT = (20, 20, 20), (250, 250, 250), (0, 140, 60)


def write_sheets(
    folder: Path, photos: Sequence[Shown], vectors: Floats, encode: EncodeText, pictures: PhotoImages,
    queries: Sequence[str] = QUERIES,
) -> list[Path]:  # fmt: skip
    """Write one PNG for each query with its best photos, best first; returns the files.

    A green frame marks photos of which a caption or label holds all words of the query; without a frame nobody said
    so, which is not yet a mistake. A query of unknown words gets a sheet that says so.

    Args:
        folder: Made if missing.
        photos: The photos that are searched.
        vectors: Their unit vectors (N, D); rows that are not finite are left out.
        encode: Text to unit vector.
        pictures: Where the photos are.
        queries: What is asked.

    Raises:
        UserFacingError: the folder cannot be written to.
    """
    found = []
    rows = np.flatnonzero(usable_rows(vectors)) if len(photos) else np.empty(0, np.int64)
    clean = usable(vectors)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, query in enumerate(queries, start=1):
            vector = encode(query)
            cells: list[tuple[Image.Image, str, bool]] = []
            if vector is not None:
                scores = clean[rows] @ vector
                for place in np.argsort(-scores, kind="stable")[:TOP]:
                    photo = photos[rows[place]]
                    cells.append((_small(pictures, photo), f"{scores[place]:.3f}  {photo.source}", _said(query, photo)))
            path = folder / f"{number:02d}-{'-'.join(query.split())}.png"
            _sheet(query, cells).save(path)
            found.append(path)
    except OSError as error:
        raise UserFacingError(f"The contact sheets cannot be written: {error}.", code="evaluation.sheets") from error
    return found


def _said(query: str, photo: Shown) -> bool:
    wanted = folded_words(query)
    return any(wanted <= folded_words(text) for text in (*photo.captions, *photo.labels))


def _small(pictures: PhotoImages, photo: Shown) -> Image.Image:
    try:
        preview = pictures.decoded(photo.file, preview=_CELL).preview
    except PhotoError:
        preview = None
    picture = Image.new("RGB", (_CELL, _CELL), (200, 200, 200)) if preview is None else Image.fromarray(preview)
    scale = _CELL / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.BICUBIC)


def _sheet(query: str, cells: Sequence[tuple[Image.Image, str, bool]]) -> Image.Image:
    lines = -(-TOP // _COLUMNS)
    width = _COLUMNS * (_CELL + _GAP) + _GAP
    height = _TITLE + lines * (_CELL + _NOTE + _GAP) + _GAP
    sheet = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(sheet)
    right = sum(said for _, _, said in cells)
    title = f"{query}   ({right} of {len(cells)} said so)" if cells else f"{query}   (no word of it is known)"
    draw.text((_GAP, _GAP), title, fill=_INK, font=ImageFont.load_default(24))
    small = ImageFont.load_default(12)
    for place, (picture, note, said) in enumerate(cells):
        left = _GAP + place % _COLUMNS * (_CELL + _GAP)
        top = _TITLE + place // _COLUMNS * (_CELL + _NOTE + _GAP)
        sheet.paste(picture, (left + (_CELL - picture.width) // 2, top + (_CELL - picture.height) // 2))
        if said:
            draw.rectangle((left - 3, top - 3, left + _CELL + 2, top + _CELL + 2), outline=_RIGHT, width=3)
        draw.text((left, top + _CELL + 3), note, fill=_INK, font=small)
    return sheet
