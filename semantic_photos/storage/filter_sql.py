# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters as SQL: each filter is one SELECT, and a tree of them is set operations in memory.

A set of photos is a mask over ids, so that "and", "or" and "not" of a million photos take a fraction of a
millisecond, and so that the first filter that leaves nothing can be named without asking again. A kind of filter that
has no SQL here does not type-check.
"""

from __future__ import annotations

import datetime
import json
import os
import sqlite3
import threading
import unicodedata
from collections.abc import Callable, Iterable
from typing import NamedTuple, assert_never

import numpy as np
from numpy.typing import NDArray

from semantic_photos.domain.filter_registry import NameSource
from semantic_photos.domain.filters import (
    TYPES,
    All,
    AnyOf,
    Exact,
    Fact,
    Is,
    Named,
    Near,
    Node,
    Not,
    Orientation,
    Outside,
    Rating,
    Shape,
    State,
    Taken,
    Term,
    Type,
    fold,
)
from semantic_photos.domain.ports import IdArray
from semantic_photos.storage.database import Database
from semantic_photos.storage.rows import IN_IDS, clean, joined_ids, json_ids, read_ids
from semantic_photos.storage.schema import FAILED, PENDING

MaskArray = NDArray[np.bool_]

#: Standing of a tag that the user took away from a photo; it finds nothing.
_REJECTED = 4
_EARTH_KM = 6371.0088
#: Filters whose photos are kept until the catalog changes: for the letters that are typed after a filter.
_KEPT = 12


class Selection(NamedTuple):
    """A SELECT of photo ids, in a column ``id``, and its parameters; ``others``: the photos that are not in it."""

    sql: str
    values: tuple[object, ...] = ()
    others: bool = False


class Filters:
    """Which photos a filter finds.

    Thread: any; blocking.
    """

    def __init__(self, database: Database, today: Callable[[], datetime.date] = datetime.date.today) -> None:
        self._database, self._today = database, today
        self._lock = threading.Lock()
        self._kept: dict[tuple[object, ...], MaskArray] = {}
        self._directories: list[tuple[int, str]] = []

    def masks(self, trees: Iterable[Node]) -> list[MaskArray]:
        """Return for each tree of filters a mask (M,) over photo ids, M beyond the last one, all of one moment.

        Photos of every state count, missing ones too. Entries of ids that no photo has say nothing. Words in a tree
        leave out nothing.

        Raises:
            CatalogError: when the catalog cannot be read.
        """
        with self._database.read() as connection:
            size = int(connection.execute("SELECT coalesce(max(id), 0) FROM photo").fetchone()[0]) + 1
            return [self._mask(connection, tree, size) for tree in trees]

    def ids(self, tree: Node) -> IdArray:
        """Return the photos of any state that a tree of filters finds, sorted."""
        with self._database.read() as connection:
            there = read_ids(connection.execute("SELECT id FROM photo"))
        there = np.sort(there)
        (mask,) = self.masks([tree])
        there = there[there < len(mask)]
        return there[mask[there]]

    # Names to offer

    def named(self, source: NameSource) -> list[tuple[str, int]]:
        """Return the names that ``tag:``, ``folder:``, ``camera:`` or ``type:`` can find, with photos, most first.

        Of folders the name alone; photos in folders below one count for it as well.
        """
        with self._database.read() as connection:
            match source:
                case "tag":
                    rows = connection.execute(
                        "SELECT name, count(*) FROM photo_tag JOIN tag ON tag.id = tag_id WHERE standing <> ?"
                        " GROUP BY tag_id", (_REJECTED,)
                    ).fetchall()  # fmt: skip
                case "camera":
                    rows = connection.execute(
                        "SELECT camera, count(*) FROM photo WHERE camera <> '' GROUP BY camera"
                    ).fetchall()
                case "type":
                    formats = dict(connection.execute("SELECT format, count(*) FROM photo GROUP BY format").fetchall())
                    rows = [(name, sum(formats.get(part, 0) for part in parts)) for name, parts in TYPES.items()]
                case "folder":
                    rows = list(self._folder_names(connection).items())
                case _:
                    assert_never(source)
        return sorted(((str(name), int(n)) for name, n in rows if n), key=lambda row: (-row[1], row[0]))

    def _folder_names(self, connection: sqlite3.Connection) -> dict[str, int]:
        counts = dict(connection.execute("SELECT directory_id, count(*) FROM place GROUP BY directory_id").fetchall())
        folders: dict[str, int] = {}
        for number, shown in self._shown_directories(connection):
            for name in {part for part in shown.split("/") if part}:
                folders[name] = folders.get(name, 0) + counts.get(number, 0)
        return folders

    # Sets

    def _mask(self, connection: sqlite3.Connection, tree: Node, size: int) -> MaskArray:
        match tree:
            case Not(part):
                return ~self._mask(connection, part, size)
            case All(parts) | AnyOf(parts):
                join = np.logical_and if isinstance(tree, All) else np.logical_or
                mask = self._mask(connection, parts[0], size)
                for part in parts[1:]:
                    mask = join(mask, self._mask(connection, part, size))
                return mask
            case Term():
                return np.ones(size, np.bool_)
            case _:
                return self._found(connection, tree, size)

    def _found(self, connection: sqlite3.Connection, fact: Fact, size: int) -> MaskArray:
        """Return the photos of one filter, from memory if nothing was written since."""
        key = (fact, self._today(), size, self._database.state(connection))
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None:
            return kept
        asked = self._selection(connection, fact)
        found = np.zeros(size, np.bool_)
        found[joined_ids(connection, asked.sql, asked.values) if isinstance(asked, Selection) else asked] = True
        if isinstance(asked, Selection) and asked.others:
            found = ~found
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > _KEPT:
                self._kept.pop(next(iter(self._kept)))
        return found

    def _selection(self, connection: sqlite3.Connection, fact: Fact) -> Selection | IdArray:
        """Return what selects the photos of one filter, or the photos where SQL cannot tell them."""
        match fact:
            case Exact(text):
                return _exact(connection, text)
            case Named():
                return self._with_text(connection, fact)
            case Type(name):
                return Selection(f"SELECT id FROM photo WHERE format {IN_IDS}", (json.dumps(TYPES[name]),))
            case Rating(low, high) if low <= 0 <= high:
                # Most photos are not rated, and many of these have no row.
                others = "SELECT photo_id AS id FROM remark WHERE rating <> 0 AND rating NOT BETWEEN ? AND ?"
                return Selection(others, (low, high), others=True)
            case Rating(low, high):
                return Selection(
                    "SELECT photo_id AS id FROM remark WHERE rating <> 0 AND rating BETWEEN ? AND ?", (low, high)
                )
            case Taken() | Outside():
                seconds = _seconds(fact, self._today())
                return Selection("SELECT id FROM photo WHERE sort_key >= ? AND sort_key < ?", seconds)
            case Near():
                return _near(connection, fact)
            case Is(state):
                return _in_state(state)
            case Orientation(shape):
                return _of_shape(shape)
            case _:
                assert_never(fact)

    def _with_text(self, connection: sqlite3.Connection, fact: Named) -> Selection:
        match fact.field:
            case "file":
                return _holding("place", "name", fact.text)
            case "folder":
                numbers = json_ids(self._directories_named(connection, fact.text))
                return Selection(f"SELECT photo_id AS id FROM place WHERE directory_id {IN_IDS}", (numbers,))
            case "tag":
                wanted = [level for level in fact.text.replace("/", "|").split("|") if level.strip()]
                return _tagged(number for number, name in _tags(connection) if _holds(name.split("|"), wanted))
            case "camera":
                cameras = [name for name in _cameras(connection) if fact.text in fold(name)]
                return Selection(f"SELECT id FROM photo WHERE camera <> '' AND camera {IN_IDS}", (json.dumps(cameras),))
            case _:
                assert_never(fact.field)

    def _directories_named(self, connection: sqlite3.Connection, text: str) -> list[int]:
        """Return the directories below a full path, or those whose path within a watched folder holds a text."""
        if text.startswith(("/", "~")) or text[1:2] == ":":
            full = fold(os.path.expanduser(text)).replace("\\", "/").rstrip("/") + "/"
            return [number for number, path in self._all_directories(connection) if fold(path).startswith(full)]
        part = text.replace("\\", "/")
        return [number for number, shown in self._shown_directories(connection) if part in fold(shown)]

    def _all_directories(self, connection: sqlite3.Connection) -> list[tuple[int, str]]:
        """Return all directories with "/" as separator, also those that hold nothing any more."""
        with self._lock:
            known = self._directories
            last = known[-1][0] if known else 0
            rows = connection.execute("SELECT id, path FROM directory WHERE id > ? ORDER BY id", (last,)).fetchall()
            if rows:
                # A new list: another thread may be reading the old one.
                known = known + [(number, os.fsdecode(raw).replace(os.sep, "/")) for number, raw in rows]
                self._directories = known
            return known

    def _shown_directories(self, connection: sqlite3.Connection) -> list[tuple[int, str]]:
        """Return all directories from the name of their watched folder on: parents of it are not the user's choice."""
        roots = [os.fsdecode(raw).replace(os.sep, "/") for (raw,) in connection.execute("SELECT path FROM folder")]
        found = []
        for number, path in self._all_directories(connection):
            root = next((root for root in roots if path.startswith(root.rstrip("/") + "/")), None)
            if root is not None:
                found.append((number, path[root.rstrip("/").rfind("/") :]))
        return found


