# SPDX-License-Identifier: GPL-3.0-or-later
"""Conversion between rows of the catalog and values of the domain."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from semantic_photos.domain.errors import CatalogError, InternalError
from semantic_photos.domain.photo import (
    ContentKey,
    FileStamp,
    FolderId,
    Photo,
    PhotoFacts,
    PhotoId,
    PhotoState,
)
from semantic_photos.domain.ports import FloatArray, IdArray
from semantic_photos.domain.translatable import Message
from semantic_photos.domain.vectors import TINY
from semantic_photos.storage.schema import FAILED, INDEXED, PENDING

#: Vectors are stored like this on every machine.
STORED = np.dtype("<f4")

STATES = {PENDING: PhotoState.PENDING, INDEXED: PhotoState.INDEXED, FAILED: PhotoState.FAILED}

FACTS = "width, height, format, taken, camera, lens, exposure, latitude, longitude, note"
#: What `photo_of` reads, in its order.
PHOTO = (
    "photo.id, folder_id, photo.path, size, mtime_ns, inode, content_key, state, missing_since, reason_code, reason, "
    + FACTS
)
#: Sets a photo back to what is known of a file that was only seen.
FORGET = (
    f"state = {PENDING}, pack_id = 0, content_key = NULL, reason_code = '', reason = '', attempts = 0, "
    "retry_at = NULL, crashes = 0, suspicion = 0, width = 0, height = 0, format = '', taken = '', camera = '', "
    "lens = '', exposure = '', latitude = NULL, longitude = NULL, note = ''"
)

#: Behind a column: its value is one of the ids in the JSON list that ``json_ids`` makes, one parameter however many.
IN_IDS = "IN (SELECT value FROM json_each(?))"
#: Of a photo: neither its file nor its folder is missing.
PRESENT = "photo.missing_since IS NULL AND photo.folder_id IN (SELECT id FROM folder WHERE online)"

_INT64 = 1 << 63


class KnownFile(NamedTuple):
    """The stored facts of a file for a comparison with the disk."""

    id: PhotoId
    stamp: FileStamp
    missing: bool


@dataclass(frozen=True, slots=True, eq=False)
class IndexedPhoto:
    """A photo that was read and encoded; ``stamp`` is what the file was when it was read, ``vector`` float32 (D,)."""

    photo_id: PhotoId
    stamp: FileStamp
    content_key: ContentKey
    facts: PhotoFacts
    vector: FloatArray


def path_of(raw: bytes) -> Path:
    """Return a stored path."""
    return Path(os.fsdecode(raw))


def photo_of(row: Sequence[Any]) -> Photo:
    """Return a photo from the columns ``PHOTO``."""
    return Photo(
        PhotoId(row[0]), FolderId(row[1]), path_of(row[2]), FileStamp(row[3], int(row[4]), row[5]),
        ContentKey(row[6]) if row[6] is not None else None, STATES[row[7]], PhotoFacts(*row[11:21]),
        missing=row[8] is not None, reason_code=row[9], reason=row[10],
    )  # fmt: skip


def stored_stamp(stamp: FileStamp) -> tuple[int, int | str, int]:
    """Return size, time and inode as they are stored: an odd time as text, an inode above 63 bits as negative."""
    inode = stamp.inode if stamp.inode < _INT64 else stamp.inode - 2 * _INT64
    fits = -_INT64 <= stamp.mtime_ns < _INT64
    return stamp.size, stamp.mtime_ns if fits else str(stamp.mtime_ns), inode


def sort_key(stamp: FileStamp, taken: str = "") -> int:
    """Return when a photo was taken in epoch seconds; the time of its file while nothing better is known."""
    if taken:
        try:
            return int(datetime.fromisoformat(taken).timestamp())
        except (ValueError, OverflowError, OSError):
            # A camera without a clock writes anything. Nothing is wrong with the photo.
            pass
    return stamp.mtime_ns // 1_000_000_000


def clean(text: str) -> str:
    """Return text that can be stored: file names in it may hold bytes that are no UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")


def stored_facts(facts: PhotoFacts) -> tuple[Any, ...]:
    """Return the values of the columns ``FACTS``."""
    return (
        facts.width, facts.height, clean(facts.format), clean(facts.taken), clean(facts.camera), clean(facts.lens),
        clean(facts.exposure), facts.latitude, facts.longitude, clean(facts.note),
    )  # fmt: skip


def stored_vector(vector: FloatArray, dim: int | None) -> bytes:
    """Return a vector (D,) as it is stored.

    Raises:
        InternalError: when it has another shape, is not finite or has no direction: such a vector would spoil
            every later search, and whoever made it must mark the photo as failed instead.
    """
    array = np.asarray(vector, dtype=STORED)
    if array.ndim != 1 or not array.size or (dim is not None and array.size != dim):
        raise InternalError(f"a vector of shape {array.shape}, not ({dim},)")
    if not np.isfinite(array).all() or float(np.linalg.norm(array)) <= TINY:
        raise InternalError("a vector that is not finite or has no direction")
    return array.tobytes()


def read_vectors(data: bytes, count: int, dim: int) -> FloatArray:
    """Return stored vectors, joined, as float32 (count, dim).

    Raises:
        CatalogError: when the catalog holds vectors of another length: a damage that SQLite cannot see.
    """
    if len(data) != count * dim * STORED.itemsize:
        raise CatalogError(Message("The catalog contains vectors of a wrong length."), code="catalog.corrupt")
    return np.frombuffer(data, dtype=STORED).reshape(count, dim).astype(np.float32, copy=False)


def read_ids(rows: Iterable[tuple[int]]) -> IdArray:
    """Return the only column of rows as int64 (N,)."""
    return np.fromiter((row[0] for row in rows), dtype=np.int64)


def enter_pack(connection: sqlite3.Connection, fingerprint: str, dim: int) -> tuple[int, int]:
    """Return number and dimension of a pack, entered with ``dim`` when it is new.

    Raises:
        InternalError: when the fingerprint is empty.
    """
    if not fingerprint:
        raise InternalError("vectors need the fingerprint of their pack")
    connection.execute(
        "INSERT INTO pack (fingerprint, dim) VALUES (?, ?) ON CONFLICT (fingerprint) DO NOTHING", (fingerprint, dim)
    )
    row = connection.execute("SELECT id, dim FROM pack WHERE fingerprint = ?", (fingerprint,)).fetchone()
    return int(row[0]), int(row[1])


def joined_ids(connection: sqlite3.Connection, sql: str, values: tuple[object, ...] = ()) -> IdArray:
    """Return the column ``id`` of a query, in its order: as one text, since a row at a time takes far longer."""
    (text,) = connection.execute(f"SELECT group_concat(id) FROM ({sql})", values).fetchone()
    return np.fromstring(text, dtype=np.int64, sep=",") if text else np.empty(0, np.int64)


def json_ids(ids: Iterable[int]) -> str:
    """Return ids as a JSON list, for ``IN_IDS``."""
    return "[" + ",".join(str(int(i)) for i in ids) + "]"
