# SPDX-License-Identifier: GPL-3.0-or-later
"""The tags of the chosen photos: shown by where they come from, confirmed, rejected, added; stars and favourite."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from semantic_photos.domain.filters import written
from semantic_photos.domain.messages import PhotosChanged
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.tags import SEPARATOR, Act, Remark, Standing, TagLine
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.details.rating_bar import RatingBar
from semantic_photos.gui.details.tag_chips import CONFIRM, TagChip
from semantic_photos.gui.details.tag_field import TagField
from semantic_photos.gui.undo import UndoStack
from semantic_photos.gui.widgets import formatting
from semantic_photos.gui.widgets.controls import FlowLayout, label

#: Automatic tags of one photo: those that it has, then guesses that were not sure enough for a tag.
GUESSES = 8
#: Of a larger selection only so many photos are read to show their tags; what is done, is done to all.
MOST_READ = 2000
#: Tags that are shown for several photos.
MOST_SHOWN = 30


@dataclass(frozen=True, slots=True)
class Shown:
    """A tag of the chosen photos: the strongest standing, the highest confidence, and how many have it."""

    tag: str
    standing: Standing
    confidence: float | None
    photos: int


@dataclass(frozen=True, slots=True)
class _Answer:
    ids: tuple[PhotoId, ...]
    tags: list[Shown]
    remarks: list[Remark]


class TagPanel(QWidget):
    """Shows and changes the tags of one photo or of several.

    Signals:
        search_wanted: what to ask for, as it would be typed.
        left: the user is done with the field.
    """

    search_wanted = Signal(str)
    left = Signal()

    def __init__(self, bridge: Bridge, undo: UndoStack, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge, self._undo = bridge, undo
        self._ids: tuple[PhotoId, ...] = ()
        self.ratings = RatingBar()
        self._title = label("Tags", "dim")
        self._chips = QWidget()
        self._flow = FlowLayout(self._chips)
        self.field = TagField(bridge, "Add a tag  (Ctrl+T)")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        for part in (self.ratings, self._title, self._chips, self.field):
            column.addWidget(part)
        for part in (self.ratings, self.field):
            part.setEnabled(undo.can_change)
        self.field.named.connect(lambda name: self.act(Act.ADD, name))
        self.field.left.connect(self.left)
        self.ratings.rated.connect(self.rate)
        self.ratings.favoured.connect(self.favour)
        bridge.photos_changed.connect(self._on_changed)
        self.hide()

    def show_photos(self, ids: Sequence[PhotoId]) -> None:
        """Show the tags of these photos; none hides it."""
        wanted = tuple(ids)
        self.setVisible(bool(wanted))
        if wanted != self._ids:
            self._ids = wanted
            self._fill(_Answer(wanted, [], []))
            if wanted:
                self._load()

    def chips(self) -> list[TagChip]:
        """Return the tags that are shown."""
        items = (self._flow.itemAt(n) for n in range(self._flow.count()))
        return [chip for item in items if item is not None and isinstance(chip := item.widget(), TagChip)]

    def take_focus(self) -> None:
        """Put the cursor into the field."""
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)

    # What is shown

    def _on_changed(self, change: PhotosChanged) -> None:
        if self._ids and not set(self._ids[:MOST_READ]).isdisjoint(change.updated):
            self._load()

    def _load(self) -> None:
        library, ids = self._bridge.library, self._ids

        def work() -> _Answer:
            read = list(ids[:MOST_READ])
            lines, remarks = library.tags.lines(read), library.tags.remarks(read)
            tags = _together(lines.values())
            if len(read) == 1:
                known = {one.tag.casefold() for one in tags}
                guesses = library.vocabulary.tags(read, n=GUESSES + len(known)).get(read[0], [])
                tags += [
                    Shown(guess.tag, Standing.AUTOMATIC, guess.confidence, 1)
                    for guess in guesses
                    if guess.tag.casefold() not in known and guess.source == Standing.AUTOMATIC.source
                ][: max(GUESSES - sum(one.standing is Standing.AUTOMATIC for one in tags), 0)]
            return _Answer(ids, tags[:MOST_SHOWN], [remarks.get(photo_id, Remark()) for photo_id in read])

        self._bridge.run(work, self._fill, lambda _: None)

    def _fill(self, answer: _Answer) -> None:
        if answer.ids != self._ids:
            return
        focused = next((number for number, chip in enumerate(self.chips()) if chip.hasFocus()), -1)
        self._flow.clear()
        many = len(answer.ids) > 1
        for one in answer.tags:
            note = f"{one.photos:,}×" if many and one.photos < len(answer.ids) else ""
            chip = TagChip(one.tag, one.standing, one.confidence if not many else None, note=note,
                           can_act=self._undo.can_change)  # fmt: skip
            chip.clicked.connect(lambda _=False, one=one: self._search(one))
            chip.acted.connect(lambda mark, tag=one.tag: self.act(Act.CONFIRM if mark == CONFIRM else Act.REJECT, tag))
            self._flow.addWidget(chip)
        self._title.setText(f"Tags of {formatting.many(len(answer.ids), 'photo')}" if many else "Tags")
        self._chips.setVisible(bool(answer.tags))
        self.ratings.show_remarks(answer.remarks)
        self._fit()
        if focused >= 0 and self.chips():
            # The keyboard goes on where it was.
            self.chips()[min(focused, len(self.chips()) - 1)].setFocus(Qt.FocusReason.OtherFocusReason)

    def _fit(self) -> None:
        # A layout inside a scroll area hears of more lines too late.
        self._chips.setMinimumHeight(self._flow.heightForWidth(self.width()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _search(self, one: Shown) -> None:
        own = one.standing is not Standing.AUTOMATIC
        self.search_wanted.emit(f"tag:{written(one.tag)}" if own or SEPARATOR in one.tag else one.tag)

    # What is done

    def act(self, act: Act, tag: str, ids: Sequence[PhotoId] | None = None) -> None:
        """Confirm, reject or add a tag for the photos that are shown, or for others."""
        photos, library = list(self._ids if ids is None else ids), self._bridge.library
        if photos:
            self._undo.do(said(act, tag, len(photos)), lambda: library.tags.act(act, photos, tag))

    def rate(self, rating: int, ids: Sequence[PhotoId] | None = None) -> None:
        """Give the photos 0 to 5 stars."""
        photos, library = list(self._ids if ids is None else ids), self._bridge.library
        if photos:
            stars = formatting.many(rating, "star") if rating else "No stars"
            text = f"{stars} for {formatting.many(len(photos), 'photo')}"
            self._undo.do(text, lambda: library.tags.remark(photos, rating=rating))

    def favour(self, favourite: bool, ids: Sequence[PhotoId] | None = None) -> None:
        """Make favourites of the photos, or not any more."""
        photos, library = list(self._ids if ids is None else ids), self._bridge.library
        if photos:
            what = formatting.many(len(photos), "photo")
            text = f"{what} marked as favourite" if favourite else f"{what} not favourite any more"
            self._undo.do(text, lambda: library.tags.remark(photos, favourite=favourite))


def said(act: Act, tag: str, photos: int) -> str:
    """Return what an act is called: ``“dog” confirmed on 3 photos``."""
    word = {Act.CONFIRM: "confirmed on", Act.REJECT: "rejected for", Act.ADD: "added to"}[act]
    return f"“{formatting.shown(tag.replace(SEPARATOR, ' › '))}” {word} {formatting.many(photos, 'photo')}"


def _together(photos: Iterable[Sequence[TagLine]]) -> list[Shown]:
    found: dict[str, Shown] = {}
    for line in (line for lines in photos for line in lines):
        old = found.get(line.tag)
        if old is None:
            found[line.tag] = Shown(line.tag, line.standing, line.confidence, 1)
        else:
            own = old.standing if old.standing is not Standing.AUTOMATIC else line.standing
            confidence = max(old.confidence or 0.0, line.confidence or 0.0)
            found[line.tag] = Shown(line.tag, own, confidence, old.photos + 1)
    return sorted(
        found.values(), key=lambda one: (one.standing is Standing.AUTOMATIC, -one.photos, -(one.confidence or 1.0))
    )
