# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags as values: origin, standing, allowed changes, and rules for names.

A photo and a tag have one standing. Every action moves it along ``after``, the one table of the rules: nothing
automatic changes what the user or their files set, and a rejection stays until the user takes it back.
"""

from __future__ import annotations

import enum
import math
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

#: Between the levels of a hierarchical name, as Lightroom has it: ``animal|dog``.
SEPARATOR = "|"
#: Most characters of one level, most levels of a name, most keywords taken from one file.
MOST_LEVEL, MOST_LEVELS, MOST_KEYWORDS = 100, 10, 10_000
MOST_CAPTION = 2000
#: Under this level digiKam keeps the names of people; faces of other programs go there too.
PEOPLE = "People"

#: Format characters that belong to writing: joiners of emoji and of Indic and Persian letters, direction marks, and
#: the letters of flags. The others can reverse or hide what a line says.
_KEPT_FORMATS = frozenset("\u200c\u200d\u200e\u200f") | frozenset(map(chr, range(0xE0020, 0xE0080)))
_JOINERS = frozenset("\u200c\u200d")


class Standing(enum.IntEnum):
    """The standing of a tag of a photo; the numbers are stored."""

    AUTOMATIC = 0
    CONFIRMED = 1
    MANUAL = 2
    IMPORTED = 3
    REJECTED = 4

    @property
    def source(self) -> str:
        """Return the standing in words, as JSON and windows show it."""
        return self.name.lower()


#: What the user decided or wrote themselves: it is never forgotten with a missing file.
OWN_WORK = (Standing.CONFIRMED, Standing.MANUAL, Standing.REJECTED)
#: What may be written into files without being asked for more.
KEPT = (Standing.CONFIRMED, Standing.MANUAL, Standing.IMPORTED)


class Act(enum.Enum):
    """The actions on a photo's tag."""

    SUGGEST = "suggest"  # the network finds it
    WITHDRAW = "withdraw"  # the network does not find it any more, or all automatic tags are removed
    IMPORT = "import"  # a file says so
    MISS = "miss"  # the file that said so does not say it any more
    CONFIRM = "confirm"
    ADD = "add"
    REJECT = "reject"  # also: the user takes the tag off


_AFTER: dict[Act, dict[Standing | None, Standing | None]] = {
    Act.SUGGEST: {None: Standing.AUTOMATIC},
    Act.WITHDRAW: {Standing.AUTOMATIC: None},
    # What was taken off here stays off, though the file still says it until it is written.
    Act.IMPORT: {None: Standing.IMPORTED, Standing.AUTOMATIC: Standing.IMPORTED},
    Act.MISS: {Standing.IMPORTED: None},
    Act.CONFIRM: {
        None: Standing.MANUAL, Standing.AUTOMATIC: Standing.CONFIRMED, Standing.REJECTED: Standing.CONFIRMED,
    },
    Act.ADD: {None: Standing.MANUAL, Standing.AUTOMATIC: Standing.CONFIRMED, Standing.REJECTED: Standing.MANUAL},
    Act.REJECT: dict.fromkeys((None, *Standing), Standing.REJECTED),
}  # fmt: skip


def after(now: Standing | None, act: Act) -> Standing | None:
    """Return the standing after an act; None means that photo and tag have nothing to do with each other."""
    return _AFTER[act].get(now, now)


@dataclass(frozen=True, slots=True)
class TagLine:
    """A tag of a photo; ``confidence`` in [0, 1] is the calibrated probability of an automatic one, else None."""

    tag: str
    standing: Standing
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class TagCount:
    """Numbers of photos with a tag, by standing."""

    tag: str
    photos: dict[Standing, int]

    @property
    def kept(self) -> int:
        """Return the number of photos that have it by the user's or a file's word."""
        return sum(self.photos.get(standing, 0) for standing in KEPT)


@dataclass(frozen=True, slots=True)
class Remark:
    """The user's caption and rating of a photo; ``rating`` is 1 to 5, 0 for none, -1 for rejected."""

    rating: int = 0
    favourite: bool = False
    caption: str = ""


