# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags, rating and favourite of the selected photos, to be changed."""

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
from semantic_photos.gui.details.rating_bar import STARS, RatingBar
from semantic_photos.gui.details.tag_chips import CONFIRM, TagChip
from semantic_photos.gui.details.tag_field import TagField
from semantic_photos.gui.undo import UndoStack
from semantic_photos.gui.widgets import formatting
from semantic_photos.gui.widgets.controls import FlowLayout, label
from semantic_photos.translation import tr, trn

#: Automatic tags shown for one photo: its own, then likely ones below the threshold of automatic tagging.
GUESSES = 8
#: Photos of a selection that are read to show their tags; changes apply to all selected photos.
MOST_READ = 2000
#: Tags shown for a selection.
MOST_SHOWN = 30


@dataclass(frozen=True, slots=True)
class Shown:
    """A tag of the selected photos: strongest standing, highest confidence, and how many photos have it."""

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
    """Shows and changes the tags of one or more photos.

    Signals:
        search_wanted: the query for a tag, as the user would type it.
        left: the user leaves the field.
    """

    search_wanted = Signal(str)
    left = Signal()

    def __init__(self, bridge: Bridge, undo: UndoStack, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge, self._undo = bridge, undo
        self._ids: tuple[PhotoId, ...] = ()
        self.ratings = RatingBar()
        self._title = label(tr("Tags"), "dim")
        self._chips = QWidget()
        self._flow = FlowLayout(self._chips)
        self.field = TagField(bridge, tr("Add a tag  (Ctrl+T)"))
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
        """Show the tags of these photos; an empty sequence hides the panel."""
        wanted = tuple(ids)
        self.setVisible(bool(wanted))
        if wanted != self._ids:
            self._ids = wanted
            self._fill(_Answer(wanted, [], []))
            if wanted:
                self._load()

    def chips(self) -> list[TagChip]:
        """Return the chips that are shown."""
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
            note = tr("{count:,}×", count=one.photos) if many and one.photos < len(answer.ids) else ""
            chip = TagChip(one.tag, one.standing, one.confidence if not many else None, note=note,
                           can_act=self._undo.can_change)  # fmt: skip
            chip.clicked.connect(lambda _=False, one=one: self._search(one))
            chip.acted.connect(lambda mark, tag=one.tag: self.act(Act.CONFIRM if mark == CONFIRM else Act.REJECT, tag))
            self._flow.addWidget(chip)
        self._title.setText(
            trn("Tags of {count:,} photo", "Tags of {count:,} photos", len(answer.ids)) if many else tr("Tags")
        )
        self._chips.setVisible(bool(answer.tags))
        self.ratings.show_remarks(answer.remarks)
        self._fit()
        if focused >= 0 and self.chips():
            # Keep the keyboard focus in place.
            self.chips()[min(focused, len(self.chips()) - 1)].setFocus(Qt.FocusReason.OtherFocusReason)

    def _fit(self) -> None:
        # A layout inside a scroll area learns of more lines too late.
        self._chips.setMinimumHeight(self._flow.heightForWidth(self.width()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _search(self, one: Shown) -> None:
        own = one.standing is not Standing.AUTOMATIC
        self.search_wanted.emit(f"tag:{written(one.tag)}" if own or SEPARATOR in one.tag else one.tag)

    # Changes

    def act(self, act: Act, tag: str, ids: Sequence[PhotoId] | None = None) -> None:
        """Confirm, reject or add a tag for the shown photos, or for ``ids``."""
        photos, library = list(self._ids if ids is None else ids), self._bridge.library
        if photos:
            self._undo.do(done(act, tag, len(photos)), lambda: library.tags.act(act, photos, tag))

    def rate(self, rating: int, ids: Sequence[PhotoId] | None = None) -> None:
        """Rate the shown photos, or ``ids``, with 0 to 5 stars."""
        photos, library = list(self._ids if ids is None else ids), self._bridge.library
        if photos:
            if rating:
                text = trn(
                    "{rating} of {total} stars for {count:,} photo", "{rating} of {total} stars for {count:,} photos",
                    len(photos), rating=rating, total=STARS,
                )  # fmt: skip
            else:
                text = trn(
                    "Rating of {count:,} photo cleared", "Rating of {count:,} photos cleared", len(photos)
                )  # fmt: skip
            self._undo.do(text, lambda: library.tags.remark(photos, rating=rating))

    def favour(self, favourite: bool, ids: Sequence[PhotoId] | None = None) -> None:
        """Add the shown photos, or ``ids``, to the favourites, or remove them."""
        photos, library = list(self._ids if ids is None else ids), self._bridge.library
        if photos:
            count = len(photos)
            text = (
                trn("{count:,} photo added to favourites", "{count:,} photos added to favourites", count)
                if favourite
                else trn("{count:,} photo removed from favourites", "{count:,} photos removed from favourites", count)
            )
            self._undo.do(text, lambda: library.tags.remark(photos, favourite=favourite))


def done(act: Act, tag: str, photos: int) -> str:
    """Return a change in words, for undo: ``“dog” confirmed for 3 photos``."""
    tag = formatting.shown(tag.replace(SEPARATOR, " › "))
    if act is Act.CONFIRM:
        return trn(
            "“{tag}” confirmed for {count:,} photo", "“{tag}” confirmed for {count:,} photos", photos, tag=tag
        )  # fmt: skip
    if act is Act.REJECT:
        return trn("“{tag}” rejected for {count:,} photo", "“{tag}” rejected for {count:,} photos", photos, tag=tag)
    return trn("“{tag}” added to {count:,} photo", "“{tag}” added to {count:,} photos", photos, tag=tag)


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
