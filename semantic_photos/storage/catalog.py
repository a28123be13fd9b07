# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalog: folders, photos and counts, and the one door to everything else that is known of a library.

``Catalog`` is what the rest of the program holds. Its queries are sorted by who asks them: vectors
(``embeddings``), files (``file_records``), states (``work_queue``), and here what windows and commands show. Tags
and what files say of themselves are asked of ``tags`` and ``exchange``. Only these files, ``filter_questions``,
``listing``, ``saved_searches``, ``feedback``, ``work``, ``schema`` and ``database`` hold SQL.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from semantic_photos.domain.errors import FolderError
from semantic_photos.domain.photo import Counts, Folder, FolderCounts, FolderId, Photo, PhotoId
from semantic_photos.domain.ports import IdArray
from semantic_photos.storage.database import Database
from semantic_photos.storage.filter_sql import Filters
from semantic_photos.storage.listing import Listing
from semantic_photos.storage.rows import (
    PHOTO,
    IndexedPhoto,
    KnownFile,
    clean,
    json_ids,
    path_of,
    photo_of,
)
from semantic_photos.storage.saved_searches import SavedSearches
from semantic_photos.storage.schema import FAILED, INDEXED
from semantic_photos.storage.work_queue import WorkQueue

#: Rows of the tally, each with whether its folder is there; missing photos are not part of any count.
_TALLY = (
    "SELECT state, pack_id, coalesce(online, 1), photos FROM tally LEFT JOIN folder ON folder.id = folder_id"
    " WHERE missing = 0"
)
#: The same for each folder: photos, unreadable ones, missing ones.
_FOLDER_TALLY = (
    "SELECT folder_id, sum(photos * (state <> ? AND NOT missing)), sum(photos * (state = ? AND NOT missing)),"
    " sum(photos * missing) FROM tally GROUP BY folder_id HAVING sum(photos) > 0"
)


