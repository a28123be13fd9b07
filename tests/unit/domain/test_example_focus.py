# SPDX-License-Identifier: GPL-3.0-or-later
"""Regions, several focuses, and words mixed with photos."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semantic_photos.domain import example_focus
from semantic_photos.domain.errors import QueryError
from semantic_photos.domain.example_focus import Focus
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.query import Example, Query
from semantic_photos.domain.vectors import normalise, weighted_sum

numbers = st.floats(allow_nan=True, allow_infinity=True)


@given(st.tuples(numbers, numbers, numbers, numbers))
@settings(max_examples=15, deadline=None)
def test_a_region_lies_in_the_photo_or_is_refused_with_a_sentence(region: tuple[float, float, float, float]) -> None:
    try:
        x, y, w, h = example_focus.clamped(region)
    except QueryError as error:
        assert str(error).endswith(".")
        return
    assert min(w, h) >= example_focus.LEAST_REGION - 1e-9
    assert x >= 0
    assert y >= 0
    assert x + w <= 1 + 1e-9
    assert y + h <= 1 + 1e-9


@pytest.mark.parametrize(
    "region",
    [(0.2, 0.2, 0, 0.5), (0.2, 0.2, -0.1, 0.5), (1.5, 0, 0.2, 0.2), (0, -1, 0.5, 0.5), (math.nan, 0, 1, 1),
     (0, 0, math.inf, 1), (0, 0, 1)],
)  # fmt: skip
def test_regions_that_are_none(region: tuple[float, float, float, float]) -> None:
    with pytest.raises(QueryError):
        example_focus.clamped(region)


def test_one_pixel_is_widened_about_itself() -> None:
    x, y, w, h = example_focus.clamped((0.5, 0.999, 0.0005, 0.0005))
    assert w == pytest.approx(example_focus.LEAST_REGION)
    assert x + w / 2 == pytest.approx(0.50025)
    assert y + h == pytest.approx(1)


def test_a_region_over_the_edge_is_cut() -> None:
    assert example_focus.clamped((-0.5, 0.5, 1.0, 4.0)) == pytest.approx((0, 0.5, 0.5, 0.5))


def test_positions_that_show_the_word_count() -> None:
    scores = np.array([[4.0, 0.0, 0.0, 0.0]], np.float32)
    assert example_focus.position_weights(scores, [1.0])[0] > 0.9
    away = example_focus.position_weights(scores, [-1.0])
    assert away[0] < 0.01
    assert away.sum() == pytest.approx(1, abs=1e-5)


def test_away_leaves_alone_what_shows_nothing() -> None:
    away = example_focus.position_weights(np.array([[-3.0, 0.0, 5.0]], np.float32), [-1.0])
    assert away[0] == pytest.approx(away[1])


def test_two_focuses_want_a_place_with_both() -> None:
    scores = np.array([[3.0, 0.0, 2.0], [0.0, 3.0, 2.0]], np.float32)
    assert int(example_focus.position_weights(scores, [1.0, 1.0]).argmax()) == 2


def test_a_focused_question_leans_to_the_word_and_away_from_the_other() -> None:
    part, dog, snow = np.eye(3, dtype=np.float32)
    mixed = example_focus.focused_vector(part, [(1.0, dog), (-1.0, snow)])
    assert mixed[0] > 0.3
    assert mixed[1] > 0.3
    assert mixed[2] < -0.1
    assert np.linalg.norm(mixed) == pytest.approx(1, abs=1e-5)


def test_a_word_is_heard_beside_a_photo() -> None:
    """The word's cosines spread over a tenth of the photo's: in a plain sum it would hardly change the order."""
    rng = np.random.default_rng(0)
    sample = normalise(np.concatenate([rng.normal(size=(400, 1)), 0.1 * rng.normal(size=(400, 1))], 1, dtype=np.float32)
                       + np.array([0, 1], np.float32))  # fmt: skip
    photo, word = np.array([1, 0], np.float32), normalise(np.array([0.1, 1], np.float32))
    (_, loud), (one, quiet) = (lambda found: ((found[0]), (found[1][0], found[1][0])))(
        example_focus.leveled([(1.0, photo), (1.0, word)], sample)
    )
    assert loud is photo
    assert one == quiet
    assert quiet > 2
    assert example_focus.mixed([(1.0, word)], [], sample) == [(1.0, word)]
    plain, heard = weighted_sum([(1.0, photo), (1.0, word)]), weighted_sum(
        example_focus.mixed([(1.0, word)], [(1.0, photo)], sample)
    )  # fmt: skip
    assert plain is not None
    assert heard is not None
    assert heard @ word > plain @ word


def test_queries_hold_several_focuses_and_a_region() -> None:
    query = Query.similar_to(PhotoId(3)).with_focus("dog").with_more_focus("snow").with_more_focus(" people ", -1.0)
    assert query.focuses == (Focus("dog"), Focus("snow"), Focus("people", -1.0))
    assert query.focus == "dog"
    assert query.with_focus("").focuses == (Focus("snow"), Focus("people", -1.0))
    assert query.with_more_focus("snow", -1.0).focuses[-1] == Focus("snow", -1.0)
    assert query.with_more_focus("snow", 0).focuses == (Focus("dog"), Focus("people", -1.0))
    part = query.with_example(Example(photo_id=PhotoId(4), weight=-1)).with_region((0, 0, 0.5, 0.5))
    assert [example.region for example in part.examples] == [(0, 0, 0.5, 0.5), None]
    assert part.with_region(None).examples[0].region is None
