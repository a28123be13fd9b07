# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalog's files: verified copies, quarantine of damaged ones, publishing by rename.

Copying the file of a catalog in use loses what is still in its log (all of it, at worst), so copies are made by
SQLite's ``VACUUM INTO`` from one moment of the catalog, checked as a whole, and only then given their name.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import logging
import os
import re
import shutil
import sqlite3
import sys
import time
from pathlib import Path

from semantic_photos.domain.errors import CatalogError
from semantic_photos.domain.translatable import NO_MESSAGE, Message
from semantic_photos.storage import sqlite_errors
from semantic_photos.storage.schema import APPLICATION_ID

_log = logging.getLogger(__name__)

_LOGS = ("-wal", "-shm", "-journal")
_STAMP = re.compile(r"(\d{8}-\d{6})(?:-(\d+))?$")


def folder_of(catalog: Path) -> Path:
    """Return the folder of a catalog's backups."""
    return catalog.parent / "backups"


def next_name(catalog: Path, mark: str = "") -> Path:
    """Return a name for a backup made now; ``mark`` keeps it out of the rolling ones."""
    stem = f"{catalog.stem}-{mark}-" if mark else f"{catalog.stem}-"
    return _free(folder_of(catalog), stem, catalog.suffix)


def copy_to(connection: sqlite3.Connection, target: Path, catalog: Path) -> Path:
    """Write a verified copy of the open catalog to ``target``, replacing one that is there; return ``target``.

    Raises:
        CatalogError: when it cannot be written or is not sound.
        sqlite3.Error: when the catalog cannot be read.
    """
    new = target.with_name(target.name + ".new")
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        remove_with_log(new)
        try:
            new.touch(mode=0o600)
            # An address, as in `connect`: the path may hold bytes that are no UTF-8.
            connection.execute("VACUUM INTO ?", (new.as_uri(),))
            problem = problem_of(new)
            if problem:
                raise sqlite_errors.corrupt(catalog, Message("the copy is damaged: {problem}", problem=problem))
            publish(new, target)
        finally:
            with contextlib.suppress(OSError):
                remove_with_log(new)
    except OSError as error:
        raise os_trouble(error, target) from error
    return target


def problem_of(path: Path) -> Message:
    """Return why a file is no sound catalog, from a check of every page; empty when it is sound."""
    try:
        address = f"{path.as_uri()}?mode=ro&immutable=1"
        with contextlib.closing(sqlite3.connect(address, uri=True, isolation_level=None)) as connection:
            if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
                return Message("it is not a catalog")
            found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
            return NO_MESSAGE if found == "ok" else Message.as_is(found)
    except sqlite3.Error as error:
        return Message.as_is(str(error))


def rolling(catalog: Path) -> list[Path]:
    """Return the rolling backups of a catalog, newest first."""
    # The name begins with a digit after the stem: copies made before a migration have a mark there and stay.
    found = folder_of(catalog).glob(f"{glob.escape(catalog.stem)}-[0-9]*{glob.escape(catalog.suffix)}")
    return sorted(found, key=_age, reverse=True)


def latest(catalog: Path) -> Path | None:
    """Return the newest rolling backup that is sound, or None."""
    for candidate in rolling(catalog):
        problem = problem_of(candidate)
        if not problem:
            return candidate
        _log.warning("the backup %s is not sound: %s", candidate, problem)
    return None


def prune(catalog: Path, keep: int) -> None:
    """Remove all rolling backups but the newest ``keep``."""
    for old in rolling(catalog)[max(keep, 1) :]:
        with contextlib.suppress(OSError):
            old.unlink()


