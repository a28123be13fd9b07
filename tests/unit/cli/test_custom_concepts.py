# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be said of subjects on the command line, and what is told of them."""

from __future__ import annotations

import pytest

from semantic_photos.cli import custom_concepts
from semantic_photos.cli.arguments import parse
from semantic_photos.domain.errors import UserFacingError


def test_examples_answers_and_questions_are_told_apart() -> None:
    options = parse(["teach", "Bella", "a.jpg", "b.jpg", "--yes", "c.jpg", "d.jpg", "--no", "e.jpg", "--ask", "7"])
    custom_concepts.check(options)
    assert [path.name for path in options.photos] == ["a.jpg", "b.jpg"]
    assert [path.name for path in options.yes] == ["c.jpg", "d.jpg"]
    assert [path.name for path in options.no] == ["e.jpg"]
    assert options.ask == 7


def test_photos_may_stand_behind_options() -> None:
    options = parse(["--home", "h", "teach", "Bella", "--json", "-n", "3", "a.jpg", "b.jpg", "--ask", "2"])
    assert [path.name for path in options.photos] == ["a.jpg", "b.jpg"]
    assert (options.n, options.ask, options.json) == (3, 2, True)
    with pytest.raises(UserFacingError, match="--wrong"):
        parse(["teach", "Bella", "a.jpg", "--wrong"])


def test_forgetting_goes_with_nothing_else() -> None:
    custom_concepts.check(parse(["teach", "Bella", "--forget"]))
    for rest in (["a.jpg"], ["--yes", "a.jpg"], ["--no", "a.jpg"]):
        with pytest.raises(UserFacingError, match="--forget"):
            custom_concepts.check(parse(["teach", "Bella", "--forget", *rest]))


def test_a_report_is_told_in_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    held = {"figures": "Of your 5 examples, 3.", "verdict": "The custom concept is better."}
    ask = [{"path": "/x/q.jpg", "probability": 0.48}]
    report = {"name": "Bella", "examples": 5, "rejected": 0, "held_out": held, "ask": ask, "likely": []}
    custom_concepts.print_report(report)
    said = capsys.readouterr().out
    assert "Of your 5 examples, 3. The custom concept is better." in said
    assert "Does this show “Bella”?" in said
    assert "48%   /x/q.jpg" in said
    custom_concepts.print_report({"name": "Bella", "forgotten": True, "photos": 5})
    assert "removed" in capsys.readouterr().out
