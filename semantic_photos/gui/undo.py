# SPDX-License-Identifier: GPL-3.0-or-later
"""What was done to tags and remarks, and the way back: one list of steps for the whole window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from semantic_photos.gui.bridge import Bridge
from semantic_photos.storage.tags import Change

#: Steps that are kept; a run over a large library is a step of some megabytes.
MOST_STEPS = 100

Way = Callable[[], Change]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was done: what to call it, and how to take it back (which returns the way forward again)."""

    text: str
    back: Way


class UndoStack(QObject):
    """Does changes on the library lane, in order, and takes them back.

    Signals:
        did: what was just done, and can be taken back.
        said: a word about anything else.
        stepped: what can be taken back or done again has changed.
    """

    did = Signal(str)
    said = Signal(str)
    stepped = Signal()

    def __init__(self, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._done: list[Step] = []
        self._undone: list[Step] = []
        self._under_way = 0
        self._wishes: list[bool] = []

    @property
    def can_change(self) -> bool:
        """Return whether anything can be changed in this library."""
        return not self._bridge.library.read_only

    @property
    def undo_text(self) -> str:
        """Return what would be taken back, or an empty text."""
        return self._done[-1].text if self._done else ""

    @property
    def redo_text(self) -> str:
        """Return what would be done again, or an empty text."""
        return self._undone[-1].text if self._undone else ""

    def do(
        self,
        text: str,
        work: Way,
        on_done: Callable[[Change], object] | None = None,
        *,
        back: Way | None = None,
        publish: bool = True,
        quiet: bool = False,
    ) -> None:
        """Do something that can be taken back.

        Args:
            text: what it is called: ``“dog” confirmed on 3 photos``.
            work: does it, on the library lane.
            on_done: told the change, in the GUI thread.
            back: takes it back; without it the change is reverted.
            publish: tell the library's listeners which photos changed; false where ``work`` does so itself.
            quiet: say nothing.
        """
        if not self.can_change:
            self.said.emit("This library can only be read.")
            return
        tags = self._bridge.library.tags

        def finish(change: Change) -> None:
            if change:
                self._done = [*self._done, Step(text, back or (lambda: tags.revert(change)))][-MOST_STEPS:]
                self._undone.clear()
            self._tell(text if change and not quiet else "", undoable=True)
            if on_done is not None:
                on_done(change)

        self._run(lambda: self._published(work(), publish=publish), finish)

    def take_in(self, text: str, change: Change, back: Way | None = None) -> None:
        """Remember something that was done elsewhere, and published there."""
        tags = self._bridge.library.tags
        if change:
            self._done = [*self._done, Step(text, back or (lambda: tags.revert(change)))][-MOST_STEPS:]
            self._undone.clear()
            self._tell(text, undoable=True)

    def undo(self) -> None:
        """Take the last step back."""
        self._step(forward=False)

    def redo(self) -> None:
        """Do again what was taken back last."""
        self._step(forward=True)

    def _step(self, *, forward: bool) -> None:
        if self._under_way:
            # What is being done is the last step as soon as it is done.
            self._wishes.append(forward)
            return
        source, target = (self._undone, self._done) if forward else (self._done, self._undone)
        if not source:
            self.said.emit("There is nothing to do again." if forward else "There is nothing to undo.")
            return
        step = source.pop()
        tags = self._bridge.library.tags

        def finish(change: Change) -> None:
            # Where everything was changed again since, nothing was taken back, and there is nothing to go on from.
            if change:
                target.append(Step(step.text, lambda: tags.revert(change)))
            word = "Done again" if forward else "Undone"
            self._tell(f"{word}: {step.text}" if change else f"Changed since, so left as it is: {step.text}")

        self._run(lambda: self._published(step.back(), publish=True), finish)

    def _run(self, work: Way, finish: Callable[[Change], object]) -> None:
        self._under_way += 1

        def on_done(change: Change) -> None:
            self._under_way -= 1
            finish(change)
            self._next()

        def on_error(error: Exception) -> None:
            self._under_way -= 1
            self._bridge.failed.emit(error)
            self.stepped.emit()
            self._next()

        self._bridge.run(work, on_done, on_error)

    def _next(self) -> None:
        if self._wishes and not self._under_way:
            self._step(forward=self._wishes.pop(0))

    def _published(self, change: Change, *, publish: bool) -> Change:
        if change and publish:
            self._bridge.library.announce(change.photo_ids)
        return change

    def _tell(self, text: str, *, undoable: bool = False) -> None:
        self.stepped.emit()
        if text:
            (self.did if undoable else self.said).emit(text)
