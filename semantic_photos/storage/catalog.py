# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalog: one object with a part for each concern.

Only the parts, ``schema`` and ``database`` hold SQL.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from semantic_photos.domain.translatable import N_, Message
from semantic_photos.storage.database import Database
from semantic_photos.storage.embeddings import Embeddings
from semantic_photos.storage.file_records import FileRecords
from semantic_photos.storage.filter_sql import Filters
from semantic_photos.storage.folders import Folders
from semantic_photos.storage.keyword_sync import KeywordSync
from semantic_photos.storage.listing import Listing
from semantic_photos.storage.pack_vectors import PackVectors
from semantic_photos.storage.photos import Photos
from semantic_photos.storage.relevance_feedback import VoteStore
from semantic_photos.storage.rows import IndexedPhoto, KnownFile, clean
from semantic_photos.storage.saved_searches import SavedSearches
from semantic_photos.storage.schema import INDEXED
from semantic_photos.storage.tags import TagStore
from semantic_photos.storage.user_data import UserDataStore
from semantic_photos.storage.work_queue import WorkQueue


class Catalog:
    """All facts and vectors of a library. It may be opened beside another program when the database is read-only.

    Every file that was seen and not removed is in exactly one state: pending, indexed or failed. A vector exists
    if and only if the photo is indexed. A missing file keeps both, and so does a folder that is not there; they
    are left out of searches, of browsing and of the work.

    Thread: any; every method, of the parts too, blocks on the disk.

    Args:
        database: the open file.
        now: seconds since the epoch; a test can move it.

    Attributes:
        folders: the watched roots.
        photos: photos by number and path, and counts.
        files: the files of photos: added, changed, moved, missing, back.
        queue: the way of photos through the states, and what failed.
        vectors: embeddings of photos.
        packs: vectors of several packs side by side, and the change from one to another.
        filters: which photos a filter finds.
        listing: photos by date or name.
        tags: tags, ratings and captions.
        metadata: what was read from photo files and sidecars, and what is to be written into them.
        feedback: votes on search results.
        searches: the saved searches.
        user_data: everything that the user did, for export and import.
    """

    def __init__(self, database: Database, now: Callable[[], float] = time.time) -> None:
        self._database = database
        self.folders, self.photos = Folders(database), Photos(database)
        self.files, self.queue = FileRecords(database, now), WorkQueue(database, now)
        self.vectors, self.packs = Embeddings(database), PackVectors(database)
        self.filters, self.listing = Filters(database), Listing(database)
        self.tags, self.metadata = TagStore(database, now), KeywordSync(database, now)
        self.feedback, self.searches = VoteStore(database, now), SavedSearches(database, now)
        self.user_data = UserDataStore(database, now)
        if not database.read_only:
            self.queue.recover()

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
        """Return what is wrong, as sentences, from a check of every page and every invariant; empty when all is well.

        Raises:
            CatalogError: when the check itself cannot run.
        """
        problems = self._database.check()
        if problems:
            return problems
        with self._database.read() as connection:
            for template, question in _PROMISES:
                wrong = connection.execute(question).fetchone()[0]
                if wrong:
                    problems.append(Message(template, count=wrong))
        return problems


#: Template and number of breaches. What the schema itself enforces is not asked again.
_PROMISES = (
    (
        N_("Indexed photos without a vector: {count:,}."),
        "SELECT count(*) FROM photo WHERE pack_id <> 0 AND NOT EXISTS"
        " (SELECT 1 FROM embedding WHERE photo_id = photo.id AND embedding.pack_id = photo.pack_id)",
    ),
    (
        N_("Vectors of photos that are not indexed: {count:,}."),
        f"SELECT count(*) FROM embedding JOIN photo ON photo.id = photo_id WHERE state <> {INDEXED}",
    ),
    (
        N_("Vectors of a wrong length: {count:,}."),
        "SELECT count(*) FROM embedding JOIN pack ON pack.id = pack_id WHERE length(vector) <> 4 * dim",
    ),
    (
        N_("Wrong photo counts: {count:,}."),
        "SELECT count(*) FROM (SELECT folder_id, state, pack_id, missing, photos FROM tally WHERE photos <> 0 EXCEPT"
        " SELECT folder_id, state, pack_id, missing_since IS NOT NULL, count(*) FROM photo GROUP BY 1, 2, 3, 4)",
    ),
    (
        N_("Groups of photos that are not counted: {count:,}."),
        "SELECT count(*) FROM (SELECT folder_id, state, pack_id, missing_since IS NOT NULL, count(*) FROM photo"
        " GROUP BY 1, 2, 3, 4 EXCEPT SELECT folder_id, state, pack_id, missing, photos FROM tally)",
    ),
)

__all__ = ["Catalog", "IndexedPhoto", "KnownFile"]
