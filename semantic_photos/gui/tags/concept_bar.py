# SPDX-License-Identifier: GPL-3.0-or-later
"""The bar above the photos of a custom concept: how well it finds held-out examples, suggestions, deletion."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from semantic_photos.domain.errors import UserFacingError
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.tags import leaf
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.widgets import formatting
from semantic_photos.gui.widgets.controls import ElidedLabel, button, label
from semantic_photos.services.concepts.custom_concepts import TrainedConcept
from semantic_photos.translation import tr, translated, trn

#: Answers after which a concept is trained again.
STEP = 5
#: Pause after the last answer before that: the photos must not change while the user goes on answering.
_PAUSE_MS = 700


class ConceptBar(QFrame):
    """Describes a custom concept, and trains it again from answers.

    Signals:
        fitted: name of a concept that was trained again, so other photos are suggested now.
        forget_wanted: name of a concept to delete.
    """

    fitted = Signal(str)
    forget_wanted = Signal(str)

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("band")
        self._bridge = bridge
        self._as_trained: dict[str, TrainedConcept] = {}
        self._first: dict[str, TrainedConcept] = {}
        self._names: frozenset[str] = frozenset()
        self._tag, self._answers, self._busy = "", 0, False
        self.uncertain_first, self.wanted = True, False
        self.prompt = ElidedLabel(kind="heading", mode=Qt.TextElideMode.ElideRight)
        self.figures = label(kind="dim", wrap=True)
        self.ask = button(tr("Suggest more photos"), icon="target")
        self.forget = button(tr("Delete…"), icon="remove")
        for one in (self.ask, self.forget):
            one.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        words = QVBoxLayout()
        words.setSpacing(3)
        words.addWidget(self.prompt)
        words.addWidget(self.figures)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 8, 16, 8)
        row.setSpacing(8)
        row.addLayout(words, 1)
        row.addWidget(self.ask)
        row.addWidget(self.forget)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self.retrain)
        self.ask.clicked.connect(self._on_ask)
        self.forget.clicked.connect(lambda: self.forget_wanted.emit(self._tag))
        self.hide()

    def take(self, trained: TrainedConcept) -> None:
        """Remember a concept that was just trained."""
        self._names |= {trained.name}
        self._as_trained[trained.name] = self._first[trained.name] = trained

    def know(self, names: Sequence[str]) -> bool:
        """Take the names of all concepts; return whether the shown one, with its suggestions, was deleted."""
        self._names = frozenset(names)
        gone = set(self._as_trained) - self._names
        for name in gone:
            del self._as_trained[name], self._first[name]
        self._tell()
        return self._tag in gone

    def photos(self, tag: str) -> Sequence[tuple[PhotoId, float]] | None:
        """Return the least certain photos of a concept, or the most similar; None where it was not trained here."""
        trained = self._as_trained.get(tag)
        return None if trained is None else trained.photos_to_review if self.uncertain_first else trained.likely

    def show_tag(self, tag: str, *, asks: bool, can_change: bool) -> None:
        """Describe a tag if it is a custom concept; ``asks`` while suggested photos of it are shown."""
        if tag != self._tag:
            self._tag, self._answers = tag, 0
            self._pause.stop()
        self.ask.setVisible(not asks and can_change)
        self.forget.setVisible(can_change)
        self._tell()

    def answered(self, count: int, left: int) -> None:
        """Count answers; after ``STEP`` of them, or when no photo is left, train the concept again."""
        if self._tag in self._as_trained:
            self._answers += count
            if self._answers >= STEP or not left:
                self._pause.start()

    def changed_back(self) -> None:
        """Train again, because answers were undone."""
        if self._tag in self._as_trained:
            self._pause.start()

    def _on_ask(self) -> None:
        # The suggestions are shown even if the user looks at the confirmed photos.
        self.wanted = True
        self.retrain()
        self._tell()

    def retrain(self) -> None:
        """Train the concept again from all answers, in a background thread."""
        tag, library = self._tag, self._bridge.library
        if tag not in self._names or self._busy:
            return
        self._busy, self._answers = True, 0
        first = self._first.get(tag)
        among_first = first.held_out.first if first is not None else None

        def failed(error: Exception) -> None:
            self._busy = False
            asked, self.wanted = self.wanted, False
            self._tell()
            # It may have been deleted, or too few photos have the tag: an error only for a user who asked.
            if asked or not isinstance(error, UserFacingError):
                self._bridge.failed.emit(error)

        self._bridge.run(
            lambda: library.custom_concepts.again(tag, first=among_first), self._on_trained, failed, lane="pool"
        )  # fmt: skip

    def _on_trained(self, trained: TrainedConcept) -> None:
        self._busy = False
        if trained.name in self._names:
            self._as_trained[trained.name] = trained
            self._first.setdefault(trained.name, trained)
            self.fitted.emit(trained.name)
            self.wanted = False
            self._tell()

    def _tell(self) -> None:
        self.setVisible(self._tag in self._names)
        self.ask.setEnabled(not self.wanted)
        self.ask.setText(tr("Searching…") if self.wanted else tr("Suggest more photos"))
        trained, name = self._as_trained.get(self._tag), formatting.shown(leaf(self._tag))
        if trained is None:
            self.prompt.set_text(tr("“{name}” is a custom concept", name=name))
            self.figures.setText(tr("Use it as a word in searches. Suggest more photos to test and improve it."))
            return
        if self.ask.isVisibleTo(self):
            self.prompt.set_text(tr("“{name}” is a custom concept", name=name))
        else:
            self.prompt.set_text(tr("Does this show “{name}”?  Enter: yes  ·  X: no", name=name))
        self.figures.setText(figures(self._first[self._tag], trained))


def figures(first: TrainedConcept, now: TrainedConcept) -> str:
    """Return how well a concept finds held-out examples, and what it is trained on since the first time."""
    sentences = [translated(now.held_out.figures), translated(now.held_out.verdict)]
    if (first.examples, first.rejected) != (now.examples, now.rejected):
        sentences.append(
            trn(
                "At first it was trained on {count:,} photo and found {found:,}.",
                "At first it was trained on {count:,} photos and found {found:,}.",
                first.examples, found=first.held_out.after,
            )
        )  # fmt: skip
        sentences.append(
            tr(
                "Now it is trained on {confirmed:,} confirmed and {rejected:,} rejected photos.",
                confirmed=now.examples, rejected=now.rejected,
            )
        )  # fmt: skip
    return " ".join(sentences)
