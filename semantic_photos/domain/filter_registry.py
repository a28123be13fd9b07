# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter registry: one entry for each filter of the query language.

An entry says how a filter is named, parsed, explained and completed. The query parser, completion, ``--help`` and the
README read it; none of them knows a filter by name. To add one, add its value class, which prints itself, to
``filters.Fact``, its entry to ``FILTERS``, and its SQL to the catalog, which does not type-check without it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from semantic_photos.domain.filters import (
    MOST_KM,
    NEAR_KM,
    SHAPES,
    STATE_ALIASES,
    STATES,
    TYPE_ALIASES,
    TYPES,
    Fact,
    Is,
    Named,
    Near,
    Orientation,
    Outside,
    Rating,
    Shape,
    State,
    Taken,
    TextField,
    Type,
    fold,
)
from semantic_photos.domain.periods import RELATIVE, Period
from semantic_photos.domain.spelling import meant
from semantic_photos.domain.translatable import N_, NO_MESSAGE, Message

#: Names that the catalog counts, so that they can be offered with the number of photos.
NameSource = Literal["tag", "folder", "camera", "type"]
Name = TypeVar("Name", bound=str)


class InvalidValue(ValueError):
    """A value that a filter does not accept: a sentence for the user, and values that may have been meant."""

    def __init__(self, message: Message, meant: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.meant = meant


@dataclass(frozen=True, slots=True)
class FilterKind:
    """One kind of filter of the query language.

    Attributes:
        name: what stands before the colon in the normal form.
        parse: makes the filter of a value that is not blank; raises ``InvalidValue``.
        finds: which photos it finds, in a few words that continue "Photos …".
        examples: values that show what can be typed; each parses.
        more: what else there is to know, as it stands in parentheses; empty for nothing.
        aliases: other names that are read; they are not offered.
        values: values to offer, the most useful first; empty when the user's own names are offered, or nothing.
        names: where the number of photos for each value, or the user's own names, come from.
    """

    name: str
    parse: Callable[[str], Fact]
    finds: Message
    examples: tuple[str, ...]
    more: Message = NO_MESSAGE
    aliases: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    names: NameSource | None = None

    @property
    def help(self) -> Message:
        """Return everything there is to know, on one line."""
        return Message("{finds} ({more})", finds=self.finds, more=self.more) if self.more else self.finds

    def read(self, value: str) -> Fact:
        """Return the filter that a value makes.

        Raises:
            InvalidValue: when it makes none.
        """
        if not fold(value):
            raise InvalidValue(Message("Enter a value after “{field}:”.", field=self.name))
        return self.parse(value)


# Values


def _text(field: TextField) -> Callable[[str], Fact]:
    return lambda value: Named(field, fold(value))


def _one_of(names: Mapping[str, Name], make: Callable[[Name], Fact], unknown: str) -> Callable[[str], Fact]:
    """Return a parser of a closed set of names: those accepted, with what each stands for. ``unknown``: the error."""

    def parse(value: str) -> Fact:
        name = fold(value)
        if name not in names:
            known = ", ".join(dict.fromkeys(names.values()))
            raise InvalidValue(Message(unknown, names=known), meant(name.removeprefix("."), names))
        return make(names[name])

    return parse


_TYPES = {name: name for name in TYPES} | TYPE_ALIASES
_STATES: dict[str, State] = {**{state: state for state in STATES}, **STATE_ALIASES}
_SHAPES: dict[str, Shape] = {shape: shape for shape in SHAPES}
_RATINGS = {"none": "0", "unrated": "0", "rejected": "-1"}


def _rating(value: str) -> Fact:
    plain = _RATINGS.get(fold(value), fold(value)).replace(" ", "")
    match = re.fullmatch(r"(>=|<=|>|<|=)?(-1|[0-5])(?:(\.\.|-)([0-5])|(\+))?", plain)
    if match is None or (match[1] and (match[3] or match[5])):
        raise InvalidValue(Message("Enter a rating from 0 to 5, a range (3..5) or a limit (>=4)."),
                           meant(plain, {word: word for word in _RATINGS}))  # fmt: skip
    sign, first, _, last, plus = match.groups()
    number = int(first)
    low, high = {
        ">=": (number, 5), ">": (number + 1, 5), "<=": (min(1, number), number), "<": (min(1, number - 1), number - 1),
    }.get(sign or "", (number, int(last) if last else 5 if plus else number))  # fmt: skip
    if low > high or low < -1 or high > 5:
        raise InvalidValue(Message("This range contains no rating."))
    return Rating(low, high)


_DATE_ADVICE = Message("Enter a year (2024), a month (2024-05), a day (2024-05-17), or a word like today or last-year.")


def _period(text: str) -> Period:
    period = Period.read(text)
    if period is None:
        raise InvalidValue(_DATE_ADVICE, meant(re.sub(r"[\s_]+", "-", fold(text)), {word: word for word in RELATIVE}))
    return period


def _date(value: str) -> Fact:
    first, dots, last = value.partition("..")
    if not dots:
        period = _period(value)
        return Taken(period, period)
    if not first.strip() and not last.strip():
        raise InvalidValue(_DATE_ADVICE)
    return Taken(_end(first, "", f"..{last}"), _end(last, f"{first}..", ""))


def _end(text: str, before: str, after: str) -> Period | None:
    """Return the period at one end of a range, None for an open end; what may have been meant is the whole range."""
    try:
        return _period(text) if text.strip() else None
    except InvalidValue as error:
        raise InvalidValue(error.message, tuple(f"{before}{other}{after}" for other in error.meant)) from None


_NUMBER = r"[+-]?[0-9]{1,5}(?:\.[0-9]{1,9})?"
_NEAR = re.compile(rf"({_NUMBER})\s*,\s*({_NUMBER})(?:\s*,\s*({_NUMBER})\s*(?:km)?)?", re.IGNORECASE)


def _near(value: str) -> Fact:
    match = _NEAR.fullmatch(value.strip())
    if match is None:
        raise InvalidValue(
            Message("Enter near:latitude,longitude or near:latitude,longitude,km. Place names are not known.")
        )
    latitude, longitude = round(float(match[1]), 6) + 0.0, round(float(match[2]), 6) + 0.0
    km = round(float(match[3]), 3) if match[3] else NEAR_KM
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise InvalidValue(Message("Latitude must be from -90 to 90, longitude from -180 to 180."))
    if not 0 < km <= MOST_KM:
        raise InvalidValue(Message("Distance must be from {least:,} to {most:,} km.", least=0.001, most=MOST_KM))
    return Near(latitude, longitude, km)


# The filters, in the order of the help

FILTERS: tuple[FilterKind, ...] = (
    FilterKind(
        "file",
        _text("file"),
        finds=Message("whose file name contains this text"),
        examples=("img_48",),
    ),
    FilterKind(
        "folder",
        _text("folder"),
        finds=Message("whose folder contains this text"),
        examples=("holiday/day",),
        names="folder",
    ),
    FilterKind(
        "tag",
        _text("tag"),
        finds=Message("with this tag or one below it"),
        examples=("dog", '"birthday party"'),
        aliases=("tags", "keyword"),
        names="tag",
    ),
    FilterKind(
        "camera",
        _text("camera"),
        finds=Message("whose camera name contains this text"),
        examples=("canon",),
        names="camera",
    ),
    FilterKind(
        "rating",
        _rating,
        finds=Message("with these stars"),
        examples=("4", ">=4", "3..5", "0", "rejected"),
        more=Message("0 is unrated"),
        aliases=("stars",),
        values=("5", ">=4", ">=3", "0", "rejected"),
    ),
    FilterKind(
        "type",
        _one_of(_TYPES | {f".{name}": to for name, to in _TYPES.items()}, Type, N_("Unknown file type. Use {names}.")),
        finds=Message("of this file type"),
        examples=("jpg",),
        more=Message.as_is(", ".join(TYPES)),
        values=tuple(TYPES),
        names="type",
    ),
    FilterKind(
        "date",
        _date,
        finds=Message("taken on this day, or in this month, year or range"),
        examples=("2024", "2024-05", "2024-05-17", "2023..2024", '"last year"'),
        more=Message("also {words}", words=", ".join(RELATIVE)),
        aliases=("taken",),
        values=RELATIVE,
    ),
    FilterKind(
        "before",
        lambda value: Outside(after=False, period=_period(value)),
        finds=Message("taken before this day, month or year begins"),
        examples=("2024",),
        values=RELATIVE,
    ),
    FilterKind(
        "after",
        lambda value: Outside(after=True, period=_period(value)),
        finds=Message("taken after this day, month or year ends"),
        examples=("2024-05",),
        values=RELATIVE,
    ),
    FilterKind(
        "near",
        _near,
        finds=Message("taken near this latitude and longitude"),
        examples=("48.85,2.35", "48.85,2.35,2"),
        more=Message("within {km:g} km, or as many as given; place names are not known", km=NEAR_KM),
    ),
    FilterKind(
        "orientation",
        _one_of(_SHAPES, Orientation, N_("Unknown orientation. Use {names}.")),
        finds=Message("of this shape"),
        examples=("portrait",),
        more=Message.as_is(", ".join(SHAPES)),
        values=SHAPES,
    ),
    FilterKind(
        "is",
        _one_of(_STATES, Is, N_("Unknown state. Use {names}.")),
        finds=Message("in this state"),
        examples=("favourite",),
        more=Message("{states}; tagged means by you", states=", ".join(STATES)),
        values=STATES,
    ),
)

_BY_NAME = {name: kind for kind in FILTERS for name in (kind.name, *kind.aliases)}
_NAMES = {name: kind.name for name, kind in _BY_NAME.items()}


def find(name: str) -> FilterKind | None:
    """Return the filter with a name or alias, in any case, or None."""
    return _BY_NAME.get(name.casefold())


def misspelled(name: str, value: str) -> tuple[str, ...]:
    """Return the names of filters that accept this value and are spelled like an unknown name (folded), best first."""
    found = []
    for known in meant(name, _NAMES):
        try:
            _BY_NAME[known].read(value)
        except InvalidValue:
            continue
        found.append(known)
    return tuple(found)
