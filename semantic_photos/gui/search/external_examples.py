# SPDX-License-Identifier: GPL-3.0-or-later
"""Example photos from outside the library: pasted, dropped or chosen. Pasted pixels become a temporary file."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from PySide6.QtCore import QMimeData, QObject, Signal
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QFileDialog, QWidget

from semantic_photos.domain.errors import UserFacingError
from semantic_photos.domain.photo import PHOTO_SUFFIXES, is_photo_name
from semantic_photos.domain.translatable import Message
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.widgets.images import PASTED, pictures_folder
from semantic_photos.translation import tr


class ExternalExamples(QObject):
    """Takes pictures from the clipboard, from drops and from a file dialog.

    Signals:
        picture_given: the ``Path`` of an image file to find similar photos for.
        files_given: a list with the ``Path`` of each file or folder that is no photo.
    """

    picture_given = Signal(object)
    files_given = Signal(object)

    def __init__(self, bridge: Bridge, window: QWidget) -> None:
        super().__init__(window)
        self._bridge, self._window = bridge, window
        self._folder: Path | None = None
        self._count = 0

    def paste(self) -> bool:
        """Take the picture or files on the clipboard; return False if there are none."""
        return self.take(QGuiApplication.clipboard().mimeData())

    def take(self, data: QMimeData | None) -> bool:
        """Take a picture or files out of ``data``; return False if it holds none."""
        if data is None:
            return False
        files = [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
        pictures = [path for path in files if is_photo_name(path.name)]
        if pictures:
            self.picture_given.emit(pictures[0])
            return True
        if files:
            self.files_given.emit(files)
            return True
        image = QImage(data.imageData()) if data.hasImage() else QImage()
        if image.isNull():
            return False
        self._keep(image)
        return True

    def _keep(self, image: QImage) -> None:
        self._count += 1
        name = tr("Pasted picture {number}.png", number=self._count)
        known = self._folder

        def work() -> tuple[Path, Path]:
            folder = known or Path(tempfile.mkdtemp(prefix=PASTED))
            path = folder / name
            if not image.save(str(path)):
                raise UserFacingError(
                    Message("The pasted picture could not be saved to a temporary file."), code="paste.failed",
                    advice=Message("Free some space on the drive of {folder}, then paste again.", folder=folder),
                )  # fmt: skip
            return folder, path

        self._bridge.run(work, self._on_kept, lane="pool")

    def _on_kept(self, kept: tuple[Path, Path]) -> None:
        self._folder = kept[0]
        self.picture_given.emit(kept[1])

    def choose_file(self) -> None:
        """Let the user choose an image file."""
        dialog = QFileDialog(self._window, tr("Find photos similar to a file"))
        dialog.setDirectory(str(pictures_folder()))
        dialog.setOption(QFileDialog.Option.HideNameFilterDetails)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        patterns = " ".join(f"*{suffix} *{suffix.upper()}" for suffix in sorted(PHOTO_SUFFIXES))
        dialog.setNameFilters([tr("Pictures ({patterns})", patterns=patterns), tr("All files (*)")])
        dialog.fileSelected.connect(lambda name: self.picture_given.emit(Path(name)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def forget(self) -> None:
        """Remove the temporary files."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
