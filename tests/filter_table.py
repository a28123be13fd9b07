# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of filters of the README, generated from the registry: ``python -m tests.filter_table`` writes it anew."""

from __future__ import annotations

import re
from pathlib import Path

from semantic_photos.cli.filter_help import as_markdown

README = Path(__file__).resolve().parents[1] / "README.md"
_TABLE = re.compile(r"(?<=<!-- filters: begin -->\n).*?(?=\n<!-- filters: end -->)", re.DOTALL)


def with_table(text: str) -> str:
    """Return ``text`` with its table generated anew; raises ``ValueError`` where it holds none."""
    new, found = _TABLE.subn(lambda _: as_markdown(), text)
    if found != 1:
        raise ValueError("no table of filters between its two marks")
    return new


if __name__ == "__main__":
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