@dataclass(frozen=True, slots=True)
class FileWords:
    """Keywords, caption and rating in a photo's file and sidecar, cleaned.

    Attributes:
        tags: names with ``|`` between levels, each once, people's names under ``People``.
        caption: empty when there is none.
        rating: -1 to 5; None when the file says nothing.
        whole: false when one of the files could not be understood: what is not said may be said there.
    """

    tags: tuple[str, ...] = ()
    caption: str = ""
    rating: int | None = None
    whole: bool = True


@dataclass(frozen=True, slots=True)
class TaggingProgress:
    """Progress of automatic tagging: photos processed, photos in all, tags set so far; ``running`` ends false."""

    done: int
    total: int
    tags: int = 0
    running: bool = True
    paused: bool = False


def leaf(name: str) -> str:
    """Return the last level of a name."""
    return name.rsplit(SEPARATOR, 1)[-1]


def ancestors(name: str) -> list[str]:
    """Return the names above a name, the nearest first."""
    levels = name.split(SEPARATOR)
    return [SEPARATOR.join(levels[:count]) for count in range(len(levels) - 1, 0, -1)]


def clean_text(text: object, most: int, *, lines: bool = False) -> str:
    """Return text that is safe to display: no control characters, no characters that turn the line round, not too long.

    Emoji sequences and right-to-left writing stay whole; with ``lines`` line breaks stay too.
    """
    if not isinstance(text, str):
        return ""
    # Cut before the work as well: a file may hold a gigabyte.
    source = unicodedata.normalize("NFC", text[: 20 * most].encode("utf-8", "ignore").decode("utf-8"))
    kept = []
    for c in source:
        kind = unicodedata.category(c)
        if c == "\n" and lines:
            kept.append(c)
        elif kind in ("Cc", "Zl", "Zp") or c == "\N{NO-BREAK SPACE}":
            kept.append(" ")
        elif kind[0] != "C" or c in _KEPT_FORMATS or kind == "Co":
            kept.append(c)
    if lines:
        joined = "\n".join(" ".join(line.split()) for line in "".join(kept).split("\n")).strip()
    else:
        joined = " ".join("".join(kept).split())
    cut = _cut(joined, most)
    # What holds nothing but marks and joiners cannot be seen.
    return cut if any(unicodedata.category(c)[0] not in "CMZ" for c in cut) else ""


def _cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    end = most
    # Not inside a letter with its marks, nor inside an emoji of several.
    while end > 0 and (_clings(text[end]) or text[end - 1] in _JOINERS):
        end -= 1
    return text[: end or most].strip()


def _clings(c: str) -> bool:
    return unicodedata.category(c)[0] == "M" or c in _KEPT_FORMATS or "\U0001f3fb" <= c <= "\U0001f3ff"


def clean_name(text: object, separator: str = SEPARATOR) -> str:
    """Return a tag's name from foreign or typed text, levels joined by ``|``; empty when nothing is left."""
    if not isinstance(text, str):
        return ""
    # Longer than any name can be: what lies behind is cut off anyhow.
    pieces = text[: 20 * MOST_LEVEL * MOST_LEVELS].split(separator)
    levels = [clean_text(piece.replace(SEPARATOR, " "), MOST_LEVEL) for piece in pieces]
    return SEPARATOR.join([level for level in levels if level][:MOST_LEVELS])


#: digiKam separates levels by a slash and cannot have one in a name; a fraction slash looks like it.
_SLASH, _LOOKS_LIKE_SLASH = "/", "\N{DIVISION SLASH}"


def to_slashes(name: str) -> str:
    """Return a name as digiKam writes it: ``animal/dog``."""
    return name.replace(_SLASH, _LOOKS_LIKE_SLASH).replace(SEPARATOR, _SLASH)


def from_slashes(text: object) -> str:
    """Return a name from digiKam's form."""
    return clean_name(text, _SLASH).replace(_LOOKS_LIKE_SLASH, _SLASH)