def _exact(connection: sqlite3.Connection, text: str) -> Selection:
    parts = (
        _holding("place", "name", text),
        _holding("remark", "caption", text),
        _tagged(number for number, name in _tags(connection) if text in name),
    )
    return Selection(" UNION ".join(part.sql for part in parts), tuple(v for part in parts for v in part.values))


def _tagged(tags: Iterable[int]) -> Selection:
    sql = f"SELECT photo_id AS id FROM photo_tag WHERE tag_id {IN_IDS} AND standing <> {_REJECTED}"
    return Selection(sql, (json_ids(tags),))


def _in_state(state: State) -> Selection:
    match state:
        case "favourite":
            return Selection("SELECT photo_id AS id FROM remark WHERE favourite = 1")
        case "tagged" | "untagged":
            by_user = "SELECT DISTINCT photo_id AS id FROM photo_tag WHERE standing BETWEEN 1 AND 3"
            return Selection(by_user, others=state == "untagged")
        case "rated":
            return Selection("SELECT photo_id AS id FROM remark WHERE rating <> 0")
        case "waiting":
            return Selection(f"SELECT id FROM photo WHERE state = {PENDING}")
        case "failed":
            return Selection(f"SELECT id FROM photo WHERE state = {FAILED}")
        case "missing":
            return Selection("SELECT id FROM photo WHERE missing_since IS NOT NULL")
        case _:
            assert_never(state)


