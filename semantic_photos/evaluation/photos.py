# SPDX-License-Identifier: GPL-3.0-or-later
"""The index of photos that are judged: one JSON object a line, with what people said of each photo."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from semantic_photos.domain.errors import UserFacingError


@dataclasses.dataclass(frozen=True, slots=True)
class Shown:
    """One photo of the index with what people said of it."""

    file: str
    shard: int
    source: str
    labels: tuple[str, ...]
    captions: tuple[str, ...]


def read_photos(index: Path, split: str = "val") -> list[Shown]:
    """Read the photos of one split from a ``photos.jsonl``.

    Raises:
        UserFacingError: the file cannot be read, or a line is no photo; the message says which.
    """
    photos = []
    try:
        with index.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    shown = _read_line(line, split, f"{index.name}, line {number}")
                    photos += [shown] if shown is not None else []
    except (OSError, UnicodeDecodeError) as error:
        raise UserFacingError(f"The index {index} cannot be read: {error}.", code="evaluation.index") from error
    return photos


def _read_line(line: str, split: str, where: str) -> Shown | None:
    try:
        row = json.loads(line)
        if row["split"] != split:
            return None
        labels = tuple(label.lower() for label in row.get("labels") or ())
        captions = tuple(str(caption) for caption in row.get("captions") or ())
        return Shown(str(row["file"]), int(row.get("shard", 0)), str(row.get("source", "")), labels, captions)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UserFacingError(
            f"{where} is no photo: it needs at least “file” and “split”.", code="evaluation.index"
        ) from error
