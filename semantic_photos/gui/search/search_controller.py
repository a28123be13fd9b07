# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs queries: numbers them, cancels old ones, drops late results, keeps the history."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import QObject, QTimer, Signal

from semantic_photos.domain.messages import CancelToken
from semantic_photos.domain.query import Query, ResultPage
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.search.search_history import QueryHistory
from semantic_photos.services.search.search_service import Order

#: A query that was shown for so long gets its own place in the history.
SETTLE_MS = 1500


class SearchController(QObject):
    """Searches the library and tells the newest result.

    Signals:
        answered: the ``ResultPage`` of the newest query, and whether it only refreshes the one before.
        failed: the exception that the newest query ended with.
        moved: back or forward led to this ``Query``.
        history_changed: whether there is an earlier query, whether there is a later one.
    """

    answered = Signal(object, bool)
    failed = Signal(object)
    moved = Signal(object)
    history_changed = Signal(bool, bool)

    def __init__(self, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._history = QueryHistory()
        self._generation = 0
        self._token = CancelToken()
        self._answered = False
        # As they were at the end of the last session.
        self._caution = bridge.library.settings.caution
        self._order = cast("Order", bridge.library.settings.result_order)
        self._settling = QTimer(self)
        self._settling.setSingleShot(True)
        self._settling.setInterval(SETTLE_MS)
        self._settling.timeout.connect(self.settle)

    @property
    def query(self) -> Query:
        """Return the newest query."""
        return self._history.current

    @property
    def generation(self) -> int:
        """Return the number of the newest query."""
        return self._generation

    @property
    def is_pending(self) -> bool:
        """Return whether the newest query has no result yet."""
        return not self._answered

    def ask(self, query: Query, *, typed: bool = False) -> None:
        """Run a new query."""
        same = query == self.query
        self._history.push(query, typed=typed)
        self._settling.start()
        self._tell_history()
        self._run(again=same and self._answered)

    def set_caution(self, caution: float) -> None:
        """Set the strictness of the result cut-off, from 0 (more) to 1 (fewer, surer)."""
        self._caution = caution
        self._run(again=True)

    def set_order(self, order: Order) -> None:
        """Show good matches in another order."""
        self._order = order
        self._run(again=False)

    def refresh(self) -> None:
        """Run the same query again, because the library has changed."""
        self._run(again=True)

    def settle(self) -> None:
        """Give the current query its own place in the history."""
        self._settling.stop()
        self._history.settle()

    def back(self) -> None:
        """Go back to the query before."""
        if self._history.can_go_back:
            self._move(self._history.back())

    def forward(self) -> None:
        """Go forward again."""
        if self._history.can_go_forward:
            self._move(self._history.forward())

    def _move(self, query: Query) -> None:
        self._settling.stop()
        self.moved.emit(query)
        self._tell_history()
        self._run(again=False)

    def _tell_history(self) -> None:
        self.history_changed.emit(self._history.can_go_back, self._history.can_go_forward)

    def _run(self, *, again: bool) -> None:
        self._token.cancel()
        self._answered = self._answered and again
        self._generation += 1
        self._token = CancelToken()
        query, generation, token, search = self.query, self._generation, self._token, self._bridge.library.search
        caution, order = self._caution, self._order
        self._bridge.run(
            lambda: search.run(
                query, generation=generation, token=token, caution=caution, order=order, stacks=not query.is_empty
            ),
            lambda page: self._on_answer(page, again),
            lambda error: self._on_error(error, generation),
        )

    def _on_answer(self, page: ResultPage, again: bool) -> None:
        if page.generation == self._generation:
            self._answered = True
            self.answered.emit(page, again)

    def _on_error(self, error: Exception, generation: int) -> None:
        if generation == self._generation:
            self._answered = True
            self.failed.emit(error)

    def close(self) -> None:
        """Cancel the query that runs."""
        self._settling.stop()
        self._token.cancel()
