# SPDX-License-Identifier: GPL-3.0-or-later
"""The tag review page: tags at the left, the photos of the selected tag as a grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from semantic_photos.domain.messages import PhotosChanged
from semantic_photos.domain.tags import SEPARATOR, Standing, TagCount
from semantic_photos.domain.translatable import Message
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.tags.concept_bar import ConceptBar
from semantic_photos.gui.tags.tag_list import TagList, open_of
from semantic_photos.gui.tags.tag_wall import Part, TagWall
from semantic_photos.gui.tags.tagging_progress import TaggingProgressBar
from semantic_photos.gui.undo import UndoStack
from semantic_photos.gui.widgets import formatting
from semantic_photos.gui.widgets.controls import Chip, ElidedLabel, IconButton, button, label
from semantic_photos.gui.widgets.placeholders import Placeholder, PlaceholderPage, Way
from semantic_photos.services.concepts.custom_concepts import TrainedConcept
from semantic_photos.translation import tr, translated, trn

#: Shortest time between two counts.
_COUNT_MS = 400
#: Why automatic tagging cannot begin.
NOTHING_TO_TAG = Message("No photos are indexed yet. You can tag them as soon as some are.")
_HELP = Message(
    "Enter: confirm  ·  X: reject  ·  A: confirm all up to here  ·  L: confirm line  ·  Space: view  ·  Ctrl+Z: undo"
)
_HELP_UNCERTAIN = Message(
    "Enter: confirm  ·  X: reject  ·  A: confirm all from here on  ·  L: confirm line  ·  Space: view  ·  Ctrl+Z: undo"
)
_HELP_ASKS = Message("Enter: yes  ·  X: no  ·  Space: view  ·  Ctrl+Z: undo")
_HELP_LINE = Message("↑ ↓ ← →: move the line  ·  Enter: confirm the marked photos  ·  Esc: cancel")


class TagReview(QWidget):
    """Shows automatic tags to be confirmed or rejected.

    Signals:
        left: the user goes back to the photos.
        run_wanted: the user starts automatic tagging.
    """

    left = Signal()
    run_wanted = Signal()

    def __init__(self, bridge: Bridge, undo: UndoStack, wall: TagWall) -> None:
        super().__init__()
        self._bridge, self._undo = bridge, undo
        self._fresh, self._to_wall = True, False
        self._running, self._has_photos = False, True
        self.trained = ConceptBar(bridge)
        self.list = TagList()
        self.wall = wall
        self.line = TaggingProgressBar(bridge)
        self._state = PlaceholderPage()
        self._middle = QStackedWidget()
        self._title = ElidedLabel(kind="heading")
        self._said = label(kind="dim")
        self._parts = {part: Chip("", checkable=True) for part in Part}
        self._sort = Chip(tr("Least certain first"), checkable=True)
        self._sort.setToolTip(tr("Show the photos with the least certain tags first"))
        self._confirm = button(tr("Confirm"), icon="check")
        self._reject = button(tr("Reject"), icon="close")
        self._surer = button(tr("Confirm all up to here"), icon="check")
        self._help = ElidedLabel(translated(_HELP), "dim", Qt.TextElideMode.ElideRight)
        self.run_button = button(tr("Tag my library…"), icon="tag")
        self.more = IconButton("settings", tr("More: keywords, import and export, personalization"))
        self._count = QTimer(self)
        self._count.setSingleShot(True)
        self._count.setInterval(_COUNT_MS)
        self._build()
        self._connect()

    def _build(self) -> None:
        back = IconButton("back", tr("Back to the photos  (Esc)"))
        back.clicked.connect(self.left)
        top = QHBoxLayout()
        top.setContentsMargins(12, 12, 12, 10)
        top.setSpacing(8)
        top.addWidget(back)
        top.addWidget(label(tr("Tags"), "heading"))
        top.addStretch(1)
        top.addWidget(self.run_button)
        top.addWidget(self.more)
        head = QHBoxLayout()
        head.setContentsMargins(16, 0, 16, 8)
        head.setSpacing(8)
        head.addWidget(self._title, 1)
        for chip in (*self._parts.values(), self._sort):
            head.addWidget(chip)
        foot = QFrame()
        foot.setObjectName("band")
        acts = QHBoxLayout(foot)
        acts.setContentsMargins(16, 6, 16, 6)
        acts.setSpacing(8)
        for act in (self._confirm, self._reject, self._surer):
            act.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            acts.addWidget(act)
        acts.addWidget(self._help, 1)
        photos = QWidget()
        column = QVBoxLayout(photos)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(self.trained)
        column.addWidget(self.wall, 1)
        column.addWidget(foot)
        work = QWidget()
        row = QHBoxLayout(work)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.list)
        row.addWidget(photos, 1)
        self._middle.addWidget(work)
        self._middle.addWidget(self._state)
        status = QFrame()
        status.setObjectName("status")
        status.setFixedHeight(42)
        bottom = QHBoxLayout(status)
        bottom.setContentsMargins(16, 0, 12, 0)
        bottom.addWidget(self._said)
        bottom.addStretch(1)
        bottom.addWidget(self.line)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addLayout(top)
        outer.addWidget(self._middle, 1)
        outer.addWidget(status)

    def _connect(self) -> None:
        self._count.timeout.connect(self._load_counts)
        self._bridge.photos_changed.connect(self._on_changed)
        self.list.chosen.connect(self._show_tag)
        self.wall.shown.connect(self._show_numbers)
        self.wall.line.moved.connect(lambda _: self._show_help())
        self.run_button.clicked.connect(self.run_wanted)
        self._confirm.clicked.connect(self.wall.confirm)
        self._reject.clicked.connect(self.wall.reject)
        self._surer.clicked.connect(self.wall.confirm_surer)
        self._sort.clicked.connect(lambda: self._on_sort(self._sort.isChecked()))
        self.wall.answered.connect(lambda count: self.trained.answered(count, len(self.wall.ids)))
        self.trained.fitted.connect(self._on_trained)
        self._undo.stepped.connect(self._on_stepped)
        for part, chip in self._parts.items():
            chip.clicked.connect(lambda _=False, part=part: self._show_part(part))
        for keys in ("Return", "Enter"):
            _bind(keys, self.list.view, self._enter_wall, Qt.ShortcutContext.WidgetShortcut)
        _bind("L", self.wall.view, self.wall.start_confirm_line, Qt.ShortcutContext.WidgetShortcut)
        for widget in (self.wall.view, self.wall.viewer):
            for keys, go in (("Return", self.wall.confirm), ("Enter", self.wall.confirm), ("X", self.wall.reject),
                             ("Delete", self.wall.reject), ("A", self.wall.confirm_surer)):  # fmt: skip
                _bind(keys, widget, go, Qt.ShortcutContext.WidgetShortcut)
        _bind("Alt+Down", self, lambda: self.list.step(1))
        _bind("Alt+Up", self, lambda: self.list.step(-1))
        _bind("Escape", self, self._escape)

    # What is shown

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._fresh = True
        self._load_counts()

    def show_concept(self, trained: TrainedConcept) -> None:
        """Show photos that may show a concept that was just trained."""
        tag = trained.name
        self.trained.take(trained)
        self._to_wall = True
        self.wall.view.setFocus(Qt.FocusReason.OtherFocusReason)
        self.list.choose(tag)
        if self.list.tag == tag:
            self._show_tag(tag)

    def _on_changed(self, _change: PhotosChanged) -> None:
        if self.isVisible() and not self._count.isActive():
            self._count.start()

    def reload(self) -> None:
        """Read again which tags there are, and which of them are custom concepts."""
        self._load_counts()

    def _load_counts(self) -> None:
        library = self._bridge.library
        tags, custom_concepts = library.tags, library.custom_concepts

        def work() -> tuple[list[TagCount], Sequence[str], bool]:
            return tags.counts(), custom_concepts.names(), library.counts().indexed > 0

        self._bridge.run(work, lambda answer: self._show_counts(*answer))

    def show_running(self, *, running: bool) -> None:
        """Set whether automatic tagging runs: it cannot run twice."""
        self._running = running
        self._enable_run()

    def _enable_run(self) -> None:
        self.run_button.setEnabled(self._has_photos and not self._running)
        self.run_button.setToolTip("" if self._has_photos else translated(NOTHING_TO_TAG))

    def _show_counts(self, counts: Sequence[TagCount], trained: Sequence[str], has_photos: bool) -> None:
        self._has_photos = has_photos
        self._enable_run()
        forgotten = self.trained.know(trained)
        self.list.show_counts(counts, anew=self._fresh)
        fresh, self._fresh = self._fresh, False
        if not self.list.tags() and not self.list.tag:
            pack = self._bridge.library.pack is not None
            if pack and has_photos:
                text = tr(
                    "Automatic tagging finds tags for your photos, and you confirm or reject them here. "
                    "Your photo files do not change."
                )
            elif pack:
                text = translated(NOTHING_TO_TAG)
            else:
                text = tr("Automatic tagging needs a model. Press Ctrl+T on the photos to add your own tags.")
            ways = (Way(tr("Tag my library…"), self.run_wanted.emit, "primary"),) if pack and has_photos else ()
            self._state.show_state(Placeholder("tag", tr("No tags yet"), text, ways))
            self._middle.setCurrentWidget(self._state)
        else:
            self._middle.setCurrentIndex(0)
            if fresh:
                (self.wall.view if self._to_wall else self.list.view).setFocus(Qt.FocusReason.OtherFocusReason)
                self._to_wall = False
        waiting = sum(open_of(one) for one in counts)
        kept = sum(one.kept for one in counts)
        self._said.setText(
            trn(
                "{waiting:,} to review · {confirmed:,} confirmed · {count:,} tag",
                "{waiting:,} to review · {confirmed:,} confirmed · {count:,} tags",
                len(counts), waiting=waiting, confirmed=kept,
            )
        )  # fmt: skip
        self._show_numbers()
        if forgotten:
            self._show_tag(self.list.tag)

    def _show_tag(self, tag: str) -> None:
        self._title.set_text(formatting.shown(tag.replace(SEPARATOR, " › ")))
        likely = self.trained.photos(tag)
        if likely is not None:
            self.wall.show_likely(tag, likely, chances=self.trained.uncertain_first)
            return
        # A tag without automatic photos has nothing to review.
        part = Part.OPEN if open_of(self.list.count_of(tag)) else Part.KEPT
        self.wall.show_tag(tag, part)

    def _show_part(self, part: Part) -> None:
        if part is not Part.OPEN:
            self.wall.show_part(part)
        elif (likely := self.trained.photos(self.wall.tag)) is not None:
            self.wall.show_likely(self.wall.tag, likely, chances=self.trained.uncertain_first)
        else:
            self.wall.show_part(part)

    def _show_numbers(self) -> None:
        wall, count = self.wall, self.list.count_of(self.wall.tag)
        waiting = len(wall.ids) if wall.is_fixed and wall.part is Part.OPEN else open_of(count)
        known = self.trained.photos(wall.tag) is not None
        if not known:
            opened = tr("To review {count:,}", count=waiting)
        elif self.trained.uncertain_first:
            opened = tr("Uncertain {count:,}", count=waiting)
        else:
            opened = tr("Similar {count:,}", count=waiting)
        texts = {
            Part.OPEN: opened,
            Part.KEPT: tr("Confirmed {count:,}", count=count.kept),
            Part.REJECTED: tr("Rejected {count:,}", count=count.photos.get(Standing.REJECTED, 0)),
        }
        for part, chip in self._parts.items():
            chip.setText(texts[part])
            chip.setAccessibleName(texts[part])
            chip.setChecked(part is wall.part)
            chip.updateGeometry()
        some, can = len(wall.ids) > 0, self._undo.can_change
        self._confirm.setEnabled(some and can and wall.part is not Part.KEPT)
        self._reject.setEnabled(some and can and wall.part is not Part.REJECTED)
        self._surer.setEnabled(some and can and wall.part is Part.OPEN)
        self._surer.setVisible(not wall.asks)
        self._confirm.setText(tr("Yes") if wall.asks else tr("Confirm"))
        self._reject.setText(tr("No") if wall.asks else tr("Reject"))
        self._sort.setVisible(wall.part is Part.OPEN)
        self._sort.setChecked(self.trained.uncertain_first if wall.is_fixed else wall.uncertain_first)
        self.trained.show_tag(wall.tag, asks=wall.is_fixed and some, can_change=can)
        self._show_help()
        self._surer.setText(tr("Confirm all from here on") if wall.grows_surer else tr("Confirm all up to here"))

    def _show_help(self) -> None:
        wall = self.wall
        if wall.line.count >= 0:
            self._help.set_text(translated(_HELP_LINE))
        elif not len(wall.ids) and wall.tag:
            if wall.part is Part.OPEN:
                self._help.set_text(tr("You have reviewed all photos of this tag.  Alt+↓: next tag"))
            else:
                self._help.set_text(tr("No photos here"))
        else:
            text = _HELP_ASKS if wall.asks else _HELP_UNCERTAIN if wall.grows_surer else _HELP
            self._help.set_text(translated(text))

    def _on_sort(self, uncertain: bool) -> None:
        if self.wall.is_fixed:
            self.trained.uncertain_first = uncertain
            self._show_part(Part.OPEN)
        else:
            self.wall.set_uncertain_first(uncertain)

    def _on_trained(self, tag: str) -> None:
        # The user may look at the confirmed photos meanwhile, or at another tag.
        if tag == self.wall.tag and (self.wall.part is Part.OPEN or self.trained.wanted):
            self._show_part(Part.OPEN)

    def _on_stepped(self) -> None:
        if self._undo.redo_text:
            self.trained.changed_back()

    def _enter_wall(self) -> None:
        # In the list Enter selects the tag and confirms nothing.
        self.wall.view.setFocus(Qt.FocusReason.OtherFocusReason)

    def _escape(self) -> None:
        if self.wall.line.count >= 0:
            self.wall.line.stop()
        elif self.wall.is_large:
            self.wall.viewer.close_viewer()
        else:
            self.left.emit()


def _bind(
    keys: str, owner: QWidget, go: Callable[[], object],
    context: Qt.ShortcutContext = Qt.ShortcutContext.WidgetWithChildrenShortcut,
) -> None:  # fmt: skip
    shortcut = QShortcut(QKeySequence(keys), owner)
    shortcut.setContext(context)
    shortcut.activated.connect(lambda: go())
