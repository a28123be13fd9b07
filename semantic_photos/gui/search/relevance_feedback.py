# SPDX-License-Identifier: GPL-3.0-or-later
"""Relevance feedback: votes that change the result at once, and the line that tells how many there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.query import Query, ResultPage
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.grid.result_model import ResultModel
from semantic_photos.gui.widgets.controls import FlowLayout, button, label
from semantic_photos.services.library.facade import RelevanceFeedback
from semantic_photos.translation import tr, trn


class FeedbackController(QObject):
    """Votes on photos for the query that is shown.

    Signals:
        judged: votes have changed, so that the same query has another result.
    """

    judged = Signal()

    def __init__(self, bridge: Bridge, model: ResultModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge, self._model = bridge, model
        self._query = Query()
        self._votes: dict[PhotoId, int] = {}
        self.line = FeedbackBar()
        self.line.clear_wanted.connect(self.clear)

    @property
    def can_vote(self) -> bool:
        """Return whether the result is ranked, so that its photos can be voted on."""
        return self._model.can_vote

    def show_page(self, page: ResultPage | None) -> None:
        """Follow the query of a result page and its votes so far."""
        ranked = page is not None and page.scores is not None and not page.query.is_empty
        self._query = page.query if page is not None and ranked else Query()
        self._votes = dict(page.votes) if page is not None and ranked else {}
        self._model.can_vote = ranked and not self._bridge.library.read_only
        self._model.set_votes({int(i): float(vote) for i, vote in self._votes.items()})
        self.line.show_votes(self._votes.values())

    def vote(self, ids: Sequence[PhotoId], vote: int) -> None:
        """Vote that photos are good matches (1) or not (-1); the same vote again takes it back."""
        if not ids or not self.can_vote:
            return
        if all(self._votes.get(photo_id) == vote for photo_id in ids):
            vote = 0
        query, wanted = self._query, list(ids)
        self._change(lambda: self._feedback().vote(query, wanted, vote))

    def undo(self) -> None:
        """Undo the last vote."""
        if self.can_vote:
            self._change(lambda: self._feedback().undo())

    def clear(self) -> None:
        """Clear all votes for the query that is shown."""
        query = self._query
        if self.can_vote:
            self._change(lambda: self._feedback().clear(query))

    def _feedback(self) -> RelevanceFeedback:
        feedback = self._bridge.library.search.feedback
        assert feedback is not None
        return feedback

    def _change(self, work: Callable[[], object]) -> None:
        self._bridge.run(work, lambda _: self.judged.emit())


class FeedbackBar(QWidget):
    """A line that tells how many votes there are for this query.

    Signals:
        clear_wanted: the user clears these votes.
        list_wanted: the user wants to see all votes.
    """

    clear_wanted = Signal()
    list_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._said = label("", "dim")
        self._clear = button(tr("Clear"), "link")
        self._clear.setToolTip(tr("Clear the votes for this search"))
        self._clear.setAccessibleName(tr("Clear the votes for this search"))
        self._list = button(tr("All votes…"), "link")
        row = FlowLayout(self, 4)
        for part in (self._said, self._clear, self._list):
            row.addWidget(part)
        self._clear.clicked.connect(self.clear_wanted)
        self._list.clicked.connect(self.list_wanted)
        self.hide()

    def text(self) -> str:
        """Return the text of the line."""
        return self._said.text()

    def show_votes(self, votes: Iterable[int]) -> None:
        """Show how many votes there are of each kind; hidden without any."""
        listed = list(votes)
        up, down = sum(vote > 0 for vote in listed), sum(vote < 0 for vote in listed)
        parts = [trn("{count:,} marked as good match", "{count:,} marked as good matches", up)] if up else []
        parts += [trn("{count:,} marked as not a match", "{count:,} marked as not a match", down)] if down else []
        self._said.setText(" · ".join(parts))
        self.setVisible(bool(parts))
        self.updateGeometry()
