# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters of the query language as help: text for ``search --help`` and a table for the README."""

from __future__ import annotations

import textwrap

from semantic_photos.domain.filter_registry import FILTERS
from semantic_photos.translation import tr, translated

_LEFT, _WIDTH = 25, 100


def as_text() -> str:
    """Return one paragraph for each filter, for a terminal."""
    lines = []
    for kind in FILTERS:
        left = f"  {kind.name}:{kind.examples[0]}".ljust(_LEFT)
        lines += textwrap.wrap(left + translated(kind.help), _WIDTH, subsequent_indent=" " * _LEFT)
    return "\n".join([tr("Filters find photos"), *lines])


def as_markdown() -> str:
    """Return a table with one row for each filter."""
    rows = [
        f"| {' '.join(f'`{kind.name}:{example}`' for example in kind.examples)} | {kind.help} |" for kind in FILTERS
    ]
    return "\n".join(["| Filter | Finds photos |", "|---|---|", *rows])
