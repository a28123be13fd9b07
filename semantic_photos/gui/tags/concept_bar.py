# SPDX-License-Identifier: GPL-3.0-or-later
"""Above the photos of a taught subject: how well it is found unseen, what is asked now, and the way to forget it."""

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
from semantic_photos.services.concepts.concept_evaluation import HoldOutResult
from semantic_photos.services.concepts.custom_concepts import TrainedConcept

#: After so many answers a subject is learnt again.
STEP = 5
#: But not while somebody goes on answering: the photos would change under their eyes.
_PAUSE_MS = 700


class ConceptBar(QFrame):
    """Tells of a taught subject, and learns it again from answers.

    Signals:
        fitted: this subject was learnt again, so there are other photos to ask about.
        forget_wanted: this subject shall be taken back.
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
        self.ask = button("Ask me about more", icon="target")
        self.forget = button("Forget…", icon="remove")
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
        """Take in what was just taught."""
        self._names |= {trained.name}
        self._as_trained[trained.name] = self._first[trained.name] = trained

    def know(self, names: Sequence[str]) -> bool:
        """Take in which names are taught; return whether the shown one was forgotten, and its questions with it."""
        self._names = frozenset(names)
        gone = set(self._as_trained) - self._names
        for name in gone:
            del self._as_trained[name], self._first[name]
        self._tell()
        return self._tag in gone

    def photos(self, tag: str) -> Sequence[tuple[PhotoId, float]] | None:
        """Return the photos to ask about, or the likest ones; None where neither was looked for."""
        trained = self._as_trained.get(tag)
        return None if trained is None else trained.photos_to_review if self.uncertain_first else trained.likely

    def show_tag(self, tag: str, *, asks: bool, can_change: bool) -> None:
        """Tell of a tag if it is taught; ``asks`` while photos of it wait on the wall."""
        if tag != self._tag:
            self._tag, self._answers = tag, 0
            self._pause.stop()
        self.ask.setVisible(not asks and can_change)
        self.forget.setVisible(can_change)
        self._tell()

    def answered(self, count: int, left: int) -> None:
        """Count answers; after some of them, or when none is left to give, the subject is learnt again."""
        if self._tag in self._as_trained:
            self._answers += count
            if self._answers >= STEP or not left:
                self._pause.start()

    def changed_back(self) -> None:
        """Answers were taken back: what was learnt from them goes too."""
        if self._tag in self._as_trained:
            self._pause.start()

    def _on_ask(self) -> None:
        # Also from the page of what is confirmed: there nothing else brings questions.
        self.wanted = True
        self.retrain()
        self._tell()

    def retrain(self) -> None:
        """Learn the subject again from all that was said by now, away from the window's thread."""
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
            # Meanwhile it may have been forgotten, or too few photos have the tag: only who asked wants to know.
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
        self.ask.setText("Looking…" if self.wanted else "Ask me about more")
        trained, name = self._as_trained.get(self._tag), formatting.shown(leaf(self._tag))
        if trained is None:
            self.prompt.set_text(f"“{name}” is a subject that you taught, and a word to search for")
            self.figures.setText("Ask for more photos of it, and see how well it is found.")
            return
        self.prompt.set_text(
            f"Is this {name}?  Enter: yes  ·  X: no" if not self.ask.isVisibleTo(self) else f"Taught: {name}"
        )
        self.figures.setText(figures(self._first[self._tag], trained))


def figures(first: TrainedConcept, now: TrainedConcept) -> str:
    """Return how well a subject is found, and what answers added to it, in a few words."""
    held: HoldOutResult = now.held_out
    text = f"{held.figures} {held.verdict}"
    if (first.examples, first.rejected) != (now.examples, now.rejected):
        wrong = f" and {now.rejected} that are not it" if now.rejected else ""
        text += f" From {first.examples} photos it was {first.held_out.after}; now it knows {now.examples}{wrong}."
    return text
