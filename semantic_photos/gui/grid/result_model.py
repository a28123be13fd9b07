# SPDX-License-Identifier: GPL-3.0-or-later
"""The model behind the grid: ids of the whole result, everything else fetched for the visible rows."""

from __future__ import annotations

import enum
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractListModel, QMimeData, QModelIndex, QObject, QPersistentModelIndex, Qt, QUrl
from PySide6.QtGui import QImage

from semantic_photos.domain.photo import Photo, PhotoId
from semantic_photos.domain.query import ResultPage
from semantic_photos.gui.grid.result_rows import ResultRows, arrange
from semantic_photos.gui.grid.thumbnail_loader import ThumbnailLoader
from semantic_photos.gui.widgets import formatting
from semantic_photos.translation import tr, trn

#: Photos whose facts are kept.
KEPT_FACTS = 6000
#: Most photos that are read from the catalog at once.
FACTS_AT_ONCE = 400
#: Most cells whose changes are announced one by one.
_MANY = 200

Facts = dict[PhotoId, Photo]
FetchFacts = Callable[[Sequence[PhotoId], Callable[[Facts], None]], None]
_Index = QModelIndex | QPersistentModelIndex


class Role(enum.IntEnum):
    """The data of a cell beside Qt's own roles."""

    PHOTO_ID = Qt.ItemDataRole.UserRole + 1
    PHOTO = Qt.ItemDataRole.UserRole + 2
    FAILURE = Qt.ItemDataRole.UserRole + 3
    SCORE = Qt.ItemDataRole.UserRole + 4
    COPIES = Qt.ItemDataRole.UserRole + 5
    IS_OPEN = Qt.ItemDataRole.UserRole + 6
    IS_COPY = Qt.ItemDataRole.UserRole + 7
    VOTE = Qt.ItemDataRole.UserRole + 8
    HEAT = Qt.ItemDataRole.UserRole + 9
    REASON = Qt.ItemDataRole.UserRole + 10


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Why a photo matches the query: the heat map to lay over it, a short line for its cell, a whole sentence."""

    picture: QImage
    line: str
    sentence: str


class ResultModel(QAbstractListModel):
    """A ``ResultPage`` as a list of cells.

    ``data`` never reads anything: what is not known yet is empty, and ``show_rows`` fetches it for the visible rows.
    Only the newest page counts; ``set_page`` drops an older generation.
    """

    def __init__(self, loader: ThumbnailLoader, fetch: FetchFacts, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._loader, self._fetch = loader, fetch
        self._ids = np.empty(0, np.int64)
        self._scores: np.ndarray | None = None
        self._by_id: np.ndarray | None = None
        self.arrangement = ResultRows(self._ids, None, 0)
        self._page: ResultPage | None = None
        self._opened: frozenset[int] = frozenset()
        self._weaker = 0
        self._votes: Mapping[int, float] = {}
        self.can_vote = False
        self._heats: Mapping[int, HeatMap] = {}
        self._generation = -1
        self._facts: OrderedDict[PhotoId, Photo | None] = OrderedDict()
        self._before: dict[PhotoId, object] = {}
        self._seen: list[PhotoId] = []
        self._asking = False
        loader.loaded.connect(self._tell)

    # The page

    @property
    def ids(self) -> np.ndarray:
        """Return the ids of all rows, int64 (N,)."""
        return self._ids

    @property
    def strong(self) -> int:
        """Return how many of the first rows are good matches; all of them when nothing was ranked."""
        return self.arrangement.strong

    def set_page(self, page: ResultPage, *, again: bool = False) -> bool:
        """Show a page; return False if a newer one is shown already.

        With ``again`` it is the result of the same query: near-duplicates and weaker matches that are shown stay.
        """
        if page.generation < self._generation:
            return False
        self._generation, self._page = page.generation, page
        if not again:
            self._weaker, self._opened = 0, frozenset()
        self._arrange()
        return True

    def show_weaker(self, count: int) -> None:
        """Show so many weaker matches behind the good ones."""
        self._weaker = count
        self._arrange()

    def toggle_group(self, photo_id: int) -> None:
        """Show or hide the near-duplicates of a photo."""
        self._opened = self._opened ^ {photo_id}
        self._arrange()

    def _arrange(self) -> None:
        if self._page is None:
            return
        self.beginResetModel()
        self.arrangement = arrange(self._page, self._weaker, self._opened)
        self._ids, self._scores = self.arrangement.ids, self.arrangement.scores
        self._by_id = None
        self._seen = []
        self.endResetModel()

    def set_votes(self, votes: Mapping[int, float]) -> None:
        """Mark the photos with a vote for this query: above zero for a good match, below for no match."""
        changed = [PhotoId(i) for i in {*votes, *self._votes} if votes.get(i) != self._votes.get(i)]
        self._votes = dict(votes)
        self._tell(changed)

    def set_heat_maps(self, heats: Mapping[int, HeatMap], changed: Iterable[int]) -> None:
        """Show heat maps: ``heats`` are all of them, ``changed`` the photos whose cells changed."""
        self._heats = heats
        self._tell([PhotoId(i) for i in changed])

    def row_of(self, photo_id: int) -> int:
        """Return the row of a photo, or -1."""
        if self._by_id is None:
            # Sorting costs a tenth of what a dictionary of a whole library would.
            self._by_id = np.argsort(self._ids)
        place = int(np.searchsorted(self._ids, int(photo_id), sorter=self._by_id))
        row = int(self._by_id[place]) if place < len(self._by_id) else -1
        return row if row >= 0 and self._ids[row] == photo_id else -1

    def photo_id(self, row: int) -> PhotoId | None:
        """Return the id in a row, or None outside of the list."""
        return PhotoId(int(self._ids[row])) if 0 <= row < len(self._ids) else None

    def photo(self, row: int) -> Photo | None:
        """Return the photo in a row, or None while it is not fetched."""
        photo_id = self.photo_id(row)
        return None if photo_id is None else self._facts.get(photo_id)

    # The model's interface

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008  # Qt's own default
        return 0 if parent.isValid() else len(self._ids)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        photo_id = self.photo_id(index.row()) if index.isValid() else None
        if photo_id is None:
            return None
        answer = _ANSWERS.get(role)
        return None if answer is None else answer(self, index.row(), photo_id)

    def flags(self, index: _Index) -> Qt.ItemFlag:
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        flag = Qt.ItemFlag
        return flag.ItemIsEnabled | flag.ItemIsSelectable | flag.ItemIsDragEnabled | flag.ItemNeverHasChildren

    def mimeTypes(self) -> list[str]:
        return ["text/uri-list"]

    def mimeData(self, indexes: Iterable[QModelIndex]) -> QMimeData:
        """Return the files of these rows, as far as they are known."""
        photos = [photo for photo in (self.photo(index.row()) for index in indexes) if photo is not None]
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(photo.path)) for photo in photos])
        return data

    def _name(self, row: int, _: PhotoId) -> str:
        photo = self.photo(row)
        return formatting.shown(photo.path.name) if photo is not None else ""

    def _tooltip(self, row: int, photo_id: PhotoId) -> str:
        photo = self.photo(row)
        if photo is None:
            return ""
        heat = self._heats.get(int(photo_id))
        return formatting.tooltip(photo, self._loader.failure(photo_id),
                                  heat.sentence if heat is not None else "")  # fmt: skip

    def _spoken(self, row: int, photo_id: PhotoId) -> str:
        name = self._name(row, photo_id) or tr("Photo")
        notes = [tr("{name}, {number:,} of {total:,}.", name=name, number=row + 1, total=len(self._ids))]
        if self._scores is not None and row >= self.strong:
            notes.append(tr("Weaker match."))
        if copies := self._copies(row, photo_id):
            notes.append(trn("Has {count:,} near-duplicate.", "Has {count:,} near-duplicates.", copies))
        if row in self.arrangement.members:
            notes.append(tr("Near-duplicate of a photo before it."))
        if vote := self._votes.get(int(photo_id)):
            notes.append(tr("Marked as good match.") if vote > 0 else tr("Marked as not a match."))
        return " ".join(notes)

    def _copies(self, _: int, photo_id: PhotoId) -> int:
        return self.arrangement.stacks.get(int(photo_id), 0)

    def _score(self, row: int, _: PhotoId) -> float | None:
        score = float("nan") if self._scores is None else float(self._scores[row])
        return None if score != score else score

    # Visible rows

    def show_rows(self, rows: Sequence[int]) -> None:
        """Fetch what these rows need in order; requests for other rows are dropped."""
        self._seen = [PhotoId(i) for i in self._ids[np.asarray(rows, np.int64)].tolist()] if len(rows) else []
        self._ask_for_facts()
        self._ask_for_pictures()

    def _ask_for_facts(self) -> None:
        missing = [photo_id for photo_id in self._seen if photo_id not in self._facts][:FACTS_AT_ONCE]
        # One request at a time: meanwhile the user may scroll on, and only the last position counts.
        if missing and not self._asking:
            self._asking = True
            self._fetch(missing, lambda facts: self._on_facts(missing, facts))

    def _on_facts(self, asked: Sequence[PhotoId], facts: Facts) -> None:
        self._asking = False
        for photo_id in asked:
            self._facts[photo_id] = photo = facts.get(photo_id)
            before = self._before.pop(photo_id, None)
            if before is not None and photo is not None and photo.content_key != before:
                self._loader.forget([photo_id])
        while len(self._facts) > KEPT_FACTS:
            self._facts.popitem(last=False)
        self._tell(asked)
        self._ask_for_facts()
        self._ask_for_pictures()

    def _ask_for_pictures(self) -> None:
        known = (self._facts.get(photo_id) for photo_id in self._seen)
        self._loader.request([photo for photo in known if photo is not None])

    def _tell(self, ids: Sequence[PhotoId]) -> None:
        if len(ids) > _MANY and len(self._ids):
            # One signal for all of them: tags of a whole library may change at once.
            self.dataChanged.emit(self.index(0), self.index(len(self._ids) - 1))
            return
        for photo_id in ids:
            row = self.row_of(photo_id)
            if row >= 0:
                index = self.index(row)
                self.dataChanged.emit(index, index)

    def forget(self, ids: Sequence[PhotoId], *, pictures: bool = True) -> None:
        """Fetch these photos again: more is known now, or perhaps their files changed (``pictures``).

        A thumbnail is only dropped when the content of the file has changed: most changes are those of tags.
        """
        # Few photos are kept, while these may be the whole library.
        wanted = set(ids)
        pictured, gone = (found & wanted for found in self._loader.held())
        for photo_id in [photo_id for photo_id in self._facts if photo_id in wanted]:
            known = self._facts.pop(photo_id)
            if pictures and known is not None:
                self._before[photo_id] = known.content_key
        if pictures:
            # The content they had before is not known any more.
            gone |= {photo_id for photo_id in pictured if photo_id not in self._before}
        self._loader.forget(list(gone))
        self._tell(ids)
        self._ask_for_facts()


_ANSWERS: dict[int, Callable[[ResultModel, int, PhotoId], Any]] = {
    Qt.ItemDataRole.DisplayRole: ResultModel._name,
    Qt.ItemDataRole.DecorationRole: lambda model, _row, photo_id: model._loader.pixmap(photo_id),
    Qt.ItemDataRole.ToolTipRole: ResultModel._tooltip,
    Qt.ItemDataRole.AccessibleTextRole: ResultModel._spoken,
    Role.PHOTO_ID: lambda _model, _row, photo_id: photo_id,
    Role.PHOTO: lambda model, row, _photo_id: model.photo(row),
    Role.FAILURE: lambda model, _row, photo_id: model._loader.failure(photo_id),
    Role.SCORE: ResultModel._score,
    Role.COPIES: ResultModel._copies,
    Role.IS_OPEN: lambda model, _row, photo_id: int(photo_id) in model._opened,
    Role.IS_COPY: lambda model, row, _photo_id: row in model.arrangement.members,
    Role.HEAT: lambda model, _row, photo_id: heat.picture if (heat := model._heats.get(int(photo_id))) else None,
    Role.REASON: lambda model, _row, photo_id: heat.line if (heat := model._heats.get(int(photo_id))) else "",
    Role.VOTE: lambda model, _row, photo_id: model._votes.get(int(photo_id), 0.0),
}
