# SPDX-License-Identifier: GPL-3.0-or-later
"""Heat maps: where it is warm, in the photo's own geometry, and readable on any picture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semantic_photos.domain import heat_map
from semantic_photos.domain.resample import resized


def test_squash_covers_the_whole_photo() -> None:
    assert heat_map.photo_in_square("squash", 300, 100) == (0.0, 0.0, 1.0, 1.0)


def test_a_centre_crop_shows_only_the_middle_of_a_wide_photo() -> None:
    left, top, right, bottom = heat_map.photo_in_square("crop", 300, 100)
    assert (top, bottom) == (0.0, 1.0)
    assert (left, right) == pytest.approx((-1.0, 2.0))


def test_a_letterbox_holds_all_of_a_wide_photo() -> None:
    box = heat_map.photo_in_square("pad", 300, 100)
    assert box == pytest.approx((0.0, 1 / 3, 1.0, 2 / 3))


@pytest.mark.parametrize(("fit", "size"), [("squash", (300, 100)), ("crop", (300, 100)), ("pad", (100, 300))])
def test_the_hot_middle_of_the_square_is_the_hot_middle_of_the_photo(fit: str, size: tuple[int, int]) -> None:
    square = np.zeros((30, 30), np.float32)
    square[14:16, 14:16] = 5
    placed = heat_map.over_photo(square, heat_map.photo_in_square(fit, *size), 40, 60)
    assert placed.shape == (40, 60)
    x, y = heat_map.hottest(placed)
    assert abs(x - 0.5) < 0.06
    assert abs(y - 0.5) < 0.06


def test_what_a_crop_does_not_show_is_cold() -> None:
    square = np.full((10, 10), 4.0, np.float32)
    square[0, 0] = -1
    placed = heat_map.over_photo(square, heat_map.photo_in_square("crop", 300, 100), 10, 30)
    assert (placed[:, 0] == -1).all()
    assert placed[5, 15] == pytest.approx(4)


def test_tiles_are_laid_where_they_belong() -> None:
    cold, hot = np.zeros((5, 5), np.float32), np.ones((5, 5), np.float32)
    whole = heat_map.stitch(
        [((0, 0, 0.5, 0.5), cold), ((0.5, 0, 1, 0.5), hot), ((0, 0.5, 0.5, 1), cold), ((0.5, 0.5, 1, 1), cold)], 40
    )
    assert whole[5:15, 25:35].min() > 0.99
    assert whole[25:, :].max() < 0.01
    assert whole[:, :15].max() < 0.01


def test_warmth_needs_more_than_any_photo_scores() -> None:
    assert heat_map.warmth(np.full((4, 4), 0.2, np.float32)).max() == 0
    scores = np.zeros((4, 4), np.float32)
    scores[1, 2] = 6
    warm = heat_map.warmth(scores)
    assert warm[1, 2] == 1
    assert warm.sum() == 1


def test_a_photo_full_of_it_still_has_a_best_part() -> None:
    scores = np.full((4, 4), 5.0, np.float32)
    scores[0, 0] = 8
    warm = heat_map.warmth(scores)
    assert warm[0, 0] == 1
    assert warm[3, 3] < 0.5


@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), min_size=9, max_size=9),
    st.integers(1, 40),
    st.integers(1, 40),
)
@settings(max_examples=6, deadline=None)
def test_any_map_can_be_drawn_over_any_picture(values: list[float], height: int, width: int) -> None:
    scores = np.array(values, np.float32).reshape(3, 3)
    warm = heat_map.warmth(scores)
    assert np.isfinite(warm).all()
    assert warm.min() >= 0
    assert warm.max() <= 1
    picture = np.full((height, width, 3), 120, np.uint8)
    for values_drawn in (warm, scores):
        drawn = heat_map.render(values_drawn, picture)
        assert drawn.shape == picture.shape
        assert drawn.dtype == np.uint8


def test_hot_places_are_lighter_than_cold_ones_for_any_eye() -> None:
    warm = np.zeros((64, 64), np.float32)
    warm[:, 32:] = 1
    for grey in (40, 120, 220):
        drawn = heat_map.render(warm, np.full((64, 64, 3), grey, np.uint8)).astype(float)
        light = drawn @ [0.299, 0.587, 0.114]
        assert light[:, 48:].mean() > light[:, :16].mean() + 15


def test_the_picture_shows_through() -> None:
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[::2] = 255
    drawn = heat_map.render(np.ones((64, 64), np.float32), picture).astype(int)
    assert abs(drawn[::2].mean() - drawn[1::2].mean()) > 40


def test_shares_add_up_and_minus_words_count_against() -> None:
    dog, beach, people = heat_map.shares([(1.0, 3.0), (1.0, 1.0), (-1.0, 1.0)])
    assert (dog, beach, people) == pytest.approx((0.6, 0.2, -0.2))
    assert heat_map.shares([(1.0, -2.0), (1.0, float("nan"))]) == [0.0, 0.0]
    assert heat_map.shares([]) == []


def test_resizing_agrees_with_averages_and_keeps_constants() -> None:
    source = np.arange(16, dtype=np.float32).reshape(4, 4)
    assert resized(source, 1, 1)[0, 0] == pytest.approx(7.5)
    assert np.allclose(resized(np.full((5, 7, 3), 9.0, np.float32), 13, 2, smooth=True), 9)
    assert np.allclose(resized(source, 4, 4), source)


def test_a_part_is_cut_out_and_outside_repeats_the_border() -> None:
    source = np.zeros((8, 8), np.float32)
    source[:, 4:] = 1
    assert resized(source, 4, 4, box=(4, 0, 8, 8)).min() == 1
    assert resized(source, 2, 4, box=(8, 0, 16, 8)) == pytest.approx(np.ones((2, 4)))
