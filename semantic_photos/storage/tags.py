# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags, captions and ratings in the catalog: set, confirmed, rejected, imported, undone, counted.

Every method that changes something returns a ``Change``, which ``revert`` takes back: of each row what it was and
what it became. Only rows that are still what the change made them are taken back, so that undoing an old run never
undoes what was done since.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.ports import IdArray
from semantic_photos.domain.tags import (
    OWN_WORK,
    Act,
    Remark,
    Standing,
    TagCount,
    TagLine,
    after,
    clean_name,
)
from semantic_photos.storage.database import Database
from semantic_photos.storage.rows import IN_IDS, PRESENT, clean, json_ids

#: Confidences that differ by less are the same: a row is not written for rounding.
_SAME = 1e-4


class TagRow(NamedTuple):
    """The change of one photo and one tag; a standing of None means that there is no row.

    ``decided`` is when, in epoch seconds; None, of a row that is written, stands for now.
    """

    photo_id: int
    tag_id: int
    before: Standing | None
    confidence_before: float | None
    decided_before: float
    after: Standing | None
    confidence: float | None
    decided: float | None = None


class RemarkRow(NamedTuple):
    """The change of one photo's caption and rating."""

    photo_id: int
    before: Remark
    after: Remark


class Change(NamedTuple):
    """The changes that one action made; empty if none."""

    tags: tuple[TagRow, ...] = ()
    remarks: tuple[RemarkRow, ...] = ()

    @property
    def photo_ids(self) -> tuple[PhotoId, ...]:
        """Return the photos it touched, sorted."""
        return tuple(PhotoId(i) for i in sorted(_photos_of(self)))

    def __bool__(self) -> bool:
        """Return whether anything changed."""
        return bool(self.tags or self.remarks)


def _photos_of(change: Change) -> set[int]:
    return {row.photo_id for row in change.tags} | {row.photo_id for row in change.remarks}


#: Photo and tag → standing, confidence, time.
Current = dict[tuple[int, int], tuple[Standing, float | None, float]]


