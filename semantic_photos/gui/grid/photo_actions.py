# SPDX-License-Identifier: GPL-3.0-or-later
"""Actions on photos: open, show in the file manager, copy. Files are only read in the bridge's pool."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QMimeData, QUrl
from PySide6.QtGui import QGuiApplication, QImage

from semantic_photos.domain.errors import UserFacingError
from semantic_photos.domain.photo import Photo, PhotoId, is_photo_name
from semantic_photos.domain.translatable import Message
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.widgets.images import image_of

_log = logging.getLogger(__name__)

#: Longer side of an image on the clipboard, in pixels.
CLIPBOARD_SIDE = 4096
#: Most photos that are opened at once.
MOST_OPENED = 12

Launch = Callable[[Sequence[Path]], None]


def open_photos(bridge: Bridge, ids: Sequence[PhotoId], launch: Launch | None = None) -> None:
    """Open photos with the desktop's program for them."""
    _with_paths(bridge, ids[:MOST_OPENED], launch or open_files)


def show_in_manager(bridge: Bridge, ids: Sequence[PhotoId], show: Launch | None = None) -> None:
    """Show photos in the file manager, selected."""
    _with_paths(bridge, ids[:MOST_OPENED], show or show_files)


def copy_photos(bridge: Bridge, ids: Sequence[PhotoId]) -> None:
    """Put the files on the clipboard, and for a single photo its image too."""

    def place(photos: dict[PhotoId, Photo]) -> None:
        paths = [photos[photo_id].path for photo_id in ids if photo_id in photos]
        if not paths:
            return
        QGuiApplication.clipboard().setMimeData(clipboard_data(paths))
        if len(paths) == 1:
            bridge.run(
                lambda: image_of(bridge.library.preview(paths[0], CLIPBOARD_SIDE)),
                lambda image: _add_image(paths, image),
                lambda error: _log.info("no picture for the clipboard: %s", error),
                lane="pool",
            )

    _with_photos(bridge, ids, place)


def copy_paths(bridge: Bridge, ids: Sequence[PhotoId]) -> None:
    """Put the paths on the clipboard as text, a line each."""

    def place(photos: dict[PhotoId, Photo]) -> None:
        text = "\n".join(str(photos[photo_id].path) for photo_id in ids if photo_id in photos)
        QGuiApplication.clipboard().setText(text.encode("utf-8", "replace").decode())

    _with_photos(bridge, ids, place)


def clipboard_data(paths: Sequence[Path], image: QImage | None = None) -> QMimeData:
    """Return files as other programs expect them: URLs, plain text, and the format of GNOME's file manager."""
    data = QMimeData()
    urls = [QUrl.fromLocalFile(str(path)) for path in paths]
    data.setUrls(urls)
    listed = "\n".join(url.toString(QUrl.ComponentFormattingOption.FullyEncoded) for url in urls)
    data.setData("x-special/gnome-copied-files", f"copy\n{listed}".encode())
    if image is not None and not image.isNull():
        data.setImageData(image)
    return data


def _add_image(paths: Sequence[Path], image: QImage) -> None:
    clipboard = QGuiApplication.clipboard()
    held = clipboard.mimeData()
    # Something else may have been copied meanwhile.
    if held is not None and [url.toLocalFile() for url in held.urls()] == [str(path) for path in paths]:
        clipboard.setMimeData(clipboard_data(paths, image))


def _with_photos(bridge: Bridge, ids: Sequence[PhotoId], use: Callable[[dict[PhotoId, Photo]], None]) -> None:
    wanted = list(ids)
    if wanted:
        bridge.run(lambda: bridge.library.photos(wanted), use)


def _with_paths(bridge: Bridge, ids: Sequence[PhotoId], launch: Launch) -> None:
    def go(photos: dict[PhotoId, Photo]) -> None:
        paths = [photos[photo_id].path for photo_id in ids if photo_id in photos]
        if paths:
            bridge.run(lambda: launch(paths), lane="pool")

    _with_photos(bridge, ids, go)


def open_files(paths: Sequence[Path]) -> None:
    """Start the desktop's program for each file. Thread: a pool thread.

    Raises:
        UserFacingError: when a file is missing, is no photo by its name, or the desktop has no program for it.
    """
    for path in paths:
        _check(path)
        try:
            if sys.platform == "win32":
                os.startfile(path)
            else:
                # Bytes, not a URL: a name may hold anything, and no shell reads it.
                program = "open" if sys.platform == "darwin" else "xdg-open"
                subprocess.Popen(
                    [os.fsencode(program), os.fsencode(path)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL, start_new_session=True,
                )  # fmt: skip
        except OSError as error:
            raise UserFacingError(
                Message("{name} could not be opened: {reason}.", name=path.name, reason=error.strerror or str(error)),
                code="open.failed",
                advice=Message("Use “Show in file manager” instead."),
            ) from error


def show_files(paths: Sequence[Path]) -> None:
    """Show files in the file manager. Thread: a pool thread.

    Raises:
        UserFacingError: when a file is missing or there is no file manager.
    """
    for path in paths:
        _check(path)
    try:
        from showinfm.showinfm import show_in_file_manager

        show_in_file_manager([str(path) for path in paths])
    except Exception as error:
        raise UserFacingError(
            Message("The file manager could not be started: {reason}.", reason=str(error)),
            code="show.failed",
            advice=Message("Use “Copy path” instead."),
        ) from error


def _check(path: Path) -> None:
    if not is_photo_name(path.name):
        raise UserFacingError(
            Message("{name} was not opened: its name is not that of a photo.", name=path.name), code="open.refused"
        )
    if not path.is_file():
        raise UserFacingError(
            Message("{name} cannot be found.", name=path.name),
            code="open.gone",
            advice=Message("Connect the drive it is on, or rescan the folder."),
        )
