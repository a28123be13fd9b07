# SPDX-License-Identifier: GPL-3.0-or-later
"""Custom concepts: dialogs to train and delete one, with undo."""

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
from semantic_photos.translation import tr, trn


class CustomConceptActions(QObject):
    """Trains and deletes custom concepts.

    Signals:
        shown: a concept was trained, so the review page is to be shown.
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
        """``review`` returns the tag review page; ``open_dialog`` opens a dialog of the window."""
        super().__init__(page)
        self._window, self._page, self._bridge, self._review, self._open = window, page, bridge, review, open_dialog

    def ask_for_concept(self, ids: Sequence[PhotoId]) -> None:
        """Ask for the name of a new concept that these photos show."""
        dialog = CustomConceptDialog(self._bridge, len(ids), self._window)
        dialog.trained.connect(lambda name: self.train(name, ids))
        self._open(dialog)

    def train(self, name: str, ids: Sequence[PhotoId]) -> None:
        """Give photos a tag, train a concept from them, and show photos to confirm or reject."""
        library, examples = self._bridge.library, list(ids)

        def work() -> TrainedConcept:
            trained = library.custom_concepts.train(name, examples)
            library.announce(trained.change.photo_ids)
            return trained

        self._bridge.run(work, self._on_trained, lane="pool")

    def _on_trained(self, trained: TrainedConcept) -> None:
        self.shown.emit()
        self._review().show_concept(trained)
        text = trn(
            "Custom concept “{name}” trained on {count:,} photo", "Custom concept “{name}” trained on {count:,} photos",
            trained.examples, name=formatting.shown(trained.name),
        )  # fmt: skip
        custom_concepts = self._bridge.library.custom_concepts
        self._page.undo.take_in(text, trained.change, lambda: custom_concepts.undo(trained))

    def ask_to_forget(self, name: str) -> None:
        """Ask whether to delete a concept, then do it."""
        box = QMessageBox(self._window)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle(tr("Delete custom concept"))
        box.setText(tr("Delete the custom concept “{name}”?", name=formatting.shown(name)))
        box.setInformativeText(
            tr(
                "Searches no longer use what you trained, and photos that got the tag since then lose it. "
                "Photos that had the tag before keep it. You can undo this until you quit."
            )
        )
        forget = box.addButton(tr("Delete"), QMessageBox.ButtonRole.AcceptRole)
        box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
        box.buttonClicked.connect(lambda pressed: self.forget(name) if pressed is forget else None)
        self._open(box)

    def forget(self, name: str) -> None:
        """Delete a concept."""
        custom_concepts, gone = self._bridge.library.custom_concepts, list[RemovedConcept]()

        def work() -> Change:
            gone.append(custom_concepts.take_back(name))
            return gone[0].change

        self._page.undo.do(
            tr("Custom concept “{name}” deleted", name=formatting.shown(name)), work,
            lambda _: self._review().reload(),
            back=lambda: custom_concepts.bring_back(gone[0]),
        )  # fmt: skip
