# SPDX-License-Identifier: GPL-3.0-or-later
"""User data out of the program and into it: files, other programs' tags, folders as tags."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog, QMenu, QMessageBox, QWidget

from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.undo import UndoStack
from semantic_photos.gui.widgets import formatting, theme
from semantic_photos.services.metadata.user_data import ImportReport


class UserDataActions(QObject):
    """Asks for files, and says what became of them.

    Signals:
        said: a word about what was done.
    """

    said = Signal(str)

    def __init__(self, bridge: Bridge, undo: UndoStack, window: QWidget) -> None:
        super().__init__(window)
        self._bridge, self._undo, self._window = bridge, undo, window
        self.report: QMessageBox | None = None

    def add_to(self, menu: QMenu) -> None:
        """Add what can be done to a menu."""
        user_data = self._bridge.library.user_data
        self._entry(menu, "Export tags, ratings, votes and searches…", "open", self.ask_export)
        menu.addSeparator()
        for text, icon, go in (
            ("Import such a file…", "folder", lambda: self._ask("Import", "Work (*.json *.csv)", self.import_file)),
            ("Import a digiKam database…", "tag",
             lambda: self._ask("digiKam database", "digikam4.db (*.db);;All files (*)", self.import_digikam)),
            ("Folders as tags", "folder-add", lambda: self._take(user_data.import_folders)),
        ):  # fmt: skip
            self._entry(menu, text, icon, go).setEnabled(self._undo.can_change)

    @staticmethod
    def _entry(menu: QMenu, text: str, icon: str, go: Callable[[], object]) -> QAction:
        action = menu.addAction(theme.icon(icon), text)
        action.triggered.connect(lambda: go())
        return action

    def ask_export(self) -> None:
        """Ask for the file to write."""
        dialog = QFileDialog(self._window, "Export")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters(["JSON: everything (*.json)", "CSV: a table for other programs (*.csv)"])
        dialog.setDefaultSuffix("json")
        dialog.filterSelected.connect(lambda name: dialog.setDefaultSuffix("csv" if "csv" in name else "json"))
        dialog.selectFile("semantic-photos.json")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda path: self.export(Path(path)))
        dialog.open()

    def export(self, file: Path) -> None:
        """Write user data into a file."""
        user_data = self._bridge.library.user_data
        self._bridge.run(
            lambda: user_data.export(file),
            lambda photos: self.said.emit(f"Work on {formatting.many(photos, 'photo')} written into {file.name}"),
            lane="pool",
        )

    def _ask(self, title: str, names: str, chosen: Callable[[Path], object]) -> None:
        dialog = QFileDialog(self._window, title)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilters(names.split(";;"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda path: chosen(Path(path)))
        dialog.open()

    def import_file(self, file: Path) -> None:
        """Take in what ``export`` wrote."""
        user_data = self._bridge.library.user_data
        self._take(lambda: user_data.import_file(file))

    def import_digikam(self, file: Path) -> None:
        """Take in the tags of a digiKam database."""
        user_data = self._bridge.library.user_data
        self._take(lambda: user_data.import_digikam(file))

    def _take(self, work: Callable[[], ImportReport]) -> None:
        self._bridge.run(work, self._on_report, lane="pool")

    def _on_report(self, report: ImportReport) -> None:
        what = f"Work on {formatting.many(report.photos, 'photo')} imported"
        if report.change:
            self._undo.take_in(what, report.change)
        box = self.report = QMessageBox(self._window)
        box.setWindowTitle("Import")
        box.setText(f"{what}.")
        box.setInformativeText(told(report))
        if report.unknown:
            box.setDetailedText("\n".join(formatting.shown(str(one)) for one in report.unknown[:500]))
        undo = box.addButton("Undo", QMessageBox.ButtonRole.DestructiveRole) if report.change else None
        box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Close))
        box.buttonClicked.connect(lambda pressed: self._undo.undo() if undo is not None and pressed is undo else None)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.finished.connect(lambda _: setattr(self, "report", None))
        box.open()


def told(report: ImportReport) -> str:
    """Return in words what became of an import beyond the number of photos."""
    lines = []
    if report.searches:
        lines.append(f"{formatting.many(report.searches, 'saved search', 'saved searches')} came in.")
    if report.not_found:
        lines.append(f"{formatting.many(report.not_found, 'photo')} of it are not in this library.")
    if report.bad:
        lines.append(f"{formatting.many(report.bad, 'entry', 'entries')} could not be understood and were left out.")
    if not report.change:
        lines.append("No tag, rating or caption is another one now.")
    else:
        lines.append("It can be undone with Ctrl+Z until the program ends.")
    return " ".join(lines)
