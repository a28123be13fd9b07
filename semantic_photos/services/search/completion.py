# SPDX-License-Identifier: GPL-3.0-or-later
"""What may come next in the search field: operators, the user's own folders, tags and cameras, known words."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from semantic_photos.domain.field_values import VALUES
from semantic_photos.domain.filters import STATES, TEXT_FIELDS, TYPES, fold, written
from semantic_photos.domain.periods import RELATIVE
from semantic_photos.services.search.vocabulary import Vocabulary
from semantic_photos.storage.catalog import Catalog

#: Seconds for which the user's names are kept: counting them at every key press would be felt.
_KEPT_S = 5.0
#: Tags of the user's own that are offered among words.
_OWN_TAGS = 2

_OPENING, _CLOSING = '"“”„', '"“”'
_RATINGS = ("5", ">=4", ">=3", "0", "rejected")


@dataclass(frozen=True, slots=True)
class Completion:
    """A way on: ``text`` takes the place of the characters ``start`` to ``end`` of the query.

    Attributes:
        text: what to put there; behind it a blank, unless it is an operator.
        kind: ``word``, ``operator``, or the field whose value it is (``tag``, ``folder``, ``date``, …).
        count: how many photos have it, where that is known.
        start: first character that is replaced.
        end: the one after the last.
    """

    text: str
    kind: str
    count: int | None
    start: int
    end: int


class Completions:
    """Offers completions.

    Thread: any; blocking (catalog).
    """

    def __init__(self, catalog: Catalog, vocabulary: Vocabulary, clock: Callable[[], float] = time.monotonic) -> None:
        self._filters, self._vocabulary, self._clock = catalog.filters, vocabulary, clock
        self._kept: dict[str, tuple[float, list[tuple[str, int]]]] = {}

    def at(self, text: str, cursor: int, n: int = 8) -> list[Completion]:
        """Return at most ``n`` ways on from what is typed before ``cursor``, best first; none inside exact text.

        Raises:
            CatalogError: when the catalog cannot be read.
        """
        cursor = min(max(cursor, 0), len(text))
        start, quoted = _token_start(text, cursor)
        typed = text[start:cursor]
        minus = len(typed) - len(typed.lstrip("-−–"))
        start, typed = start + minus, typed[minus:]
        field, colon, value = typed.partition(":")
        field = field.casefold()
        is_filter = bool(colon) and field in VALUES
        if not typed or (quoted and not is_filter):
            return []
        end = _token_end(text, cursor, quoted)
        if is_filter:
            offers = [
                (f"{field}:{written(name)}", field, count)
                for name, count in self._values(field, value.lstrip(_OPENING))
            ]
        else:
            offers = self._beginnings(typed, n)
        fresh = dict.fromkeys(offer for offer in offers if offer[0] != text[start:end])
        return [Completion(words, kind, count, start, end) for words, kind, count in list(fresh)[:n]]

    def _values(self, field: str, typed: str) -> Iterable[tuple[str, int | None]]:
        """Return values of a filter that go with what is typed of one, with how many photos each finds."""
        wanted = fold(typed)
        if field in ("tag", "folder", "camera"):
            return _fitting(self._named(field), wanted)
        counts = dict(self._named("type")) if field == "type" else {}
        fixed: dict[str, Iterable[str]] = {
            "type": sorted(TYPES, key=lambda name: -counts.get(name, 0)), "is": STATES, "rating": _RATINGS,
            "date": RELATIVE, "before": RELATIVE, "after": RELATIVE,
        }  # fmt: skip
        plain = wanted.replace(" ", "-") if field in ("date", "before", "after") else wanted
        return [(name, counts.get(name)) for name in fixed.get(field, ()) if name.startswith(plain)]

    def _beginnings(self, typed: str, n: int) -> list[tuple[str, str, int | None]]:
        """Return operators, own tags and known words that begin like this."""
        wanted = typed.casefold()
        own = [(f"tag:{written(name)}", "tag", count) for name, count in _fitting(self._named("tag"), fold(typed))]
        operators: list[tuple[str, str, int | None]] = [
            (f"{field}:", "operator", None) for field in (*TEXT_FIELDS, *VALUES) if field.startswith(wanted)
        ]
        words = [(word, "word", None) for word in self._vocabulary.completions(typed, n) if word != wanted]
        # An operator is meant when little is typed of it only rarely; words are what people type.
        few = words[: max(0, n - len(own[:_OWN_TAGS]) - len(operators))]
        return [*own[:_OWN_TAGS], *few, *operators] if len(typed) < 3 else [*own[:_OWN_TAGS], *operators, *few]

    def _named(self, field: str) -> list[tuple[str, int]]:
        now = self._clock()
        kept = self._kept.get(field)
        if kept is None or now - kept[0] > _KEPT_S:
            kept = now, self._filters.named(field)
            self._kept[field] = kept
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
