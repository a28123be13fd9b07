# SPDX-License-Identifier: GPL-3.0-or-later
"""Export and import of user data: files, digiKam databases, folder names as tags."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog, QMenu, QMessageBox, QWidget

from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.undo import UndoStack
from semantic_photos.gui.widgets import formatting, theme
from semantic_photos.services.metadata.user_data import ImportReport
from semantic_photos.translation import tr, trn


class UserDataActions(QObject):
    """Menu entries and dialogs for exporting and importing user data.

    Signals:
        said: a message about a finished export.
    """

    said = Signal(str)

    def __init__(self, bridge: Bridge, undo: UndoStack, window: QWidget) -> None:
        super().__init__(window)
        self._bridge, self._undo, self._window = bridge, undo, window
        self.report: QMessageBox | None = None

    def add_to(self, menu: QMenu) -> None:
        """Add the entries to a menu."""
        user_data = self._bridge.library.user_data
        self._entry(menu, tr("Export tags, ratings, votes and searches…"), "open", self.ask_export)
        menu.addSeparator()
        user_data_files = [tr("Exported user data (*.json *.csv)")]
        databases = [tr("digiKam database (*.db)"), tr("All files (*)")]
        for text, icon, go in (
            (tr("Import exported user data…"), "folder",
             lambda: self._ask(tr("Import user data"), user_data_files, self.import_file)),
            (tr("Import digiKam tags…"), "tag",
             lambda: self._ask(tr("Import digiKam tags"), databases, self.import_digikam)),
            (tr("Use folder names as tags"), "folder-add", lambda: self._take(user_data.import_folders)),
        ):  # fmt: skip
            self._entry(menu, text, icon, go).setEnabled(self._undo.can_change)

    @staticmethod
    def _entry(menu: QMenu, text: str, icon: str, go: Callable[[], object]) -> QAction:
        action = menu.addAction(theme.icon(icon), text)
        action.triggered.connect(lambda: go())
        return action

    def ask_export(self) -> None:
        """Ask for the file to write."""
        dialog = QFileDialog(self._window, tr("Export user data"))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters([tr("JSON: everything (*.json)"), tr("CSV: a table for other programs (*.csv)")])
        dialog.setDefaultSuffix("json")
        dialog.filterSelected.connect(lambda name: dialog.setDefaultSuffix("csv" if "*.csv" in name else "json"))
        dialog.selectFile("semantic-photos.json")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda path: self.export(Path(path)))
        dialog.open()

    def export(self, file: Path) -> None:
        """Write user data into a file."""
        user_data = self._bridge.library.user_data
        self._bridge.run(
            lambda: user_data.export(file),
            lambda photos: self.said.emit(
                trn(
                    "Exported user data of {count:,} photo to {file}",
                    "Exported user data of {count:,} photos to {file}",
                    photos,
                    file=formatting.shown(file.name),
                )
            ),
            lane="pool",
        )

    def _ask(self, title: str, names: Sequence[str], chosen: Callable[[Path], object]) -> None:
        dialog = QFileDialog(self._window, title)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilters(names)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda path: chosen(Path(path)))
        dialog.open()

    def import_file(self, file: Path) -> None:
        """Import a file that ``export`` wrote."""
        user_data = self._bridge.library.user_data
        self._take(lambda: user_data.import_file(file))

    def import_digikam(self, file: Path) -> None:
        """Import the tags of a digiKam database."""
        user_data = self._bridge.library.user_data
        self._take(lambda: user_data.import_digikam(file))

    def _take(self, work: Callable[[], ImportReport]) -> None:
        self._bridge.run(work, self._on_report, lane="pool")

    def _on_report(self, report: ImportReport) -> None:
        if report.change:
            name = trn("Import for {count:,} photo", "Import for {count:,} photos", report.photos)
            self._undo.take_in(name, report.change)
        box = self.report = QMessageBox(self._window)
        box.setWindowTitle(tr("Import"))
        box.setText(
            trn("Imported user data for {count:,} photo.", "Imported user data for {count:,} photos.", report.photos)
        )
        box.setInformativeText(told(report))
        if report.unknown:
            box.setDetailedText("\n".join(formatting.shown(str(one)) for one in report.unknown[:500]))
        undo = box.addButton(tr("Undo"), QMessageBox.ButtonRole.DestructiveRole) if report.change else None
        box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Close))
        box.buttonClicked.connect(lambda pressed: self._undo.undo() if undo is not None and pressed is undo else None)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.finished.connect(lambda _: setattr(self, "report", None))
        box.open()


def told(report: ImportReport) -> str:
    """Return the rest of the report on an import: searches, photos not found, errors, undo."""
    lines = []
    if report.searches:
        lines.append(trn("{count:,} saved search was added.", "{count:,} saved searches were added.", report.searches))
    if report.not_found:
        lines.append(
            trn(
                "{count:,} photo is not in this library.", "{count:,} photos are not in this library.", report.not_found
            )
        )
    if report.bad:
        lines.append(
            trn("{count:,} entry was invalid and was skipped.", "{count:,} entries were invalid and were skipped.",
                report.bad)
        )  # fmt: skip
    if report.change:
        lines.append(tr("You can undo this with Ctrl+Z until you quit."))
    else:
        lines.append(tr("No tags, ratings or captions changed."))
    return " ".join(lines)
