# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures of the cut: computed by hand for a ranking that is small enough."""

from __future__ import annotations

import numpy as np
import pytest

from semantic_photos.evaluation.cut_off import cut_off_figures


def test_figures_of_a_ranking_that_is_small_enough() -> None:
    scores = np.array([[0.9, 0.85, 0.8, 0.1, 0.05, 0.0]], np.float32)
    relevant = np.array([[True, False, True, False, True, False]])
    background = np.array([[0.0, 0.05, -0.05, 0.02, -0.02, 0.0]], np.float32)
    figures = cut_off_figures(scores, relevant, background)
    assert figures["good"] == 3
    assert figures["precision"] == pytest.approx(2 / 3)
    assert figures["recall"] == pytest.approx(2 / 3)
    assert figures["f1"] == pytest.approx(2 / 3)
    assert figures["best_f1"] == pytest.approx(0.75)
    assert figures["could_be_as_wanted"] == 0
    nothing = cut_off_figures(background * 0.1, relevant, background)
    assert (nothing["nothing_good"], nothing["f1"]) == (1, 0)
