# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens connections to a catalog, and creates new catalogs."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import numpy as np

from semantic_photos.storage import backups, sqlite_errors
from semantic_photos.storage.schema import APPLICATION_ID, Ladder

#: Seconds to wait for another program's write.
BUSY_S = 5.0

_HEADER = b"SQLite format 3\0"

# Ids often come out of arrays. Left alone, such a number is bound as the bytes of its memory and finds nothing.
sqlite3.register_adapter(np.int64, int)


def connect(path: Path, *, read_only: bool = False, immutable: bool = False) -> sqlite3.Connection:
    """Open a connection with everything set that we rely on; the file must exist.

    Raises:
        sqlite3.Error: when it cannot be opened.
    """
    # As an address, because a path may hold bytes that are no UTF-8, and to never make a file by accident.
    address = f"{path.as_uri()}?mode={'ro' if read_only else 'rw'}{'&immutable=1' if immutable else ''}"
    connection = sqlite3.connect(
        address, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    try:
        for pragma in (
            "page_size = 8192",  # seven vectors a page; matters only while a file is new
            "foreign_keys = ON",
            "trusted_schema = OFF",
            "cell_size_check = ON",
            "synchronous = NORMAL",
            "temp_store = MEMORY",
            "cache_size = -16000",
            "journal_size_limit = 64000000",
        ):
            connection.execute(f"PRAGMA {pragma}")
        if not read_only:
            connection.execute("PRAGMA journal_mode = WAL")
    except BaseException:
        connection.close()
        raise
    return connection


def inspect(path: Path) -> bool:
    """Return whether there is a file at ``path``; refuse what cannot be a catalog before SQLite sees it.

    Raises:
        CatalogError: ``catalog.empty``, ``catalog.foreign`` or ``catalog.unreadable``.
    """
    try:
        with path.open("rb") as file:
            head = file.read(len(_HEADER))
    except FileNotFoundError:
        return False
    except OSError as error:
        raise sqlite_errors.translated_code(sqlite3.SQLITE_CANTOPEN, path) from error
    if not head:
        raise sqlite_errors.empty(path)
    if head != _HEADER:
        raise sqlite_errors.foreign(path)
    return True


def create(path: Path, ladder: Ladder) -> None:
    """Make a new catalog under another name and rename it, so that an empty file is always a loss.

    Raises:
        CatalogError: when it cannot be made; there is nothing at ``path`` then.
    """
    new = path.with_name(path.name + ".new")
    try:
        backups.remove_with_log(new)
        backups.set_stray_log_aside(path)
        new.touch(mode=0o600)
        with contextlib.closing(connect(new)) as connection:
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            for statement in ladder.create:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {ladder.version}")
            connection.execute("COMMIT")
        backups.publish(new, path)
    except sqlite3.Error as error:
        raise sqlite_errors.translated(error, path) from error
    except OSError as error:
        raise backups.os_trouble(error, path) from error
