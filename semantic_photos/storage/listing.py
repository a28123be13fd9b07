# SPDX-License-Identifier: GPL-3.0-or-later
"""Photos ordered by date or name; the order of all photos is cached, so that a filter is a mask over it.

A kept order is one array of ids. It belongs to a number that the catalog raises whenever a photo changes place
(``photo_change``, kept by triggers whoever writes). So tags and votes leave it as it is, and the few photos that an
indexer wrote are put in their new places: where, is found by bisection, with a few photos looked up for each.
"""

from __future__ import annotations

import bisect
import os
import re
import sqlite3
import threading
from array import array
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from semantic_photos.domain.messages import CancelToken
from semantic_photos.domain.ports import IdArray
from semantic_photos.storage.database import Database
from semantic_photos.storage.filter_sql import MaskArray
from semantic_photos.storage.rows import IN_IDS, joined_ids, json_ids, read_ids
from semantic_photos.storage.schema import FAILED

#: Up to so many photos are looked up and sorted by themselves, in some milliseconds: no order of all is made for them.
FEW = 2_000
#: A kept order is mended if one photo in so many changed, or fewer; else making it again is as quick.
_MENDED = 100
#: Rows between two checks of a token, and the parts in which names are sorted: what is sorted in one piece stops all
#: other threads meanwhile, the window too.
_CHUNK, _PARTS = 20_000, 512


class _Kept(NamedTuple):
    """An order of all photos, and the number of the catalog's last change that it knows of."""

    number: int
    ids: IdArray


class _Listed(NamedTuple):
    """What can be shown of an order while these folders are not there."""

    order: IdArray
    offline: tuple[int, ...]
    ids: IdArray


