# SPDX-License-Identifier: GPL-3.0-or-later
"""Drags photos out of the grid into other programs."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QDrag

from semantic_photos.domain.photo import PhotoId
from semantic_photos.gui.grid.result_model import ResultModel

#: Most files that are dragged at once.
MOST_DRAGGED = 2000
_PICTURE_HEIGHT = 96


def drag_out(source: QObject, model: ResultModel, ids: Sequence[PhotoId]) -> None:
    """Drag the files of these photos, as far as their paths are known, until they are dropped."""
    indexes = [model.index(model.row_of(photo_id)) for photo_id in ids]
    data = model.mimeData(indexes)
    if not data.urls():
        return
    drag = QDrag(source)
    drag.setMimeData(data)
    picture = indexes[0].data(Qt.ItemDataRole.DecorationRole)
    if picture is not None:
        drag.setPixmap(picture.scaledToHeight(_PICTURE_HEIGHT, Qt.TransformationMode.SmoothTransformation))
    # Copy only: a move would take the original away.
    drag.exec(Qt.DropAction.CopyAction)
