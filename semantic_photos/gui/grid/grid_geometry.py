# SPDX-License-Identifier: GPL-3.0-or-later
"""The position of each cell of the grid by arithmetic alone, so that 100,000 photos cost as much as ten."""

from __future__ import annotations

import bisect
from dataclasses import dataclass

#: Height of the title line of a section, in logical pixels.
HEADER = 40


@dataclass(frozen=True, slots=True)
class Section:
    """Rows ``first`` to before ``end`` of the list, under a title (empty for none)."""

    first: int
    end: int
    title: str = ""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in content coordinates."""

    x: int
    y: int
    width: int
    height: int


class GridGeometry:
    """Square cells that fill the width exactly, in sections one below the other. All lengths in logical pixels.

    Args:
        width: width of the visible part.
        side: smallest side of a cell; the real one is a little larger, so that a row fills the width.
        gap: space between cells.
        margin: space around all.
        sections: consecutive sections; empty ones are left out.
    """

    def __init__(self, width: int, side: int, gap: int, margin: int, sections: list[Section]) -> None:
        self.gap, self.margin = gap, margin
        inner = max(width - 2 * margin, 1)
        self.columns = max(1, (inner + gap) // (side + gap))
        self._exact = max((inner - gap * (self.columns - 1)) / self.columns, 1.0)
        self.cell = int(self._exact)
        self.sections = [section for section in sections if section.end > section.first]
        self._tops: list[int] = []
        self._firsts = [section.first for section in self.sections]
        y = margin
        for section in self.sections:
            y += HEADER if section.title else 0
            self._tops.append(y)
            y += self._lines(section) * (self.cell + gap) + (gap if section is not self.sections[-1] else 0)
        self.count = self.sections[-1].end if self.sections else 0
        self.height = max(y - gap + margin, 0) if self.sections else 0

    def _lines(self, section: Section) -> int:
        return -(-(section.end - section.first) // self.columns)

    def section_of(self, row: int) -> int:
        """Return the number of the section that holds a row."""
        return bisect.bisect_right(self._firsts, row) - 1

    def box(self, row: int) -> Box:
        """Return the rectangle of a row's cell."""
        number = self.section_of(row)
        line, column = divmod(row - self.sections[number].first, self.columns)
        left = round(column * (self._exact + self.gap))
        y = self._tops[number] + line * (self.cell + self.gap)
        return Box(self.margin + left, y, self.cell, self.cell)

    def header(self, number: int) -> Box:
        """Return the rectangle of a section's title."""
        inner = round(self.columns * (self._exact + self.gap)) - self.gap
        return Box(self.margin, self._tops[number] - HEADER, inner, HEADER)

    def row_at(self, x: int, y: int, *, nearest: bool = False) -> int:
        """Return the row at a position, or -1; with ``nearest`` gaps and margins belong to the cell beside them."""
        for number in range(len(self.sections) - 1, -1, -1):
            section, top = self.sections[number], self._tops[number]
            if y < top and not (nearest and number == 0):
                continue
            line, y_in = divmod(max(y - top, 0), self.cell + self.gap)
            column, x_in = divmod(max(x - self.margin, 0), self._exact + self.gap)
            if nearest:
                line, column = min(line, self._lines(section) - 1), min(int(column), self.columns - 1)
            elif x < self.margin or column >= self.columns or y_in >= self.cell or x_in >= self._exact:
                return -1
            row = section.first + line * self.columns + int(column)
            if nearest:
                return min(row, section.end - 1)
            return row if row < section.end else -1
        return -1

    def rows_between(self, top: int, bottom: int) -> range:
        """Return the rows that are at least partly between two heights."""
        if not self.count or bottom < 0 or top > self.height:
            return range(0)
        first = self.row_at(0, max(top - self.gap, 0), nearest=True)
        last = self.row_at(10**9, max(bottom, 0), nearest=True)
        return range(max(first, 0), min(last, self.count - 1) + 1)

    def step_line(self, row: int, lines: int) -> int:
        """Return the row that lies ``lines`` lines below (above, if negative), in the same column if there is one."""
        here = self.box(row)
        column = round((here.x - self.margin) / (self._exact + self.gap))
        number = self.section_of(row)
        line = (row - self.sections[number].first) // self.columns + lines
        while line < 0 and number > 0:
            number -= 1
            line += self._lines(self.sections[number])
        while line >= self._lines(self.sections[number]) and number + 1 < len(self.sections):
            line -= self._lines(self.sections[number])
            number += 1
        section = self.sections[number]
        line = min(max(line, 0), self._lines(section) - 1)
        return min(section.first + line * self.columns + column, section.end - 1)
