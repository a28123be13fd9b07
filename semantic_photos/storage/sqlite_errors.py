# SPDX-License-Identifier: GPL-3.0-or-later
"""Maps SQLite errors to the program's own: user-facing failures with advice, and bugs."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from semantic_photos.domain.errors import CatalogError, InternalError, SemanticPhotosError
from semantic_photos.domain.translatable import N_, Message

_SET_ASIDE = Message(
    "Your photos are safe. Run “semantic-photos doctor --repair” to restore the last backup, then index again."
)

#: Primary result code → code of ours, template (with the path), advice. https://www.sqlite.org/rescode.html
_FAULTS: dict[int, tuple[str, str, Message]] = {
    sqlite3.SQLITE_CORRUPT: ("catalog.corrupt", N_("The catalog {path} is damaged."), _SET_ASIDE),
    sqlite3.SQLITE_NOTADB: ("catalog.foreign", N_("{path} is not a catalog of Semantic Photos."), _SET_ASIDE),
    sqlite3.SQLITE_FULL: (
        "catalog.full",
        N_("Disk full: the catalog {path} cannot be written."),
        Message("Free some disk space. Saved data is safe."),
    ),
    sqlite3.SQLITE_BUSY: (
        "catalog.busy",
        N_("Another program has locked the catalog {path}."),
        Message("Close other programs that use it (database browser, backup) and try again."),
    ),
    sqlite3.SQLITE_READONLY: (
        "catalog.readonly",
        N_("The catalog {path} is read-only."),
        Message("Check the permissions of the file and its folder, or choose another folder with --home DIR."),
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "catalog.unreadable",
        N_("The catalog {path} cannot be opened."),
        Message("Check the permissions of the file and its folder."),
    ),
    sqlite3.SQLITE_IOERR: (
        "catalog.io",
        N_("Disk error while using the catalog {path}."),
        Message("Check the disk and its cable. Data saved earlier is safe."),
    ),
    sqlite3.SQLITE_NOMEM: (
        "catalog.memory",
        N_("Not enough memory to use the catalog {path}."),
        Message("Close other programs and try again."),
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
    return CatalogError(Message(fault[1], path=path), code=fault[0], advice=fault[2])


def corrupt(path: Path, detail: str | Message) -> CatalogError:
    """Return the error for a catalog that a check found damaged."""
    return CatalogError(
        Message("The catalog {path} is damaged ({detail}).", path=path, detail=detail),
        code="catalog.corrupt",
        advice=_SET_ASIDE,
    )


def foreign(path: Path) -> CatalogError:
    """Return the error for a file that is something else."""
    return translated_code(sqlite3.SQLITE_NOTADB, path)


def translated_code(code: int, path: Path) -> CatalogError:
    """Return our error for a primary result code that has one."""
    name, sentence, advice = _FAULTS[code]
    return CatalogError(Message(sentence, path=path), code=name, advice=advice)


def empty(path: Path) -> CatalogError:
    """Return the error for a file of no bytes: a catalog that was lost, for a new one is never empty."""
    return CatalogError(
        Message("The catalog {path} is empty. A full disk or a failed copy may have destroyed its content.", path=path),
        code="catalog.empty",
        advice=_SET_ASIDE,
    )


def newer(path: Path, version: int, ours: int) -> CatalogError:
    """Return the error for a catalog of a later program."""
    return CatalogError(
        Message(
            "The catalog {path} was made by a newer Semantic Photos (version {version}, supported up to {ours}).",
            path=path,
            version=version,
            ours=ours,
        ),
        code="catalog.newer",
        advice=Message("Update the program, or choose another folder with --home DIR."),
    )


def older(path: Path, version: int) -> CatalogError:
    """Return the error for a catalog that needs a migration, which a reader may not do, or for which there is none."""
    return CatalogError(
        Message("The catalog {path} has an older version ({version}).", path=path, version=version),
        code="catalog.older",
        advice=Message("Open the library once in the window or with “semantic-photos index” to upgrade it."),
    )


def gone(path: Path) -> CatalogError:
    """Return the error for a catalog that was deleted or replaced under us: writing on would write to nowhere."""
    return CatalogError(
        Message("The catalog {path} was deleted or replaced while in use.", path=path),
        code="catalog.gone",
        advice=Message("Restart the program."),
    )


def closed() -> CatalogError:
    """Return the error for a query that comes after the library was closed."""
    return CatalogError(Message("The library is closed."), code="catalog.closed")
