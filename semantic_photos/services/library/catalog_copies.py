# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups of the catalog: made once a day, restored when the catalog is damaged."""

from __future__ import annotations

import logging
import time

from semantic_photos.domain.errors import CatalogError
from semantic_photos.domain.translatable import Message
from semantic_photos.paths import Paths
from semantic_photos.storage.catalog import Catalog
from semantic_photos.storage.database import Database
from semantic_photos.storage.library_lock import LibraryLock

_log = logging.getLogger(__name__)

BACKUP_EVERY_S = 24 * 3600.0


def back_up_if_due(database: Database, catalog: Catalog, paths: Paths) -> None:
    """Copy the catalog once a day, checked, beside it; two copies are kept. What fails is logged."""
    latest = Database.latest_backup(paths.catalog)
    try:
        if latest is not None and time.time() - latest.stat().st_mtime < BACKUP_EVERY_S:
            return
        if not catalog.folders.all():
            return
        database.roll_backup()
    except (CatalogError, OSError) as error:
        _log.warning("the catalog could not be copied: %s", error)


def recover_catalog(paths: Paths) -> Message:
    """Set a damaged catalog aside and bring back the last good copy, as ``Library.recover_catalog``.

    Raises:
        BusyError: another program has the library open.
        CatalogError: nothing could be renamed or copied.
    """
    lock = LibraryLock.acquire(paths.data / "library.lock")
    try:
        backup = Database.latest_backup(paths.catalog)
        if backup is not None:
            aside = Database.restore(paths.catalog, backup)
            if aside is None:
                return Message("The catalog was restored from {backup}.", backup=backup.name)
            return Message(
                "The catalog was restored from {backup}. The damaged one is kept as {path}.",
                backup=backup.name,
                path=aside,
            )
        aside = Database.set_aside(paths.catalog)
        return Message("The damaged catalog is kept as {path}. Add your folders again.", path=aside)
    finally:
        lock.release()
