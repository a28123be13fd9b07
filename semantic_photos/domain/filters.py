# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters and words of a query as frozen values, joined by ``All``, ``AnyOf`` and ``Not``.

``str`` of a filter is its normal form. How it is parsed, explained and completed stands in ``filter_registry``; which
photos it finds, in the catalog.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal, get_args

from semantic_photos.domain.image_formats import type_aliases, type_names
from semantic_photos.domain.periods import Period

#: What ``type:`` understands, with the formats as the decoder names them.
TYPES = type_names()
TYPE_ALIASES = type_aliases()

State = Literal["favourite", "tagged", "untagged", "rated", "waiting", "failed", "missing"]
#: The values of ``is:``.
STATES: tuple[State, ...] = get_args(State)
STATE_ALIASES: dict[str, State] = {"favorite": "favourite", "pending": "waiting"}

Shape = Literal["portrait", "landscape", "square"]
#: The values of ``orientation:``.
SHAPES: tuple[Shape, ...] = get_args(Shape)

#: Words that negate what follows instead of being searched.
NEGATIONS = frozenset({"no", "without"})

TextField = Literal["file", "folder", "tag", "camera"]
#: Filters whose value is any text.
TEXT_FIELDS: tuple[TextField, ...] = get_args(TextField)

NEAR_KM, MOST_KM = 10.0, 20_100.0

_QUOTES = '"“”„'
#: What an unquoted value may hold, so that it is read back as it is.
_PLAIN = re.compile(r"[^\s()\"“”„,;^]+")


def fold(text: str) -> str:
    """Return text for comparing: case and composition (NFC) do not count, blanks are single, quotes are gone."""
    # Small letters rather than casefold: "ß" stays what it is in the name of a file.
    plain = "".join(" " if c in _QUOTES or unicodedata.category(c) == "Cc" else c for c in text)
    # Folding may undo the composition, and composing may show a capital again: until nothing changes.
    for _ in range(4):
        folded = " ".join(unicodedata.normalize("NFC", plain.lower()).split())
        if folded == plain:
            break
        plain = folded
    return plain


def written(text: str) -> str:
    """Return a value as it must be typed: quoted where it would be read otherwise."""
    return text if _PLAIN.fullmatch(text) else f'"{text}"'


@dataclass(frozen=True, slots=True)
class Exact:
    """Photos whose file name, caption or one of whose tags holds this text (folded)."""

    text: str

    def __str__(self) -> str:
        """Return it as it is typed."""
        return f'"{self.text}"'


@dataclass(frozen=True, slots=True)
class Named:
    """Photos whose ``field`` has this text (folded); ``field`` is one of ``TEXT_FIELDS``.

    A file, folder or camera name must hold it; a tag must be it, or a level above or below it in a hierarchy.
    """

    field: TextField
    text: str

    def __str__(self) -> str:
        """Return it as it is typed."""
        return f"{self.field}:{written(self.text)}"


@dataclass(frozen=True, slots=True)
class Type:
    """Photos of one file type, a key of ``TYPES``."""

    name: str

    def __str__(self) -> str:
        """Return it as it is typed."""
        return f"type:{self.name}"


@dataclass(frozen=True, slots=True)
class Rating:
    """Photos rated ``low`` to ``high``, both included: 1 to 5, 0 for no rating, -1 for rejected."""

    low: int
    high: int

    def __str__(self) -> str:
        """Return it as it is typed."""
        if self.low == self.high:
            return f"rating:{self.low}"
        return f"rating:>={self.low}" if self.high == 5 else f"rating:{self.low}..{self.high}"


@dataclass(frozen=True, slots=True)
class Taken:
    """Photos taken from the beginning of one period to the end of another; None is open on that side.

    The periods may be relative ("last-year"): they are resolved when the query runs.
    """

    first: Period | None
    last: Period | None

    def __str__(self) -> str:
        """Return it as it is typed."""
        if self.first == self.last:
            return f"date:{self.first}"
        return f"date:{self.first or ''}..{self.last or ''}"


@dataclass(frozen=True, slots=True)
class Outside:
    """Photos taken before the beginning of a period, or (``after``) after its end."""

    after: bool
    period: Period

    def __str__(self) -> str:
        """Return it as it is typed."""
        return f"{'after' if self.after else 'before'}:{self.period}"


@dataclass(frozen=True, slots=True)
class Near:
    """Photos taken within ``km`` of a place given in degrees."""

    latitude: float
    longitude: float
    km: float = NEAR_KM

    def __str__(self) -> str:
        """Return it as it is typed."""
        parts = [_number(self.latitude), _number(self.longitude)]
        return "near:" + ",".join(parts if self.km == NEAR_KM else [*parts, _number(self.km)])


@dataclass(frozen=True, slots=True)
class Is:
    """Photos in a state, one of ``STATES``.

    ``untagged``: the user gave or confirmed no tag; ``waiting``: not indexed yet; ``missing``: the file is gone.
    """

    state: State

    def __str__(self) -> str:
        """Return it as it is typed."""
        return f"is:{self.state}"


@dataclass(frozen=True, slots=True)
class Orientation:
    """Photos of one shape, as shown: after the EXIF orientation. Square is exact, to the pixel.

    A photo whose size is not known (not indexed yet, or failed) has none.
    """

    shape: Shape

    def __str__(self) -> str:
        """Return it as it is typed."""
        return f"orientation:{self.shape}"


Fact = Exact | Named | Type | Rating | Taken | Outside | Near | Is | Orientation


@dataclass(frozen=True, slots=True)
class Term:
    """One word of a query. ``weight`` is negative for an excluded word; 1 is the default."""

    word: str
    weight: float = 1.0

    def __str__(self) -> str:
        """Return it as it is typed."""
        plain = abs(self.weight) == 1.0 and not (self.weight > 0 and self.word in NEGATIONS)
        strength = "" if plain else f"^{_number(abs(self.weight))}"
        return f"{'-' if self.weight < 0 else ''}{self.word}{strength}"


@dataclass(frozen=True, slots=True)
class Not:
    """What ``part`` does not find. Words in it get a negative weight instead, since a similarity is no yes or no."""

    part: Node

    def __str__(self) -> str:
        """Return it as it is typed."""
        return f"-({self.part})" if isinstance(self.part, All | AnyOf) else f"-{self.part}"


@dataclass(frozen=True, slots=True)
class All:
    """What every part finds; two parts or more."""

    parts: tuple[Node, ...]

    def __str__(self) -> str:
        """Return it as it is typed."""
        return " ".join(f"({part})" if isinstance(part, AnyOf) else str(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """What at least one part finds; two parts or more."""

    parts: tuple[Node, ...]

    def __str__(self) -> str:
        """Return it as it is typed."""
        return " OR ".join(map(str, self.parts))


Node = Term | Fact | Not | All | AnyOf


def _number(value: float) -> str:
    """Return a number with at most six decimals and no more than it needs."""
    return f"{value:.6f}".rstrip("0").rstrip(".")