class TagStore:
    """Reads and changes tags, captions and ratings.

    Thread: any; blocking.

    Args:
        database: the open catalog.
        now: seconds since the epoch.
    """

    def __init__(self, database: Database, now: Callable[[], float] = time.time) -> None:
        self._database, self._now = database, now

    # Queries

    def lines(self, ids: Sequence[int] | IdArray, *, rejected: bool = False) -> dict[PhotoId, list[TagLine]]:
        """Return the tags of photos: the user's first, then by confidence and name; photos without are left out."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT photo_id, name, standing, confidence FROM photo_tag JOIN tag ON tag.id = tag_id"
                f" WHERE photo_id {IN_IDS} AND standing <> ?"
                " ORDER BY photo_id, standing = 0, confidence DESC, name",
                (json_ids(ids), -1 if rejected else Standing.REJECTED),
            )
            found: dict[PhotoId, list[TagLine]] = {}
            for photo_id, name, standing, confidence in rows:
                found.setdefault(PhotoId(photo_id), []).append(TagLine(name, Standing(standing), confidence))
        return found

    def rejections(self, ids: Sequence[int] | IdArray) -> dict[PhotoId, list[str]]:
        """Return the tags that were rejected for photos; photos without are left out."""
        with self._database.read() as connection:
            found: dict[PhotoId, list[str]] = {}
            for photo_id, name in connection.execute(
                "SELECT photo_id, name FROM photo_tag JOIN tag ON tag.id = tag_id"
                f" WHERE standing = {Standing.REJECTED:d} AND photo_id {IN_IDS}",
                (json_ids(ids),),
            ):
                found.setdefault(PhotoId(photo_id), []).append(name)
        return found

    def counts(self) -> list[TagCount]:
        """Return all tags by name with their photos by standing; missing and offline photos are left out."""
        found: dict[str, dict[Standing, int]] = {}
        with self._database.read() as connection:
            for name, standing, photos in connection.execute(
                "SELECT name, standing, count(*) FROM photo_tag JOIN tag ON tag.id = tag_id"
                f" JOIN photo ON photo.id = photo_id WHERE {PRESENT} GROUP BY tag_id, standing ORDER BY name"
            ):
                found.setdefault(name, {})[Standing(standing)] = photos
        return [TagCount(name, photos) for name, photos in found.items()]

    def photos_with(
        self, tag: str, standings: Iterable[Standing] = (), least: float = 0.0
    ) -> list[tuple[PhotoId, TagLine]]:
        """Return the photos of a tag (compared without case): the most probable first, the user's own before all.

        Args:
            tag: its whole name.
            standings: only these; none means all but rejected.
            least: least confidence of automatic ones.
        """
        wanted = list(standings) or [s for s in Standing if s is not Standing.REJECTED]
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT photo_id, name, standing, confidence FROM photo_tag JOIN tag ON tag.id = tag_id"
                f" JOIN photo ON photo.id = photo_id WHERE tag_id {IN_IDS} AND standing {IN_IDS} AND {PRESENT}"
                " AND (standing <> 0 OR confidence >= ?) ORDER BY standing = 0, confidence DESC, photo_id",
                (json_ids(folded_ids(connection, tag)), json_ids(wanted), least),
            ).fetchall()
        return [(PhotoId(row[0]), TagLine(row[1], Standing(row[2]), row[3])) for row in rows]

    def own_names(self) -> list[str]:
        """Return the names of tags that any photo has from the user or a file."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT name FROM tag WHERE EXISTS (SELECT 1 FROM photo_tag WHERE tag_id = tag.id"
                f" AND standing {IN_IDS}) ORDER BY name",
                (json_ids((Standing.CONFIRMED, Standing.MANUAL, Standing.IMPORTED)),),
            )
            return [row[0] for row in rows]

    def remarks(self, ids: Sequence[int] | IdArray) -> dict[PhotoId, Remark]:
        """Return captions and ratings of photos; photos without are left out."""
        with self._database.read() as connection:
            return {PhotoId(i): remark for i, remark in read_remarks(connection, ids).items()}

    # What a user does

    def act(self, act: Act, ids: Sequence[int], tag: str) -> Change:
        """Apply one action to one tag of some photos, all or none, by the rules of ``domain.tags.after``.

        A name that is empty after cleaning, and photos that are not known, change nothing. A tag that differs from
        a known one only in case is that one.
        """
        name = clean_name(tag)
        if not name or not len(ids):
            return Change()
        with self._database.transaction(durable=True) as connection:
            folded = folded_ids(connection, name)
            if folded:
                exact = connection.execute("SELECT id FROM tag WHERE name = ?", (name,)).fetchone()
                tag_id = exact[0] if exact is not None else folded[0]
            elif act in (Act.WITHDRAW, Act.MISS):
                return Change()
            else:
                tag_id = make_tags(connection, [name])[name]
            now = current(connection, ids, [tag_id])
            known = sorted(_existing(connection, "photo", ids))
            rows = [moved((photo_id, tag_id), now, act, None) for photo_id in known]
            return write_rows(connection, [row for row in rows if row is not None], self._now())

    def remark(
        self,
        ids: Sequence[int],
        *,
        rating: int | None = None,
        favourite: bool | None = None,
        caption: str | None = None,
    ) -> Change:
        """Set what is given, for some photos, all or none."""
        with self._database.transaction(durable=True) as connection:
            known = sorted(_existing(connection, "photo", ids))
            now = read_remarks(connection, ids)
            rows = []
            for photo_id in known:
                old = now.get(photo_id, Remark())
                new = Remark(
                    old.rating if rating is None else rating,
                    old.favourite if favourite is None else favourite,
                    old.caption if caption is None else clean(caption),
                )
                if new != old:
                    rows.append(RemarkRow(photo_id, old, new))
            write_remarks(connection, rows)
            return Change(remarks=tuple(rows))

    # What the program concludes

    def suggest(self, found: Mapping[int, Mapping[str, float]]) -> Change:
        """Make these the automatic tags of these photos: photo → tag → confidence in [0, 1].

        What the user or a file said of a photo and a tag stays as it is, a rejection too. Photos with nothing
        found lose the automatic tags they have.
        """
        if not found:
            return Change()
        with self._database.transaction() as connection:
            numbers = make_tags(connection, {clean_name(name) for tags in found.values() for name in tags} - {""})
            now = current(connection, list(found), None)
            wanted = {
                (int(photo_id), numbers[name]): float(confidence)
                for photo_id, tags in found.items()
                for tag, confidence in tags.items()
                if (name := clean_name(tag))
            }
            rows = [moved(key, now, Act.SUGGEST, confidence) for key, confidence in wanted.items()]
            rows += [
                moved(key, now, Act.WITHDRAW, None)
                for key, (standing, _, _) in now.items()
                if standing is Standing.AUTOMATIC and key not in wanted
            ]
            known = _existing(connection, "photo", found)
            return write_rows(
                connection, [row for row in rows if row is not None and row.photo_id in known], self._now()
            )

    def remove_automatic(self, tag: str | None = None) -> Change:
        """Remove all unconfirmed automatic tags, or those of one name, in one transaction."""
        with self._database.transaction(durable=True) as connection:
            where = ""
            values: tuple[str, ...] = ()
            if tag is not None:
                where, values = f" AND tag_id {IN_IDS}", (json_ids(folded_ids(connection, tag)),)
            rows = [
                TagRow(row[0], row[1], Standing.AUTOMATIC, row[2], row[3], None, None)
                for row in connection.execute(
                    f"SELECT photo_id, tag_id, confidence, decided FROM photo_tag WHERE standing = 0{where}", values
                )
            ]
            connection.execute(f"DELETE FROM photo_tag WHERE standing = 0{where}", values)
            return Change(tuple(rows))

    def forget_since(self, tag: str, since: float) -> Change:
        """Undo the user's decisions on a tag from ``since`` (epoch seconds) on; tags from files stay."""
        with self._database.transaction(durable=True) as connection:
            rows = connection.execute(
                f"SELECT photo_id, tag_id, standing, confidence, decided FROM photo_tag WHERE tag_id {IN_IDS}"
                f" AND standing {IN_IDS} AND decided >= ?",
                (json_ids(folded_ids(connection, tag)), json_ids(OWN_WORK), since),
            ).fetchall()
            # Where the network has found it too, it is a guess again.
            back = [
                TagRow(i, t, Standing(s), c, d, None if c is None else Standing.AUTOMATIC, c) for i, t, s, c, d in rows
            ]
            return write_rows(connection, back, self._now())

    # Undo

    def revert(self, change: Change) -> Change:
        """Undo a change, all or nothing, where its rows are still as it left them; return the change that redoes it.

        Photos that were forgotten meanwhile are left out.
        """
        with self._database.transaction(durable=True) as connection:
            names = _existing(connection, "tag", {row.tag_id for row in change.tags})
            photos = _existing(connection, "photo", _photos_of(change))
            now = current(connection, sorted({row.photo_id for row in change.tags}), None)
            back = []
            for row in change.tags:
                held = now.get((row.photo_id, row.tag_id))
                standing, confidence, decided = held if held else (None, None, 0.0)
                # The same standing at another time is another decision: added, taken off, and added again.
                same = standing == row.after and (standing is None or decided == row.decided)
                if same and row.photo_id in photos and row.tag_id in names:
                    back.append(
                        TagRow(row.photo_id, row.tag_id, standing, confidence, decided, row.before,
                               row.confidence_before, row.decided_before)
                    )  # fmt: skip
            back = list(write_rows(connection, back, self._now()).tags)
            remarks_now = read_remarks(connection, [row.photo_id for row in change.remarks])
            remarks = [
                RemarkRow(row.photo_id, row.after, row.before)
                for row in change.remarks
                if remarks_now.get(row.photo_id, Remark()) == row.after and row.photo_id in photos
            ]
            write_remarks(connection, remarks)
            return Change(tuple(back), tuple(remarks))


