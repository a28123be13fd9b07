# SPDX-License-Identifier: GPL-3.0-or-later
"""How values become text on a terminal and JSON for scripts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from semantic_photos.domain.query import Problem

#: Of what was left out so much is told.
_LONGEST_PART = 60


def shown(path: Path) -> str:
    """Return a path as text that any terminal and JSON can hold; bytes that are no UTF-8 become a mark."""
    return str(path).encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def print_json(value: Any) -> None:
    """Print one line of JSON; NaN would be no JSON and is an error here."""
    print(json.dumps(value, ensure_ascii=False, allow_nan=False))


def left_out(text: str, problem: Problem) -> str:
    """Return which part of a query was left out, or may not be what was meant, and why; a long part is shortened."""
    if problem.kept:
        return problem.advice
    part = " ".join(text[problem.start : problem.end].split())
    part = part if len(part) <= _LONGEST_PART else f"{part[: _LONGEST_PART - 1]}…"
    return f"Left out: {part} – {problem.advice}"
