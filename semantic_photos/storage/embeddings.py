# SPDX-License-Identifier: GPL-3.0-or-later
"""The vectors in the catalog, from which every index is built."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence

import numpy as np

from semantic_photos.domain.photo import ContentKey, PhotoFacts, PhotoId
from semantic_photos.domain.ports import FloatArray, IdArray
from semantic_photos.storage.database import Database
from semantic_photos.storage.rows import FACTS, IN_IDS, PRESENT, json_ids, read_ids, read_vectors
from semantic_photos.storage.schema import INDEXED

#: Rows fetched at once while all vectors are read: 4 MB at 256 dimensions.
_CHUNK = 4096


class Embeddings:
    """The vectors of photos. ``pack`` is a pack's fingerprint: vectors of different packs are never mixed.

    Thread: any; blocking.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def searchable_ids(self, pack: str) -> IdArray:
        """Return the photos that have a vector of this pack, are not missing, and whose folder is there; sorted."""
        with self._database.read() as connection:
            return np.sort(_searchable(connection, _pack(connection, pack)[0]))

    def all(self, pack: str) -> tuple[IdArray, FloatArray]:
        """Return ids (N,) and vectors float32 (N, D) of all searchable photos; D is 0 for an unknown pack."""
        with self._database.read() as connection:
            number, dim = _pack(connection, pack)
            wanted = _searchable(connection, number)
            ids, blobs = [], []
            # In the order of the file, whoever is searchable: a jump per photo would take longer than to skip some.
            cursor = connection.execute(
                "SELECT photo_id, vector FROM embedding WHERE pack_id = ? ORDER BY id", (number,)
            )
            while rows := cursor.fetchmany(_CHUNK):
                ids.extend([row[0] for row in rows])
                blobs.append(b"".join([row[1] for row in rows]))
        found = np.array(ids, dtype=np.int64)
        matrix = read_vectors(b"".join(blobs), len(ids), dim)
        keep = np.isin(found, wanted)
        return (found, matrix) if keep.all() else (found[keep], matrix[keep])

    def get(self, pack: str, ids: Sequence[int] | IdArray) -> tuple[IdArray, FloatArray]:
        """Return ids (M,) and vectors float32 (M, D) of those of ``ids`` that have one, sorted by id.

        Also of missing photos and of those in offline folders.
        """
        with self._database.read() as connection:
            number, dim = _pack(connection, pack)
            rows = connection.execute(
                "SELECT photo_id, vector FROM embedding JOIN photo ON photo.id = photo_id"
                f" WHERE photo_id {IN_IDS} AND embedding.pack_id = ?"
                " AND photo.pack_id = ? ORDER BY photo_id",
                (json_ids(ids), number, number),
            ).fetchall()
        return read_ids((row[0],) for row in rows), read_vectors(b"".join(row[1] for row in rows), len(rows), dim)

    def by_content(self, pack: str, content_key: ContentKey) -> tuple[PhotoFacts, FloatArray] | None:
        """Return facts and vector (D,) of any photo, also a missing one, with this content; None if there is none.

        A vector that is kept from before another pack was used counts as well.
        """
        with self._database.read() as connection:
            number, dim = _pack(connection, pack)
            row = connection.execute(
                f"SELECT {FACTS}, vector FROM photo JOIN embedding ON photo_id = photo.id"
                " WHERE content_key = ? AND embedding.pack_id = ? LIMIT 1",
                (content_key, number),
            ).fetchone()
        return None if row is None else (PhotoFacts(*row[:10]), read_vectors(row[10], 1, dim)[0])

    def generation(self, pack: str) -> int:
        """Return the number of the last stored vector; it never goes back and is never given twice.

        The number is counted over all packs, so it may rise without a new vector of this one.
        """
        del pack
        with self._database.read() as connection:
            row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'embedding'").fetchone()
        return int(row[0]) if row is not None else 0

    def changed_since(self, pack: str, generation: int) -> IdArray:
        """Return the photos whose present vector of this pack was stored after ``generation``."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT photo_id FROM embedding WHERE id > ? AND +pack_id = ?", (generation, _pack(connection, pack)[0])
            )
            return read_ids(rows)


def drop_vectors(connection: sqlite3.Connection, ids: Collection[PhotoId]) -> None:
    """Delete the vectors of photos, of every pack."""
    connection.execute(f"DELETE FROM embedding WHERE photo_id {IN_IDS}", (json_ids(ids),))


def _pack(connection: sqlite3.Connection, fingerprint: str) -> tuple[int, int]:
    """Return number and dimension of a pack; (-1, 0), which no vector has, if none was stored yet."""
    row = connection.execute("SELECT id, dim FROM pack WHERE fingerprint = ?", (fingerprint,)).fetchone()
    return (int(row[0]), int(row[1])) if row is not None else (-1, 0)


def _searchable(connection: sqlite3.Connection, number: int) -> IdArray:
    return read_ids(
        connection.execute(f"SELECT id FROM photo WHERE state = {INDEXED} AND pack_id = ? AND {PRESENT}", (number,))
    )
