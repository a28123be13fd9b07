# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalog's database: connections per thread, transactions, integrity checks on opening, migrations.

What was seen of SQLite and is guarded against here: a file of no bytes opens as a valid empty database; a write to
a deleted file succeeds into nowhere; a transaction that reads first and writes later fails at once under a second
writer; a leftover write-ahead log is applied to whatever new file takes the name.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import sqlite3
import threading
import uuid
import weakref
from collections.abc import Iterator
from pathlib import Path

from semantic_photos.domain.errors import CatalogError, InternalError
from semantic_photos.domain.translatable import Message
from semantic_photos.storage import backups, connections, sqlite_errors
from semantic_photos.storage.library_lock import LibraryLock
from semantic_photos.storage.schema import APPLICATION_ID, LADDER, Ladder

_log = logging.getLogger(__name__)

#: Seconds that ``close`` waits for a statement of another thread to notice that it was interrupted.
CLOSE_S = 5.0
#: Up to this size a catalog is checked as a whole when it is opened (about 25 ms).
CHECKED_BYTES = 32_000_000


_numbers = itertools.count()


class _Held:
    """A connection with the lock of its user; closed when its thread ends or the database closes.

    ``number`` is one that no other connection ever has.
    """

    __slots__ = ("__weakref__", "connection", "lock", "number")

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection, self.number = connection, next(_numbers)
        self.lock = threading.RLock()

    def __del__(self) -> None:
        self.connection.close()