class Listing:
    """Lists photos by date or name.

    Thread: any; blocking. Not for the inside of a transaction: what is kept must not be taken back.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._dates, self._names = _Order(_all_by_date, _dates), _Order(_all_by_name, _names)
        self._listed: dict[tuple[bool, bool], _Listed] = {}

    def browsed(self, *, failed: bool = False, missing: bool = False, among: IdArray | None = None) -> IdArray:
        """Return the photos that can be listed, newest first, with the failed or the missing ones if wanted.

        The array may be one that is kept: it cannot be written to. With ``among`` only of these.

        Raises:
            CatalogError: when the catalog cannot be read.
        """
        with self._database.read() as connection:
            if among is not None and len(among) <= FEW:
                return _few_browsed(connection, failed, missing, among)
            listed = self._all_browsed(connection, failed, missing)
        return listed if among is None else _those(listed, among)

    def by_date(self, ids: IdArray) -> IdArray:
        """Return these photos, newest first; unknown ones are left out."""
        with self._database.read() as connection:
            if len(ids) > FEW:
                return _those(self._dates.of(connection), ids)
            return read_ids(
                connection.execute(f"SELECT id FROM photo WHERE id {IN_IDS} ORDER BY +sort_key DESC, id DESC",
                                   (json_ids(ids),))
            )  # fmt: skip

    def by_name(self, ids: IdArray, token: CancelToken | None = None) -> IdArray:
        """Return these photos by file name in natural order: IMG_9 before IMG_10; then by path.

        The first time, many photos take some seconds for each million in the library.

        Raises:
            CancelledError: when the token says so.
        """
        with self._database.read() as connection:
            if len(ids) > FEW:
                return _those(self._names.of(connection, token), ids)
            keys = _names(connection, ids.tolist())
        return np.array(sorted(keys, key=keys.__getitem__), dtype=np.int64)

    def _all_browsed(self, connection: sqlite3.Connection, failed: bool, missing: bool) -> IdArray:
        order = self._dates.of(connection)
        # Folders come and go without a photo changing.
        away = "SELECT id FROM folder WHERE NOT online ORDER BY id"
        offline = () if missing else tuple(row[0] for row in connection.execute(away))
        known = self._listed.get((failed, missing))
        if known is not None and known.order is order and known.offline == offline:
            return known.ids
        hidden = [] if failed else [joined_ids(connection, f"SELECT id FROM photo WHERE state = {FAILED}")]
        if not missing:
            hidden += [
                joined_ids(connection, "SELECT id FROM photo WHERE missing_since IS NOT NULL"),
                joined_ids(connection, f"SELECT id FROM photo WHERE folder_id {IN_IDS}", (json_ids(offline),)),
            ]
        ids = _without(order, np.concatenate(hidden)) if any(map(len, hidden)) else order
        self._listed[failed, missing] = _Listed(order, offline, _fixed(ids))
        return ids


#: Makes the order of all photos.
_Make = Callable[[sqlite3.Connection, CancelToken], IdArray]
#: Returns by what photos are ordered, for those that there are; smaller is earlier.
_Keys = Callable[[sqlite3.Connection, Sequence[int]], dict[int, Any]]


class _Order:
    """One order of all photos, made when it is first asked for."""

    def __init__(self, make: _Make, keys: _Keys) -> None:
        self._make, self._keys = make, keys
        self._lock = threading.Lock()
        self._kept: _Kept | None = None

    def of(self, connection: sqlite3.Connection, token: CancelToken | None = None) -> IdArray:
        """Return all photos that a connection sees, in order; the same array as long as no photo changed place."""
        number = int(connection.execute("SELECT coalesce(max(number), 0) FROM photo_change").fetchone()[0])
        with self._lock:
            kept = self._kept
            if kept is not None and kept.number == number:
                return kept.ids
            ids = None if kept is None else self._mended(connection, kept, number)
            if ids is None:
                ids = self._make(connection, token or CancelToken())
            self._kept = _Kept(number, _fixed(ids))
            return ids

    def _mended(self, connection: sqlite3.Connection, kept: _Kept, number: int) -> IdArray | None:
        """Return a kept order with what changed since in its places, or None if it must be made anew."""
        if number - kept.number > len(kept.ids) // _MENDED:
            return None
        rows = connection.execute("SELECT photo_id FROM photo_change WHERE number > ?", (kept.number,)).fetchall()
        if len(rows) != number - kept.number:
            # The catalog does not remember so far back, or this connection still sees an earlier moment.
            return None
        changed = list({row[0] for row in rows})
        ids = _without(kept.ids, np.array(changed, np.int64))
        keys = self._keys(connection, changed)
        coming = sorted(keys, key=keys.__getitem__)
        known: dict[int, Any] = {}

        def key_of(photo_id: int) -> Any:
            if photo_id not in known:
                known.update(self._keys(connection, [photo_id]))
            return known[photo_id]

        stays = ids.data
        return np.insert(ids, [bisect.bisect_left(stays, keys[i], key=key_of) for i in coming], coming)


def _few_browsed(connection: sqlite3.Connection, failed: bool, missing: bool, among: IdArray) -> IdArray:
    where = [f"id {IN_IDS}"]
    if not failed:
        where.append(f"state <> {FAILED}")
    if not missing:
        where.append("missing_since IS NULL AND +folder_id IN (SELECT id FROM folder WHERE online)")
    # The plus keeps SQLite from walking through all dates, or all of a folder, to find a few photos.
    sql = f"SELECT id FROM photo WHERE {' AND '.join(where)} ORDER BY +sort_key DESC, id DESC"
    return joined_ids(connection, sql, (json_ids(among),))


def _those(order: IdArray, ids: IdArray) -> IdArray:
    """Return ``ids`` in an order; those that it does not have are left out."""
    return order[_mask(order, ids)[order]]


def _without(order: IdArray, ids: IdArray) -> IdArray:
    return order[~_mask(order, ids)[order]]


def _mask(order: IdArray, ids: IdArray) -> MaskArray:
    mask = np.zeros(int(order.max(initial=0)) + 1, np.bool_)
    mask[ids[ids < len(mask)]] = True
    return mask


def _fixed(ids: IdArray) -> IdArray:
    """Return a read-only array, since many callers share it."""
    ids.setflags(write=False)
    return ids


# By date


def _all_by_date(connection: sqlite3.Connection, token: CancelToken) -> IdArray:
    # By the index of dates, which holds all that is asked and needs no sorting.
    return joined_ids(connection, "SELECT id FROM photo ORDER BY sort_key DESC, id DESC")


def _dates(connection: sqlite3.Connection, ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    rows = connection.execute(f"SELECT id, sort_key FROM photo WHERE id {IN_IDS}", (json_ids(ids),))
    return {photo_id: (-seconds, -photo_id) for photo_id, seconds in rows}


# By name


def _all_by_name(connection: sqlite3.Connection, token: CancelToken) -> IdArray:
    # By the index of paths: what has the same name comes in the right order then, and sorting keeps it.
    ids, keys = array("q"), []
    rows = connection.execute("SELECT id, path FROM photo ORDER BY path")
    while chunk := rows.fetchmany(_CHUNK):
        token.raise_if_cancelled()
        ids.extend(row[0] for row in chunk)
        keys += [_natural(row[1]) for row in chunk]
    return np.array(ids, np.int64)[_sorted_places(keys, token)]


def _names(connection: sqlite3.Connection, ids: Sequence[int]) -> dict[int, tuple[str, bytes]]:
    rows = connection.execute(f"SELECT id, path FROM photo WHERE id {IN_IDS}", (json_ids(ids),))
    return {photo_id: (_natural(path), path) for photo_id, path in rows}


def _sorted_places(keys: list[str], token: CancelToken) -> IdArray:
    """Return the place of each key in the sorted order, of equal ones the first first: sorted in many small parts."""
    ends = sorted(keys[:: len(keys) // _PARTS + 1])
    parts = [array("q") for _ in range(len(ends) + 1)]
    for start in range(0, len(keys), _CHUNK):
        token.raise_if_cancelled()
        for place, key in enumerate(keys[start : start + _CHUNK], start):
            parts[bisect.bisect_right(ends, key)].append(place)
    places = []
    for part in parts:
        token.raise_if_cancelled()
        places.append(np.array(sorted(part, key=keys.__getitem__), np.int64))
    return np.concatenate(places)


_DIGITS = re.compile(r"[0-9]+")
_LONG = 19


def _natural(path: bytes) -> str:
    """Return a text that sorts files by name, numbers in it by their value and before letters."""
    return _DIGITS.sub(_number, os.fsdecode(os.path.basename(path)).casefold())


def _number(found: re.Match[str]) -> str:
    # No name holds "\0", so it sorts before whatever else a name may go on with. A number of more digits is larger.
    digits = found[0]
    if len(digits) < _LONG:
        value = digits.lstrip("0") or "0"
        return f"\0{chr(len(value))}{value}"
    # Very long digits are text of their own: they are no numbers.
    return f"\0{chr(_LONG)}{digits}\0" if found.start() else f"{digits}\0"
