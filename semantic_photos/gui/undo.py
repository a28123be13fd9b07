# SPDX-License-Identifier: GPL-3.0-or-later
"""Undo and redo of changes to tags, ratings and captions: Qt's undo stack, with the work on the library lane."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from semantic_photos.gui.bridge import Bridge
from semantic_photos.storage.tags import Change
from semantic_photos.translation import tr

#: Commands that are kept; a tagging run over a large library takes some megabytes.
MOST_COMMANDS = 100

Way = Callable[[], Change]


class _Command(QUndoCommand):
    """A change that was made, and how to revert it.

    Attributes:
        back: reverts the change, on the library lane; replaced after each undo and redo.
    """

    def __init__(self, text: str, back: Way) -> None:
        super().__init__(text)
        self.back = back


class UndoStack(QObject):
    """Makes changes on the library lane, in order, and undoes and redoes them.

    ``QUndoStack`` keeps the commands, their order and limit, and moves over a command only when its work on the lane
    has finished: so a command that failed stays where it was, and one that changed nothing is dropped. While work runs,
    further steps wait.

    Signals:
        did: text of a change that was just made and can be undone.
        said: any other message.
        stepped: what can be undone or redone has changed.
    """

    did = Signal(str)
    said = Signal(str)
    stepped = Signal()

    def __init__(self, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._stack = QUndoStack(self)
        self._stack.setUndoLimit(MOST_COMMANDS)
        self._running = 0
        self._waiting: list[Callable[[], None]] = []

    @property
    def can_change(self) -> bool:
        """Return whether the library can be changed."""
        return not self._bridge.library.read_only

    @property
    def undo_text(self) -> str:
        """Return the text of the change that would be undone, or an empty text."""
        return self._stack.undoText()

    @property
    def redo_text(self) -> str:
        """Return the text of the change that would be redone, or an empty text."""
        return self._stack.redoText()

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
        """Make a change that can be undone.

        Args:
            text: its name for the user: ``“dog” confirmed on 3 photos``.
            work: makes the change, on the library lane.
            on_done: called with the change, in the GUI thread.
            back: reverts the change; without it ``Change`` is reverted row by row.
            publish: tell the library's listeners which photos changed; false where ``work`` does so itself.
            quiet: emit no text.
        """
        if not self.can_change:
            self.said.emit(tr("This library is read-only."))
            return

        def finish(change: Change) -> None:
            if change:
                self._push(text, change, back)
            self._tell(text if change and not quiet else "", undoable=True)
            if on_done is not None:
                on_done(change)

        self._run(lambda: self._published(work(), publish=publish), finish)

    def take_in(self, text: str, change: Change, back: Way | None = None) -> None:
        """Add a change that was made, and published, elsewhere."""
        if not change:
            return
        if self._running:
            # Pushing deletes what can be redone, and so the command that may be running.
            self._waiting.append(partial(self.take_in, text, change, back))
            return
        self._push(text, change, back)
        self._tell(text, undoable=True)

    def undo(self) -> None:
        """Undo the last change."""
        self._step(forward=False)

    def redo(self) -> None:
        """Redo the change that was undone last."""
        self._step(forward=True)

    def _push(self, text: str, change: Change, back: Way | None) -> None:
        self._stack.push(_Command(text, back or self._revert(change)))

    def _revert(self, change: Change) -> Way:
        tags = self._bridge.library.tags
        return lambda: tags.revert(change)

    def _step(self, *, forward: bool) -> None:
        if self._running:
            # What is running is the last change as soon as it has finished.
            self._waiting.append(partial(self._step, forward=forward))
            return
        if not (self._stack.canRedo() if forward else self._stack.canUndo()):
            self.said.emit(tr("Nothing to redo.") if forward else tr("Nothing to undo."))
            return
        command = self._stack.command(self._stack.index() - (0 if forward else 1))
        assert isinstance(command, _Command)

        def finish(change: Change) -> None:
            command.back = self._revert(change)
            # All of it may have been changed again since then. Qt drops an obsolete command when it moves over it.
            command.setObsolete(not change)
            text = command.text()
            if forward:
                self._stack.redo()
            else:
                self._stack.undo()
            if not change:
                self._tell(tr("Changed since then, so left as it is: {action}", action=text))
            elif forward:
                self._tell(tr("Redone: {action}", action=text))
            else:
                self._tell(tr("Undone: {action}", action=text))

        self._run(lambda: self._published(command.back(), publish=True), finish)

    def _run(self, work: Way, finish: Callable[[Change], object]) -> None:
        self._running += 1

        def on_done(change: Change) -> None:
            self._running -= 1
            finish(change)
            self._next()

        def on_error(error: Exception) -> None:
            self._running -= 1
            self._bridge.failed.emit(error)
            self.stepped.emit()
            self._next()

        self._bridge.run(work, on_done, on_error)

    def _next(self) -> None:
        while self._waiting and not self._running:
            self._waiting.pop(0)()

    def _published(self, change: Change, *, publish: bool) -> Change:
        if change and publish:
            self._bridge.library.announce(change.photo_ids)
        return change

    def _tell(self, text: str, *, undoable: bool = False) -> None:
        self.stepped.emit()
        if text:
            (self.did if undoable else self.said).emit(text)
