# SPDX-License-Identifier: GPL-3.0-or-later
"""The names in the code follow the glossary."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "semantic_photos"
ANNEXES = ("training", "evaluation")


@cache
def glossary() -> tuple[tuple[str, str, frozenset[str]], ...]:
    """Return term, code names, and the words that are not used for it, row by row."""
    rows = []
    for line in (PACKAGE / "GLOSSARY.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and len(cells) == 4 and cells[0] != "Term":
            unwanted = re.sub(r"\(.*?\)|\w+ \w+", "", cells[3])
            rows.append((cells[0], cells[2], frozenset(re.findall(r"[a-z]+", unwanted))))
    return tuple(rows)


@cache
def modules() -> dict[str, ast.Module]:
    paths = [path for path in sorted(PACKAGE.rglob("*.py")) if path.relative_to(PACKAGE).parts[0] not in ANNEXES]
    return {path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in paths}


def names() -> Iterator[tuple[str, str]]:
    """Yield the names of modules, of classes, and of functions and attributes others may use, with their module."""
    for module, tree in modules().items():
        yield module, Path(module).stem
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) or (isinstance(node, ast.FunctionDef) and not node.name.startswith("_")):
                yield module, node.name
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and not node.attr.startswith("_"):
                yield module, node.attr


def words_of(name: str) -> set[str]:
    words = {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}
    return words | {word.removesuffix("s") for word in words}


def test_terms_stand_once() -> None:
    terms = [term for term, _, _ in glossary()]
    assert len(terms) > 30
    assert len(terms) == len(set(terms))
    assert not {word for term in terms for word in words_of(term)} & {
        w for _, _, unwanted in glossary() for w in unwanted
    }


def test_names_use_no_word_that_the_glossary_replaces() -> None:
    replaced = {word: term for term, _, unwanted in glossary() for word in unwanted}
    found = [
        f"{module}: {name} ({word}: say {replaced[word]})"
        for module, name in names()
        for word in sorted(words_of(name) & replaced.keys())
    ]
    assert not found, "\n".join(found)


def test_code_named_in_the_glossary_exists() -> None:
    known = {name for _, name in names()}
    missing = []
    for term, code, _ in glossary():
        for name in re.findall(r"`([^`]+)`", code):
            there = (PACKAGE / name).is_file() if "/" in name else name.split(".")[0] in known
            if not there:
                missing.append(f"{term}: {name}")
    assert not missing


def test_domain_holds_one_vote() -> None:
    votes = [
        module
        for module, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.name == "Vote"
    ]
    assert votes == ["domain/relevance_feedback.py"]
