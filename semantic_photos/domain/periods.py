# SPDX-License-Identifier: GPL-3.0-or-later
"""Date periods in query notation: 2024, 2024-05, 2024-05-17, today, last-year."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass

#: Relative periods; a week begins on Monday.
RELATIVE = (
    "today", "yesterday", "this-week", "last-week", "this-month", "last-month", "this-year", "last-year",
)  # fmt: skip
#: What a calendar can be asked for, with a year to spare on both sides.
FIRST_YEAR, LAST_YEAR = 1000, 9998

_ABSOLUTE = re.compile(r"(\d{4})(?:[-/.](\d{1,2})(?:[-/.](\d{1,2}))?)?")


@dataclass(frozen=True, slots=True)
class Period:
    """A day, month, year or relative period; ``text`` is its normal form."""

    text: str

    def __str__(self) -> str:
        """Return it as it is typed."""
        return self.text

    @classmethod
    def read(cls, text: str) -> Period | None:
        """Return the period that a text means, or None if it is none."""
        plain = re.sub(r"[\s_-]+", "-", text.strip().casefold()) if not text[:1].isdigit() else text.strip()
        if plain in RELATIVE:
            return cls(plain)
        match = _ABSOLUTE.fullmatch(plain)
        if match is None or not plain.isascii():
            return None
        year, month, day = (int(part) if part else 0 for part in match.groups())
        try:
            datetime.date(year, month or 1, day or 1)
        except ValueError:
            return None
        if not FIRST_YEAR <= year <= LAST_YEAR:
            return None
        return cls(f"{year:04d}" + (f"-{month:02d}" if month else "") + (f"-{day:02d}" if day else ""))

    def days(self, today: datetime.date) -> tuple[datetime.date, datetime.date]:
        """Return the first and the last day, seen from ``today``."""
        if self.text in RELATIVE:
            return _relative(self.text, today)
        numbers = [int(part) for part in self.text.split("-")]
        if len(numbers) == 3:
            day = datetime.date(*numbers)
            return day, day
        return _year(numbers[0]) if len(numbers) == 1 else _month(numbers[0], numbers[1])


def _relative(text: str, today: datetime.date) -> tuple[datetime.date, datetime.date]:
    one = datetime.timedelta(days=1)
    if text in ("today", "yesterday"):
        day = today if text == "today" else today - one
        return day, day
    last = text.startswith("last-")
    if text.endswith("week"):
        monday = today - today.weekday() * one - (7 * one if last else 0 * one)
        return monday, monday + 6 * one
    if text.endswith("month"):
        some = today.replace(day=1) - one if last else today
        return _month(some.year, some.month)
    return _year(today.year - 1 if last else today.year)


def _year(year: int) -> tuple[datetime.date, datetime.date]:
    return datetime.date(year, 1, 1), datetime.date(year, 12, 31)


def _month(year: int, month: int) -> tuple[datetime.date, datetime.date]:
    after = datetime.date(year + month // 12, month % 12 + 1, 1)
    return datetime.date(year, month, 1), after - datetime.timedelta(days=1)
