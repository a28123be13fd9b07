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

from semantic_photos.gui.pictures import thumbnail_image

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


def test_the_window_works_on_while_a_thumbnail_is_decoded() -> None:
    data, images, turns = saved("JPEG", 4000, 3000), [], 0
    decoding = threading.Thread(target=lambda: images.append(thumbnail_image(data)))
    decoding.start()
    while decoding.is_alive():
        turns += 1
        time.sleep(0.001)
    assert not images[0].isNull()
    # Under Python's lock it was one or two.
    assert turns > 10
