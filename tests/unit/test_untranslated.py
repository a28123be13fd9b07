# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds texts that a user can read and that are not marked for translation, and marks that are used wrongly."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.translations import PACKAGE, sources

#: The files and rooms of the roof whose texts are marked. A room comes in when it is done; in the end: cli and gui.
COVERED = (
    "__main__.py",
    "self_test.py",
    "cli",
    "gui/bridge.py",
    "gui/dialogs",
    "gui/folders",
    "gui/grid",
    "gui/search",
    "gui/shell",
    "gui/undo.py",
    "gui/widgets",
    "gui/details",
    "gui/tags",
    "gui/viewer",
)

#: Texts that are the same in every language, each with its reason.
SAME_EVERYWHERE = {
    "Semantic Photos": "the program's name",
    "Semantic Photos –, Python –, –\n": "names and versions",
    "apt install fonts-dejavu-core": "a command",
    "index and catalog": "a check's name in the JSON of doctor",
    "pack change": "a check's name in the JSON of doctor",
    "| Filter | Finds photos |": "the table of the README",
}
#: Forms of texts that are for a machine.
FOR_MACHINES = re.compile(
    r"\n?[\w*#:.\[\]=\"> -]+\{[^{}]*:[^{}]*\}.*"  # style sheets
    r"|((Ctrl|Shift|Alt|Meta)\+)+\S+(, ?\S+)*"  # key sequences
    r"|\nimport .*"  # a program for another interpreter
    r"|image/\S+( image/\S+)*"
    r"|([a-z]+ )?[A-Z]+…?( [A-Z]+…?)*( --help)?",  # calls of the command line
    re.DOTALL,
)

MARKS = {"tr": 1, "trn": 2, "trc": 2, "Message": 1, "counted": 2, "N_": 1}
#: Calls whose texts go to developers.
_FOR_DEVELOPERS = {
    "debug", "info", "warning", "error", "exception", "critical", "log",
    "InternalError", "ValueError", "TypeError", "AssertionError", "RuntimeError", "NotImplementedError",
}  # fmt: skip
#: Calls whose capitalised words are read by the user even if there is only one.
_SHOWN = {
    "setText", "setToolTip", "setWindowTitle", "setAccessibleName", "setAccessibleDescription", "setPlaceholderText",
    "setStatusTip", "setTitle", "setLabelText", "setInformativeText", "setDetailedText", "setSpecialValueText",
    "setSuffix", "setPrefix", "addItem", "addItems", "addAction", "addMenu", "addButton", "addTab", "addRow",
    "QLabel", "QPushButton", "QToolButton", "QAction", "QCheckBox", "QRadioButton", "QGroupBox", "QMenu", "QMessageBox",
    "QUndoCommand", "label", "button", "IconButton", "ElidedLabel", "set_text", "set_name", "say", "show_text", "print",
    "add_argument", "add_parser", "command", "question", "information", "getText", "getItem", "getOpenFileName",
    "getSaveFileName", "getExistingDirectory", "drawText", "Notice", "append", "write",
}  # fmt: skip
_SENTENCE = re.compile(r"[A-Za-z]{2,}[^\w\s]* [^\w\s]*[A-Za-z]{2,}")
_WORD = re.compile(r"[A-Z][a-z]+[….:?!]?")


def called(node: ast.expr) -> str:
    """Return the plain name of what is called."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def words(node: ast.Constant | ast.JoinedStr) -> str:
    """Return a text; what an f-string fills in becomes a dash."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "–" for part in node.values)


