# SPDX-License-Identifier: GPL-3.0-or-later
"""Alternatives of a query: words ranked together, among the photos that some filters allow.

Joining by "and" distributes over "or" as far as words are in it; filters stay together, since the catalog answers a
tree of them at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from semantic_photos.domain.filters import All, AnyOf, Node, Not, Term
from semantic_photos.domain.query_language import all_of, any_of, negated

#: Further alternatives with words are ignored: each is a search of its own.
MAX_BRANCHES = 32


@dataclass(frozen=True, slots=True)
class Alternative:
    """One alternative: words with weights, and filters of which all must hold. Either may be empty."""

    terms: tuple[Term, ...] = ()
    where: tuple[Node, ...] = ()


def terms(tree: Node | None) -> tuple[Term, ...]:
    """Return the words of a tree with the weights they have in it, in order."""
    if tree is None or isinstance(tree, Term):
        return (tree,) if tree is not None else ()
    if isinstance(tree, All | AnyOf):
        return tuple(term for part in tree.parts for term in terms(part))
    return tuple(Term(term.word, -term.weight) for term in terms(tree.part)) if isinstance(tree, Not) else ()


def filters(tree: Node | None) -> Node | None:
    """Return a tree without its words."""
    if isinstance(tree, Term):
        return None
    if isinstance(tree, All | AnyOf):
        return (all_of if isinstance(tree, All) else any_of)([filters(part) for part in tree.parts])
    return negated(filters(tree.part)) if isinstance(tree, Not) else tree


@lru_cache(maxsize=64)
def alternatives(tree: Node | None) -> tuple[Alternative, ...]:
    """Return the alternatives of a tree, those with words first in order; at most ``MAX_BRANCHES`` and one.

    A tree without words is one alternative without words; no tree has none.
    """
    return tuple(_alternatives(tree)) if tree is not None else ()


def count(tree: Node) -> int:
    """Return how many alternatives with words a tree has, ignored ones included."""
    return _counted(tree)[0]


def _counted(node: Node) -> tuple[int, int]:
    """Return the alternatives with words, and whether there is one without (0 or 1)."""
    if isinstance(node, All | AnyOf):
        parts = [_counted(part) for part in node.parts]
        if isinstance(node, AnyOf):
            return sum(words for words, _ in parts), max(plain for _, plain in parts)
        plain = math.prod(plain for _, plain in parts)
        return math.prod(words + plain for words, plain in parts) - plain, plain
    return (1, 0) if terms(node) else (0, 1)


def _alternatives(node: Node) -> list[Alternative]:
    if isinstance(node, Term):
        return [Alternative((node,))]
    if isinstance(node, Not):
        rest = filters(node)
        return [Alternative(terms(node), () if rest is None else (rest,))]
    if isinstance(node, AnyOf):
        return _merged([branch for part in node.parts for branch in _alternatives(part)])
    if isinstance(node, All):
        found = [Alternative()]
        for part in node.parts:
            more = _alternatives(part)
            found = _merged([Alternative(a.terms + b.terms, a.where + b.where) for a in found for b in more])
        return found
    return [Alternative((), (node,))]


def _merged(found: Sequence[Alternative]) -> list[Alternative]:
    """Return the alternatives with those without words joined into one, up to the limit."""
    content = [branch for branch in found if branch.terms][:MAX_BRANCHES]
    plain = [all_of(branch.where) for branch in found if not branch.terms and branch.where]
    either = any_of(plain)
    if either is not None:
        content.append(Alternative((), either.parts if isinstance(either, All) else (either,)))
    elif not content and found:
        content.append(Alternative())
    return content


__all__ = ["MAX_BRANCHES", "Alternative", "alternatives", "count", "filters", "terms"]
