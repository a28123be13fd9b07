# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told on a terminal of parts of a question that were left out."""

from __future__ import annotations

from semantic_photos.cli.printing import left_out
from semantic_photos.domain.query import Query


def test_what_is_left_out_is_told_with_what_may_have_been_meant() -> None:
    text = "red is:faverite"
    (problem,) = Query.parse(text).problems
    told = left_out(text, problem)
    assert told.startswith("Ignored: is:faverite – Unknown state. Use favourite, tagged")
    assert told.endswith("Did you mean “is:favourite”?")


def test_a_filter_that_is_misspelled_is_not_told_as_ignored() -> None:
    text = "red tpye:jpg"
    (problem,) = Query.parse(text).problems
    assert left_out(text, problem) == "Unknown filter “tpye:”. Did you mean “type:”?"


def test_a_long_part_is_shortened() -> None:
    text = "word " * 5_000
    (problem,) = Query.parse(text).problems
    told = left_out(text, problem)
    assert "too long" in told
    assert "…" in told
    assert len(told) < 200