def restore(catalog: Path, backup: Path) -> Path | None:
    """Put a backup in the catalog's place; return where the present file was set aside, if there was one.

    Raises:
        CatalogError: when the backup is not sound or cannot be copied.
    """
    problem = problem_of(backup) if backup.exists() else Message("the file does not exist")
    if problem:
        raise CatalogError(
            Message("The backup {backup} cannot be used: {problem}.", backup=backup, problem=problem),
            code="catalog.bad-backup",
        )
    new = catalog.with_name(catalog.name + ".new")
    try:
        remove_with_log(new)
        shutil.copyfile(backup, new)
        new.chmod(0o600)
        aside = set_aside(catalog) if catalog.exists() else None
        set_stray_log_aside(catalog)
        publish(new, catalog)
    except OSError as error:
        raise os_trouble(error, catalog) from error
    return aside


def set_aside(catalog: Path) -> Path:
    """Rename a catalog and its log to ``catalog.corrupt-…``; return the new name.

    Raises:
        CatalogError: when it cannot be renamed.
    """
    target = _free(catalog.parent, f"{catalog.stem}.corrupt-", catalog.suffix)
    try:
        # The log goes first: a crash in between leaves a catalog without its last seconds, never a log that
        # would be applied to the next catalog.
        for ending in _LOGS:
            with contextlib.suppress(FileNotFoundError):
                os.rename(f"{catalog}{ending}", f"{target}{ending}")
        os.rename(catalog, target)
        sync_folder(catalog.parent)
    except OSError as error:
        raise os_trouble(error, catalog) from error
    _log.warning("the catalog was set aside as %s", target)
    return target


def set_stray_log_aside(catalog: Path) -> None:
    """Rename a log whose catalog is gone: SQLite would apply it to the next file of that name.

    Raises:
        OSError: when it cannot be renamed.
    """
    strays = [ending for ending in _LOGS if os.path.lexists(f"{catalog}{ending}")]
    if strays:
        target = _free(catalog.parent, f"{catalog.stem}.stray-", catalog.suffix)
        _log.warning("a log without its catalog was set aside as %s", target)
        for ending in strays:
            os.rename(f"{catalog}{ending}", f"{target}{ending}")


def remove_with_log(path: Path) -> None:
    """Delete a database file of ours and its log, if they are there.

    Raises:
        OSError: when it cannot be deleted.
    """
    for ending in ("", *_LOGS):
        Path(f"{path}{ending}").unlink(missing_ok=True)


def publish(new: Path, target: Path) -> None:
    """Give a finished file its name, so that a power cut leaves the old state or the new one.

    Raises:
        OSError: when it cannot be done.
    """
    with new.open("rb+") as file:
        os.fsync(file.fileno())
    os.replace(new, target)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder last through a power cut, where the system knows how."""
    if sys.platform != "win32":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        except OSError as error:
            # Some network file systems cannot; what they promise is theirs.
            _log.info("cannot sync %s: %s", folder, error)
        finally:
            os.close(descriptor)


def os_trouble(error: OSError, path: Path) -> CatalogError:
    """Return our error for one of the operating system's."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return sqlite_errors.translated_code(sqlite3.SQLITE_FULL, path)
    if error.errno == errno.EIO:
        return sqlite_errors.translated_code(sqlite3.SQLITE_IOERR, path)
    return sqlite_errors.translated_code(sqlite3.SQLITE_READONLY, path)


def _age(path: Path) -> tuple[str, int]:
    """Return what names of `_free` are sorted by: the second, then the number within that second."""
    parts = _STAMP.search(path.stem)
    return (parts[1], int(parts[2] or 1)) if parts else ("", 0)


def _free(folder: Path, stem: str, suffix: str) -> Path:
    """Return a name with the present time that is later than all that were made in this second."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    # Not the first free number: the oldest of this second may have been pruned, and its name would be the oldest again.
    taken = [_age(path)[1] for path in folder.glob(f"{glob.escape(stem)}{stamp}*") if _age(path)[0] == stamp]
    number = max(taken, default=0) + 1
    return folder / (f"{stem}{stamp}{suffix}" if number == 1 else f"{stem}{stamp}-{number}{suffix}")
