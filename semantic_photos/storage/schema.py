# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalog's schema, its version and its migrations: SQL as data, never code.

A rung is frozen once it was released: it must do to an old file what it did on the day it was written, whatever
today's schema looks like. To change the schema, raise ``VERSION``, change ``CREATE``, and add the rung that leads
from the version before; a test compares both ways.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: "SePh" in ASCII: distinguishes our file from any other SQLite database.
APPLICATION_ID = 0x53655068

VERSION = 5

#: States of a photo as they are stored.
PENDING, INDEXED, FAILED = 0, 1, 2

FIRST = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
    # Paths are the bytes that the operating system uses: a name need not be UTF-8.
    """
    CREATE TABLE folder (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        path BLOB NOT NULL UNIQUE,
        online INTEGER NOT NULL DEFAULT 1 CHECK (online IN (0, 1))
    )""",
    "CREATE TABLE pack (id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE, dim INTEGER NOT NULL)",
    # AUTOINCREMENT: an id is never given twice, so that an index that is newer or older than the catalog can never
    # take one photo for another.
    # mtime_ns has no type: nanoseconds after the year 2262 do not fit 64 bits and are stored as text, exactly.
    # pack_id is the pack of the photo's current vector; 0 unless the photo is indexed.
    # retry_at: when an outside failure (no permission, an I/O error) is worth another try, in epoch seconds.
    # crashes, suspicion: how often the program died while the photo was read, and how strongly that points to it.
    f"""
    CREATE TABLE photo (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        folder_id INTEGER NOT NULL REFERENCES folder (id) ON DELETE CASCADE,
        path BLOB NOT NULL UNIQUE,
        size INTEGER NOT NULL,
        mtime_ns NOT NULL,
        inode INTEGER NOT NULL DEFAULT 0,
        content_key TEXT,
        state INTEGER NOT NULL DEFAULT {PENDING} CHECK (state IN ({PENDING}, {INDEXED}, {FAILED})),
        pack_id INTEGER NOT NULL DEFAULT 0,
        missing_since REAL,
        sort_key INTEGER NOT NULL,
        reason_code TEXT NOT NULL DEFAULT '',
        reason TEXT NOT NULL DEFAULT '',
        attempts INTEGER NOT NULL DEFAULT 0,
        retry_at REAL,
        crashes INTEGER NOT NULL DEFAULT 0,
        suspicion REAL NOT NULL DEFAULT 0,
        width INTEGER NOT NULL DEFAULT 0,
        height INTEGER NOT NULL DEFAULT 0,
        format TEXT NOT NULL DEFAULT '',
        taken TEXT NOT NULL DEFAULT '',
        camera TEXT NOT NULL DEFAULT '',
        lens TEXT NOT NULL DEFAULT '',
        exposure TEXT NOT NULL DEFAULT '',
        latitude REAL,
        longitude REAL,
        note TEXT NOT NULL DEFAULT '',
        CHECK ((state = {INDEXED}) = (pack_id <> 0))
    )""",
    # Each covers its query, so that a million photos are listed without reading their rows.
    "CREATE INDEX photo_by_date ON photo (sort_key, folder_id, state, missing_since)",
    "CREATE INDEX photo_by_state ON photo (state, pack_id, sort_key, folder_id, missing_since)",
    "CREATE INDEX photo_by_folder ON photo (folder_id)",
    "CREATE INDEX photo_by_content ON photo (content_key) WHERE content_key IS NOT NULL",
    "CREATE INDEX photo_missing ON photo (size, missing_since) WHERE missing_since IS NOT NULL",
    # The id is the vector's generation. Vectors of other packs stay until they are dropped on purpose, so that
    # going back to a pack costs nothing. float32, little endian.
    """
    CREATE TABLE embedding (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        photo_id INTEGER NOT NULL REFERENCES photo (id) ON DELETE CASCADE,
        pack_id INTEGER NOT NULL REFERENCES pack (id),
        vector BLOB NOT NULL
    )""",
    "CREATE UNIQUE INDEX embedding_by_photo ON embedding (photo_id, pack_id)",
    # Photos that are being read now. What is left of another session was being read when the program died.
    """
    CREATE TABLE mark (
        photo_id INTEGER PRIMARY KEY REFERENCES photo (id) ON DELETE CASCADE,
        session TEXT NOT NULL
    )""",
    # How many photos stand where, kept by triggers: the counts are asked for ten times a second.
    """
    CREATE TABLE tally (
        folder_id INTEGER NOT NULL,
        state INTEGER NOT NULL,
        pack_id INTEGER NOT NULL,
        missing INTEGER NOT NULL,
        photos INTEGER NOT NULL,
        PRIMARY KEY (folder_id, state, pack_id, missing)
    ) WITHOUT ROWID""",
    """
    CREATE TRIGGER photo_added AFTER INSERT ON photo BEGIN
        INSERT INTO tally VALUES (new.folder_id, new.state, new.pack_id, new.missing_since IS NOT NULL, 1)
        ON CONFLICT DO UPDATE SET photos = photos + 1;
    END""",
    """
    CREATE TRIGGER photo_removed AFTER DELETE ON photo BEGIN
        UPDATE tally SET photos = photos - 1
        WHERE folder_id = old.folder_id AND state = old.state AND pack_id = old.pack_id
            AND missing = (old.missing_since IS NOT NULL);
    END""",
    """
    CREATE TRIGGER photo_changed AFTER UPDATE OF folder_id, state, pack_id, missing_since ON photo
    WHEN old.folder_id <> new.folder_id OR old.state <> new.state OR old.pack_id <> new.pack_id
        OR (old.missing_since IS NULL) <> (new.missing_since IS NULL)
    BEGIN
        UPDATE tally SET photos = photos - 1
        WHERE folder_id = old.folder_id AND state = old.state AND pack_id = old.pack_id
            AND missing = (old.missing_since IS NOT NULL);
        INSERT INTO tally VALUES (new.folder_id, new.state, new.pack_id, new.missing_since IS NOT NULL, 1)
        ON CONFLICT DO UPDATE SET photos = photos + 1;
    END""",
)

