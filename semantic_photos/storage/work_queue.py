# SPDX-License-Identifier: GPL-3.0-or-later
"""The work queue of indexing: photos pending, being read, indexed, or failed.

A photo that ends the program itself must not end it again and again. Photos are marked while they are read, and
marks that are left over at the next start tell which they were. Many are read at a time, and a program also dies
of a power cut, so a mark is a suspicion, not a proof: one of ``n`` marks counts 1/n. A photo fails when it was there
at least twice and its suspicion has reached 1: alone two crashes are enough, and forty innocent photos that were in
flight at two power cuts stay in the queue. Suspects are taken up last.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence

from semantic_photos.domain.photo import FailedPhoto, FileStamp, Photo, PhotoId
from semantic_photos.domain.translatable import Message
from semantic_photos.storage.database import Database
from semantic_photos.storage.embeddings import drop_vectors
from semantic_photos.storage.rows import (
    FACTS,
    IN_IDS,
    PHOTO,
    PRESENT,
    IndexedPhoto,
    clean,
    enter_pack,
    json_ids,
    path_of,
    photo_of,
    sort_key,
    stored_facts,
    stored_stamp,
    stored_vector,
)
from semantic_photos.storage.schema import FAILED, INDEXED, PENDING

_log = logging.getLogger(__name__)

#: From so many deaths of the program during its reading a photo may be blamed, if its suspicion has reached 1.
CRASHES = 2
#: Seconds until a photo that could not be read for an outside reason is retried; four times that after each failure.
RETRY_S, MOST_RETRY_S = 300.0, 86_400.0


class WorkQueue:
    """The indexer's side of the catalog.

    Thread: any; blocking.
    """

    def __init__(self, database: Database, now: Callable[[], float] = time.time) -> None:
        self._database, self._now = database, now

    def pending(self, limit: int, *, pack: str = "") -> list[Photo]:
        """Return up to ``limit`` photos that wait, newest first, suspects of a crash last.

        With ``pack``, photos whose vector is of another pack wait too. Missing photos and those of offline folders
        do not.
        """
        found: list[Photo] = []
        with self._database.read() as connection:
            _fetch(connection, found, limit, "state = ? AND pack_id = 0 AND crashes = 0", (PENDING,))
            for other in _other_packs(connection, pack):
                _fetch(connection, found, limit, "state = ? AND pack_id = ?", (INDEXED, other))
            _fetch(connection, found, limit, "state = ? AND pack_id = 0 AND crashes > 0", (PENDING,))
        return found

    def commit(self, pack: str, rows: Sequence[IndexedPhoto]) -> list[PhotoId]:
        """Store vectors and what was read, and make these photos indexed: all in one transaction, or none.

        A photo that changed, went missing, or was removed since it was read is skipped, and so is one whose folder
        went offline.

        Returns:
            The photos that are indexed now.

        Raises:
            InternalError: for a vector that is not finite, has no direction, or is not of the pack's size.
        """
        if not rows:
            return []
        done = []
        with self._database.transaction() as connection:
            number, dim = enter_pack(connection, pack, rows[0].vector.size)
            for row in rows:
                vector = stored_vector(row.vector, dim)
                size, mtime_ns, inode = stored_stamp(row.stamp)
                changed = connection.execute(
                    f"UPDATE photo SET ({FACTS}) = (?, ?, ?, ?, ?, ?, ?, ?, ?, ?), state = {INDEXED}, pack_id = ?,"
                    " content_key = ?, sort_key = ?, inode = ?, reason_code = '', reason = '', attempts = 0,"
                    " retry_at = NULL, crashes = 0, suspicion = 0"
                    f" WHERE id = ? AND size = ? AND mtime_ns = ? AND {PRESENT}",
                    (*stored_facts(row.facts), number, row.content_key, sort_key(row.stamp, row.facts.taken), inode,
                     row.photo_id, size, mtime_ns),
                ).rowcount  # fmt: skip
                if changed:
                    # Deleted and stored anew rather than changed: the number of the row is the vector's generation.
                    connection.execute(
                        "DELETE FROM embedding WHERE photo_id = ? AND pack_id = ?", (row.photo_id, number)
                    )
                    connection.execute(
                        "INSERT INTO embedding (photo_id, pack_id, vector) VALUES (?, ?, ?)",
                        (row.photo_id, number, vector),
                    )
                    done.append(row.photo_id)
            _unmark(connection, (row.photo_id for row in rows))
        return done

    def mark_failed(self, photo_id: PhotoId, stamp: FileStamp, code: str, reason: str, *, retry: bool = False) -> None:
        """Set a photo aside with a reason, unless its file has changed since it was read.

        Args:
            photo_id: the photo.
            stamp: what its file was when it was read.
            code: machine-readable kind of failure.
            reason: one sentence for a user.
            retry: the same file may succeed later; ``retry_due`` brings it back then.
        """
        with self._database.transaction() as connection:
            _unmark(connection, [photo_id])
            size, mtime_ns, _ = stored_stamp(stamp)
            row = connection.execute(
                "SELECT attempts FROM photo WHERE id = ? AND size = ? AND mtime_ns = ?", (photo_id, size, mtime_ns)
            ).fetchone()
            if row is None:
                return
            wait = min(RETRY_S * 4.0 ** min(row[0], 10), MOST_RETRY_S)
            _fail(connection, photo_id, code, reason, self._now() + wait if retry else None)

    def retry(self, ids: Sequence[PhotoId] | None = None) -> None:
        """Let failed photos wait to be indexed once more; None means all of them."""
        with self._database.transaction() as connection:
            where, values = ("", ()) if ids is None else (f" AND id {IN_IDS}", (json_ids(ids),))
            connection.execute(
                f"UPDATE photo SET state = {PENDING}, retry_at = NULL, crashes = 0, suspicion = 0"
                f" WHERE state = {FAILED}{where}",
                values,
            )

    def retry_due(self) -> int:
        """Let those failed photos wait again for which the time of another try has come; return how many."""
        with self._database.transaction() as connection:
            return _retry_due(connection, self._now())

    def failures(self) -> list[FailedPhoto]:
        """Return the photos that were set aside, by path; those that are missing or offline are left out."""
        with self._database.read() as connection:
            rows = connection.execute(
                f"SELECT id, path, reason_code, reason, attempts FROM photo WHERE state = {FAILED} AND {PRESENT}"
                " ORDER BY path"
            )
            return [FailedPhoto(PhotoId(row[0]), path_of(row[1]), row[2], row[3], row[4]) for row in rows]

    # Marks against photos that end the program

    def begin_decode(self, ids: Sequence[PhotoId]) -> None:
        """Mark photos as being read now."""
        with self._database.transaction() as connection:
            connection.execute(
                f"INSERT OR REPLACE INTO mark SELECT id, ? FROM photo WHERE id {IN_IDS}",
                (self._database.session, json_ids(ids)),
            )

    def end_decode(self, ids: Sequence[PhotoId]) -> None:
        """Take the marks off; ``commit`` and ``mark_failed`` do that themselves."""
        if ids:
            with self._database.transaction() as connection:
                _unmark(connection, ids)

    def clear_marks(self) -> None:
        """Take all marks off: nothing is being read."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM mark")

    def recover(self) -> None:
        """Draw the conclusions from marks that an earlier session left behind, and take up due retries."""
        with self._database.transaction() as connection:
            rows = connection.execute("SELECT photo_id FROM mark WHERE session <> ?", (self._database.session,))
            left = [PhotoId(row[0]) for row in rows]
            if left:
                _log.warning("the program ended while %d photos were being read", len(left))
                connection.execute(
                    f"UPDATE photo SET crashes = crashes + 1, suspicion = suspicion + ? WHERE id {IN_IDS}",
                    (1.0 / len(left), json_ids(left)),
                )
                # A little less than 1, because three thirds may be.
                guilty = connection.execute(
                    f"SELECT id FROM photo WHERE id {IN_IDS} AND crashes >= ? AND suspicion > 0.999",
                    (json_ids(left), CRASHES),
                ).fetchall()
                for (photo_id,) in guilty:
                    _fail(
                        connection, PhotoId(photo_id), "photo.crash",
                        Message("The program crashed more than once while reading this photo."), None,
                    )  # fmt: skip
                connection.execute("DELETE FROM mark WHERE session <> ?", (self._database.session,))
            _retry_due(connection, self._now())


