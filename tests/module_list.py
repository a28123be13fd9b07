# SPDX-License-Identifier: GPL-3.0-or-later
"""The module list of ``ARCHITECTURE.md``, generated from docstrings: ``python -m tests.module_list`` writes it anew."""

from __future__ import annotations

import ast
import re
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "semantic_photos"
ARCHITECTURE = PACKAGE / "ARCHITECTURE.md"

#: Packages from the ground up; a package that is not named here comes last.
ORDER = ("", "domain", "media", "ml", "storage", "index", "services", "cli", "gui", "training", "evaluation")

_LIST = re.compile(r"(?<=<!-- module list: begin -->\n).*?(?=<!-- module list: end -->)", re.DOTALL)


def summary(path: Path) -> str:
    """Return the first line of a module's docstring without its full stop; empty where there is none."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0].rstrip(".")


def module_list() -> str:
    """Return the list as Markdown: a heading for each package, a line for each module, each with its summary."""
    lines: list[str] = []
    for face in sorted(PACKAGE.rglob("__init__.py"), key=_place):
        folder = face.parent.relative_to(PACKAGE).as_posix()
        modules = [path for path in sorted(face.parent.glob("*.py")) if path != face]
        lines += ["", f"### {'semantic_photos' if folder == '.' else folder}", "", summary(face) + ".", ""]
        lines += [f"- `{path.relative_to(PACKAGE).as_posix()}`: {summary(path)}" for path in modules]
    return "\n".join(lines) + "\n\n"


def listed(text: str) -> str:
    """Return the module list that ``text`` holds; raises ``ValueError`` where it holds none."""
    found = _LIST.search(text)
    if found is None:
        raise ValueError("no module list between its two marks")
    return found[0]


def with_list(text: str) -> str:
    """Return ``text`` with its module list generated anew."""
    listed(text)
    return _LIST.sub(lambda _: module_list(), text)


def _place(face: Path) -> tuple[int, str]:
    folder = face.parent.relative_to(PACKAGE).as_posix()
    floor = "" if folder == "." else folder.partition("/")[0]
    return ORDER.index(floor) if floor in ORDER else len(ORDER), folder


if __name__ == "__main__":
    ARCHITECTURE.write_text(with_list(ARCHITECTURE.read_text(encoding="utf-8")), encoding="utf-8")
