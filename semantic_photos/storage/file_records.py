# SPDX-License-Identifier: GPL-3.0-or-later
"""Files in the catalog, for comparison with the disk: seen, changed, moved, missing, returned."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from semantic_photos.domain.errors import InternalError
from semantic_photos.domain.photo import ContentKey, FileStamp, FolderId, Photo, PhotoId, PhotoState
from semantic_photos.storage.database import Database
from semantic_photos.storage.embeddings import drop_vectors
from semantic_photos.storage.rows import (
    FORGET,
    IN_IDS,
    PHOTO,
    STATES,
    KnownFile,
    json_ids,
    photo_of,
    sort_key,
    stored_stamp,
)
from semantic_photos.storage.schema import INDEXED
from semantic_photos.storage.tags import OWN_WORK_OF_PHOTO


class FileRecords:
    """The scanner's side of the catalog. Nothing here deletes what may come back.

    Thread: any; blocking.
    """

    def __init__(self, database: Database, now: Callable[[], float] = time.time) -> None:
        self._database, self._now = database, now

    def in_folder(self, folder_id: FolderId) -> dict[bytes, KnownFile]:
        """Return all files of a folder, also missing ones, by their path as ``os.fsencode`` gives it."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT path, id, size, mtime_ns, inode, missing_since FROM photo WHERE folder_id = ?", (folder_id,)
            )
            return {row[0]: _known(row) for row in rows}

    def at(self, path: Path) -> KnownFile | None:
        """Return one file, also a missing one, or None if it was never seen."""
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT path, id, size, mtime_ns, inode, missing_since FROM photo WHERE path = ?", (os.fsencode(path),)
            ).fetchone()
            return None if row is None else _known(row)

    def add(self, folder_id: FolderId, files: Sequence[tuple[Path, FileStamp]]) -> list[PhotoId]:
        """Add files that wait to be indexed; return their ids in the same order.

        A path that is known already keeps its id: its stamp is compared, and it is no longer missing. Nothing is
        added, and nothing returned, when the folder was removed meanwhile.
        """
        ids = []
        with self._database.transaction() as connection:
            if connection.execute("SELECT 1 FROM folder WHERE id = ?", (folder_id,)).fetchone() is None:
                return []
            for path, stamp in files:
                cursor = connection.execute(
                    "INSERT INTO photo (folder_id, path, size, mtime_ns, inode, sort_key) VALUES (?, ?, ?, ?, ?, ?)"
                    " ON CONFLICT (path) DO NOTHING",
                    (folder_id, os.fsencode(path), *stored_stamp(stamp), sort_key(stamp)),
                )
                if cursor.rowcount == 1 and cursor.lastrowid is not None:
                    ids.append(PhotoId(cursor.lastrowid))
                else:
                    ids.append(_see_again(connection, folder_id, path, stamp))
        return ids

    def mark_changed(self, changed: Sequence[tuple[PhotoId, FileStamp]]) -> None:
        """Note that these files have other content: they are there and wait to be indexed, without a vector."""
        with self._database.transaction() as connection:
            for photo_id, stamp in changed:
                _touch(connection, photo_id, stamp)
            drop_vectors(connection, [photo_id for photo_id, _ in changed])

    def mark_missing(self, ids: Sequence[PhotoId]) -> None:
        """Note that these files are gone. Row and vector are kept until ``purge_missing``."""
        with self._database.transaction() as connection:
            connection.execute(
                f"UPDATE photo SET missing_since = ? WHERE missing_since IS NULL AND id {IN_IDS}",
                (self._now(), json_ids(ids)),
            )
            connection.execute(f"DELETE FROM mark WHERE photo_id {IN_IDS}", (json_ids(ids),))

    def mark_found(self, ids: Sequence[PhotoId]) -> None:
        """Note that these files are back as they were."""
        with self._database.transaction() as connection:
            connection.execute(f"UPDATE photo SET missing_since = NULL WHERE id {IN_IDS}", (json_ids(ids),))

    def missing_sizes(self) -> frozenset[int]:
        """Return the sizes of all missing files: a new file of another size was not moved here."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT DISTINCT size FROM photo WHERE missing_since IS NOT NULL")
            return frozenset(row[0] for row in rows)

    def find_moved(self, content_key: ContentKey, size: int) -> list[Photo]:
        """Return missing photos with this content, the one that was seen last first."""
        with self._database.read() as connection:
            rows = connection.execute(
                f"SELECT {PHOTO} FROM photo WHERE missing_since IS NOT NULL AND size = ? AND content_key = ?"
                " ORDER BY missing_since DESC, id DESC",
                (size, content_key),
            )
            return [photo_of(row) for row in rows]

    def move(self, photo_id: PhotoId, path: Path, stamp: FileStamp, folder_id: FolderId) -> PhotoState:
        """Give a photo a new place, and take it as there; return the state it has now.

        It waits to be indexed if the size is another one, or if it never was indexed. Another row that has the
        path already gives way, unless it can be found by a search.

        Raises:
            InternalError: when the photo or the folder is unknown, or another searchable photo has the path.
        """
        raw = os.fsencode(path)
        with self._database.transaction() as connection:
            other = connection.execute(
                "SELECT id, state, missing_since FROM photo WHERE path = ? AND id <> ?", (raw, photo_id)
            ).fetchone()
            if other is not None:
                if other[1] == INDEXED and other[2] is None:
                    raise InternalError(f"photo {photo_id} cannot move onto photo {other[0]}")
                connection.execute("DELETE FROM photo WHERE id = ?", (other[0],))
            row = connection.execute("SELECT size FROM photo WHERE id = ?", (photo_id,)).fetchone()
            if row is None:
                raise InternalError(f"photo {photo_id} cannot move: it is unknown")
            connection.execute(
                "UPDATE photo SET path = ?, folder_id = ?, missing_since = NULL WHERE id = ?",
                (raw, folder_id, photo_id),
            )
            if row[0] == stamp.size:
                _restamp(connection, photo_id, stamp)
            else:
                _touch(connection, photo_id, stamp)
                drop_vectors(connection, [photo_id])
            state = connection.execute("SELECT state FROM photo WHERE id = ?", (photo_id,)).fetchone()[0]
        return STATES[state]

    def purge_missing(self, older_than_s: float) -> int:
        """Forget the photos that are missing for longer than this; return how many.

        Those with work of the user stay for as long as their folder is watched: a tag, a rejection, a rating or a
        vote is in no file that could bring it back.
        """
        with self._database.transaction() as connection:
            return connection.execute(
                "DELETE FROM photo WHERE missing_since IS NOT NULL AND missing_since < ?"
                f" AND NOT ({OWN_WORK_OF_PHOTO})",
                (self._now() - older_than_s,),
            ).rowcount


def _see_again(connection: sqlite3.Connection, folder_id: FolderId, path: Path, stamp: FileStamp) -> PhotoId:
    row = connection.execute(
        "SELECT path, id, size, mtime_ns, inode, missing_since FROM photo WHERE path = ?", (os.fsencode(path),)
    ).fetchone()
    known = _known(row)
    connection.execute("UPDATE photo SET folder_id = ?, missing_since = NULL WHERE id = ?", (folder_id, known.id))
    if not known.stamp.same_content(stamp):
        _touch(connection, known.id, stamp)
        drop_vectors(connection, [known.id])
    return known.id


def _touch(connection: sqlite3.Connection, photo_id: PhotoId, stamp: FileStamp) -> None:
    connection.execute(
        f"UPDATE photo SET size = ?, mtime_ns = ?, inode = ?, sort_key = ?, missing_since = NULL, {FORGET}"
        " WHERE id = ?",
        (*stored_stamp(stamp), sort_key(stamp), photo_id),
    )


def _restamp(connection: sqlite3.Connection, photo_id: PhotoId, stamp: FileStamp) -> None:
    taken = connection.execute("SELECT taken FROM photo WHERE id = ?", (photo_id,)).fetchone()[0]
    connection.execute(
        "UPDATE photo SET size = ?, mtime_ns = ?, inode = ?, sort_key = ? WHERE id = ?",
        (*stored_stamp(stamp), sort_key(stamp, taken), photo_id),
    )


def _known(row: tuple[bytes, int, int, int | str, int, float | None]) -> KnownFile:
    return KnownFile(PhotoId(row[1]), FileStamp(row[2], int(row[3]), row[4]), row[5] is not None)
