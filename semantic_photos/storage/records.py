# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of the catalog and the values they become."""

from __future__ import annotations

import dataclasses
import json
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from semantic_photos.domain.photo import (
    ContentKey,
    FileStamp,
    FolderId,
    Photo,
    PhotoFacts,
    PhotoId,
    PhotoState,
)
from semantic_photos.domain.ports import FloatArray

T = TypeVar("T")

#: Values bound in one statement; SQLite's own limit is far higher, but a short statement is planned faster.
CHUNK = 500

PHOTO_COLUMNS = (
    "id, folder_id, path, size, mtime_ns, inode, content_key, state, missing_since, facts, reason_code, reason"
)


@dataclass(frozen=True, slots=True)
class KnownFile:
    """What a scan needs to know of a row: is the file still the same, and is it believed to be there?"""

    id: PhotoId
    stamp: FileStamp
    state: PhotoState
    missing: bool


@dataclass(frozen=True, slots=True)
class IndexedPhoto:
    """A photo with its unit vector, float32 (D,), ready to be committed; ``stamp`` is what was read."""

    photo_id: PhotoId
    stamp: FileStamp
    content_key: ContentKey
    facts: PhotoFacts
    vector: FloatArray


def chunks(items: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    """Yield ``items`` in parts of at most ``size``."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def marks(items: Sequence[Any]) -> str:
    """Return as many question marks as there are items."""
    return ",".join("?" * len(items))


def known_file(row: Sequence[Any]) -> KnownFile:
    """Return the value of (id, size, mtime_ns, inode, state, missing_since)."""
    return KnownFile(PhotoId(row[0]), FileStamp(row[1], row[2], row[3]), PhotoState(row[4]), row[5] is not None)


def photo(row: Sequence[Any]) -> Photo:
    """Return the value of ``PHOTO_COLUMNS``."""
    return Photo(
        id=PhotoId(row[0]),
        folder_id=FolderId(row[1]),
        path=Path(os.fsdecode(row[2])),
        stamp=FileStamp(row[3], row[4], row[5]),
        content_key=None if row[6] is None else ContentKey(row[6]),
        state=PhotoState(row[7]),
        missing=row[8] is not None,
        facts=facts(row[9]),
        reason_code=row[10],
        reason=row[11],
    )


_FACT_NAMES = frozenset(field.name for field in dataclasses.fields(PhotoFacts))


def facts(text: str) -> PhotoFacts:
    """Return facts from their JSON; what a later version added is left out."""
    values = json.loads(text)
    return PhotoFacts(**{name: value for name, value in values.items() if name in _FACT_NAMES})


def facts_text(value: PhotoFacts) -> str:
    """Return facts as JSON without what is empty."""
    known = {name: v for name, v in dataclasses.asdict(value).items() if v not in (None, "", 0)}
    return json.dumps(known, ensure_ascii=True, allow_nan=False)


def sort_time(mtime_ns: int, taken: str = "") -> str:
    """Return the text photos are ordered by: when it was taken, else when the file was changed, local time."""
    if taken:
        return taken
    try:
        return time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(mtime_ns / 1e9))
    except (OverflowError, ValueError, OSError):
        return "0001-01-01T00:00:00"


def next_number(connection: sqlite3.Connection, key: str) -> int:
    """Return the next number of a counter, inside the caller's transaction; it is never given twice."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    number = int(row[0]) + 1 if row else 1
    connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (key, str(number)))
    return number
