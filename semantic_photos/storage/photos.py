# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads photos from the catalog: by number, by path, and counts by state."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from semantic_photos.domain.photo import Counts, Photo, PhotoId
from semantic_photos.storage.database import Database
from semantic_photos.storage.rows import IN_IDS, PHOTO, json_ids, photo_of
from semantic_photos.storage.schema import FAILED, INDEXED

#: Rows of the tally, each with whether its folder is there; missing photos are not part of any count.
_TALLY = (
    "SELECT state, pack_id, coalesce(online, 1), photos FROM tally LEFT JOIN folder ON folder.id = folder_id"
    " WHERE missing = 0"
)


class Photos:
    """Facts of photos, read only.

    Thread: any; blocking.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, ids: Sequence[PhotoId]) -> dict[PhotoId, Photo]:
        """Return these photos with their facts, in the given order; unknown ids are left out."""
        with self._database.read() as connection:
            rows = connection.execute(f"SELECT {PHOTO} FROM photo WHERE id {IN_IDS}", (json_ids(ids),)).fetchall()
        found = {row[0]: photo_of(row) for row in rows}
        return {PhotoId(int(i)): found[i] for i in ids if i in found}

    def by_path(self, path: Path) -> Photo | None:
        """Return the stored facts of a file, or None."""
        with self._database.read() as connection:
            row = connection.execute(f"SELECT {PHOTO} FROM photo WHERE path = ?", (os.fsencode(path),)).fetchone()
            return None if row is None else photo_of(row)

    def counts(self, pack: str) -> Counts:
        """Return how many photos stand where; one whose vector is of another pack counts as pending."""
        indexed = pending = failed = offline = 0
        with self._database.read() as connection:
            row = connection.execute("SELECT id FROM pack WHERE fingerprint = ?", (pack,)).fetchone()
            for state, pack_id, online, photos in connection.execute(_TALLY):
                if not online:
                    offline += photos
                elif state == FAILED:
                    failed += photos
                elif row is not None and state == INDEXED and pack_id == row[0]:
                    indexed += photos
                else:
                    pending += photos
        return Counts(indexed, pending, failed, offline)