def moved(key: tuple[int, int], now: Current, act: Act, confidence: float | None) -> TagRow | None:
    """Return the row that an act makes of a photo and a tag, or None if it changes nothing."""
    standing, old, decided = now.get(key, (None, None, 0.0))
    then = after(standing, act)
    # The network's confidence is kept whatever becomes of the tag: it is evidence. Only the network changes it.
    new = confidence if act is Act.SUGGEST and then is Standing.AUTOMATIC else old if then is not None else None
    if then == standing and (old == new or (old is not None and new is not None and abs(old - new) < _SAME)):
        return None
    return TagRow(*key, standing, old, decided, then, new)


def write_rows(connection: sqlite3.Connection, rows: Sequence[TagRow], now: float) -> Change:
    """Write changed rows of photos and tags; rows without a time of their own get ``now``."""
    rows = [row._replace(decided=now) if row.decided is None and row.after is not None else row for row in rows]
    connection.executemany(
        "DELETE FROM photo_tag WHERE photo_id = ? AND tag_id = ?",
        [(row.photo_id, row.tag_id) for row in rows if row.after is None],
    )
    connection.executemany(
        "INSERT INTO photo_tag VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET standing = excluded.standing,"
        " confidence = excluded.confidence, decided = excluded.decided",
        [(row.photo_id, row.tag_id, row.after, row.confidence, row.decided) for row in rows if row.after is not None],
    )
    return Change(tuple(rows))


