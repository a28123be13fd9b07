# SPDX-License-Identifier: GPL-3.0-or-later
"""Formatting of values as terminal text and as JSON for scripts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from semantic_photos.domain.query import Emptied, Problem
from semantic_photos.domain.translatable import Message, either
from semantic_photos.translation import tr, translated, trn

#: Advice on every wrong use of an option.
SEE_HELP = Message("See --help.")

#: Characters shown of an ignored part of a query.
_LONGEST_PART = 60


def shown(path: Path) -> str:
    """Return a path as text that any terminal and JSON can hold; bytes that are no UTF-8 become a mark."""
    return str(path).encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def print_json(value: Any) -> None:
    """Print one line of JSON; NaN would be no JSON and is an error here."""
    print(json.dumps(value, ensure_ascii=False, allow_nan=False))


def emptied(by: Emptied) -> str:
    """Return which filter leaves nothing, and how many photos there are without it."""
    return trn(
        "No match because of {filter}; {count:,} photo without it.",
        "No match because of {filter}; {count:,} photos without it.",
        by.without,
        filter=by.term,
    )


def unknown_word(word: str, known: Sequence[str]) -> str:
    """Return that a word is unknown, with known ones that are spelled alike."""
    if not known:
        return tr("Unknown word: {word}", word=word)
    return tr("Unknown word: {word} (did you mean {words}?)", word=word, words=either(known))


def nothing_shows(query: str, count: int) -> str:
    """Return that no photo clearly shows a query, as a heading of the nearest ``count`` photos."""
    return trn(
        "Nothing clearly shows “{query}”. The nearest photo:",
        "Nothing clearly shows “{query}”. The nearest {count:,}:",
        count,
        query=query,
    )


def left_out(text: str, problem: Problem) -> str:
    """Return which part of a query was ignored, or may not be what was meant, and why; a long part is shortened."""
    if problem.kept:
        return translated(problem.advice)
    part = " ".join(text[problem.start : problem.end].split())
    part = part if len(part) <= _LONGEST_PART else part[: _LONGEST_PART - 1] + "…"
    return tr("Ignored: {part} – {problem}", part=part, problem=problem.advice)