def _of_shape(shape: Shape) -> Selection:
    # Width and height are 0 until a photo was read; then they are those of the photo as shown, turned by its EXIF.
    match shape:
        case "portrait":
            return Selection("SELECT id FROM photo WHERE width > 0 AND height > width")
        case "landscape":
            return Selection("SELECT id FROM photo WHERE height > 0 AND width > height")
        case "square":
            return Selection("SELECT id FROM photo WHERE width > 0 AND width = height")
        case _:
            assert_never(shape)


def _holding(table: str, column: str, text: str) -> Selection:
    """Return the rows whose text holds ``text``; SQLite itself takes only a and A as the same letter."""
    plain = clean(text).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    cases = [plain] if plain.isascii() else [plain, plain.upper(), plain.title()]
    # Some systems take letters with accents apart in the names of files.
    forms = tuple(dict.fromkeys(f"%{unicodedata.normalize(form, case)}%" for case in cases for form in ("NFC", "NFD")))
    like = " OR ".join([f"{column} LIKE ? ESCAPE '\\'"] * len(forms))
    return Selection(f"SELECT photo_id AS id FROM {table} WHERE {column} <> '' AND ({like})", forms)


def _tags(connection: sqlite3.Connection) -> list[tuple[int, str]]:
    return [(number, fold(name)) for number, name in connection.execute("SELECT id, name FROM tag")]


def _holds(levels: list[str], wanted: list[str]) -> bool:
    """Return whether some levels of a tag, one below the other, are those wanted."""
    n = len(wanted)
    return n > 0 and any(levels[i : i + n] == wanted for i in range(len(levels) - n + 1))


def _cameras(connection: sqlite3.Connection) -> list[str]:
    """Return the cameras, each once, by jumps in the index: there are few of them and many photos."""
    sql = (
        "WITH RECURSIVE next (camera) AS (SELECT min(camera) FROM photo WHERE camera <> '' UNION ALL"
        " SELECT (SELECT min(camera) FROM photo WHERE camera <> '' AND camera > next.camera) FROM next"
        " WHERE next.camera IS NOT NULL) SELECT camera FROM next WHERE camera IS NOT NULL"
    )
    return [row[0] for row in connection.execute(sql)]


def _seconds(fact: Taken | Outside, today: datetime.date) -> tuple[int, int]:
    """Return the first second of a period of time and the first one after it, by the clock of this machine."""
    low, high = -(1 << 62), 1 << 62
    if isinstance(fact, Outside):
        first, last = fact.period.days(today)
        return (_midnight(last + _DAY), high) if fact.after else (low, _midnight(first))
    if fact.first is not None:
        low = _midnight(fact.first.days(today)[0])
    if fact.last is not None:
        high = _midnight(fact.last.days(today)[1] + _DAY)
    return low, high


_DAY = datetime.timedelta(days=1)


def _midnight(day: datetime.date) -> int:
    moment = datetime.datetime.combine(day, datetime.time())
    try:
        return int(moment.timestamp())
    except (ValueError, OverflowError, OSError):
        # Beyond what the system's clock can tell: a few hours do not matter there.
        return int(moment.replace(tzinfo=datetime.UTC).timestamp())


def _near(connection: sqlite3.Connection, fact: Near) -> IdArray:
    """Return the photos within a distance: a band of latitudes from the index, then the haversine formula."""
    band = fact.km / _EARTH_KM * 180.0 / np.pi + 1e-6
    rows = connection.execute(
        "SELECT id, latitude, longitude FROM photo WHERE latitude IS NOT NULL AND latitude BETWEEN ? AND ?"
        " AND longitude IS NOT NULL",
        (fact.latitude - band, fact.latitude + band),
    ).fetchall()
    if not rows:
        return np.empty(0, np.int64)
    ids = read_ids((row[0],) for row in rows)
    places = np.radians(np.array([row[1:] for row in rows], dtype=np.float64))
    latitude, longitude = np.radians(fact.latitude), np.radians(fact.longitude)
    h = (
        np.sin((places[:, 0] - latitude) / 2) ** 2
        + np.cos(latitude) * np.cos(places[:, 0]) * np.sin((places[:, 1] - longitude) / 2) ** 2
    )
    return np.asarray(ids[2 * _EARTH_KM * np.arcsin(np.sqrt(np.clip(h, 0.0, 1.0))) <= fact.km])
