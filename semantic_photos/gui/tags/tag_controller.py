# SPDX-License-Identifier: GPL-3.0-or-later
"""Connects the tag review page, automatic tagging and their dialogs with the window."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QDialog, QMenu, QMessageBox, QStackedWidget, QVBoxLayout, QWidget

from semantic_photos.domain.messages import Notice
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.tags import TaggingProgress
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.dialogs.automatic_tagging_dialog import AutomaticTaggingDialog
from semantic_photos.gui.dialogs.keywords_dialog import KeywordsDialog
from semantic_photos.gui.dialogs.personalization_dialog import PersonalizationDialog
from semantic_photos.gui.dialogs.user_data import UserDataActions
from semantic_photos.gui.grid.photo_menu import Entry
from semantic_photos.gui.search.library_page import LibraryPage
from semantic_photos.gui.tags.custom_concepts import CustomConceptActions
from semantic_photos.gui.tags.tag_review import TagReview
from semantic_photos.gui.tags.tag_wall import TagWall
from semantic_photos.gui.tags.tagging_progress import TaggingProgressBar
from semantic_photos.gui.widgets import theme
from semantic_photos.gui.widgets.controls import IconButton
from semantic_photos.gui.widgets.idle_tasks import IdleTasks
from semantic_photos.gui.widgets.toast import Toast
from semantic_photos.services.concepts.custom_concepts import LEAST_EXAMPLES, MOST_EXAMPLES
from semantic_photos.services.tags.automatic_tagging import TaggingRun
from semantic_photos.translation import tr, trn

REVIEW_KEYS = "Ctrl+R"
_WAIT_S = 10.0
#: The review page is built after the window was idle for so long, or when it is opened.
QUIET_MS = 300
#: Code of the notice that tagging has failed.
_TROUBLE = "tagger.trouble"
#: Distance of toasts from the bottom: above the buttons of the review page.
_TOAST_UP = 104


class TagController(QObject):
    """Adds the tag review page to the window and connects everything about tags."""

    def __init__(self, window: QWidget, pages: QStackedWidget, page: LibraryPage, bridge: Bridge) -> None:
        super().__init__(page)
        self._window, self._pages, self._page, self._bridge = window, pages, page, bridge
        self.dialog: QDialog | None = None
        self._running = False
        #: The review page once it is built.
        self.made: TagReview | None = None
        self._wall: TagWall | None = None
        #: Parent of the review page and its toasts, even before the page exists.
        self._place = QWidget()
        QVBoxLayout(self._place).setContentsMargins(0, 0, 0, 0)
        self.line = TaggingProgressBar(bridge)
        self.toast = Toast(self._place, _TOAST_UP)
        self.button = IconButton("tag", tr("Tags  (Ctrl+R)"))
        self.exchanging = UserDataActions(bridge, page.undo, window)
        self.custom_concepts = CustomConceptActions(window, page, bridge, lambda: self.review, self._open)
        self.custom_concepts.shown.connect(self.show_review)
        pages.addWidget(self._place)
        page.add_tool(self.button)
        QWidget.setTabOrder(page.bar.file_button, self.button)
        page.jobs.add_part(self.line)
        self._connect()
        self._ahead = IdleTasks((self._make_wall, lambda: self.review), self, QUIET_MS)
        for sign in (page.search.answered, page.loader.loaded):
            sign.connect(lambda *_: self._ahead.put_off())

    def _connect(self) -> None:
        undo = self._page.undo
        self._page.more_entries = self._entries
        self.exchanging.said.connect(undo.said)
        self.toast.undo_wanted.connect(undo.undo)
        undo.said.connect(self.toast.say)
        undo.did.connect(self.toast.offer_undo)
        self.button.clicked.connect(self.show_review)
        self._bridge.tagging_changed.connect(self._on_tagging)
        self._bridge.notice_changed.connect(self._on_notice)
        shortcut = QShortcut(QKeySequence(REVIEW_KEYS), self._window)
        shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
        shortcut.activated.connect(self.show_review)

    # The page is built late, so that the window opens sooner.

    @property
    def review(self) -> TagReview:
        """Return the review page; built on first use."""
        if self.made is not None:
            return self.made
        self._ahead.stop()
        wall = self._make_wall()
        review = self.made = TagReview(self._bridge, self._page.undo, wall)
        layout = self._place.layout()
        assert layout is not None
        layout.addWidget(review)
        self.toast.raise_()
        self._connect_review(review, wall)
        review.run_button.setVisible(self._page.undo.can_change and self._bridge.library.pack is not None)
        review.run_button.setEnabled(not self._running)
        return review

    def _make_wall(self) -> TagWall:
        if self._wall is None:
            self._wall = TagWall(self._bridge, self._page.undo, self._page.loader, self._page.view.side)
            # The window may close before the page around it is built.
            self._wall.setParent(self._place)
        return self._wall

    def _connect_review(self, review: TagReview, wall: TagWall) -> None:
        page = self._page
        review.left.connect(self.leave)
        review.run_wanted.connect(self.ask_to_tag)
        review.trained.forget_wanted.connect(self.custom_concepts.ask_to_forget)
        review.more.clicked.connect(self._show_menu)
        wall.view.set_side(page.view.side)
        page.jobs.side_changed.connect(wall.view.set_side)
        wall.view.side_requested.connect(page.jobs.step_side)
        viewer = wall.viewer
        viewer.similar_requested.connect(lambda photo_id: self._search(lambda: page.query_builder.similar(photo_id)))
        viewer.part_requested.connect(lambda *part: self._search(lambda: page.query_builder.part(*part)))
        viewer.full_screen_toggled.connect(page.full_screen_toggled)

    # The page

    def show_review(self) -> None:
        """Go to the tag review page."""
        if self._page.is_viewing:
            self._page.viewer.close_viewer()
        self.review.show()
        self._pages.setCurrentWidget(self._place)

    def leave(self) -> None:
        """Go back to the photos."""
        self._pages.setCurrentWidget(self._page)
        self._page.view.setFocus(Qt.FocusReason.OtherFocusReason)
        self._page.view.fetch_seen()

    def _search(self, ask: Callable[[], object]) -> None:
        self.leave()
        ask()

    def _show_menu(self) -> None:
        menu = self.menu()
        button = self.review.more
        menu.popup(button.mapToGlobal(QPoint(button.width() - menu.sizeHint().width(), button.height() + 4)))

    def menu(self) -> QMenu:
        """Return the menu of the page; it deletes itself when it closes."""
        menu = QMenu(self.review)
        menu.aboutToHide.connect(menu.deleteLater)
        write = menu.addAction(theme.icon("copy"), tr("Write keywords…"))
        write.triggered.connect(lambda: self.write_keywords([]))
        write.setEnabled(self._page.undo.can_change)
        menu.addSeparator()
        self.exchanging.add_to(menu)
        menu.addSeparator()
        personalize = menu.addAction(theme.icon("target"), tr("Personalization…"))
        personalize.triggered.connect(lambda: self.ask_to_personalize())
        personalize.setEnabled(self._page.undo.can_change and self._bridge.library.pack is not None)
        remove = menu.addAction(theme.icon("remove"), tr("Remove all automatic tags…"))
        remove.triggered.connect(lambda: self.ask_to_remove())
        remove.setEnabled(self._page.undo.can_change)
        return menu

    def user_data_menu(self, parent: QWidget) -> QMenu:
        """Return a menu with import and export."""
        menu = QMenu(parent)
        self.exchanging.add_to(menu)
        return menu

    # Selected photos

    def _entries(self, ids: Sequence[PhotoId]) -> list[Entry]:
        entries = []
        if self._page.undo.can_change:
            if LEAST_EXAMPLES <= len(ids) <= MOST_EXAMPLES and self._bridge.library.pack is not None:
                entries.append(
                    Entry(tr("New custom concept…"), "target", lambda: self.custom_concepts.ask_for_concept(ids))
                )
            if ids:
                entries.append(Entry(tr("Write keywords…"), "tag", lambda: self.write_keywords(ids)))
        return entries

    def write_keywords(self, ids: Sequence[PhotoId]) -> None:
        """Show which keywords would be written for photos, or for all photos with tags if ``ids`` is empty."""
        self._open(KeywordsDialog(self._bridge, ids, self._window))

    def ask_to_personalize(self) -> None:
        """Open the personalization dialog."""
        dialog = PersonalizationDialog(self._bridge, self._window)
        dialog.changed.connect(self._ask_again)
        self._open(dialog)

    def _ask_again(self) -> None:
        """Search again, because personalization has changed what words mean."""
        page = self._page
        page.search.refresh()
        for explorer in (page.panel.near_word, page.panel.near_photo):
            explorer.refresh()
        if page.view.selected_count():
            self._bridge.library.announce(page.view.selected_ids())

    # Automatic tags

    def ask_to_tag(self) -> None:
        """Ask for the least probability of automatic tags, then tag the library."""
        dialog = AutomaticTaggingDialog(self._bridge, self._window)
        dialog.start_wanted.connect(self.start)
        self._open(dialog)

    def start(self, least: float) -> None:
        """Tag the whole library, from probability ``least``."""
        tagging = self._bridge.library.tagging
        tagging.resume()
        self._running = True
        self.review.show_running(running=True)
        tagging.start(least)

    def _on_tagging(self, progress: TaggingProgress) -> None:
        if self._running and not progress.running:
            self._running = False
            tagging = self._bridge.library.tagging

            def work() -> tuple[bool, TaggingRun | None]:
                # The message comes shortly before the run ends, or belongs to new photos tagged before the run.
                return tagging.settle(_WAIT_S), tagging.last_run

            self._bridge.run(work, self._on_run, lane="pool")

    def _on_notice(self, notice: Notice) -> None:
        if notice.code == _TROUBLE and notice.text and self._running:
            # The notice gives the reason; the user may try again.
            self._running = False
            self.review.show_running(running=False)
            for line in (self.line, self.review.line):
                line.hide()

    def _on_run(self, answer: tuple[bool, TaggingRun | None]) -> None:
        over, run = answer
        if not over:
            self._running = True
            self._on_tagging(self._bridge.library.tagging.last)
            return
        self.review.show_running(running=False)
        if run is None:
            return
        tagging = self._bridge.library.tagging
        if run.cancelled:
            text = trn(
                "Tagging stopped after {count:,} photo. Tags changed: {tags:,}",
                "Tagging stopped after {count:,} photos. Tags changed: {tags:,}", run.photos, tags=run.tags,
            )  # fmt: skip
        else:
            text = trn(
                "{count:,} photo checked. Tags changed: {tags:,}", "{count:,} photos checked. Tags changed: {tags:,}",
                run.photos, tags=run.tags,
            )  # fmt: skip
        if run.change:
            self._page.undo.take_in(text, run.change, tagging.undo)
        else:
            self.toast.say(tr("Tagging changed no tags."))

    def ask_to_remove(self) -> None:
        """Ask whether to remove all automatic tags, then do it."""
        box = QMessageBox(self._window)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle(tr("Remove automatic tags"))
        box.setText(tr("Remove all automatic tags that you have not confirmed?"))
        box.setInformativeText(
            tr(
                "Tags that you added or confirmed and tags from files stay. New photos no longer get automatic tags. "
                "You can undo this until you quit."
            )
        )
        remove = box.addButton(tr("Remove"), QMessageBox.ButtonRole.AcceptRole)
        box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
        box.buttonClicked.connect(lambda pressed: self.remove_automatic() if pressed is remove else None)
        self._open(box)

    def remove_automatic(self) -> None:
        """Remove all automatic tags that are not confirmed."""
        tagging = self._bridge.library.tagging
        self._page.undo.do(tr("All automatic tags removed"), tagging.remove_automatic, publish=False)

    def _open(self, dialog: QDialog) -> None:
        if self.dialog is not None:
            self.dialog.close()
        self.dialog = dialog
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.finished.connect(self._forget_dialog)
        dialog.open()

    def _forget_dialog(self) -> None:
        if self.sender() is self.dialog:
            self.dialog = None

    def close_room(self) -> None:
        """Close the open dialog, and do not build the review page any more."""
        self._ahead.stop()
        if self.dialog is not None:
            self.dialog.close()