# What the user did, and what was concluded for them: the part of the catalog that no file can give back.
_WORK = (
    # Levels of a hierarchical keyword are joined by "|", as Lightroom does: "animal|dog".
    "CREATE TABLE tag (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE)",
    # A photo and a tag have one standing: automatic, confirmed, manual, imported or rejected (`domain/tags.py`).
    # confidence: calibrated probability of an automatic tag, NULL for the others. decided: epoch seconds.
    """
    CREATE TABLE photo_tag (
        photo_id INTEGER NOT NULL REFERENCES photo (id) ON DELETE CASCADE,
        tag_id INTEGER NOT NULL REFERENCES tag (id) ON DELETE CASCADE,
        standing INTEGER NOT NULL CHECK (standing BETWEEN 0 AND 4),
        confidence REAL,
        decided REAL NOT NULL,
        PRIMARY KEY (photo_id, tag_id)
    ) WITHOUT ROWID""",
    "CREATE INDEX photo_tag_by_tag ON photo_tag (tag_id, standing, photo_id)",
    # What the user says of a photo as a whole. rating: 1 to 5, 0 for none, -1 for rejected (as XMP has it).
    """
    CREATE TABLE remark (
        photo_id INTEGER PRIMARY KEY REFERENCES photo (id) ON DELETE CASCADE,
        rating INTEGER NOT NULL DEFAULT 0 CHECK (rating BETWEEN -1 AND 5),
        favourite INTEGER NOT NULL DEFAULT 0 CHECK (favourite IN (0, 1)),
        caption TEXT NOT NULL DEFAULT ''
    )""",
    "CREATE INDEX remark_by_rating ON remark (rating, photo_id) WHERE rating <> 0",
    # A search with a name, in the language of the search bar.
    """
    CREATE TABLE saved_search (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        query TEXT NOT NULL,
        created REAL NOT NULL
    )""",
    # Thumbs up (1) and down (-1) for one query; the query in its normal form.
    """
    CREATE TABLE feedback (
        query TEXT NOT NULL,
        photo_id INTEGER NOT NULL REFERENCES photo (id) ON DELETE CASCADE,
        vote INTEGER NOT NULL CHECK (vote IN (-1, 1)),
        given REAL NOT NULL,
        PRIMARY KEY (query, photo_id)
    ) WITHOUT ROWID""",
    "CREATE INDEX feedback_by_photo ON feedback (photo_id)",
)

# Where a path ends and the name of the file begins, on any system; the bytes of a path need not be UTF-8.
_NEW = "CAST(new.path AS TEXT)"
_DIRECTORY = r"rtrim({0}, replace(replace({0}, '/', ''), '\', ''))"
_NEW_DIRECTORY, _NEW_NAME = _DIRECTORY.format(_NEW), f"substr({_NEW}, length({_DIRECTORY.format(_NEW)}) + 1)"
_PATH = "CAST(photo.path AS TEXT)"
_ITS_DIRECTORY, _ITS_NAME = _DIRECTORY.format(_PATH), f"substr({_PATH}, length({_DIRECTORY.format(_PATH)}) + 1)"
_PLACE = f"""
        INSERT INTO directory (path) VALUES (CAST({_NEW_DIRECTORY} AS BLOB)) ON CONFLICT DO NOTHING;
        INSERT INTO place SELECT new.id, id, {_NEW_NAME} FROM directory WHERE path = CAST({_NEW_DIRECTORY} AS BLOB);"""