def _fail(connection: sqlite3.Connection, photo_id: PhotoId, code: str, reason: str, retry_at: float | None) -> None:
    connection.execute(
        f"UPDATE photo SET state = {FAILED}, pack_id = 0, reason_code = ?, reason = ?, attempts = attempts + 1,"
        " retry_at = ?, crashes = 0, suspicion = 0 WHERE id = ?",
        (clean(code), clean(reason), retry_at, photo_id),
    )
    drop_vectors(connection, [photo_id])


def _other_packs(connection: sqlite3.Connection, pack: str) -> list[int]:
    """Return the packs, but this one, of which photos have their current vector; none without a pack."""
    if not pack:
        return []
    rows = connection.execute(
        "SELECT DISTINCT pack_id FROM tally WHERE photos > 0 AND missing = 0 AND pack_id <> 0"
        " AND pack_id NOT IN (SELECT id FROM pack WHERE fingerprint = ?)",
        (pack,),
    )
    return [row[0] for row in rows]


def _fetch(connection: sqlite3.Connection, found: list[Photo], limit: int, where: str, values: tuple[int, ...]) -> None:
    if len(found) < limit:
        rows = connection.execute(
            f"SELECT {PHOTO} FROM photo WHERE {where} AND {PRESENT} ORDER BY sort_key DESC, id DESC LIMIT ?",
            (*values, limit - len(found)),
        )
        found.extend(photo_of(row) for row in rows)


def _unmark(connection: sqlite3.Connection, ids: Iterable[PhotoId]) -> None:
    connection.execute(f"DELETE FROM mark WHERE photo_id {IN_IDS}", (json_ids(ids),))


def _retry_due(connection: sqlite3.Connection, now: float) -> int:
    return connection.execute(
        f"UPDATE photo SET state = {PENDING}, retry_at = NULL WHERE state = {FAILED} AND pack_id = 0 AND retry_at <= ?",
        (now,),
    ).rowcount
