# SPDX-License-Identifier: GPL-3.0-or-later
"""Stored thumbnails become images without anybody having to wait."""

from __future__ import annotations

import io
import threading
import time

import numpy as np
import pytest
from PIL import Image
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QMessageBox

from semantic_photos.gui.widgets.images import thumbnail_image

pytestmark = pytest.mark.gui

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><rect width="8" height="8" fill="red"/></svg>'


def saved(kind: str, width: int, height: int) -> bytes:
    pixels = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def test_a_thumbnail_is_the_picture_that_was_stored() -> None:
    data = saved("JPEG", 40, 30)
    image = thumbnail_image(data).convertToFormat(QImage.Format.Format_RGB888)
    pixels = np.frombuffer(image.constBits(), np.uint8).reshape(30, image.bytesPerLine())[:, :120].reshape(30, 40, 3)
    with Image.open(io.BytesIO(data)) as expected:
        assert np.abs(pixels.astype(int) - np.asarray(expected).astype(int)).max() <= 8


@pytest.mark.parametrize("data", [None, b"", SVG, saved("PNG", 8, 8), saved("JPEG", 40, 30)[:30]])
def test_what_is_no_jpeg_is_no_thumbnail_and_no_other_decoder_sees_it(data: bytes | None) -> None:
    assert thumbnail_image(data).isNull()


def test_the_window_works_on_while_thumbnails_are_decoded() -> None:
    data, images, turns = saved("JPEG", 1024, 1024), [], 0
    decoding = threading.Thread(target=lambda: images.extend(thumbnail_image(data) for _ in range(20)))
    decoding.start()
    while decoding.is_alive():
        turns += 1
        time.sleep(0.001)
    assert not any(image.isNull() for image in images)
    # Under Python's lock it was one or two for each.
    assert turns > 60


def test_message_boxes_can_be_made_while_thumbnails_are_decoded(qapp: QApplication) -> None:
    data, ending = saved("JPEG", 256, 256), threading.Event()

    def decode() -> None:
        while not ending.is_set():
            thumbnail_image(data)

    threads = [threading.Thread(target=decode, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(150):
            box = QMessageBox()
            box.setIcon(QMessageBox.Icon.Question)
            box.deleteLater()
            qapp.processEvents()
    finally:
        ending.set()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
