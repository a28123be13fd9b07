# SPDX-License-Identifier: GPL-3.0-or-later
"""Applies the filters of a query: the candidates of each alternative, and the message when none is left."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from semantic_photos.domain import filter_registry, spelling
from semantic_photos.domain.alternatives import Alternative
from semantic_photos.domain.filters import All, AnyOf, Exact, Is, Named, Node, Not
from semantic_photos.domain.messages import CancelToken
from semantic_photos.domain.ports import IdArray
from semantic_photos.domain.query import Emptied, Query
from semantic_photos.storage.catalog import Catalog
from semantic_photos.storage.filter_sql import MaskArray
from semantic_photos.storage.listing import FEW

#: Names that are compared with one that nothing has; more would be felt.
_MOST_NAMES = 5_000
_ALIKE = 0.6


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """The filters of one alternative, each with the photos it finds, as masks over ids; empty without filters."""

    branch: Alternative
    masks: tuple[MaskArray, ...]

    @property
    def among(self) -> IdArray | None:
        """Return the photos that all filters find, sorted, or None without filters."""
        return None if not self.masks else np.flatnonzero(np.logical_and.reduce(self.masks)).astype(np.int64)

    def finds(self, ids: IdArray) -> MaskArray:
        """Return which of ``ids`` (N,) all filters find: all, without filters."""
        return np.logical_and.reduce(self._told(ids)) if self.masks else np.ones(len(ids), np.bool_)

    def emptied_by(self, ids: IdArray) -> Emptied | None:
        """Return the first filter after which none of ``ids`` is left; None if some are."""
        told = self._told(ids)
        left = np.ones(len(ids), np.bool_)
        for number, part in enumerate(self.branch.where):
            left &= told[number]
            if not left.any():
                others = np.ones(len(ids), np.bool_)
                for other in told[:number] + told[number + 1 :]:
                    others &= other
                term = f"({part})" if isinstance(part, AnyOf) else str(part)
                return Emptied(term, int(np.count_nonzero(others)))
        return None

    def _told(self, ids: IdArray) -> list[MaskArray]:
        # A photo may have come after the masks were made.
        return [(ids < len(mask)) & mask[np.minimum(ids, len(mask) - 1)] for mask in self.masks]


class CandidateFilter:
    """Reads from the catalog the candidates that filters leave.

    Thread: any; blocking.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._filters, self._listing = catalog.filters, catalog.listing

    def of(self, query: Query) -> list[Candidates]:
        """Return the alternatives of a query in order; one without words and filters if there is only a photo."""
        alternatives = query.alternatives or (Alternative(),)
        masks = iter(self._filters.masks([part for branch in alternatives for part in branch.where]))
        return [Candidates(branch, tuple(next(masks) for _ in branch.where)) for branch in alternatives]

    def listed(self, query: Query, narrowed: Sequence[Candidates] = ()) -> IdArray:
        """Return the photos that a list can show, newest first: all, but failed and missing ones only on request.

        Of those that none of ``narrowed`` finds some may be missing.
        """
        masks = [np.logical_and.reduce(one.masks) for one in narrowed if one.masks]
        among = None
        if masks and len(masks) == len(narrowed):
            found = np.logical_or.reduce(masks)
            # More are left out of the list of all by the masks themselves.
            among = np.flatnonzero(found) if np.count_nonzero(found) <= FEW else None
        asked = {fact.state for fact in facts(query.tree) if isinstance(fact, Is)}
        return self._listing.browsed(failed="failed" in asked, missing="missing" in asked, among=among)

    def by(self, order: str, ids: IdArray, token: CancelToken) -> IdArray:
        """Return ``ids`` by ``date``, newest first, or by ``name``; unknown ones are left out.

        Raises:
            CancelledError: when the token says so.
        """
        return self._listing.by_name(ids, token) if order == "name" else self._listing.by_date(ids)

    def has_names_like(self, text: str) -> bool:
        """Return whether a file, caption or tag holds this text."""
        return bool(self._filters.masks([Exact(text)])[0].any())

    def suggestions(self, query: Query) -> dict[str, tuple[str, ...]]:
        """Return, for filters with a name that no photo has, filters with the user's own names like it."""
        named = [
            (fact, kind.names)
            for fact in dict.fromkeys(facts(query.tree))
            if isinstance(fact, Named) and (kind := filter_registry.find(fact.field)) is not None and kind.names
        ]
        if not named:
            return {}
        found = {}
        for (fact, source), mask in zip(named, self._filters.masks(fact for fact, _ in named), strict=True):
            if not mask.any():
                names = [name for name, _ in self._filters.named(source)[:_MOST_NAMES]]
                found[str(fact)] = tuple(str(Named(fact.field, name)) for name in _alike(fact.text, names))
        return found


def found_by(narrowed: Sequence[Candidates], ids: IdArray) -> MaskArray:
    """Return which of ``ids`` (N,) at least one of some alternatives finds."""
    found = np.zeros(len(ids), np.bool_)
    for one in narrowed:
        found |= one.finds(ids)
    return found


def facts(tree: Node | None) -> Iterable[Node]:
    """Yield words and facts of a tree, in order."""
    if isinstance(tree, All | AnyOf):
        for part in tree.parts:
            yield from facts(part)
    elif isinstance(tree, Not):
        yield from facts(tree.part)
    elif tree is not None:
        yield tree


def _alike(text: str, names: Sequence[str]) -> list[str]:
    """Return up to four names that are spelled like a text, or of which a level or word is; best first."""
    whole: dict[str, str] = {}
    for name in names:
        whole.setdefault(name.casefold(), name)
        for part in name.casefold().replace("|", " ").split():
            whole.setdefault(part, name)
    near = spelling.similar(text, list(whole), 6, _ALIKE)
    return list(dict.fromkeys(whole[part] for part in near))[:4]
