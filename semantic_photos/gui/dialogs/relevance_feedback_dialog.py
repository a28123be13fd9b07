# SPDX-License-Identifier: GPL-3.0-or-later
"""All thumbs up and down, by the query they were given for, and ways to take them back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QHeaderView, QTreeWidget, QTreeWidgetItem, QWidget

from semantic_photos.domain.photo import Photo, PhotoId
from semantic_photos.domain.relevance_feedback import Vote, query_title
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.widgets import formatting, theme
from semantic_photos.gui.widgets.controls import button, label, lay_out_list

_VOTES = Qt.ItemDataRole.UserRole


class RelevanceFeedbackDialog(QDialog):
    """Lists votes.

    Signals:
        changed: votes were taken back.
    """

    changed = Signal()

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self.setWindowTitle("What was marked as right and wrong")
        self.resize(640, 460)
        self._words = label("", "dim", wrap=True)
        self._tree = QTreeWidget()
        self._tree.setAccessibleName("Marked photos by question")
        self._tree.setHeaderLabels(["Question", "Marked"])
        self._tree.setSelectionMode(QTreeWidget.SelectionMode.ExtendedSelection)
        self._tree.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        header = self._tree.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.resizeSection(1, 130)
        self._remove = button("Remove", icon="remove")
        self._remove_all = button("Remove all")
        close = button("Close")
        lay_out_list(self, self._words, self._tree, (self._remove, self._remove_all), close)
        close.clicked.connect(self.accept)
        self._remove.clicked.connect(self._take_back)
        self._remove_all.clicked.connect(self._take_all_back)
        self._tree.itemSelectionChanged.connect(self._enable)
        self._load()

    def rows(self) -> list[tuple[str, list[str]]]:
        """Return each query with its photos."""
        found = []
        for item in (self._tree.topLevelItem(n) for n in range(self._tree.topLevelItemCount())):
            if item is not None:
                children = (item.child(n) for n in range(item.childCount()))
                found.append((item.text(0), [child.text(0) for child in children if child is not None]))
        return found

    def _load(self) -> None:
        library = self._bridge.library

        def work() -> tuple[list[Vote], dict[PhotoId, Photo]]:
            feedback = library.search.feedback
            votes = feedback.all_votes() if feedback is not None else []
            return votes, library.photos(list({vote.photo_id for vote in votes}))

        self._bridge.run(work, self._fill)

    def _fill(self, found: tuple[Sequence[Vote], dict[PhotoId, Photo]]) -> None:
        votes, photos = found
        self._tree.clear()
        groups: dict[str, list[Vote]] = {}
        for vote in votes:
            groups.setdefault(vote.query, []).append(vote)
        for query, own in groups.items():
            up = sum(vote.vote > 0 for vote in own)
            item = QTreeWidgetItem([formatting.shown(query_title(query)), f"{up} up, {len(own) - up} down"])
            item.setData(0, _VOTES, own)
            for vote in own:
                photo = photos.get(vote.photo_id)
                name = formatting.shown(photo.path.name) if photo is not None else "a photo that is gone"
                line = QTreeWidgetItem([name, "right" if vote.vote > 0 else "wrong"])
                line.setIcon(0, theme.icon("thumb-up" if vote.vote > 0 else "thumb-down"))
                line.setData(0, _VOTES, [vote])
                item.addChild(line)
            self._tree.addTopLevelItem(item)
            item.setExpanded(True)
        count = len(votes)
        said = f"{formatting.many(count, 'photo')} marked, for {formatting.many(len(groups), 'question')}. "
        self._words.setText(said + "Marks stay on this computer; each counts for its own question."
                            if count else "No photo is marked.")  # fmt: skip
        self._remove_all.setEnabled(bool(count))
        self._enable()

    def _chosen(self) -> list[Vote]:
        found = {(v.query, v.photo_id): v for item in self._tree.selectedItems() for v in item.data(0, _VOTES)}
        return list(found.values())

    def _enable(self) -> None:
        chosen = len(self._chosen())
        self._remove.setEnabled(chosen > 0)
        self._remove.setText(f"Remove {formatting.many(chosen, 'mark')}" if chosen else "Remove")

    def _take_back(self) -> None:
        chosen, feedback = self._chosen(), self._bridge.library.search.feedback
        if feedback is not None:
            self._change(lambda: feedback.withdraw(chosen))

    def _take_all_back(self) -> None:
        feedback = self._bridge.library.search.feedback
        if feedback is not None:
            self._change(lambda: feedback.clear())

    def _change(self, work: Callable[[], object]) -> None:
        self._bridge.run(work, self._on_changed)

    def _on_changed(self, _done: object) -> None:
        # Else the next button has the keys as soon as nothing is chosen: "Remove all".
        self._tree.setFocus()
        self.changed.emit()
        self._load()
