# SPDX-License-Identifier: GPL-3.0-or-later
"""Back and forward through queries, as in a browser."""

from __future__ import annotations

from semantic_photos.domain.query import Query

#: Queries that are kept.
DEPTH = 100


class QueryHistory:
    """A list of queries and a place in it.

    While the user types, each key makes a new query; they all share one place until ``settle`` fixes it.
    """

    def __init__(self) -> None:
        self._queries: list[Query] = [Query()]
        self._place = 0
        self._settled = True

    @property
    def current(self) -> Query:
        """Return the query at the current place."""
        return self._queries[self._place]

    @property
    def can_go_back(self) -> bool:
        """Return whether there is an earlier query."""
        return self._place > 0

    @property
    def can_go_forward(self) -> bool:
        """Return whether there is a later query."""
        return self._place < len(self._queries) - 1

    def push(self, query: Query, *, typed: bool) -> None:
        """Add a query and drop the later ones. A typed query replaces the typed one before it."""
        if query == self.current:
            return
        if typed and not self._settled:
            self._queries[self._place] = query
            del self._queries[self._place + 1 :]
            self._settled = self._drop_twin()
        else:
            self._queries[self._place + 1 :] = [query]
            self._queries = self._queries[-DEPTH:]
            self._place = len(self._queries) - 1
            self._settled = not typed

    def _drop_twin(self) -> bool:
        # Typed and deleted again: go back to the place before.
        if self._place > 0 and self._queries[self._place - 1] == self.current:
            del self._queries[self._place]
            self._place -= 1
            return True
        return False

    def settle(self) -> None:
        """Fix the current place: the next query gets its own."""
        self._settled = True

    def back(self) -> Query:
        """Go to the earlier query, if there is one, and return the current query."""
        self._place = max(self._place - 1, 0)
        self._settled = True
        return self.current

    def forward(self) -> Query:
        """Go to the later query, if there is one, and return the current query."""
        self._place = min(self._place + 1, len(self._queries) - 1)
        self._settled = True
        return self.current
