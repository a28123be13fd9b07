# SPDX-License-Identifier: GPL-3.0-or-later
"""The watched folders in the catalog: added, removed, online or offline, with photo counts."""

from __future__ import annotations

import os
from pathlib import Path

from semantic_photos.domain.errors import FolderError
from semantic_photos.domain.photo import Folder, FolderCounts, FolderId, PhotoId
from semantic_photos.domain.translatable import Message
from semantic_photos.storage.database import Database
from semantic_photos.storage.rows import path_of
from semantic_photos.storage.schema import FAILED

#: For each folder with a file: photos, unreadable ones, missing ones.
_FOLDER_TALLY = (
    "SELECT folder_id, sum(photos * (state <> ? AND NOT missing)), sum(photos * (state = ? AND NOT missing)),"
    " sum(photos * missing) FROM tally GROUP BY folder_id HAVING sum(photos) > 0"
)


class Folders:
    """The watched roots.

    Thread: any; blocking.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[Folder]:
        """Return the watched roots in the order they were added."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT id, path, online FROM folder ORDER BY id")
            return [Folder(FolderId(row[0]), path_of(row[1]), bool(row[2])) for row in rows]

    def add(self, path: Path) -> Folder:
        """Add a root; return the one that is there already if it is known.

        Raises:
            FolderError: when the path lies in another root or holds one: a photo would be in both.
        """
        with self._database.transaction(durable=True) as connection:
            for number, raw, online in connection.execute("SELECT id, path, online FROM folder").fetchall():
                other = path_of(raw)
                if other == path:
                    return Folder(FolderId(number), other, bool(online))
                if other in path.parents:
                    raise FolderError(
                        Message("{path} is inside {other}, which is already in the library.", path=path, other=other),
                        code="folder.overlap",
                    )
                if path in other.parents:
                    raise FolderError(
                        Message("{path} contains {other}, which is already in the library.", path=path, other=other),
                        code="folder.overlap",
                        advice=Message(
                            "Remove {other} first. Its photos are then indexed from {path}.", path=path, other=other
                        ),
                    )
            raw = os.fsencode(path)
            connection.execute("INSERT INTO folder (path) VALUES (?)", (raw,))
            number = connection.execute("SELECT id FROM folder WHERE path = ?", (raw,)).fetchone()[0]
        return Folder(FolderId(number), path)

    def remove(self, folder_id: FolderId) -> list[PhotoId]:
        """Forget a root and its photos, at once and for good; return these photos. The files stay as they are."""
        with self._database.transaction(durable=True) as connection:
            rows = connection.execute("SELECT id FROM photo WHERE folder_id = ?", (folder_id,)).fetchall()
            connection.execute("DELETE FROM photo WHERE folder_id = ?", (folder_id,))
            connection.execute("DELETE FROM folder WHERE id = ?", (folder_id,))
            connection.execute("DELETE FROM tally WHERE folder_id = ?", (folder_id,))
        return [PhotoId(row[0]) for row in rows]

    def set_online(self, folder_id: FolderId, *, online: bool) -> list[PhotoId]:
        """Note whether a root is there; return its photos that are not missing."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE folder SET online = ? WHERE id = ?", (online, folder_id))
            rows = connection.execute(
                "SELECT id FROM photo WHERE folder_id = ? AND missing_since IS NULL", (folder_id,)
            ).fetchall()
        return [PhotoId(row[0]) for row in rows]

    def counts(self) -> dict[FolderId, FolderCounts]:
        """Return how many photos each root holds, also one that is not there; roots without a file are left out."""
        with self._database.read() as connection:
            rows = connection.execute(_FOLDER_TALLY, (FAILED, FAILED)).fetchall()
        return {FolderId(row[0]): FolderCounts(*row[1:]) for row in rows}
