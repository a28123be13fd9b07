# SPDX-License-Identifier: GPL-3.0-or-later
"""Vectors of several packs side by side: which photos have vectors of which pack, and the switch of packs."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from semantic_photos.domain.photo import ContentKey, FileStamp, PhotoId
from semantic_photos.domain.ports import FloatArray, IdArray
from semantic_photos.storage.database import Database
from semantic_photos.storage.rows import PRESENT, enter_pack, read_ids, read_vectors, stored_stamp, stored_vector
from semantic_photos.storage.schema import INDEXED

#: Vectors deleted in one transaction, so that the catalog is never locked for long.
_CHUNK = 4096
_PRESENT_INDEXED = f"state = {INDEXED} AND {PRESENT}"
_HAS_VECTOR = "EXISTS (SELECT 1 FROM embedding WHERE photo_id = photo.id AND embedding.pack_id = ?)"


@dataclass(frozen=True, slots=True)
class PreparedPhoto:
    """The vector of a photo for another pack than its current one, float32 (D,), and what its file was."""

    photo_id: PhotoId
    stamp: FileStamp
    vector: FloatArray


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many indexed photos have a vector of a pack: ``done`` of ``total``, and those in folders that are offline."""

    done: int
    total: int
    done_offline: int
    offline: int


class PackVectors:
    """The vectors of packs beside the current ones. ``pack`` is a pack's fingerprint.

    A photo's current vector, the one that searches use, is of the pack ``photo.pack_id``. Vectors of other packs may
    stand beside it; ``adopt`` makes those of one pack current. A photo that changes or fails loses all of them.

    Thread: any; blocking.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def current(self) -> dict[str, int]:
        """Return how many indexed photos have their current vector of each pack; missing photos do not count."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT fingerprint, sum(photos) FROM tally JOIN pack ON pack.id = pack_id"
                f" WHERE state = {INDEXED} AND missing = 0 GROUP BY fingerprint HAVING sum(photos) > 0"
            )
            return {str(row[0]): int(row[1]) for row in rows}

    def coverage(self, pack: str) -> Coverage:
        """Return how many indexed photos have a vector of this pack; missing photos do not count."""
        with self._database.read() as connection:
            rows = connection.execute(
                f"SELECT online, count(*), sum({_HAS_VECTOR}) FROM photo JOIN folder ON folder.id = folder_id"
                f" WHERE state = {INDEXED} AND missing_since IS NULL GROUP BY online",
                (_number(connection, pack),),
            )
            counted = {bool(row[0]): (int(row[1]), int(row[2])) for row in rows}
        (total, done), (offline, done_offline) = counted.get(True, (0, 0)), counted.get(False, (0, 0))
        return Coverage(done, total, done_offline, offline)

    def lacking(self, pack: str) -> IdArray:
        """Return the indexed photos that are there now and have no vector of this pack, newest first, int64 (N,)."""
        with self._database.read() as connection:
            return read_ids(
                connection.execute(
                    f"SELECT id FROM photo WHERE {_PRESENT_INDEXED} AND NOT {_HAS_VECTOR}"
                    " ORDER BY sort_key DESC, id DESC",
                    (_number(connection, pack),),
                )
            )

    def of_content(self, pack: str, content_key: ContentKey) -> FloatArray | None:
        """Return the vector, float32 (D,), that any photo with this content has of this pack, or None."""
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT vector, dim FROM photo JOIN embedding ON photo_id = photo.id JOIN pack ON pack.id ="
                " embedding.pack_id WHERE content_key = ? AND fingerprint = ? LIMIT 1",
                (content_key, pack),
            ).fetchone()
        return None if row is None else read_vectors(row[0], 1, row[1])[0]

    def store(self, pack: str, rows: Sequence[PreparedPhoto]) -> list[PhotoId]:
        """Store vectors beside the current ones, in one transaction, and return the photos that have one now.

        A photo that changed or is no longer indexed is skipped.

        Raises:
            InternalError: for a vector that is not finite, has no direction, or is not of the pack's size.
        """
        if not rows:
            return []
        stored = []
        with self._database.transaction() as connection:
            number, dim = enter_pack(connection, pack, rows[0].vector.size)
            for row in rows:
                size, mtime_ns, _ = stored_stamp(row.stamp)
                count = connection.execute(
                    "INSERT INTO embedding (photo_id, pack_id, vector) SELECT id, ?, ? FROM photo"
                    f" WHERE id = ? AND state = {INDEXED} AND size = ? AND mtime_ns = ? ON CONFLICT DO NOTHING",
                    (number, stored_vector(row.vector, dim), row.photo_id, size, mtime_ns),
                ).rowcount
                if count:
                    stored.append(row.photo_id)
        return stored

    def adopt(self, pack: str) -> int:
        """Make the vectors of this pack current where there are any, in one transaction; return how many became so.

        Photos without one keep their current vector, are not found by searches with this pack, and wait to be indexed.
        """
        with self._database.transaction() as connection:
            number = _number(connection, pack)
            return connection.execute(
                f"UPDATE photo SET pack_id = ? WHERE state = {INDEXED} AND pack_id <> ? AND {_HAS_VECTOR}",
                (number, number, number),
            ).rowcount

    def prune(self, pack: str) -> int:
        """Delete the vectors of all other packs of photos whose current vector is of this pack; return how many."""
        deleted = 0
        while True:
            with self._database.transaction() as connection:
                number = _number(connection, pack)
                count = connection.execute(
                    "DELETE FROM embedding WHERE id IN (SELECT embedding.id FROM embedding"
                    " JOIN photo ON photo.id = photo_id WHERE embedding.pack_id <> ? AND photo.pack_id = ? LIMIT ?)",
                    (number, number, _CHUNK),
                ).rowcount
            deleted += count
            if count < _CHUNK:
                return deleted


def _number(connection: sqlite3.Connection, fingerprint: str) -> int:
    """Return the number of a pack; -1, which no vector has, if none was stored yet."""
    row = connection.execute("SELECT id FROM pack WHERE fingerprint = ?", (fingerprint,)).fetchone()
    return int(row[0]) if row is not None else -1
