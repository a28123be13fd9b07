# SPDX-License-Identifier: GPL-3.0-or-later
"""Completion in the search field: filters, their values, folders, tags, cameras and known words."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from semantic_photos.domain import filter_registry
from semantic_photos.domain.filter_registry import FILTERS, FilterKind, NameSource
from semantic_photos.domain.filters import fold, written
from semantic_photos.services.search.vocabulary import Vocabulary
from semantic_photos.storage.catalog import Catalog

#: Seconds for which the user's names are kept: counting them at every key press would be felt.
_KEPT_S = 5.0
#: Tags of the user that are offered among words.
_OWN_TAGS = 2

_OPENING, _CLOSING = '"“”„', '"“”'


@dataclass(frozen=True, slots=True)
class Completion:
    """A suggestion: ``text`` replaces the characters ``start`` to ``end`` of the query.

    Attributes:
        text: what to put there; a blank follows, unless it is an operator.
        kind: ``word``, ``operator`` (a filter without its value), or the filter whose value it is (``tag``, …).
        count: how many photos have it, where that is known.
        start: first character that is replaced.
        end: the one after the last.
        hint: of an operator, which photos it finds, in a few words.
    """

    text: str
    kind: str
    count: int | None
    start: int
    end: int
    hint: str = ""


#: Text, kind, count and hint of a completion.
_Offer = tuple[str, str, int | None, str]


class Completions:
    """Offers completions.

    Thread: any; blocking (catalog).
    """

    def __init__(self, catalog: Catalog, vocabulary: Vocabulary, clock: Callable[[], float] = time.monotonic) -> None:
        self._filters, self._vocabulary, self._clock = catalog.filters, vocabulary, clock
        self._kept: dict[NameSource, tuple[float, list[tuple[str, int]]]] = {}

    def at(self, text: str, cursor: int, n: int = 8) -> list[Completion]:
        """Return at most ``n`` completions of what is typed before ``cursor``, best first; none inside exact text.

        Raises:
            CatalogError: when the catalog cannot be read.
        """
        cursor = min(max(cursor, 0), len(text))
        start, quoted = _token_start(text, cursor)
        typed = text[start:cursor]
        minus = len(typed) - len(typed.lstrip("-−–"))
        start, typed = start + minus, typed[minus:]
        name, colon, value = typed.partition(":")
        kind = filter_registry.find(name) if colon else None
        if not typed or (quoted and kind is None):
            return []
        end = _token_end(text, cursor, quoted)
        offers = self._beginnings(typed, n) if kind is None else self._values(kind, value.lstrip(_OPENING))
        fresh = dict.fromkeys(offer for offer in offers if offer[0] != text[start:end])
        return [Completion(words, what, count, start, end, hint) for words, what, count, hint in list(fresh)[:n]]

    def _values(self, kind: FilterKind, typed: str) -> Iterable[_Offer]:
        """Return values of a filter that go with what is typed of one, with how many photos each finds."""
        wanted = fold(typed)
        named = self._named(kind.names) if kind.names is not None else []
        offers: Iterable[tuple[str, int | None]] = _fitting(named, wanted)
        if kind.values:
            counts = dict(named)
            beginnings = (wanted, wanted.replace(" ", "-"))
            values = sorted(kind.values, key=lambda value: -counts.get(value, 0))
            offers = [(value, counts.get(value)) for value in values if value.startswith(beginnings)]
        return [(f"{kind.name}:{written(value)}", kind.name, count, "") for value, count in offers]

    def _beginnings(self, typed: str, n: int) -> list[_Offer]:
        """Return operators, own tags and known words that begin like this."""
        wanted = typed.casefold()
        own: list[_Offer] = [
            (f"tag:{written(name)}", "tag", count, "") for name, count in _fitting(self._named("tag"), fold(typed))
        ]
        operators: list[_Offer] = [
            (f"{kind.name}:", "operator", None, kind.finds) for kind in FILTERS if kind.name.startswith(wanted)
        ]
        words: list[_Offer] = [
            (word, "word", None, "") for word in self._vocabulary.completions(typed, n) if word != wanted
        ]
        # An operator is meant when little is typed of it only rarely; words are what people type.
        few = words[: max(0, n - len(own[:_OWN_TAGS]) - len(operators))]
        return [*own[:_OWN_TAGS], *few, *operators] if len(typed) < 3 else [*own[:_OWN_TAGS], *operators, *few]

    def _named(self, source: NameSource) -> list[tuple[str, int]]:
        now = self._clock()
        kept = self._kept.get(source)
        if kept is None or now - kept[0] > _KEPT_S:
            kept = now, self._filters.named(source)
            self._kept[source] = kept
        return kept[1]


def _fitting(names: Iterable[tuple[str, int]], wanted: str) -> list[tuple[str, int]]:
    """Return names that begin with a text, then those of which a later word or level does; most photos first."""
    first, later = [], []
    for name, count in names:
        plain = fold(name)
        if plain.startswith(wanted):
            first.append((name, count))
        elif any(part.startswith(wanted) for part in plain.replace("|", " ").replace("/", " ").split()):
            later.append((name, count))
    return [*first, *later]


def _token_start(text: str, cursor: int) -> tuple[int, bool]:
    """Return where the word or filter at the cursor begins, and whether the cursor stands between quotes."""
    start, quoted = 0, False
    for place, character in enumerate(text[:cursor]):
        if quoted:
            quoted = character not in _CLOSING
        elif character in _OPENING:
            quoted = True
            if place == 0 or text[place - 1] != ":":
                start = place
        elif character.isspace() or character in "()":
            start = place + 1
    return start, quoted


def _token_end(text: str, cursor: int, quoted: bool) -> int:
    end = cursor
    while end < len(text) and not (text[end] in _CLOSING if quoted else text[end].isspace() or text[end] in "()"):
        end += 1
    return min(end + 1, len(text)) if quoted else end
