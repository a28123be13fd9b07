# SPDX-License-Identifier: GPL-3.0-or-later
import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from semantic_photos.domain.errors import UserFacingError
from semantic_photos.domain.photo import ImageRecipe
from semantic_photos.evaluation.contact_sheets import QUERIES, write_sheets
from semantic_photos.evaluation.photos import Shown
from semantic_photos.evaluation.pictures import PhotoImages

RED, BLUE = (220, 20, 20), (20, 20, 220)


def shown(file, *captions):
    return Shown(file, 1, "album", (), captions)


def png(colour, size=(20, 10)):
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def test_zips_and_folders_side_by_side(tmp_path):
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    (tmp_path / "folder" / "deep" / "red.png").write_bytes(png(RED))
    with zipfile.ZipFile(tmp_path / "some.zip", "w") as archive:
        archive.writestr("inside/blue.png", png(BLUE))
        archive.writestr("inside/broken.png", b"nothing")
    photos = [shown("red.png"), shown("blue.png"), shown("broken.png"), shown("deep/red.png")]
    with PhotoImages([tmp_path / "folder", tmp_path / "some.zip"]) as pictures:
        pictures.expect(photos)
        batches = list(pictures.batches(photos, ImageRecipe(8), 3))
        assert [real for _, real in batches] == [[True, True, False], [True]]
        assert [tuple(square[4, 4]) for square in batches[0][0]] == [RED, BLUE, (0, 0, 0)]
        assert list(pictures.troubles) == ["broken.png"]
        with pytest.raises(UserFacingError, match=r"1 of 1 photos.*nowhere\.png"):
            pictures.expect([shown("nowhere.png")])


def test_sheets_show_the_best_first_and_frame_what_was_said(tmp_path):
    for name, colour in (("a.png", RED), ("b.png", BLUE), ("c.png", BLUE)):
        (tmp_path / name).write_bytes(png(colour))
    photos = [shown("a.png", "Two dogs ."), shown("b.png"), shown("c.png")]
    vectors = np.array([[1, 0], [0, 1], [np.nan, 1]], dtype=np.float32)

    def encode(text):
        return np.array([1, 0], dtype=np.float32) if text == "dog" else None

    with PhotoImages([tmp_path]) as pictures:
        paths = write_sheets(tmp_path / "sheets", photos, vectors, encode, pictures, ["dog", "xyzzy plugh"])
        assert [path.name for path in paths] == ["01-dog.png", "02-xyzzy-plugh.png"]
        with Image.open(paths[0]) as sheet:
            pixels = sheet.convert("RGB").load()
            assert pixels[108, 144] == RED
            assert pixels[316, 144] == BLUE
            assert pixels[524, 144] not in (RED, BLUE)  # the photo without a vector is not found
            frames = [pixels[x, 144] for x in (6, 214)]
            assert frames[0] != frames[1]
        with pytest.raises(UserFacingError, match="cannot be written"):
            write_sheets(tmp_path / "a.png", photos, vectors, encode, pictures, ["dog"])


def test_there_are_twenty_different_queries():
    assert len(set(QUERIES)) == 20