class Database:
    """One open catalog file.

    Thread: any. Each thread has a connection of its own; writers of this program wait for each other here, those
    of other programs in SQLite.

    Attributes:
        path: the file.
        read_only: opened beside a program that writes.
        session: a name for this opening, different each time.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path, self.read_only, self.session = path, read_only, uuid.uuid4().hex
        self._local = threading.local()
        self._all: weakref.WeakSet[_Held] = weakref.WeakSet()
        self._registry_lock = threading.Lock()
        self._write_lock = threading.RLock()
        self._closed = False
        self._immutable = False
        self._identity = self._identify()

    # Opening and closing

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False, ladder: Ladder = LADDER) -> Database:
        """Open the catalog at ``path``, made if there is none, and bring an older one up to date.

        Args:
            path: the file.
            read_only: read beside another program that may write; nothing is made or changed then.
            ladder: schema and migrations.

        Raises:
            CatalogError: ``catalog.empty``, ``catalog.foreign``, ``catalog.corrupt``, ``catalog.newer``,
                ``catalog.older``, ``catalog.none``, ``catalog.unreadable``, ``catalog.readonly``, ``catalog.full``.
        """
        path = Path(os.path.abspath(path))
        if not connections.inspect(path):
            if read_only:
                raise CatalogError(Message("There is no catalog {path} yet.", path=path), code="catalog.none")
            connections.create(path, ladder)
        database = cls(path, read_only=read_only)
        try:
            database._verify(ladder)
        except BaseException:
            database.close()
            raise
        return database

    def close(self) -> None:
        """Close the connections of all threads. From any thread; safe to call twice."""
        self._closed = True
        with self._registry_lock:
            held_by_threads = list(self._all)
        for held in held_by_threads:
            # A long query of a thread that is still about ends here, with ``catalog.closed``.
            with contextlib.suppress(sqlite3.Error):
                held.connection.interrupt()
        for held in held_by_threads:
            if held.lock.acquire(timeout=CLOSE_S):
                try:
                    # Any statement ends the interruption, which otherwise keeps the log from being worked in.
                    with contextlib.suppress(sqlite3.Error):
                        held.connection.execute("SELECT 1")
                    held.connection.close()
                finally:
                    held.lock.release()
            else:
                _log.warning("a thread keeps its connection to the catalog")

    @property
    def closed(self) -> bool:
        """Return whether ``close`` was called."""
        return self._closed

    # Reading and writing

    @contextlib.contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Give a connection that sees one moment of the catalog. Keep it short: the log grows meanwhile.

        Raises:
            CatalogError: when the catalog cannot be read.
        """
        with self._translate(), self._hold() as connection:
            if connection.in_transaction:
                yield connection
                return
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    @contextlib.contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """Give a connection for writing; all of it is kept when the block ends, or nothing when it raises.

        Args:
            durable: survive a power cut from the moment the block ends: for what a user did. Otherwise a power
                cut may take the last seconds, never anything in the middle: right for what can be made again.

        Raises:
            CatalogError: when the catalog cannot be written; nothing of the block is kept then.
            InternalError: inside another transaction of this thread, or on a catalog opened for reading.
        """
        if self.read_only:
            raise InternalError("the catalog was opened for reading only")
        with self._write_lock, self._translate(), self._hold() as connection:
            if connection.in_transaction:
                raise InternalError("a transaction inside a transaction")
            self._check_still_there()
            if durable:
                connection.execute("PRAGMA synchronous = FULL")
            try:
                # Not deferred: one that reads first and writes later would fail at once beside another writer.
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    # A full disk may have rolled back already. The first error is the one to report.
                    with contextlib.suppress(sqlite3.Error):
                        if connection.in_transaction:
                            connection.execute("ROLLBACK")
                    raise
            finally:
                if durable:
                    with contextlib.suppress(sqlite3.Error):
                        connection.execute("PRAGMA synchronous = NORMAL")

    def state(self, connection: sqlite3.Connection) -> tuple[int, int, int]:
        """Return what stays the same as long as a connection that ``read`` gave sees the same catalog."""
        # data_version tells of writes of others, total_changes of our own; both count from the connection's beginning,
        # and threads that come later get the numbers of those that ended.
        version = connection.execute("PRAGMA data_version").fetchone()[0]
        return self._local.held.number, int(version), connection.total_changes

    def check(self) -> list[str]:
        """Return what is wrong with the file's structure, from a check of every page; empty when it is sound.

        Raises:
            CatalogError: when the check itself cannot run; a damage that stops it is returned, not raised.
        """
        try:
            with self.read() as connection:
                found = [str(row[0]) for row in connection.execute("PRAGMA quick_check(20)")]
                orphans = connection.execute("PRAGMA foreign_key_check").fetchmany(20)
        except CatalogError as error:
            if error.code not in ("catalog.corrupt", "catalog.foreign"):
                raise
            return [str(error)]
        return [text for text in found if text != "ok"] + [f"{row[0]} {row[1]} has no {row[2]}" for row in orphans]

    # Copies

    def backup(self, target: Path) -> Path:
        """Write a verified copy to ``target`` while the catalog is in use; return ``target``.

        Raises:
            CatalogError: when the copy cannot be made or is not sound; there is no ``target`` then, or the old one.
        """
        with self._translate(), self._hold() as connection:
            return backups.copy_to(connection, target, self.path)

    def roll_backup(self, keep: int = 2) -> Path:
        """Write the next rolling backup beside the catalog and remove all but the newest ``keep``.

        Raises:
            CatalogError: as ``backup``; the earlier ones stay then.
        """
        made = self.backup(backups.next_name(self.path))
        backups.prune(self.path, keep)
        return made

    @staticmethod
    def latest_backup(path: Path) -> Path | None:
        """Return the newest backup of the catalog at ``path`` that is sound, or None."""
        return backups.latest(path)

    @staticmethod
    def restore(path: Path, backup: Path) -> Path | None:
        """Put a backup in the catalog's place; return where the present file was set aside, if there was one.

        The library must not be open.

        Raises:
            CatalogError: when the backup is not sound or cannot be copied; the catalog is untouched then.
        """
        return backups.restore(path, backup)

    @staticmethod
    def set_aside(path: Path) -> Path:
        """Rename a catalog that cannot be used, with its log, to ``catalog.corrupt-…``; return the new name.

        The library must not be open.

        Raises:
            CatalogError: when it cannot be renamed.
        """
        return backups.set_aside(path)

    # Inside

    @contextlib.contextmanager
    def _translate(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if self._closed:
                raise sqlite_errors.closed() from error
            if sqlite_errors.primary_code(error) in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT):
                # This connection's cache may be invalid.
                self._forget_connection()
            raise sqlite_errors.translated(error, self.path) from error

    @contextlib.contextmanager
    def _hold(self) -> Iterator[sqlite3.Connection]:
        held: _Held | None = getattr(self._local, "held", None)
        if held is None:
            held = self._open_connection()
        with held.lock:
            if self._closed:
                raise sqlite_errors.closed()
            yield held.connection

    def _open_connection(self) -> _Held:
        if self._closed:
            raise sqlite_errors.closed()
        self._check_still_there()
        held = _Held(connections.connect(self.path, read_only=self.read_only, immutable=self._immutable))
        with self._registry_lock:
            self._all.add(held)
        self._local.held = held
        return held

    def _forget_connection(self) -> None:
        held: _Held | None = getattr(self._local, "held", None)
        if held is not None:
            self._local.held = None
            with contextlib.suppress(sqlite3.Error):
                held.connection.close()

    def _identify(self) -> tuple[int, int]:
        try:
            status = os.stat(self.path)
        except FileNotFoundError as error:
            raise sqlite_errors.gone(self.path) from error
        except OSError as error:
            raise sqlite_errors.translated_code(sqlite3.SQLITE_CANTOPEN, self.path) from error
        return status.st_dev, status.st_ino

    def _check_still_there(self) -> None:
        if self._identify() != self._identity:
            raise sqlite_errors.gone(self.path)

    def _verify(self, ladder: Ladder) -> None:
        try:
            version = self._read_version()
        except CatalogError as error:
            # In a folder that cannot be written, a reader cannot make the shared memory of the log. Without a log
            # nothing can change under it either.
            log = Path(f"{self.path}-wal")
            has_log = log.exists() and log.stat().st_size > 0
            if not self.read_only or has_log or error.code not in ("catalog.unreadable", "catalog.readonly"):
                raise
            self._immutable = True
            self._forget_connection()
            version = self._read_version()
        if version > ladder.version:
            raise sqlite_errors.newer(self.path, version, ladder.version)
        if self.path.stat().st_size <= CHECKED_BYTES:
            problems = self.check()
            if problems:
                raise sqlite_errors.corrupt(self.path, problems[0].splitlines()[0])
        if version < ladder.version:
            if self.read_only or any(step not in ladder.rungs for step in range(version, ladder.version)):
                raise sqlite_errors.older(self.path, version)
            self._climb(version, ladder)

    def _read_version(self) -> int:
        with self.read() as connection:
            if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
                raise sqlite_errors.foreign(self.path)
            return int(connection.execute("PRAGMA user_version").fetchone()[0])

    def _climb(self, version: int, ladder: Ladder) -> None:
        kept = self.backup(backups.next_name(self.path, f"before-v{ladder.version}"))
        _log.info("the catalog goes from version %d to %d; a copy is %s", version, ladder.version, kept)
        for step in range(version, ladder.version):
            with self.transaction(durable=True) as connection:
                for statement in ladder.rungs[step]:
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {step + 1}")


__all__ = ["Database", "LibraryLock"]