# What filters of a search ask for: names and places, kept by triggers whoever writes.
_FILTERS = (
    # Every directory that holds, or held, photos; its path ends with the separator. Names are scanned: a full-text
    # index is no place that a trigger may write to as long as the schema of a file is not trusted (`opening.py`).
    "CREATE TABLE directory (id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE)",
    """
    CREATE TABLE place (
        photo_id INTEGER PRIMARY KEY REFERENCES photo (id) ON DELETE CASCADE,
        directory_id INTEGER NOT NULL REFERENCES directory (id),
        name TEXT NOT NULL
    )""",
    "CREATE INDEX place_by_directory ON place (directory_id)",
    f"CREATE TRIGGER photo_placed AFTER INSERT ON photo BEGIN {_PLACE} END",
    f"""
    CREATE TRIGGER photo_moved AFTER UPDATE OF path ON photo WHEN old.path <> new.path BEGIN
        DELETE FROM place WHERE photo_id = old.id;{_PLACE}
    END""",
    "CREATE INDEX photo_by_camera ON photo (camera) WHERE camera <> ''",
    "CREATE INDEX photo_by_format ON photo (format)",
    "CREATE INDEX photo_by_spot ON photo (latitude, longitude) WHERE latitude IS NOT NULL",
    "CREATE INDEX remark_favourite ON remark (photo_id) WHERE favourite = 1",
    # Standings 1 to 3: what a user gave or confirmed.
    "CREATE INDEX photo_tag_of_person ON photo_tag (photo_id) WHERE standing BETWEEN 1 AND 3",
    # What is there already, if there is anything.
    f"INSERT INTO directory (path) SELECT DISTINCT CAST({_ITS_DIRECTORY} AS BLOB) FROM photo",
    f"INSERT INTO place SELECT photo.id, directory.id, {_ITS_NAME} FROM photo"
    f" JOIN directory ON directory.path = CAST({_ITS_DIRECTORY} AS BLOB)",
)

# What was read from photo files and sidecars, and what is still to be written into them.
_EXCHANGE = (
    # stamp: what file and sidecars were when their words were read. rating, caption: what they said then; as long as
    # the remark says the same, the file may change it. written: JSON list of the tags that we wrote, "" for none.
    # failure: why the last writing failed. tries: how often it did.
    """
    CREATE TABLE exchange (
        photo_id INTEGER PRIMARY KEY REFERENCES photo (id) ON DELETE CASCADE,
        stamp TEXT NOT NULL DEFAULT '',
        rating INTEGER,
        caption TEXT NOT NULL DEFAULT '',
        written TEXT NOT NULL DEFAULT '',
        failure_code TEXT NOT NULL DEFAULT '',
        failure TEXT NOT NULL DEFAULT '',
        tries INTEGER NOT NULL DEFAULT 0
    )""",
    "CREATE INDEX exchange_failed ON exchange (photo_id) WHERE failure <> ''",
)

# Which photos changed place in a list, by date or by name, since when: so that a list of a million that is kept in
# memory is mended instead of made again. Kept by triggers, whoever writes.
_LISTING = (
    # Numbers go up by one and the last row stays, so that what is missing between two numbers was dropped, not unseen.
    "CREATE TABLE photo_change (number INTEGER PRIMARY KEY, photo_id INTEGER NOT NULL)",
    """
    CREATE TRIGGER photo_change_kept AFTER INSERT ON photo_change WHEN new.number % 1024 = 0 BEGIN
        DELETE FROM photo_change WHERE number <= new.number - 4096;
    END""",
    """
    CREATE TRIGGER photo_listed AFTER INSERT ON photo BEGIN
        INSERT INTO photo_change (photo_id) VALUES (new.id);
    END""",
    """
    CREATE TRIGGER photo_unlisted AFTER DELETE ON photo BEGIN
        INSERT INTO photo_change (photo_id) VALUES (old.id);
    END""",
    f"""
    CREATE TRIGGER photo_relisted AFTER UPDATE OF sort_key, folder_id, state, missing_since, path ON photo
    WHEN old.sort_key <> new.sort_key OR old.folder_id <> new.folder_id OR old.path <> new.path
        OR (old.state = {FAILED}) <> (new.state = {FAILED})
        OR (old.missing_since IS NULL) <> (new.missing_since IS NULL)
    BEGIN
        INSERT INTO photo_change (photo_id) VALUES (new.id);
    END""",
)

CREATE = (*FIRST, *_WORK, *_FILTERS, *_EXCHANGE, *_LISTING)


@dataclass(frozen=True, slots=True)
class Ladder:
    """How a catalog is made, and how one of an older version becomes one of today.

    Attributes:
        version: number of today's schema, kept in ``PRAGMA user_version``.
        create: statements that make today's schema in an empty file.
        rungs: for each older version that can be read, the statements that lead to the next one.
    """

    version: int
    create: tuple[str, ...]
    rungs: Mapping[int, tuple[str, ...]] = field(default_factory=dict)


LADDER = Ladder(VERSION, CREATE, {1: _WORK, 2: _FILTERS, 3: _EXCHANGE, 4: _LISTING})
