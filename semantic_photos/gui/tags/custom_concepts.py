# SPDX-License-Identifier: GPL-3.0-or-later
"""Subjects of the person's own: the dialogs in which one is taught and forgotten, and the steps that lead back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QDialog, QMessageBox, QWidget

from semantic_photos.domain.photo import PhotoId
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.dialogs.custom_concept_dialog import CustomConceptDialog
from semantic_photos.gui.search.library_page import LibraryPage
from semantic_photos.gui.tags.tag_review import TagReview
from semantic_photos.gui.widgets import formatting
from semantic_photos.services.concepts.custom_concepts import RemovedConcept, TrainedConcept
from semantic_photos.storage.tags import Change


class CustomConceptActions(QObject):
    """Teaches and forgets subjects.

    Signals:
        shown: a subject was taught, and its photos are to be shown.
    """

    shown = Signal()

    def __init__(
        self,
        window: QWidget,
        page: LibraryPage,
        bridge: Bridge,
        review: Callable[[], TagReview],
        open_dialog: Callable[[QDialog], None],
    ) -> None:  # fmt: skip
        """``review`` gives the page on which tags are looked through."""
        super().__init__(page)
        self._window, self._page, self._bridge, self._review, self._open = window, page, bridge, review, open_dialog

    def ask_for_concept(self, ids: Sequence[PhotoId]) -> None:
        """Ask for the name of what photos show."""
        dialog = CustomConceptDialog(self._bridge, len(ids), self._window)
        dialog.trained.connect(lambda name: self.train(name, ids))
        self._open(dialog)

    def train(self, name: str, ids: Sequence[PhotoId]) -> None:
        """Give photos a tag, and show the photos that are likest to them, to be confirmed or rejected."""
        library, examples = self._bridge.library, list(ids)

        def work() -> TrainedConcept:
            trained = library.custom_concepts.train(name, examples)
            library.announce(trained.change.photo_ids)
            return trained

        self._bridge.run(work, self._on_trained, lane="pool")

    def _on_trained(self, trained: TrainedConcept) -> None:
        self.shown.emit()
        self._review().show_concept(trained)
        text = f"“{formatting.shown(trained.name)}” learnt from {formatting.many(trained.examples, 'photo')}"
        custom_concepts = self._bridge.library.custom_concepts
        self._page.undo.take_in(text, trained.change, lambda: custom_concepts.undo(trained))

    def ask_to_forget(self, name: str) -> None:
        """Ask whether a taught subject shall be taken back, then do it."""
        box = QMessageBox(self._window)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle("Forget a subject")
        box.setText(f"Forget what “{formatting.shown(name)}” looks like?")
        box.setInformativeText(
            "It is no word to search for any more, and the tag goes from the photos that got it since you taught it. "
            "Photos that had it before keep it. It can be undone until the program ends."
        )
        forget = box.addButton("Forget it", QMessageBox.ButtonRole.AcceptRole)
        box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
        box.buttonClicked.connect(lambda pressed: self.forget(name) if pressed is forget else None)
        self._open(box)

    def forget(self, name: str) -> None:
        """Take a taught subject back."""
        custom_concepts, gone = self._bridge.library.custom_concepts, list[RemovedConcept]()

        def work() -> Change:
            gone.append(custom_concepts.take_back(name))
            return gone[0].change

        self._page.undo.do(
            f"“{formatting.shown(name)}” forgotten", work, lambda _: self._review().reload(),
            back=lambda: custom_concepts.bring_back(gone[0]),
        )  # fmt: skip