class Catalog(WorkQueue):
    """All queries about a library. It may be opened beside another program when the database is read-only.

    Every file that was seen and not removed is in exactly one state: pending, indexed or failed. A vector exists
    if and only if the photo is indexed. A missing file keeps both, and so does a folder that is not there; they
    are left out of searches, of browsing and of the work.

    Thread: any; every method blocks on the disk.

    Args:
        database: the open file.
        now: seconds since the epoch; a test can move it.
    """

    def __init__(self, database: Database, now: Callable[[], float] = time.time) -> None:
        super().__init__(database, now)
        self.filters, self.listing = Filters(database), Listing(database)
        self.saved_searches = SavedSearches(database, now)
        if not database.read_only:
            self._recover()

    # Folders

    def folders(self) -> list[Folder]:
        """Return the watched roots in the order they were added."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT id, path, online FROM folder ORDER BY id")
            return [Folder(FolderId(row[0]), path_of(row[1]), bool(row[2])) for row in rows]

    def add_folder(self, path: Path) -> Folder:
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
                    raise FolderError(f"{path} lies in {other}, which is watched already.", code="folder.overlap")
                if path in other.parents:
                    raise FolderError(
                        f"{path} holds {other}, which is watched already.",
                        code="folder.overlap",
                        advice=f"Remove {other} first; its photos are indexed again from {path}.",
                    )
            raw = os.fsencode(path)
            connection.execute("INSERT INTO folder (path) VALUES (?)", (raw,))
            number = connection.execute("SELECT id FROM folder WHERE path = ?", (raw,)).fetchone()[0]
        return Folder(FolderId(number), path)

    def remove_folder(self, folder_id: FolderId) -> list[PhotoId]:
        """Forget a root and its photos, at once and for good; return these photos. The files stay as they are."""
        with self._database.transaction(durable=True) as connection:
            rows = connection.execute("SELECT id FROM photo WHERE folder_id = ?", (folder_id,)).fetchall()
            connection.execute("DELETE FROM photo WHERE folder_id = ?", (folder_id,))
            connection.execute("DELETE FROM folder WHERE id = ?", (folder_id,))
            connection.execute("DELETE FROM tally WHERE folder_id = ?", (folder_id,))
        return [PhotoId(row[0]) for row in rows]

    def set_folder_online(self, folder_id: FolderId, *, online: bool) -> list[PhotoId]:
        """Note whether a root is there; return its photos that are not missing."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE folder SET online = ? WHERE id = ?", (online, folder_id))
            rows = connection.execute(
                "SELECT id FROM photo WHERE folder_id = ? AND missing_since IS NULL", (folder_id,)
            ).fetchall()
        return [PhotoId(row[0]) for row in rows]

    # Photos

    def photos(self, ids: Sequence[PhotoId]) -> dict[PhotoId, Photo]:
        """Return what is known of these photos, in the order asked for; unknown ids are left out."""
        with self._database.read() as connection:
            rows = connection.execute(
                f"SELECT {PHOTO} FROM photo WHERE id IN (SELECT value FROM json_each(?))", (json_ids(ids),)
            ).fetchall()
        found = {row[0]: photo_of(row) for row in rows}
        return {PhotoId(int(i)): found[i] for i in ids if i in found}

    def photo_by_path(self, path: Path) -> Photo | None:
        """Return what is known of a file, or None."""
        with self._database.read() as connection:
            row = connection.execute(f"SELECT {PHOTO} FROM photo WHERE path = ?", (os.fsencode(path),)).fetchone()
            return None if row is None else photo_of(row)

    def browse_ids(self) -> IdArray:
        """Return all photos that can be looked at, newest first, int64 (N,): also those not yet indexed."""
        return self.listing.browsed()

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

    def folder_counts(self) -> dict[FolderId, FolderCounts]:
        """Return how many photos each root holds, also one that is not there; roots without a file are left out."""
        with self._database.read() as connection:
            rows = connection.execute(_FOLDER_TALLY, (FAILED, FAILED)).fetchall()
        return {FolderId(row[0]): FolderCounts(*row[1:]) for row in rows}

    # The catalog itself

    def meta(self, key: str) -> str | None:
        """Return a remembered text, or None."""
        with self._database.read() as connection:
            row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
            return None if row is None else str(row[0])

    def set_meta(self, key: str, value: str) -> None:
        """Remember a text."""
        with self._database.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, clean(value)))

    def check(self) -> list[str]:
        """Return what is wrong, as sentences, from a look at every page and every promise; empty when all is well.

        Raises:
            CatalogError: when the check itself cannot run.
        """
        problems = self._database.check()
        if problems:
            return problems
        with self._database.read() as connection:
            for sentence, question in _PROMISES:
                wrong = connection.execute(question).fetchone()[0]
                if wrong:
                    problems.append(sentence.format(wrong))
        return problems


#: Sentence and number of breaches. What the schema itself enforces is not asked again.
_PROMISES = (
    (
        "{} photos are indexed but have no vector.",
        "SELECT count(*) FROM photo WHERE pack_id <> 0 AND NOT EXISTS"
        " (SELECT 1 FROM embedding WHERE photo_id = photo.id AND embedding.pack_id = photo.pack_id)",
    ),
    (
        "{} vectors belong to photos that are not indexed.",
        f"SELECT count(*) FROM embedding JOIN photo ON photo.id = photo_id WHERE state <> {INDEXED}",
    ),
    (
        "{} vectors have a wrong length.",
        "SELECT count(*) FROM embedding JOIN pack ON pack.id = pack_id WHERE length(vector) <> 4 * dim",
    ),
    (
        "The counts are wrong in {} places.",
        "SELECT count(*) FROM (SELECT folder_id, state, pack_id, missing, photos FROM tally WHERE photos <> 0 EXCEPT"
        " SELECT folder_id, state, pack_id, missing_since IS NOT NULL, count(*) FROM photo GROUP BY 1, 2, 3, 4)",
    ),
    (
        "{} groups of photos are not counted.",
        "SELECT count(*) FROM (SELECT folder_id, state, pack_id, missing_since IS NOT NULL, count(*) FROM photo"
        " GROUP BY 1, 2, 3, 4 EXCEPT SELECT folder_id, state, pack_id, missing, photos FROM tally)",
    ),
)

__all__ = ["Catalog", "IndexedPhoto", "KnownFile"]