def current(connection: sqlite3.Connection, ids: Sequence[int], tags: Sequence[int] | None) -> Current:
    """Return standing, confidence and time of photos' tags, of all tags or of some."""
    where, values = f"photo_id {IN_IDS}", [json_ids(ids)]
    if tags is not None:
        where, values = f"{where} AND tag_id {IN_IDS}", [*values, json_ids(tags)]
    rows = connection.execute(
        f"SELECT photo_id, tag_id, standing, confidence, decided FROM photo_tag WHERE {where}", values
    )
    return {(row[0], row[1]): (Standing(row[2]), row[3], row[4]) for row in rows}


def folded_ids(connection: sqlite3.Connection, name: str) -> list[int]:
    """Return the tags of this name, compared without case; SQLite itself folds ASCII only."""
    wanted = clean_name(name).casefold()
    return [row[0] for row in connection.execute("SELECT id, name FROM tag ORDER BY id") if row[1].casefold() == wanted]


def make_tags(connection: sqlite3.Connection, names: Iterable[str]) -> dict[str, int]:
    """Return the numbers of all tags by name, those of ``names`` made if missing."""
    found = dict(connection.execute("SELECT name, id FROM tag").fetchall())
    for name in sorted(set(names) - set(found)):
        found[name] = int(connection.execute("INSERT INTO tag (name) VALUES (?) RETURNING id", (name,)).fetchone()[0])
    return found


def _existing(connection: sqlite3.Connection, table: str, ids: Iterable[int]) -> set[int]:
    rows = connection.execute(f"SELECT id FROM {table} WHERE id {IN_IDS}", (json_ids(ids),))
    return {row[0] for row in rows}


def read_remarks(connection: sqlite3.Connection, ids: Sequence[int] | IdArray) -> dict[int, Remark]:
    """Return captions and ratings of photos; those without are left out."""
    rows = connection.execute(
        f"SELECT photo_id, rating, favourite, caption FROM remark WHERE photo_id {IN_IDS}", (json_ids(ids),)
    )
    return {row[0]: Remark(row[1], bool(row[2]), row[3]) for row in rows}


def write_remarks(connection: sqlite3.Connection, rows: Sequence[RemarkRow]) -> None:
    """Write captions and ratings; an empty one leaves no row."""
    connection.executemany("DELETE FROM remark WHERE photo_id = ?", [(row.photo_id,) for row in rows])
    connection.executemany(
        "INSERT INTO remark VALUES (?, ?, ?, ?)",
        [
            (row.photo_id, row.after.rating, row.after.favourite, row.after.caption)
            for row in rows
            if row.after != Remark()
        ],
    )


#: Of a photo: it holds something that the user did, and that no file can give back.
OWN_WORK_OF_PHOTO = (
    "EXISTS (SELECT 1 FROM photo_tag WHERE photo_id = photo.id"
    f" AND standing IN ({', '.join(str(int(standing)) for standing in OWN_WORK)}))"
    " OR EXISTS (SELECT 1 FROM remark WHERE photo_id = photo.id)"
    " OR EXISTS (SELECT 1 FROM feedback WHERE photo_id = photo.id)"
)
