# SPDX-License-Identifier: GPL-3.0-or-later
"""SQLite's errors as ours: the world's faults with a sentence and advice each, everything else as our own bug."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from semantic_photos.domain.errors import CatalogError, InternalError, SemanticPhotosError

_SET_ASIDE = "Your photos are not touched. “semantic-photos doctor --repair” sets the catalog aside; then index again."

#: Primary result code → code of ours, sentence (with the path), advice. https://www.sqlite.org/rescode.html
_FAULTS: dict[int, tuple[str, str, str]] = {
    sqlite3.SQLITE_CORRUPT: ("catalog.corrupt", "The catalog {path} is damaged.", _SET_ASIDE),
    sqlite3.SQLITE_NOTADB: ("catalog.foreign", "{path} is not a catalog of Semantic Photos.", _SET_ASIDE),
    sqlite3.SQLITE_FULL: (
        "catalog.full",
        "The disk is full, so the catalog {path} cannot be written.",
        "Free some space; nothing that was saved is lost.",
    ),
    sqlite3.SQLITE_BUSY: (
        "catalog.busy",
        "Another program keeps the catalog {path} locked.",
        "Close what else has it open (a database browser, a backup program) and try again.",
    ),
    sqlite3.SQLITE_READONLY: (
        "catalog.readonly",
        "The catalog {path} cannot be written.",
        "Check the permissions of the file and its folder, or choose another place with --home DIR.",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "catalog.unreadable",
        "The catalog {path} cannot be opened.",
        "Check the permissions of the file and its folder.",
    ),
    sqlite3.SQLITE_IOERR: (
        "catalog.io",
        "The disk reported an error while the catalog {path} was used.",
        "Check the disk and its cable; nothing that was saved before is affected.",
    ),
    sqlite3.SQLITE_NOMEM: (
        "catalog.memory",
        "There is not enough memory to use the catalog {path}.",
        "Close other programs and try again.",
    ),
}
_SAME_AS = {
    sqlite3.SQLITE_LOCKED: sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_PROTOCOL: sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_PERM: sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_AUTH: sqlite3.SQLITE_READONLY,
}


def primary_code(error: sqlite3.Error) -> int:
    """Return the primary result code, or -1 for an error that Python's module raised itself."""
    code = getattr(error, "sqlite_errorcode", None)
    return -1 if code is None else int(code) & 0xFF


def translated(error: sqlite3.Error, path: Path) -> SemanticPhotosError:
    """Return our error for one of SQLite's, about the catalog at ``path``."""
    code = primary_code(error)
    fault = _FAULTS.get(_SAME_AS.get(code, code))
    if fault is None:
        return InternalError(f"the database refused a statement: {error}")
    return CatalogError(fault[1].format(path=path), code=fault[0], advice=fault[2])


def corrupt(path: Path, detail: str) -> CatalogError:
    """Return the error for a catalog that a check found damaged."""
    return CatalogError(f"The catalog {path} is damaged ({detail}).", code="catalog.corrupt", advice=_SET_ASIDE)


def foreign(path: Path) -> CatalogError:
    """Return the error for a file that is something else."""
    return translated_code(sqlite3.SQLITE_NOTADB, path)


def translated_code(code: int, path: Path) -> CatalogError:
    """Return our error for a primary result code that has one."""
    name, sentence, advice = _FAULTS[code]
    return CatalogError(sentence.format(path=path), code=name, advice=advice)


def empty(path: Path) -> CatalogError:
    """Return the error for a file of no bytes: a catalog that was lost, for a new one is never empty."""
    return CatalogError(
        f"The catalog {path} is empty: its content was lost, perhaps by a full disk or a failed copy.",
        code="catalog.empty",
        advice=_SET_ASIDE,
    )


def newer(path: Path, version: int, ours: int) -> CatalogError:
    """Return the error for a catalog of a later program."""
    return CatalogError(
        f"The catalog {path} was made by a newer Semantic Photos (version {version}, this program knows {ours}).",
        code="catalog.newer",
        advice="Use the newer program, or another place with --home DIR.",
    )


def older(path: Path, version: int) -> CatalogError:
    """Return the error for a catalog that must be brought up to date, which a reader may not, or nobody can."""
    return CatalogError(
        f"The catalog {path} is of an older version ({version}).",
        code="catalog.older",
        advice="Start the program once as usual (not only for searching), so that it is brought up to date.",
    )


def gone(path: Path) -> CatalogError:
    """Return the error for a catalog that was deleted or replaced under us: writing on would write to nowhere."""
    return CatalogError(
        f"The catalog {path} was deleted or replaced while the program runs.",
        code="catalog.gone",
        advice="Close the program and start it again.",
    )


def closed() -> CatalogError:
    """Return the error for a query that comes after the library was closed."""
    return CatalogError("The library is closed.", code="catalog.closed")