def untranslated(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield line and text of what a user may read and no mark surrounds."""
    parents = {id(child): node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant | ast.JoinedStr) or isinstance(parents.get(id(node)), ast.JoinedStr):
            continue
        text = words(node)
        parent = parents.get(id(node))
        if isinstance(parent, ast.Expr) or FOR_MACHINES.fullmatch(text) or text in SAME_EVERYWHERE:
            continue
        shown, inner, outer = False, node, parent
        while outer is not None and not isinstance(outer, ast.stmt):
            if isinstance(outer, ast.Call):
                name = called(outer.func)
                if name in _FOR_DEVELOPERS or (name in MARKS and any(inner is one for one in outer.args)):
                    break
                shown = shown or (name in _SHOWN and parents.get(id(node)) in (outer, inner))
            inner, outer = outer, parents.get(id(outer))  # type: ignore[assignment]
        else:
            if isinstance(outer, ast.Assert):
                continue
            if _SENTENCE.search(text) or (shown and _WORD.fullmatch(text.strip())):
                yield node.lineno, text


def wrong_marks(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield line and fault of marks that are used wrongly."""
    for node in tree.body:
        for part in _at_import(node):
            if isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id in ("tr", "trn", "trc"):
                yield part.lineno, "asked when the module is imported, before the language is known: use Message or N_"
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or called(node.func) not in MARKS:
            continue
        if id(node) in inside:
            yield node.lineno, "inside an f-string, where it is not extracted"
        name, number = called(node.func), MARKS[called(node.func)]
        if name == "Message" and not node.args and not node.keywords:
            continue
        texts = node.args[:number]
        if not all(isinstance(one, ast.Constant) and isinstance(one.value, str) for one in texts):
            if not (name == "Message" and isinstance(texts[0], ast.Name | ast.Attribute | ast.Subscript)):
                yield node.lineno, "not a literal, so nothing can be extracted"
            continue
        given = {keyword.arg for keyword in node.keywords}
        if None in given or name == "N_":
            continue
        if name in ("trn", "counted"):
            given.add("count")
        templates = texts[1:] if name == "trc" else texts
        used = {
            field.split(".")[0].split("[")[0]
            for one in templates
            if isinstance(one, ast.Constant)
            for _, field, _, _ in string.Formatter().parse(str(one.value))
            # Without values a brace is a brace.
            if field is not None and (given or field.isidentifier())
        }
        if used - given or given - used - {"count"}:
            yield node.lineno, f"placeholders {sorted(used)}, values {sorted(map(str, given))}"


def _at_import(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what runs when a module is imported: everything but the bodies of functions."""
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            body = node.body if isinstance(node.body, list) else [node.body]
            if any(child is one for one in body):
                continue
        yield from _at_import(child)


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def test_rooms_that_are_done_have_no_unmarked_text() -> None:
    found = []
    for path in sources():
        name = path.relative_to(PACKAGE).as_posix()
        if any(name == one or name.startswith(f"{one}/") for one in COVERED):
            found += [f"{name}:{line}: {text!r}" for line, text in untranslated(parsed(path))]
    assert not found, "\n".join(found)


def test_what_is_covered_exists() -> None:
    assert all((PACKAGE / name).exists() for name in COVERED)


def test_marks_are_used_so_that_they_work() -> None:
    found = [
        f"{path.relative_to(PACKAGE).as_posix()}:{line}: {fault}"
        for path in sources()
        for line, fault in wrong_marks(parsed(path))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "line",
    [
        'box.setToolTip("Close")', 'button("Save", "primary")', 'x = f"{n} photos found"', 'print("Nothing found.")',
        'tr("{name}", name="two words")', 'p.add_argument("--x", help="do it now")', 'say("A" if x else "Not here")',
        'box.setText("Rating…")',
    ],
)  # fmt: skip
def test_the_finder_finds(line: str) -> None:
    assert list(untranslated(ast.parse(line)))


@pytest.mark.parametrize(
    "line",
    [
        'box.setToolTip(tr("Close"))', 'button(tr("Save"), "primary")', '_log.warning("two words")',
        'raise ValueError("two words")', '"a docstring of words"', 'box.setShortcut("Ctrl+Shift+T")',
        'w.setStyleSheet("QLabel { color: red; }")', 'trn("{count} old photo", "{count} old photos", n)',
        'connect("key_name")', 'assert x, "two words"',
    ],
)  # fmt: skip
def test_the_finder_leaves_alone(line: str) -> None:
    assert not list(untranslated(ast.parse(line)))


@pytest.mark.parametrize(
    "line",
    [
        'TITLE = tr("Search")', 'def f(x=tr("Search")): pass', 'def f(): tr("{a}", b=1)', 'def f(): tr(text)',
        'def f(): tr(f"{x} photos")', 'x = Message("{a} b", c=1)',
        'def f(): trn("{count} a", "{total} b", n)',
        "def f(): return f\"{tr('Search')}\"",
    ],
)  # fmt: skip
def test_wrong_marks_are_found(line: str) -> None:
    assert list(wrong_marks(ast.parse(line)))
