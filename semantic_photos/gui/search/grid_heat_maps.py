# SPDX-License-Identifier: GPL-3.0-or-later
"""Why these photos: heat over the thumbnails in sight, a few at a time, nothing for what has been scrolled away."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt, QTimer

from semantic_photos.domain.messages import CancelToken, PhotosChanged
from semantic_photos.domain.photo import Photo, PhotoId
from semantic_photos.domain.query import Query, ResultPage
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.grid.result_cutoff_bar import ResultCutoffBar
from semantic_photos.gui.grid.result_model import HeatMap, ResultModel
from semantic_photos.gui.grid.result_view import ResultView
from semantic_photos.gui.viewer.explanation import colours, heat_map_image, prepare, reason
from semantic_photos.gui.widgets import formatting
from semantic_photos.services.explain.explanation import Explanation

#: Photos that are looked at in one go: few, so that the first are seen soon and what scrolled away is soon given up;
#: the network takes hardly longer for each than in larger lots.
AT_ONCE = 4
#: Photos of the first lot, which goes alone: two would share the processor, and the first heat be seen twice as late.
FIRST = 2
#: Lots under way at once: one run of the network takes half of the cores, and while one lot is shown the other goes on.
TOGETHER = 2
#: Photos whose heat is kept for the query that is shown; more where more are in sight, which would be looked at for
#: ever otherwise.
KEPT = 400
_SETTLE_MS = 40
NO_CONTENT = "Filters alone: nothing in the photos to point at"


@dataclass(slots=True, eq=False)
class _Lot:
    """Photos under way.

    Attributes:
        token: gives them up.
        ids: the photos.
        found: their heat, once it is there.
    """

    token: CancelToken
    ids: tuple[int, ...]
    found: Mapping[int, HeatMap] | None = None


class GridHeatMaps(QObject):
    """Keeps the heat of the cells in sight, while it is wanted.

    The network is loaded when the button is about to be pressed (``ResultCutoffBar.heat_near``) or is pressed, then
    beside the thumbnails; not before, because it takes memory that most people's searches do without.

    Thread: lives in the GUI thread; thumbnails are read and looked at on a lane.
    """

    def __init__(
        self, bridge: Bridge, model: ResultModel, view: ResultView, band: ResultCutoffBar, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._bridge, self._model, self._view, self._band = bridge, model, view, band
        self._query = Query()
        self._heats: OrderedDict[int, HeatMap] = OrderedDict()
        self._without: set[int] = set()
        self._failed = ""
        self._asking: list[_Lot] = []
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_SETTLE_MS)
        self._soon.timeout.connect(self._look)
        band.heat_toggled.connect(self._on_toggled)
        band.heat_near.connect(self._prepare)
        # Not the timer's own start: Qt would take the scroll bar's value for its milliseconds.
        view.verticalScrollBar().valueChanged.connect(lambda _: self._soon.start())
        view.verticalScrollBar().rangeChanged.connect(lambda *_: self._soon.start())
        model.modelReset.connect(self._soon.start)
        # Thumbnails that came in: only what has a picture can be warm. Others may follow all the time.
        model.dataChanged.connect(lambda *_: None if self._soon.isActive() else self._soon.start())
        bridge.photos_changed.connect(self._on_changed)

    @property
    def is_on(self) -> bool:
        """Return whether the user wants to see it."""
        return self._band.heat_button.isChecked()

    def toggle(self) -> None:
        """Show it, or hide it again."""
        if self._band.isVisible():
            self._band.heat_button.toggle()

    def show_page(self, page: ResultPage | None) -> None:
        """Take in what was asked: heat of another query is gone, that of the same one stays."""
        query = page.query if page is not None and page.scores is not None else Query()
        if query != self._query:
            self._query, self._failed = query, ""
            self._forget()
        self._say()
        self._soon.start()

    def _on_toggled(self, _on: bool) -> None:
        self._forget(keep=True)
        self._say()
        self._look()

    def _say(self) -> None:
        nothing = "" if not self._query.is_empty else NO_CONTENT
        self._band.remark((self._failed or nothing) if self.is_on else "")

    def _on_changed(self, change: PhotosChanged) -> None:
        # What is known is of few photos, and those that changed may be all of a library.
        if known := {*self._heats, *self._without}:
            for photo_id in known.intersection(change.updated) | known.intersection(change.removed):
                self._heats.pop(photo_id, None)
                self._without.discard(photo_id)
        self._soon.start()

    def _forget(self, *, keep: bool = False) -> None:
        """Stop; without ``keep`` what is known is of no use any more."""
        self._cancel()
        if not keep:
            self._heats.clear()
            self._without.clear()
        self._model.set_heat_maps(self._heats if self.is_on else {}, list(self._heats) if keep else self._in_sight())

    def _in_sight(self) -> list[int]:
        ids = (self._model.photo_id(row) for row in self._view.seen_rows())
        return [int(photo_id) for photo_id in ids if photo_id is not None]

    def _prepare(self) -> None:
        if not self._query.is_empty:
            prepare(self._bridge)

    def _cancel(self) -> None:
        for lot in self._asking:
            lot.token.cancel()
        self._asking.clear()

    def _look(self) -> None:
        """Look at the first photos in sight that were not looked at yet."""
        if not self.is_on or self._query.is_empty or self._failed:
            return
        seen = self._in_sight()
        for lot in [lot for lot in self._asking if not set(lot.ids) & set(seen)]:
            # All of them have been scrolled away.
            lot.token.cancel()
            self._asking.remove(lot)
        self._show_found()
        under_way = {i for lot in self._asking for i in lot.ids}
        missing = [i for i in seen if i not in self._heats and i not in self._without and i not in under_way]
        wanted = [photo for i in missing if (photo := self._pictured(i)) is not None]
        if any(i in self._heats or i in self._without for i in seen):
            room = AT_ONCE * (TOGETHER - len(self._asking))
            parts = [wanted[start : start + AT_ONCE] for start in range(0, room, AT_ONCE)]
        else:
            parts = [] if self._asking else [wanted[:FIRST]]
        for part in filter(None, parts):
            self._ask(part)
        if missing and not self._asking:
            # Their thumbnails are still to come.
            self._prepare()

    def _ask(self, photos: Sequence[Photo]) -> None:
        query, thumbnail_explainer = self._query, self._bridge.library.thumbnail_explainer
        shade, glow = colours()
        lot = _Lot(CancelToken(), tuple(int(photo.id) for photo in photos))
        self._asking.append(lot)

        def work() -> dict[int, HeatMap]:
            lot.token.raise_if_cancelled()
            told = thumbnail_explainer.explain(photos, query, lot.token)
            return {
                int(i): HeatMap(heat_map_image(why.heat, shade, glow), line(why), reason(why))
                for i, why in told.items()
            }

        self._bridge.run(
            work, lambda found: self._on_found(lot, found), lambda error: self._on_failed(lot, error), lane="pool"
        )

    def _pictured(self, photo_id: int) -> Photo | None:
        row = self._model.row_of(photo_id)
        has_picture = self._model.index(row).data(Qt.ItemDataRole.DecorationRole) is not None
        return self._model.photo(row) if has_picture else None

    def _on_found(self, lot: _Lot, found: Mapping[int, HeatMap]) -> None:
        if lot not in self._asking:
            return
        lot.found = found
        self._show_found()
        self._look()

    def _show_found(self) -> None:
        # As people read: a lot waits for those before it.
        while self._asking and self._asking[0].found is not None:
            self._keep(self._asking.pop(0))

    def _keep(self, lot: _Lot) -> None:
        found = lot.found or {}
        self._heats.update(found)
        self._without.update(i for i in lot.ids if i not in found)
        most = max(KEPT, len(self._in_sight()))
        while len(self._heats) > most:
            self._heats.popitem(last=False)
        self._model.set_heat_maps(self._heats, [PhotoId(i) for i in found])

    def _on_failed(self, lot: _Lot, error: Exception) -> None:
        if lot in self._asking:
            self._cancel()
            self._failed = formatting.shown(str(error))
            self._say()

    def stop(self) -> None:
        """Want nothing more."""
        self._soon.stop()
        self._cancel()


def line(why: Explanation) -> str:
    """Return the words with their shares for a cell; empty where one word alone would have all of it."""
    if len(why.words) < 2:
        return ""
    told = [f"{one.word} {100 * one.share:.0f} %".replace("-", "−") for one in why.words if round(100 * one.share)]
    return formatting.shown(" · ".join(told))
