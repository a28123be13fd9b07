# SPDX-License-Identifier: GPL-3.0-or-later
"""What may stand behind the colon of a filter: text to a filter value, or a sentence about why not."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from semantic_photos.domain.edit_distance import meant
from semantic_photos.domain.filters import (
    MOST_KM,
    NEAR_KM,
    STATE_ALIASES,
    STATES,
    TYPE_ALIASES,
    TYPES,
    Fact,
    Is,
    Named,
    Near,
    Outside,
    Rating,
    Taken,
    Type,
    fold,
)
from semantic_photos.domain.periods import RELATIVE, Period

_DATE_ADVICE = "A date is a year (2024), a month (2024-05), a day (2024-05-17), or a word like today or last-year."
_TYPES = {name: name for name in TYPES} | TYPE_ALIASES
_STATES = {name: name for name in STATES} | STATE_ALIASES
_RATINGS = {"none": "0", "unrated": "0", "rejected": "-1"}
_NUMBER = r"[+-]?[0-9]{1,5}(?:\.[0-9]{1,9})?"
_NEAR = re.compile(rf"({_NUMBER})\s*,\s*({_NUMBER})(?:\s*,\s*({_NUMBER})\s*(?:km)?)?", re.IGNORECASE)


class Refused(ValueError):
    """Say in one sentence why a value makes no sense, and which values are meant; never leaves the language."""

    def __init__(self, why: str, meant: tuple[str, ...] = ()) -> None:
        super().__init__(why)
        self.meant = meant


def _named(field: str, value: str) -> Fact:
    text = fold(value)
    if not text:
        raise Refused(f"Behind “{field}:” stands what to look for.")
    return Named(field, text)


def _type(value: str) -> Fact:
    name = fold(value).removeprefix(".")
    name = TYPE_ALIASES.get(name, name)
    if name not in TYPES:
        raise Refused(f"“type:” knows {', '.join(TYPES)}.", meant(name, _TYPES))
    return Type(name)


def _is(value: str) -> Fact:
    state = fold(value)
    state = STATE_ALIASES.get(state, state)
    if state not in STATES:
        raise Refused(f"“is:” knows {', '.join(STATES)}.", meant(state, _STATES))
    return Is(state)


def _rating(value: str) -> Fact:
    plain = _RATINGS.get(fold(value), fold(value)).replace(" ", "")
    match = re.fullmatch(r"(>=|<=|>|<|=)?(-1|[0-5])(?:(\.\.|-)([0-5])|(\+))?", plain)
    if match is None or (match[1] and (match[3] or match[5])):
        raise Refused("A rating is a number from 0 to 5, a range (3..5), or a border (>=4).",
                      meant(plain, {word: word for word in _RATINGS}))  # fmt: skip
    sign, first, _, last, plus = match.groups()
    number = int(first)
    low, high = {
        ">=": (number, 5), ">": (number + 1, 5), "<=": (min(1, number), number), "<": (min(1, number - 1), number - 1),
    }.get(sign or "", (number, int(last) if last else 5 if plus else number))  # fmt: skip
    if low > high or low < -1 or high > 5:
        raise Refused("No rating lies in this range.")
    return Rating(low, high)


def _date(value: str) -> Fact:
    first, dots, last = value.partition("..")
    if not dots:
        period = _period(value)
        return Taken(period, period)
    if not first.strip() and not last.strip():
        raise Refused(_DATE_ADVICE)
    return Taken(_border(first, "", f"..{last}"), _border(last, f"{first}..", ""))


def _border(text: str, before: str, after: str) -> Period | None:
    """Return the period at one end of a range, or None for an open one; what is meant is told as the whole range."""
    try:
        return _period(text) if text.strip() else None
    except Refused as refused:
        raise Refused(str(refused), tuple(f"{before}{other}{after}" for other in refused.meant)) from None


def _outside(value: str, *, after: bool) -> Fact:
    return Outside(after, _period(value))


def _period(text: str) -> Period:
    period = Period.read(text)
    if period is None:
        raise Refused(_DATE_ADVICE, meant(re.sub(r"[\s_]+", "-", fold(text)), {word: word for word in RELATIVE}))
    return period


def _near(value: str) -> Fact:
    match = _NEAR.fullmatch(value.strip())
    if match is None:
        raise Refused("Names of places are not known; write near:latitude,longitude or near:latitude,longitude,km.")
    latitude, longitude = round(float(match[1]), 6) + 0.0, round(float(match[2]), 6) + 0.0
    km = round(float(match[3]), 3) if match[3] else NEAR_KM
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise Refused("A latitude lies from -90 to 90, a longitude from -180 to 180.")
    if not 0 < km <= MOST_KM:
        raise Refused("A distance lies from 0.001 to 20,100 kilometres.")
    return Near(latitude, longitude, km)


#: For each field what makes a filter of its value; raises ``Refused``.
VALUES: dict[str, Callable[[str], Fact]] = {
    **{field: partial(_named, field) for field in ("file", "folder", "tag", "camera")},
    "rating": _rating,
    "type": _type,
    "date": _date,
    "before": partial(_outside, after=False),
    "after": partial(_outside, after=True),
    "near": _near,
    "is": _is,
}
