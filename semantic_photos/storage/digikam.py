# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads tags, ratings and captions from a digiKam database (``digikam4.db``).

Opened for reading only, as a file from anywhere: nothing in it is trusted, and digiKam may be running.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, unquote

from semantic_photos.domain.errors import CatalogError
from semantic_photos.domain.tags import (
    MOST_CAPTION,
    MOST_LEVELS,
    SEPARATOR,
    Remark,
    Standing,
    clean_name,
    clean_text,
)
from semantic_photos.domain.translatable import Message
from semantic_photos.domain.user_data import PhotoUserData, TagRecord

#: Tags under this one are digiKam's own notes (picked, colour labels, versions), not the user's words.
_INTERNAL = "_Digikam_Internal_Tags_"
_CAPTION = 1
_TABLES = {"AlbumRoots", "Albums", "ImageComments", "ImageInformation", "ImageTags", "Images", "Tags"}
#: Steps of SQLite's machine in all, less than a minute of them: a photo with ten tags takes 71.
_MOST_STEPS, _STEPS = 2_000_000_000, 1_000_000


def read_digikam(path: Path, now: float) -> Iterator[PhotoUserData]:
    """Yield the work on each photo that has any.

    Args:
        path: the database.
        now: epoch seconds, noted as the time of the decisions: digiKam keeps none.

    Raises:
        CatalogError: ``digikam.unreadable`` when it is no digiKam database or cannot be read.
    """
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5.0)
    except sqlite3.Error as error:
        raise _unreadable(path, error) from error
    try:
        # What the file itself defines (views, triggers) is not run as if it were ours.
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA query_only = ON")
        connection.set_progress_handler(_Patience(), _STEPS)
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        _need_tables(connection)
        yield from _work(connection, now)
    except (sqlite3.Error, ValueError, TypeError, OverflowError) as error:
        raise _unreadable(path, error) from error
    finally:
        connection.close()


class _Patience:
    """Ends a query that works longer than any real database needs; SQLite calls it every ``_STEPS`` steps."""

    def __init__(self) -> None:
        self._left = _MOST_STEPS // _STEPS

    def __call__(self) -> bool:
        self._left -= 1
        return self._left < 0


def _need_tables(connection: sqlite3.Connection) -> None:
    # A view can go on for ever.
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    missing = _TABLES - tables
    if missing:
        raise ValueError(Message("the table {name} is missing", name=min(missing)))


def _unreadable(path: Path, error: Exception) -> CatalogError:
    message = Message("{path} cannot be read as a digiKam database: {reason}.", path=path, reason=error)
    return CatalogError(message, code="digikam.unreadable")


def _work(connection: sqlite3.Connection, now: float) -> Iterator[PhotoUserData]:
    names = _tag_names(connection)
    roots = {
        row[0]: _root(str(row[1] or ""), str(row[2] or ""))
        for row in connection.execute("SELECT id, identifier, specificPath FROM AlbumRoots")
    }
    tags: dict[int, list[str]] = {}
    for image, tag in connection.execute("SELECT imageid, tagid FROM ImageTags ORDER BY imageid, tagid"):
        if names.get(tag):
            tags.setdefault(image, []).append(names[tag])
    ratings = dict(connection.execute("SELECT imageid, rating FROM ImageInformation WHERE rating BETWEEN 1 AND 5"))
    captions: dict[int, str] = {}
    for image, text in connection.execute(
        f"SELECT imageid, comment FROM ImageComments WHERE type = {_CAPTION} ORDER BY language = 'x-default'"
    ):
        captions[image] = clean_text(text, MOST_CAPTION, lines=True)
    for image, name, size, root, folder in connection.execute(
        "SELECT Images.id, Images.name, Images.fileSize, Albums.albumRoot, Albums.relativePath FROM Images"
        " JOIN Albums ON Albums.id = Images.album ORDER BY Images.id"
    ):
        if image not in tags and image not in ratings and not captions.get(image):
            continue
        tail = f"{folder or ''}/{name}".lstrip("/")
        beginning = roots.get(root, "")
        yield PhotoUserData(
            os.fsencode(os.path.join(beginning, tail)) if beginning else b"",
            tags=tuple(TagRecord(tag, Standing.MANUAL, now) for tag in dict.fromkeys(tags.get(image, ()))),
            remark=Remark(int(ratings.get(image, 0)), caption=captions.get(image, "")),
            tail=os.fsencode(tail),
            size=int(size or 0),
        )


def _tag_names(connection: sqlite3.Connection) -> dict[int, str]:
    rows = {row[0]: (row[1], str(row[2])) for row in connection.execute("SELECT id, pid, name FROM Tags")}
    found: dict[int, str] = {}
    for number in rows:
        levels: list[str] = []
        at = number
        # Limited, because a damaged table may go round in a circle.
        while at in rows and len(levels) < MOST_LEVELS:
            at, name = rows[at]
            levels.append(name.replace(SEPARATOR, " "))
        if levels[-1] != _INTERNAL:
            found[number] = clean_name(SEPARATOR.join(reversed(levels)))
    return found


def _root(identifier: str, specific: str) -> str:
    """Return where an album root lies, or an empty text when its disk is only named by a number."""
    scheme, _, query = identifier.partition(":?")
    places = parse_qs(query).get("path", []) if scheme == "volumeid" else []
    if not places:
        return ""
    return unquote(places[0]).rstrip("/") + (f"/{specific.strip('/')}" if specific.strip("/") else "")
