# SPDX-License-Identifier: GPL-3.0-or-later
"""Votes in the catalog: good matches and wrong ones, for each query."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.relevance_feedback import Vote
from semantic_photos.storage.database import Database
from semantic_photos.storage.rows import clean

_COLUMNS = "query, photo_id, vote, given"


class VoteStore:
    """Queries about votes. ``query`` is always a query's ``domain.relevance_feedback.normal_form``.

    Thread: any; blocking.

    Args:
        database: the open file.
        now: seconds since the epoch; a test can move it.
    """

    def __init__(self, database: Database, now: Callable[[], float] = time.time) -> None:
        self._database, self._now = database, now

    def of(self, query: str) -> dict[PhotoId, int]:
        """Return the votes for a query: 1 or -1 for each photo, in the order they were given."""
        return {vote.photo_id: vote.vote for vote in self._read("WHERE query = ?", (clean(query),))}

    def all(self) -> list[Vote]:
        """Return every vote, oldest first."""
        return self._read("", ())

    def cast(self, query: str, photo_ids: Iterable[PhotoId], vote: int) -> list[Vote]:
        """Vote on photos: 1 fits, -1 does not, 0 takes the vote back. Unknown photos are left out.

        Returns:
            What has to be given to ``restore`` to undo it: how each of these photos stood before.
        """
        wanted = list(dict.fromkeys(int(i) for i in photo_ids))
        text, given = clean(query), self._now()
        before: list[Vote] = []
        with self._database.transaction(durable=True) as connection:
            for photo_id in wanted:
                row = connection.execute(
                    f"SELECT {_COLUMNS} FROM feedback WHERE query = ? AND photo_id = ?", (text, photo_id)
                ).fetchone()
                before.append(_vote(row) if row is not None else Vote(text, PhotoId(photo_id), 0))
                if vote == 0:
                    connection.execute("DELETE FROM feedback WHERE query = ? AND photo_id = ?", (text, photo_id))
                else:
                    connection.execute(
                        "INSERT OR REPLACE INTO feedback SELECT ?, id, ?, ? FROM photo WHERE id = ?",
                        (text, 1 if vote > 0 else -1, given, photo_id),
                    )
        return before

    def clear(self, query: str | None = None) -> list[Vote]:
        """Remove all votes for a query, or every vote; return them for ``restore``."""
        where, values = ("", ()) if query is None else ("WHERE query = ?", (clean(query),))
        with self._database.transaction(durable=True) as connection:
            rows = connection.execute(f"SELECT {_COLUMNS} FROM feedback {where} ORDER BY given", values).fetchall()
            connection.execute(f"DELETE FROM feedback {where}", values)
        return [_vote(row) for row in rows]

    def restore(self, votes: Iterable[Vote]) -> None:
        """Make votes as they were: the undo of ``cast`` and ``clear``. Photos that are gone are left out."""
        with self._database.transaction(durable=True) as connection:
            for vote in votes:
                if vote.vote == 0:
                    connection.execute(
                        "DELETE FROM feedback WHERE query = ? AND photo_id = ?", (vote.query, int(vote.photo_id))
                    )
                else:
                    connection.execute(
                        "INSERT OR REPLACE INTO feedback SELECT ?, id, ?, ? FROM photo WHERE id = ?",
                        (vote.query, vote.vote, vote.given, int(vote.photo_id)),
                    )

    def _read(self, where: str, values: tuple[str, ...]) -> list[Vote]:
        with self._database.read() as connection:
            rows = connection.execute(f"SELECT {_COLUMNS} FROM feedback {where} ORDER BY given, photo_id", values)
            return [_vote(row) for row in rows]


def _vote(row: tuple[str, int, int, float]) -> Vote:
    return Vote(row[0], PhotoId(row[1]), row[2], row[3])
