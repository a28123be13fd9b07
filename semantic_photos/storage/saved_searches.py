# SPDX-License-Identifier: GPL-3.0-or-later
"""Saved searches in the catalog: kept as text, with example photos by number, run anew each time."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass

from semantic_photos.domain.errors import QueryError
from semantic_photos.domain.query import Query
from semantic_photos.domain.query_text import read, write
from semantic_photos.domain.translatable import NO_MESSAGE, Message
from semantic_photos.storage.database import Database
from semantic_photos.storage.rows import clean

LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """A search with a name; ``text`` is what ``domain.query_text`` writes for it, ``created`` epoch seconds."""

    id: int
    name: str
    text: str
    created: float

    @property
    def query(self) -> Query:
        """Return its query; relative periods (``date:last-year``) mean what they mean today."""
        return read(self.text)


class SavedSearches:
    """The saved searches of a library. Names are unique, whatever their case.

    Thread: any; blocking.
    """

    def __init__(self, database: Database, now: Callable[[], float] = time.time) -> None:
        self._database, self._now = database, now

    def list(self) -> list[SavedSearch]:
        """Return all of them by name."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT id, name, query, created FROM saved_search").fetchall()
        return sorted((SavedSearch(*row) for row in rows), key=lambda search: (search.name.casefold(), search.name))

    def get(self, name: str) -> SavedSearch:
        """Return the search of this name.

        Raises:
            QueryError: ``search.unknown`` when there is none.
        """
        wanted = plain_name(name).casefold()
        for search in self.list():
            if search.name.casefold() == wanted:
                return search
        names = ", ".join(f"“{search.name}”" for search in self.list()[:10])
        advice = Message("Saved searches: {names}.", names=names) if names else NO_MESSAGE
        raise QueryError(Message("There is no saved search “{name}”.", name=plain_name(name)), code="search.unknown",
                         advice=advice)  # fmt: skip

    def add(self, name: str, query: Query) -> SavedSearch:
        """Save a search, example photos with it: those of the library by number, files by their path.

        Raises:
            QueryError: ``search.name`` for a name that is empty, too long or taken; ``search.empty`` for a query
                without words, filters and photos.
        """
        if query.is_empty:
            raise QueryError(Message("Nothing to save: the query is empty."), code="search.empty")
        with self._database.transaction(durable=True) as connection:
            name = _free(connection, name, None)
            created, text = self._now(), clean(write(query))
            number = connection.execute(
                "INSERT INTO saved_search (name, query, created) VALUES (?, ?, ?)", (name, text, created)
            ).lastrowid
        return SavedSearch(int(number or 0), name, text, created)

    def rename(self, search_id: int, name: str) -> None:
        """Give a search another name.

        Raises:
            QueryError: ``search.name`` as ``add``; ``search.unknown`` when it is gone.
        """
        with self._database.transaction(durable=True) as connection:
            name = _free(connection, name, search_id)
            if not connection.execute("UPDATE saved_search SET name = ? WHERE id = ?", (name, search_id)).rowcount:
                raise QueryError(Message("This saved search no longer exists."), code="search.unknown")

    def remove(self, search_id: int) -> None:
        """Forget a search; an unknown one is fine."""
        with self._database.transaction(durable=True) as connection:
            connection.execute("DELETE FROM saved_search WHERE id = ?", (search_id,))


def plain_name(name: str) -> str:
    """Return a name on one line, without what cannot be stored."""
    return " ".join(clean(name).split())


def _free(connection: sqlite3.Connection, name: str, own: int | None) -> str:
    """Return a name as it is stored, if it may be."""
    name = plain_name(name)
    if not name:
        raise QueryError(Message("Enter a name for the saved search."), code="search.name")
    if len(name) > LONGEST_NAME:
        raise QueryError(Message("Name too long: at most {count} characters.", count=LONGEST_NAME), code="search.name")
    for number, other in connection.execute("SELECT id, name FROM saved_search"):
        if other.casefold() == name.casefold() and number != own:
            raise QueryError(Message("A saved search named “{name}” already exists.", name=other), code="search.name",
                             advice=Message("Choose another name, or remove that search first."))  # fmt: skip
    return name


__all__ = ["LONGEST_NAME", "SavedSearch", "SavedSearches", "plain_name"]
