# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings survive what a file may hold."""

from __future__ import annotations

from semantic_photos.domain.settings import Settings


def test_round_trip() -> None:
    changed = Settings(thumbnail_side=240, side_panel=False)
    assert Settings.from_dict(changed.to_dict()) == changed


def test_what_is_unknown_wrong_or_out_of_range_falls_back() -> None:
    stored = {"thumbnail_side": 10_000, "side_panel": 1, "result_limit": "many", "from_the_future": 3}
    assert Settings.from_dict(stored) == Settings()


def test_true_is_no_number() -> None:
    assert Settings.from_dict({"thumbnail_side": True}) == Settings()


def test_the_view_of_the_results_is_checked_too() -> None:
    kept = {"caution": 0.85, "result_order": "date", "saved_folded": True}
    assert Settings.from_dict(kept) == Settings(caution=0.85, result_order="date", saved_folded=True)
    for wrong in ({"caution": 1.5}, {"caution": float("nan")}, {"result_order": "worst"}, {"saved_folded": 1}):
        assert Settings.from_dict(wrong) == Settings()
