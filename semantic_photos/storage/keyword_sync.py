# SPDX-License-Identifier: GPL-3.0-or-later
"""Synchronization state of keywords and photo files: keywords read, keywords to write, failed writes."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from semantic_photos.domain.photo import ContentKey, FileStamp, PhotoId
from semantic_photos.domain.ports import IdArray
from semantic_photos.domain.tags import KEPT, SEPARATOR, Act, FileWords, Remark, Standing
from semantic_photos.storage.database import Database
from semantic_photos.storage.rows import IN_IDS, PRESENT, clean, json_ids, path_of, stored_stamp
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

_CHUNK = 512
#: Photos of which the user says something else than their files did when they were read.
_REMARKED = (
    "SELECT remark.photo_id FROM remark LEFT JOIN exchange ON exchange.photo_id = remark.photo_id"
    " WHERE remark.rating <> coalesce(exchange.rating, 0) OR remark.caption <> coalesce(exchange.caption, '')"
    " UNION SELECT photo_id FROM exchange WHERE (coalesce(rating, 0) <> 0 OR caption <> '')"
    " AND photo_id NOT IN (SELECT photo_id FROM remark)"
)


@dataclass(frozen=True, slots=True)
class WriteJob:
    """The metadata that the files of one photo should have.

    Attributes:
        photo_id: the photo.
        path: its file.
        stamp: what the catalog knows of the file.
        want: tags it should have.
        drop: tags it should not have any more: rejected ones, and what was written before and is gone.
        ours: of the tags that it will have, those that are there by our writing and not by another program's.
        rating: the rating that the user gave it here, 0 for none; None when the files say it, as far as is known.
        caption: as ``rating``.
    """

    photo_id: PhotoId
    path: Path
    stamp: FileStamp
    want: tuple[str, ...]
    drop: tuple[str, ...]
    ours: tuple[str, ...] = ()
    rating: int | None = None
    caption: str | None = None


@dataclass(frozen=True, slots=True)
class FailedWrite:
    """A photo into whose files nothing could be written, with the reason as a sentence and the number of tries."""

    photo_id: PhotoId
    path: Path
    code: str
    reason: str
    tries: int


class KeywordSync:
    """Keywords read from photo files, and keywords to write into them.

    Thread: any; blocking.
    """

    def __init__(self, database: Database, now: Callable[[], float] = time.time) -> None:
        self._database, self._now = database, now

    # Reading

    def stamps(self, ids: Sequence[int] | IdArray) -> dict[PhotoId, str]:
        """Return what the files of photos were when their words were read; photos never read are left out."""
        with self._database.read() as connection:
            rows = connection.execute(
                f"SELECT photo_id, stamp FROM exchange WHERE stamp <> '' AND photo_id {IN_IDS}", (json_ids(ids),)
            )
            return {PhotoId(row[0]): row[1] for row in rows}

    def store_words(self, said: Sequence[tuple[PhotoId, FileWords | None, str]]) -> Change:
        """Store the metadata read from photos' files, with the stamp of each; unknown photos change nothing.

        Tags become imported, unless the user said otherwise of them; those that were imported and are not said any
        more go. Rating and caption are taken as long as the catalog has what the file said before, or neither said
        anything. What we wrote ourselves and the catalog has changed its mind about is not taken back from the file,
        until the file has been without it. Words that are not whole take nothing away; without words (they could not
        be read) only the stamp is noted.
        """
        tags: list[TagRow] = []
        remarks: list[RemarkRow] = []
        with self._database.transaction() as connection:
            ids = json_ids(photo_id for photo_id, _, _ in said)
            photos = {row[0] for row in connection.execute(f"SELECT id FROM photo WHERE id {IN_IDS}", (ids,))}
            known = {
                row[0]: (row[1], row[2], row[3])
                for row in connection.execute(
                    f"SELECT photo_id, rating, caption, written FROM exchange WHERE photo_id {IN_IDS}", (ids,)
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
                rating, caption, written = before = known.get(photo_id, (None, "", ""))
                if words is not None:
                    if not words.whole:
                        more = words.rating if words.rating is not None else rating
                        words = replace(words, rating=more, caption=words.caption or caption)
                    ours = {name.casefold() for name in _names(written)}
                    now = current(connection, [photo_id], None)
                    rows = _import_tags(photo_id, words, now, folded, ours)
                    tags += write_rows(connection, rows, self._now()).tags
                    remarks += _import_remark(connection, photo_id, words, before)
                    rating, caption = words.rating, clean(words.caption)
                    if words.whole:
                        written = _written(_still_said(written, words))
                connection.execute(
                    "INSERT INTO exchange (photo_id, stamp, rating, caption, written) VALUES (?, ?, ?, ?, ?)"
                    " ON CONFLICT DO UPDATE SET stamp = excluded.stamp, rating = excluded.rating,"
                    " caption = excluded.caption, written = excluded.written",
                    (photo_id, stamp, rating, caption, written),
                )
        return Change(tuple(tags), tuple(remarks))

    # Writing

    def jobs(
        self, ids: Sequence[int] | None = None, *, automatic: float | None = None, failed_only: bool = False
    ) -> list[WriteJob]:
        """Return the metadata for files of photos: of these, or of all with tags, and with a rating or caption.

        Missing photos are left out. A rating and a caption are written only where the user set or took off one
        here: where they are not what the files said when they were read.

        Args:
            ids: the photos; None means all.
            automatic: write unconfirmed automatic tags too, from this confidence on; None writes none.
            failed_only: only those whose last writing failed.
        """
        with self._database.read() as connection:
            if ids is not None and failed_only:
                rows = connection.execute(
                    f"SELECT photo_id FROM exchange WHERE failure <> '' AND photo_id {IN_IDS}", (json_ids(ids),)
                )
                ids = [row[0] for row in rows]
            if ids is None:
                where = "failure <> ''" if failed_only else "failure <> '' OR written <> ''"
                more = "" if failed_only else f" UNION SELECT photo_id FROM photo_tag UNION {_REMARKED}"
                ids = [r[0] for r in connection.execute(f"SELECT photo_id FROM exchange WHERE {where}{more}")]
            found = []
            for start in range(0, len(ids), _CHUNK):
                found += _jobs(connection, ids[start : start + _CHUNK], automatic)
            return found

    def writing(self, names: Mapping[PhotoId, Sequence[str]]) -> dict[PhotoId, list[str]]:
        """Note, before files are replaced, which tags they may have by our writing from now on, with those of before.

        Whatever happens then (a reading, a kill, a power cut), they are not taken for another program's. Returns those
        of before, for ``not_written``.
        """
        before: dict[PhotoId, list[str]] = {photo_id: [] for photo_id in names}
        if not names:
            return before
        with self._database.transaction(durable=True) as connection:
            for row in connection.execute(
                f"SELECT photo_id, written FROM exchange WHERE photo_id {IN_IDS}", (json_ids(names),)
            ):
                before[PhotoId(row[0])] = _names(row[1])
            connection.executemany(
                "INSERT INTO exchange (photo_id, written) VALUES (?, ?) ON CONFLICT DO UPDATE SET"
                " written = excluded.written",
                [(photo_id, _written(dict.fromkeys([*before[photo_id], *more]))) for photo_id, more in names.items()],
            )
        return before

    def not_written(self, before: Mapping[PhotoId, Sequence[str]]) -> None:
        """Note that files are as they were, after ``writing``."""
        if before:
            with self._database.transaction() as connection:
                connection.executemany(
                    "UPDATE exchange SET written = ? WHERE photo_id = ?",
                    [(_written(names), photo_id) for photo_id, names in before.items()],
                )

    def wrote(self, done: Sequence[tuple[WriteJob, str]]) -> None:
        """Store what was written into photos' files: tags, and ratings and captions where the jobs had some.

        Args:
            done: jobs, each with what the photo's files are now, if nothing but our writing changed them since they
                were read; else with an empty text, so that they are read again.
        """
        with self._database.transaction() as connection:
            for job, stamp in done:
                connection.execute(
                    "INSERT INTO exchange (photo_id, written, rating, caption) VALUES (?, ?, ?, coalesce(?, ''))"
                    " ON CONFLICT DO UPDATE SET written = excluded.written, failure_code = '', failure = '', tries = 0,"
                    " rating = coalesce(excluded.rating, rating), caption = coalesce(?, caption)",
                    (job.photo_id, _written(job.ours), job.rating, job.caption, job.caption),
                )
                if stamp:
                    connection.execute("UPDATE exchange SET stamp = ? WHERE photo_id = ?", (stamp, job.photo_id))

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
            # The photo keeps its place among the others: it was not taken today.
            return bool(
                connection.execute(
                    "UPDATE photo SET size = ?, mtime_ns = ?, inode = ?, content_key = ?"
                    " WHERE id = ? AND size = ? AND mtime_ns = ?",
                    (size, mtime_ns, inode, key, photo_id, old_size, old_mtime),
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


def _written(names: Iterable[str]) -> str:
    texts = list(names)
    return json.dumps(texts, ensure_ascii=False) if texts else ""


def _still_said(written: str, words: FileWords) -> list[str]:
    """Return what of our writing is in the file: what another program takes off and gives again is not ours then."""
    said = {name.casefold() for name in words.tags}
    # A name that is a level of another one in the file is not read by itself.
    said |= {level for name in said if SEPARATOR in name for level in name.split(SEPARATOR)}
    return [name for name in _names(written) if name.casefold() in said]


def _jobs(connection: sqlite3.Connection, ids: Sequence[int], automatic: float | None) -> list[WriteJob]:
    chosen = json_ids(ids)
    want: dict[int, list[str]] = {}
    drop: dict[int, list[str]] = {}
    theirs: dict[int, set[str]] = {}
    unasked: dict[int, set[str]] = {}
    for photo_id, name, standing, confidence in connection.execute(
        "SELECT photo_id, name, standing, confidence FROM photo_tag JOIN tag ON tag.id = tag_id"
        f" WHERE photo_id {IN_IDS} ORDER BY photo_id, name",
        (chosen,),
    ):
        if standing == Standing.REJECTED:
            drop.setdefault(photo_id, []).append(name)
        elif standing in KEPT or (automatic is not None and (confidence or 0.0) >= automatic):
            want.setdefault(photo_id, []).append(name)
            if standing == Standing.IMPORTED:
                theirs.setdefault(photo_id, set()).add(name.casefold())
        else:
            unasked.setdefault(photo_id, set()).add(name.casefold())
    found = []
    for row in connection.execute(
        "SELECT id, path, size, mtime_ns, inode, coalesce(written, ''), coalesce(remark.rating, 0),"
        " coalesce(remark.caption, ''), coalesce(exchange.rating, 0), coalesce(exchange.caption, '') FROM photo"
        " LEFT JOIN exchange ON exchange.photo_id = id LEFT JOIN remark ON remark.photo_id = id"
        f" WHERE id {IN_IDS} AND {PRESENT} ORDER BY path",
        (chosen,),
    ):
        wanted = want.get(row[0], [])
        have = {name.casefold() for name in wanted}
        written = {name.casefold(): name for name in _names(row[5])}
        # What was written as an automatic tag stays while the catalog has it, whatever is asked for today.
        kept = [name for folded, name in written.items() if folded in unasked.get(row[0], ())]
        gone = [name for folded, name in written.items() if folded not in have and name not in kept]
        foreign = theirs.get(row[0], set()) - written.keys()
        dropped = dict.fromkeys([*drop.get(row[0], []), *gone])
        rating, caption = row[6] if row[6] != row[8] else None, row[7] if row[7] != row[9] else None
        if wanted or dropped or rating is not None or caption is not None:
            stamp = FileStamp(row[2], int(row[3]), row[4])
            ours = (*kept, *(name for name in wanted if name.casefold() not in foreign))
            found.append(
                WriteJob(PhotoId(row[0]), path_of(row[1]), stamp, tuple(wanted), tuple(dropped), ours, rating, caption)
            )
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
    if words.whole:
        # Of an automatic tag a file that does not say it says nothing: its confidence stays.
        imported = [key for key, held in now.items() if held[0] is Standing.IMPORTED]
        rows += [moved(key, now, Act.MISS, None) for key in imported if key not in said]
    return [row for row in rows if row is not None]


def _import_remark(
    connection: sqlite3.Connection, photo_id: PhotoId, words: FileWords, known: tuple[int | None, str, str]
) -> tuple[RemarkRow, ...]:
    old = read_remarks(connection, [photo_id]).get(photo_id, Remark())
    rating, caption = old.rating, old.caption
    # What the user took off stays off, as what they set stays.
    if old.rating == (known[0] or 0):
        rating = words.rating or 0
    if old.caption == known[1]:
        caption = clean(words.caption)
    new = Remark(rating, old.favourite, caption)
    if new == old:
        return ()
    rows = (RemarkRow(int(photo_id), old, new),)
    write_remarks(connection, rows)
    return rows
