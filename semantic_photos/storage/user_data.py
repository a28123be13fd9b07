# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads all user data from the catalog, and imports user data from elsewhere."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.query_text import Place, photo_ids, portable, settled
from semantic_photos.domain.relevance_feedback import has_examples
from semantic_photos.domain.tags import OWN_WORK, Remark, Standing
from semantic_photos.domain.user_data import PhotoUserData, SavedSearchRecord, TagRecord, VoteRecord
from semantic_photos.storage.database import Database
from semantic_photos.storage.rows import IN_IDS, clean, json_ids
from semantic_photos.storage.saved_searches import LONGEST_NAME, plain_name
from semantic_photos.storage.tags import (
    Change,
    RemarkRow,
    TagRow,
    current,
    make_tags,
    read_remarks,
    write_remarks,
    write_rows,
)

_CHUNK = 512

#: Name of a file → number, path and size of each photo that is called so.
FileNames = dict[bytes, list[tuple[int, bytes, int]]]


class UserDataStore:
    """Reads user data from the catalog and writes imported user data into it.

    Thread: any; blocking.
    """

    def __init__(self, database: Database, now: Callable[[], float] = time.time) -> None:
        self._database, self._now = database, now

    def all(self) -> Iterator[PhotoUserData]:
        """Yield the work on every photo that has some, also of missing ones, by path; automatic tags are no work."""
        with self._database.read() as connection:
            ids = [
                row[0]
                for row in connection.execute(
                    "SELECT id FROM photo WHERE id IN (SELECT photo_id FROM photo_tag WHERE standing <> 0)"
                    " OR id IN (SELECT photo_id FROM remark) OR id IN (SELECT photo_id FROM feedback) ORDER BY path"
                )
            ]
        for start in range(0, len(ids), _CHUNK):
            with self._database.read() as connection:
                yield from _read(connection, ids[start : start + _CHUNK])

    def searches(self) -> list[SavedSearchRecord]:
        """Return the saved searches by name; their example photos stand by file and content, not by number."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT name, query, created FROM saved_search ORDER BY name").fetchall()
            wanted = json_ids({int(photo) for _, query, _ in rows for photo in photo_ids(query)})
            places: dict[PhotoId, Place] = {
                PhotoId(number): (os.fsdecode(path), key or "")
                for number, path, key in connection.execute(
                    f"SELECT id, path, content_key FROM photo WHERE id {IN_IDS}", (wanted,)
                )
            }
        return [SavedSearchRecord(name, portable(query, places), created) for name, query, created in rows]

    def file_names(self) -> FileNames:
        """Return all photos by the name of their file, for ``find``."""
        found: FileNames = {}
        with self._database.read() as connection:
            for photo_id, path, size in connection.execute("SELECT id, path, size FROM photo"):
                found.setdefault(os.path.basename(path), []).append((photo_id, path, size))
        return found

    def find(self, work: PhotoUserData, names: FileNames | None = None) -> PhotoId | None:
        """Return the photo that work belongs to: by its content, else its path, else the end of its path and its size.

        Of several copies the one at the path counts, then the one that is there, then the first.

        Args:
            work: what is looked for.
            names: what ``file_names`` returned, where ends of paths are known.
        """
        with self._database.read() as connection:
            if work.content_key:
                row = connection.execute(
                    "SELECT id FROM photo WHERE content_key = ? ORDER BY path <> ?, missing_since IS NOT NULL, id",
                    (work.content_key, work.path),
                ).fetchone()
                if row is not None:
                    return PhotoId(row[0])
            row = connection.execute("SELECT id FROM photo WHERE path = ?", (work.path,)).fetchone()
        if row is not None:
            return PhotoId(row[0])
        if not work.tail or names is None:
            return None
        end = os.fsencode(os.sep) + work.tail
        alike = [
            photo_id
            for photo_id, path, size in names.get(os.path.basename(work.tail), ())
            if path.endswith(end) and size == work.size
        ]
        # Two would mean that the end does not tell them apart.
        return PhotoId(alike[0]) if len(alike) == 1 else None

    def take(self, work: Sequence[tuple[PhotoId, PhotoUserData]]) -> Change:
        """Add work to these photos, all or nothing; the later of two decisions counts, and nothing is taken away.

        A rating or caption that is there stays.
        """
        rows: dict[tuple[int, int], TagRow] = {}
        remarks: list[RemarkRow] = []
        with self._database.transaction(durable=True) as connection:
            by_name = make_tags(connection, ())
            folded = {name.casefold(): number for name, number in reversed(by_name.items())}
            names = {tag.tag for _, one in work for tag in one.tags if tag.tag.casefold() not in folded}
            for name, number in make_tags(connection, names).items():
                folded.setdefault(name.casefold(), number)
            ids = [photo_id for photo_id, _ in work]
            now = current(connection, ids, None)
            remarked = read_remarks(connection, ids)
            for photo_id, one in work:
                for tag in one.tags:
                    row = _merged(photo_id, folded[tag.tag.casefold()], tag, now)
                    if row is not None:
                        key = (row.photo_id, row.tag_id)
                        # What a file says twice is one change, so that it is undone as one.
                        first = rows.get(key, row)
                        rows[key] = row._replace(
                            before=first.before, confidence_before=first.confidence_before,
                            decided_before=first.decided_before,
                        )  # fmt: skip
                        now[row.photo_id, row.tag_id] = (tag.standing, row.confidence, tag.decided)
                old = remarked.get(photo_id, Remark())
                new = Remark(
                    old.rating or one.remark.rating,
                    old.favourite or one.remark.favourite,
                    old.caption or clean(one.remark.caption),
                )
                if new != old:
                    remarks.append(RemarkRow(photo_id, old, new))
                    remarked[photo_id] = new
                connection.executemany(
                    "INSERT INTO feedback VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET vote = excluded.vote,"
                    " given = excluded.given WHERE excluded.given > given",
                    [(vote.query, photo_id, vote.vote, vote.given) for vote in one.votes],
                )
            tags = write_rows(connection, list(rows.values()), self._now()).tags
            write_remarks(connection, remarks)
        return Change(tags, tuple(remarks))

    def take_searches(self, searches: Sequence[SavedSearchRecord]) -> int:
        """Add saved searches; return how many.

        Names are as ``SavedSearches`` has them: unique whatever their case, not too long. One whose name is taken by
        another query gets a number behind it. Example photos are found as ``find`` finds them.
        """
        added = 0
        searches = [replace(search, query=settled(search.query, self._find_example)) for search in searches]
        with self._database.transaction(durable=True) as connection:
            found = connection.execute("SELECT name, query FROM saved_search").fetchall()
            have = {name.casefold(): query for name, query in found}
            for search in searches:
                query, wanted, number = clean(search.query), plain_name(search.name)[:LONGEST_NAME].strip(), 2
                name = wanted
                while have.get(name.casefold(), query) != query:
                    behind, number = f" ({number})", number + 1
                    name = wanted[: LONGEST_NAME - len(behind)].rstrip() + behind
                if name and name.casefold() not in have:
                    have[name.casefold()] = query
                    row = (name, query, search.created or self._now())
                    connection.execute("INSERT INTO saved_search (name, query, created) VALUES (?, ?, ?)", row)
                    added += 1
        return added

    def _find_example(self, file: str, key: str) -> PhotoId | None:
        return self.find(PhotoUserData(os.fsencode(file), key))


def _merged(
    photo_id: int, tag_id: int, tag: TagRecord, now: dict[tuple[int, int], tuple[Standing, float | None, float]]
) -> TagRow | None:
    standing, confidence, decided = now.get((photo_id, tag_id), (None, None, 0.0))
    stays = standing in OWN_WORK and (tag.standing not in OWN_WORK or tag.decided <= decided)
    # The same decision made again later has a new time: what lies between the two is older than it.
    if stays or (standing == tag.standing and standing not in OWN_WORK):
        return None
    return TagRow(photo_id, tag_id, standing, confidence, decided, tag.standing, confidence, tag.decided)


def _read(connection: sqlite3.Connection, ids: Sequence[int]) -> Iterator[PhotoUserData]:
    chosen = json_ids(ids)
    tags: dict[int, list[TagRecord]] = {}
    for photo_id, name, standing, decided in connection.execute(
        "SELECT photo_id, name, standing, decided FROM photo_tag JOIN tag ON tag.id = tag_id"
        f" WHERE standing <> 0 AND photo_id {IN_IDS} ORDER BY name",
        (chosen,),
    ):
        tags.setdefault(photo_id, []).append(TagRecord(name, Standing(standing), decided))
    votes: dict[int, list[VoteRecord]] = {}
    for photo_id, query, vote, given in connection.execute(
        f"SELECT photo_id, query, vote, given FROM feedback WHERE photo_id {IN_IDS} ORDER BY query", (chosen,)
    ):
        # A query refers to example photos by their number, which means nothing in another library.
        if not has_examples(query):
            votes.setdefault(photo_id, []).append(VoteRecord(query, vote, given))
    remarks = read_remarks(connection, ids)
    rows = connection.execute(
        f"SELECT id, path, content_key, size FROM photo WHERE id {IN_IDS} ORDER BY path", (chosen,)
    ).fetchall()
    for photo_id, path, key, size in rows:
        yield PhotoUserData(
            path, key or "", tuple(tags.get(photo_id, ())), remarks.get(photo_id, Remark()),
            tuple(votes.get(photo_id, ())), size=size,
        )  # fmt: skip
