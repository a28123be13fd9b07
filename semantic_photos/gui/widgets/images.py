# SPDX-License-Identifier: GPL-3.0-or-later
"""Pixels from the library as Qt's images, and where pictures from elsewhere are."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from PySide6.QtCore import QStandardPaths
from PySide6.QtGui import QGuiApplication, QImage

from semantic_photos.domain.errors import PhotoError
from semantic_photos.domain.ports import ByteArray
from semantic_photos.media.thumbnail_squares import pixels_of

#: Begins the name of the temporary folder that pasted pictures lie in.
PASTED = "semantic-photos-"


def image_of(pixels: ByteArray) -> QImage:
    """Return upright sRGB pixels, uint8 (H, W, 3), as an image that owns its memory. Thread: any."""
    height, width = pixels.shape[:2]
    flat = np.ascontiguousarray(pixels)
    # The length of a line is given: Qt would else assume lines padded to four bytes.
    return QImage(flat.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()


def thumbnail_image(data: bytes | None) -> QImage:
    """Return a stored thumbnail, which is a JPEG, or an image that ``isNull``. Thread: any.

    Qt's own decoders will not do beside the GUI thread. ``QImage.fromData`` keeps Python's lock, and asks the decoder
    of SVG, which takes a lock of Qt's; a ``QImageReader`` holds Qt's lock on its decoders while its ``QBuffer`` waits
    for Python's. The window that has one of these locks and waits for the other stood still for ever.
    """
    if not data:
        return QImage()
    try:
        return image_of(pixels_of(data))
    except PhotoError:
        return QImage()


def is_pasted(path: Path) -> bool:
    """Return whether a file is a pasted picture, which is removed when the window closes."""
    return path.parent.name.startswith(PASTED) and path.parent.parent == Path(tempfile.gettempdir())


def pictures_folder() -> Path:
    """Return where a user's pictures most likely are: the folder that the desktop calls so, or their home."""
    named = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.PicturesLocation)
    return Path(named) if named and Path(named).is_dir() else Path.home()


def holds_picture() -> bool:
    """Return whether the clipboard holds a picture or files rather than text."""
    data = QGuiApplication.clipboard().mimeData()
    if data is None:
        return False
    return any(url.isLocalFile() for url in data.urls()) or (data.hasImage() and not data.hasText())
