# SPDX-License-Identifier: GPL-3.0-or-later
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semantic_photos.evaluation.figure import Figure, difference, median_by_owner, plain, ratio


def test_a_range_encloses_the_mean_and_narrows_with_more_queries():
    rng = np.random.default_rng(1)
    few, many = ratio(rng.random(50)), ratio(rng.random(800))
    assert few.low < few.value < few.high
    assert many.high - many.low < (few.high - few.low) / 2


def test_a_ratio_is_that_of_the_sums():
    figure = ratio(np.array([1, 0, 3]), np.array([2, 0, 6]))
    assert (figure.value, figure.count) == (0.5, 3)
    assert figure.low == figure.high == 0.5


def test_nothing_to_measure_on_is_no_number_and_no_range():
    for figure in (ratio(np.array([])), ratio(np.zeros(3), np.zeros(3)), median_by_owner(*[np.array([], int)] * 2)):
        assert math.isnan(figure.value)
        assert figure.low is None


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 100), min_size=1, max_size=8))
def test_a_median_lies_within_its_range_and_its_values(ranks):
    values = np.array(ranks)
    figure = median_by_owner(values, np.arange(len(values)) // 2)
    assert figure.value == np.median(values)
    assert values.min() <= figure.low <= figure.high <= values.max()


def test_a_median_resamples_owners():
    together = median_by_owner(np.repeat([1, 100], 50), np.repeat([0, 1], 50))
    assert (together.low, together.high, together.count) == (1.0, 100.0, 2)


def test_figures_come_back_from_a_file_as_they_were():
    for figure in (ratio(np.array([1.0, 0.0, 1.0])), plain(7, 7), plain(math.nan, 0)):
        again = Figure.from_json(json.loads(json.dumps(figure.as_json(), allow_nan=False)))
        assert (again.count, again.low, again.high) == (figure.count, figure.low, figure.high)
        assert again.value == figure.value or (math.isnan(again.value) and math.isnan(figure.value))


def test_a_plain_number_of_an_older_report_is_a_figure_without_a_range():
    assert Figure.from_json(0.25) == Figure(0.25, 0)


def test_a_difference_is_paired():
    # Better by the same on every query, whichever are drawn: no doubt about it, though the means are uncertain.
    old = np.array([0.1, 0.2, 0.3, 0.4])
    change = difference(ratio(old + 0.1), ratio(old))
    assert change.value == pytest.approx(0.1)
    assert (change.low, change.high) == (pytest.approx(0.1), pytest.approx(0.1))


def test_figures_over_other_queries_or_without_parts_have_no_paired_difference():
    assert difference(ratio(np.ones(3)), ratio(np.ones(4))) is None
    assert difference(plain(1, 3), plain(1, 3)) is None
    assert difference(ratio(np.ones(3)), ratio(np.ones(3), np.zeros(3))) is None
