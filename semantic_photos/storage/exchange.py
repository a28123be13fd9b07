# SPDX-License-Identifier: GPL-3.0-or-later
"""Between catalog and photo files: which words were read from them, which are to be written, what could not be."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from semantic_photos.domain.photo import ContentKey, FileStamp, PhotoId
from semantic_photos.domain.ports import IdArray
from semantic_photos.domain.tagging import KEPT, Act, FileWords, Remark, Standing
from semantic_photos.storage.database import Database
from semantic_photos.storage.rows import clean, json_ids, path_of, sort_key, stored_stamp
from semantic_photos.storage.tags import (
    Change,
    Current,
    RemarkRow,
    TagRow,
    current,
    make_tags,
    moved,
    read_remarks,
    write_remarks,
    write_rows,
)

_IN = "IN (SELECT value FROM json_each(?))"
_THERE = "photo.missing_since IS NULL AND photo.folder_id IN (SELECT id FROM folder WHERE online)"
_CHUNK = 512


@dataclass(frozen=True, slots=True)
class WriteJob:
    """What the files of one photo should say.

    Attributes:
        photo_id: the photo.
        path: its file.
        stamp: what the catalog knows of the file.
        want: tags it should have.
        drop: tags it should not have any more: rejected ones, and what was written before and is gone.
        failure: why the last try failed, or empty.
    """

    photo_id: PhotoId
    path: Path
    stamp: FileStamp
    want: tuple[str, ...]
    drop: tuple[str, ...]
    failure: str = ""


@dataclass(frozen=True, slots=True)
class FailedWrite:
    """A photo into whose files nothing could be written, with the reason as a sentence and the number of tries."""

    photo_id: PhotoId
    path: Path
    code: str
    reason: str
    tries: int


class Exchange:
    """What was read from photo files and what is to be written into them.

    Thread: any; blocking.
    """

    def __init__(self, database: Database, now: Callable[[], float] = time.time) -> None:
        self._database, self._now = database, now

    # Reading

    def stamps(self, ids: Sequence[int] | IdArray) -> dict[PhotoId, str]:
        """Return what the files of photos were when their words were read; photos never read are left out."""
        with self._database.read() as connection:
            rows = connection.execute(
                f"SELECT photo_id, stamp FROM exchange WHERE stamp <> '' AND photo_id {_IN}", (json_ids(ids),)
            )
            return {PhotoId(row[0]): row[1] for row in rows}

    def store_words(self, said: Sequence[tuple[PhotoId, FileWords | None, str]]) -> Change:
        """Take over what photos' files say, with the stamp of each; unknown photos change nothing.

        Tags become imported, unless the person said otherwise of them; those that were imported and are not said any
        more go. Rating and caption are taken when there is none yet, or when it still is what the file said before.
        What we wrote ourselves and the catalog has changed its mind about is not taken back from the file. Without
        words (they could not be read) only the stamp is noted.
        """
        tags: list[TagRow] = []
        remarks: list[RemarkRow] = []
        with self._database.transaction() as connection:
            ids = json_ids(photo_id for photo_id, _, _ in said)
            photos = {row[0] for row in connection.execute(f"SELECT id FROM photo WHERE id {_IN}", (ids,))}
            known = {
                row[0]: (row[1], row[2], row[3])
                for row in connection.execute(
                    f"SELECT photo_id, rating, caption, written FROM exchange WHERE photo_id {_IN}", (ids,)
                )
            }
            by_name = make_tags(connection, ())
            folded = {name.casefold(): number for name, number in reversed(by_name.items())}
            new = [name for _, words, _ in said if words for name in words.tags if name.casefold() not in folded]
            for name, number in make_tags(connection, new).items():
                folded.setdefault(name.casefold(), number)
            for photo_id, words, stamp in said:
                if photo_id not in photos:
                    continue
                if words is not None:
                    before = known.get(photo_id)
                    ours = {name.casefold() for name in _names(before[2])} if before else set()
                    now = current(connection, [photo_id], None)
                    tags += write_rows(connection, _import_tags(photo_id, words, now, folded, ours), self._now()).tags
                    remarks += _import_remark(connection, photo_id, words, before)
                connection.execute(
                    "INSERT INTO exchange (photo_id, stamp, rating, caption) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE"
                    " SET stamp = excluded.stamp, rating = excluded.rating, caption = excluded.caption",
                    (photo_id, stamp, words.rating if words else None, clean(words.caption) if words else ""),
                )
        return Change(tuple(tags), tuple(remarks))

    # Writing

    def jobs(
        self, ids: Sequence[int] | None = None, *, automatic: float | None = None, failed_only: bool = False
    ) -> list[WriteJob]:
        """Return what the files of photos should say: of these, or of all with tags; missing ones are left out.

        Args:
            ids: the photos; None means all.
            automatic: write automatic tags that nobody confirmed too, from this confidence on; None writes none.
            failed_only: only those whose last writing failed.
        """
        with self._database.read() as connection:
            if ids is None:
                where = "failure <> ''" if failed_only else "failure <> '' OR written <> ''"
                more = "" if failed_only else " UNION SELECT photo_id FROM photo_tag"
                ids = [r[0] for r in connection.execute(f"SELECT photo_id FROM exchange WHERE {where}{more}")]
            found = []
            for start in range(0, len(ids), _CHUNK):
                found += _jobs(connection, ids[start : start + _CHUNK], automatic)
            return found

    def wrote(self, photo_id: PhotoId, names: Sequence[str], stamp: str) -> None:
        """Note which tags a photo's files have by our writing.

        Args:
            photo_id: the photo.
            names: the tags.
            stamp: what the files are now, if nothing but our writing changed them since they were read; else empty,
                so that they are read again.
        """
        written = json.dumps(list(names), ensure_ascii=False) if names else ""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO exchange (photo_id, written) VALUES (?, ?) ON CONFLICT DO UPDATE SET"
                " written = excluded.written, failure_code = '', failure = '', tries = 0",
                (photo_id, written),
            )
            if stamp:
                connection.execute("UPDATE exchange SET stamp = ? WHERE photo_id = ?", (stamp, photo_id))

    def write_failed(self, photo_id: PhotoId, code: str, reason: str) -> None:
        """Note why a photo's files could not be written."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO exchange (photo_id, failure_code, failure, tries) VALUES (?, ?, ?, 1)"
                " ON CONFLICT DO UPDATE SET failure_code = excluded.failure_code, failure = excluded.failure,"
                " tries = tries + 1",
                (photo_id, clean(code), clean(reason)),
            )

    def rewritten(self, photo_id: PhotoId, before: FileStamp, stamp: FileStamp, key: ContentKey) -> bool:
        """Note that we changed a photo's file but not its picture: its vector stays; return whether it was as known."""
        size, mtime_ns, inode = stored_stamp(stamp)
        old_size, old_mtime, _ = stored_stamp(before)
        with self._database.transaction(durable=True) as connection:
            row = connection.execute("SELECT taken FROM photo WHERE id = ?", (photo_id,)).fetchone()
            return bool(
                row is not None
                and connection.execute(
                    "UPDATE photo SET size = ?, mtime_ns = ?, inode = ?, content_key = ?, sort_key = ?"
                    " WHERE id = ? AND size = ? AND mtime_ns = ?",
                    (size, mtime_ns, inode, key, sort_key(stamp, row[0]), photo_id, old_size, old_mtime),
                ).rowcount
            )

    def failed_writes(self) -> list[FailedWrite]:
        """Return the photos whose last writing failed, by path."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT photo_id, path, failure_code, failure, tries FROM exchange JOIN photo ON photo.id = photo_id"
                " WHERE failure <> '' ORDER BY path"
            )
            return [FailedWrite(PhotoId(r[0]), path_of(r[1]), r[2], r[3], r[4]) for r in rows]


def _names(written: str) -> list[str]:
    return [str(name) for name in json.loads(written)] if written else []


def _jobs(connection: sqlite3.Connection, ids: Sequence[int], automatic: float | None) -> list[WriteJob]:
    chosen = json_ids(ids)
    want: dict[int, list[str]] = {}
    drop: dict[int, list[str]] = {}
    for photo_id, name, standing, confidence in connection.execute(
        "SELECT photo_id, name, standing, confidence FROM photo_tag JOIN tag ON tag.id = tag_id"
        f" WHERE photo_id {_IN} ORDER BY photo_id, name",
        (chosen,),
    ):
        if standing == Standing.REJECTED:
            drop.setdefault(photo_id, []).append(name)
        elif standing in KEPT or (automatic is not None and (confidence or 0.0) >= automatic):
            want.setdefault(photo_id, []).append(name)
    found = []
    for row in connection.execute(
        "SELECT id, path, size, mtime_ns, inode, coalesce(written, ''), coalesce(failure, '') FROM photo"
        f" LEFT JOIN exchange ON photo_id = id WHERE id {_IN} AND {_THERE} ORDER BY path",
        (chosen,),
    ):
        wanted = want.get(row[0], [])
        have = {name.casefold() for name in wanted}
        gone = [name for name in _names(row[5]) if name.casefold() not in have]
        dropped = dict.fromkeys([*drop.get(row[0], []), *gone])
        if wanted or dropped:
            stamp = FileStamp(row[2], int(row[3]), row[4])
            found.append(WriteJob(PhotoId(row[0]), path_of(row[1]), stamp, tuple(wanted), tuple(dropped), row[6]))
    return found


def _import_tags(
    photo_id: int, words: FileWords, now: Current, folded: Mapping[str, int], ours: Collection[str]
) -> list[TagRow]:
    said, rows = set(), []
    for name in words.tags:
        key = (int(photo_id), folded[name.casefold()])
        held = now.get(key)
        if key in said or (name.casefold() in ours and (held is None or held[0] is Standing.AUTOMATIC)):
            continue
        said.add(key)
        rows.append(moved(key, now, Act.IMPORT, None))
    rows += [moved(key, now, Act.MISS, None) for key in now if key not in said]
    return [row for row in rows if row is not None]


def _import_remark(
    connection: sqlite3.Connection, photo_id: PhotoId, words: FileWords, known: tuple[int | None, str, str] | None
) -> tuple[RemarkRow, ...]:
    old = read_remarks(connection, [photo_id]).get(photo_id, Remark())
    rating_then, caption_then = (known[0], known[1]) if known else (None, "")
    rating, caption = old.rating, old.caption
    if old.rating in (0, rating_then if rating_then is not None else 0):
        rating = words.rating or 0
    if old.caption in ("", caption_then):
        caption = clean(words.caption)
    new = Remark(rating, old.favourite, caption)
    if new == old:
        return ()
    rows = (RemarkRow(int(photo_id), old, new),)
    write_remarks(connection, rows)
    return rows