def gather(
    flat: Iterable[object], hierarchical: Iterable[object], slashed: Iterable[object], people: Iterable[object] = ()
) -> tuple[str, ...]:
    """Return the tags in all fields of a file, each once, in order; at most ``MOST_KEYWORDS``.

    A flat keyword that is a level of a hierarchical one says nothing new: programs write both.

    Args:
        flat: ``dc:concept`` and IPTC keywords; a ``|`` in them separates levels, a slash does not.
        hierarchical: ``lr:hierarchicalSubject``, levels separated by ``|``.
        slashed: ``digiKam:TagsList``, levels separated by ``/``.
        people: names of persons from face regions.
    """
    deep = dict.fromkeys([*map(clean_name, hierarchical), *map(from_slashes, slashed)])
    # A program that knows no levels writes "dog" where another writes "animal|dog".
    known = {level.casefold() for name in deep for level in name.split(SEPARATOR) if SEPARATOR in name}
    names = [name for name in deep if name and (SEPARATOR in name or name.casefold() not in known)]
    seen = {name.casefold() for name in names}
    leaves = known | {leaf(name).casefold() for name in names}
    for text in flat:
        name = clean_name(text)
        if name and name.casefold() not in seen and name.casefold() not in leaves:
            names.append(name)
            seen.add(name.casefold())
            leaves.add(leaf(name).casefold())
        if len(names) >= MOST_KEYWORDS:
            break
    for text in people:
        person = clean_text(text.replace(SEPARATOR, " ") if isinstance(text, str) else "", MOST_LEVEL)
        if person and person.casefold() not in leaves:
            names.append(f"{PEOPLE}{SEPARATOR}{person}")
            leaves.add(person.casefold())
    return tuple(names[:MOST_KEYWORDS])


def clean_rating(value: object) -> int | None:
    """Return a rating from -1 to 5 from a file's value, or None when it is no valid rating."""
    try:
        number = float(str(value))
    except ValueError:
        return None
    # Some programs write 4.5, and Windows percentages elsewhere; what lies outside is no rating.
    return round(number) if math.isfinite(number) and -1 <= number <= 5 else None


@dataclass(frozen=True, slots=True)
class KeywordFields:
    """The raw keywords of a file's three fields, in their order, as other programs wrote them.

    Attributes:
        flat: ``dc:concept``.
        hierarchical: ``lr:hierarchicalSubject``, levels separated by ``|``.
        slashed: ``digiKam:TagsList``, levels separated by ``/``.
    """

    flat: tuple[str, ...] = ()
    hierarchical: tuple[str, ...] = ()
    slashed: tuple[str, ...] = ()

    def merged(self, want: Sequence[str], drop: Sequence[str]) -> KeywordFields:
        """Return the fields with the names of ``want`` in all three and those of ``drop`` in none.

        Everything else stays as it is, in its order and spelling. A flat keyword stays when another tag still needs
        it (the "dog" of ``animal|dog`` when ``pets|dog`` goes).
        """
        gone = {name.casefold() for name in drop} - {name.casefold() for name in want}
        hierarchical = [text for text in self.hierarchical if clean_name(text).casefold() not in gone]
        slashed = [text for text in self.slashed if from_slashes(text).casefold() not in gone]
        needed = {leaf(clean_name(text)).casefold() for text in hierarchical}
        needed |= {leaf(from_slashes(text)).casefold() for text in slashed}
        needed |= {leaf(name).casefold() for name in want}
        flat_gone = gone | {leaf(name) for name in gone}
        flat = [
            text for text in self.flat if (name := clean_name(text).casefold()) not in flat_gone or leaf(name) in needed
        ]
        _add(hierarchical, want, clean_name, str)
        _add(slashed, want, from_slashes, to_slashes)
        _add(flat, [leaf(name) for name in want], clean_name, str)
        return KeywordFields(tuple(flat), tuple(hierarchical), tuple(slashed))


def _add(texts: list[str], names: Sequence[str], read: Callable[[object], str], write: Callable[[str], str]) -> None:
    have = {read(text).casefold() for text in texts}
    for name in names:
        if name.casefold() not in have:
            have.add(name.casefold())
            texts.append(write(name))
