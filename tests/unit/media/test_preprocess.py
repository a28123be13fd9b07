# SPDX-License-Identifier: GPL-3.0-or-later
"""The recipe decides what the network sees."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from semantic_photos.domain.errors import PackError
from semantic_photos.domain.photo import ImageRecipe
from semantic_photos.media.preprocess import square
from tests.fakes.pictures import CORNERS, corners, is_upright, scene


def bands() -> Image.Image:
    """Return a picture 300 x 100: red, green and blue thirds."""
    pixels = np.zeros((100, 300, 3), dtype=np.uint8)
    for third in range(3):
        pixels[:, third * 100 : third * 100 + 100, third] = 200
    return Image.fromarray(pixels)


def test_squash_shows_the_whole_picture_squeezed() -> None:
    made = square(bands(), ImageRecipe(60, "squash"))
    assert made.shape == (60, 60, 3)
    assert made.dtype == np.uint8
    assert [int(made[30, x].argmax()) for x in (5, 30, 55)] == [0, 1, 2]


@pytest.mark.parametrize("turned", [False, True])
def test_crop_shows_the_middle(turned: bool) -> None:
    picture = bands().transpose(Image.Transpose.ROTATE_90) if turned else bands()
    made = square(picture, ImageRecipe(60, "crop"))
    assert (made[5:55, 5:55].argmax(axis=2) == 1).all()


def test_pad_keeps_the_aspect_between_grey() -> None:
    made = square(bands(), ImageRecipe(60, "pad"))
    assert (made[:20] == 128).all()
    assert (made[40:] == 128).all()
    assert [int(made[30, x].argmax()) for x in (5, 30, 55)] == [0, 1, 2]
    assert made[30, 5, 0] == 200


def test_a_picture_of_the_right_size_is_not_touched() -> None:
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (48, 48, 3), dtype=np.uint8))
    for fit in ("squash", "crop", "pad"):
        assert (square(picture, ImageRecipe(48, fit)) == np.asarray(picture)).all()


def test_the_filter_antialiases() -> None:
    lines = np.zeros((512, 512, 3), dtype=np.uint8)
    lines[:, ::2] = 255
    made = square(Image.fromarray(lines), ImageRecipe(64, "squash", "bilinear"))
    assert abs(made.astype(int) - 128).max() < 8


def test_filters_differ() -> None:
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8))
    made = {name: square(picture, ImageRecipe(32, "squash", name)).tobytes() for name in
            ("bilinear", "bicubic", "lanczos", "box")}  # fmt: skip
    assert len(set(made.values())) == 4


def test_large_and_small_pictures_give_the_same_square() -> None:
    large = square(scene((2000, 1400)), ImageRecipe(64, "squash", "bicubic"))
    small = square(scene((128, 128)), ImageRecipe(64, "squash", "bicubic"))
    assert is_upright(large, 3)
    assert is_upright(small, 3)
    assert np.abs(np.subtract(corners(large), CORNERS)).max() <= 3


@pytest.mark.parametrize("recipe", [ImageRecipe(64, "stretch"), ImageRecipe(64, "crop", "magic"), ImageRecipe(0)])
def test_unknown_recipes_are_refused(recipe: ImageRecipe) -> None:
    with pytest.raises(PackError):
        square(scene(), recipe)
