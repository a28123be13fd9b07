# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers, times, file names and photo facts as text for the screen."""

from __future__ import annotations

import html
import os
import unicodedata
from datetime import datetime
from pathlib import Path

from semantic_photos.domain.photo import FolderCounts, Photo
from semantic_photos.domain.query import Query, ResultPage
from semantic_photos.domain.translatable import Message
from semantic_photos.translation import tr, translated, translated_stored, trc, trn

#: Names of the months; ``strftime`` would need the process's locale, which is not the language of the window.
_MONTHS = (
    Message("January"), Message("February"), Message("March"), Message("April"), Message("May"), Message("June"),
    Message("July"), Message("August"), Message("September"), Message("October"), Message("November"),
    Message("December"),
)  # fmt: skip


def shown(text: str) -> str:
    """Return text without control characters and with undecodable bytes replaced, as file names may hold both."""
    clean = os.fsencode(text).decode("utf-8", "replace") if _has_surrogates(text) else text
    return "".join(c if c.isprintable() else "�" for c in clean)


def quoted(text: str) -> str:
    """Return text for the screen in quotation marks; right-to-left text is isolated from the sentence around it."""
    clean = shown(text)
    turned = any(unicodedata.bidirectional(c) in ("R", "AL") for c in clean)
    isolated = f"\N{FIRST STRONG ISOLATE}{clean}\N{POP DIRECTIONAL ISOLATE}" if turned else clean
    return tr("“{text}”", text=isolated)


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= c <= "\udfff" for c in text)


def middle(text: str, most: int) -> str:
    """Return a text shortened in the middle to ``most`` characters: file names often differ at their end."""
    return text if len(text) <= most else f"{text[: most // 2]}…{text[len(text) - (most - most // 2 - 1) :]}"


def many(count: int, one: str, more: str = "") -> str:
    """Return ``1 photo`` or ``1,024 photos``."""
    return f"{count:,} {one if count == 1 else more or one + 's'}"


def percent(share: float) -> str:
    """Return a share in 0..1 as ``87%``."""
    return tr("{percent}%", percent=round(100 * share))


def size(count: int) -> str:
    """Return a number of bytes with a unit."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            break
        value /= 1000
    if unit in ("B", "kB"):
        return tr("{value:.0f} {unit}", value=value, unit=unit)
    return tr("{value:.1f} {unit}", value=value, unit=unit)


def duration(seconds: float) -> str:
    """Return a rounded duration."""
    if seconds < 50:
        return tr("{seconds} s", seconds=max(round(seconds), 1))
    if seconds < 3600:
        return tr("{minutes} min", minutes=round(seconds / 60))
    hours, rest = divmod(round(seconds / 60), 60)
    return tr("{hours} h {minutes} min", hours=hours, minutes=rest)


def moment(taken: str) -> str:
    """Return ``YYYY-MM-DDTHH:MM:SS`` as date and time; text that is not a date is returned unchanged."""
    try:
        when = datetime.fromisoformat(taken)
    except ValueError:
        return shown(taken)
    month = translated(_MONTHS[when.month - 1])
    return tr("{day} {month} {year}, {time}", day=when.day, month=month, year=f"{when:%Y}", time=f"{when:%H:%M}")


def place(latitude: float | None, longitude: float | None) -> str:
    """Return coordinates in degrees with the points of the compass."""
    if latitude is None or longitude is None:
        return ""
    north = trc("north", "N") if latitude >= 0 else trc("south", "S")
    east = trc("east", "E") if longitude >= 0 else trc("west", "W")
    return tr(
        "{latitude:.4f}° {north}, {longitude:.4f}° {east}",
        latitude=abs(latitude), north=north, longitude=abs(longitude), east=east,
    )  # fmt: skip


def short_folder(path: Path) -> str:
    """Return a folder's path with the user's home as ``~``."""
    text, home = str(path), os.path.expanduser("~")
    return shown("~" + text[len(home) :] if text == home or text.startswith(home + os.sep) else text)


def held(counts: FolderCounts, *, online: bool) -> str:
    """Return the contents of a folder: ``1,024 photos, 3 unreadable, 2 missing``."""
    parts = [trn("{count:,} photo", "{count:,} photos", counts.photos) if counts.photos else tr("no photos")]
    parts += [tr("{count:,} unreadable", count=counts.unreadable)] if counts.unreadable else []
    parts += [tr("{count:,} missing", count=counts.missing)] if counts.missing else []
    parts += [] if online else [trc("folder", "offline")]
    return ", ".join(parts)


def facts(photo: Photo) -> list[tuple[str, str]]:
    """Return the known facts about a photo as pairs of name and value."""
    f = photo.facts
    dimensions = ""
    if f.width:
        dimensions = tr("{width:,} × {height:,}", width=f.width, height=f.height)
    if f.width * f.height >= 100_000:
        dimensions = tr(
            "{width:,} × {height:,}  ({megapixels:.1f} MP)",
            width=f.width, height=f.height, megapixels=f.width * f.height / 1e6,
        )  # fmt: skip
    rows = [
        (trc("fact", "Folder"), short_folder(photo.path.parent)),
        (trc("fact", "Size"), size(photo.stamp.size)),
        (trc("fact", "Dimensions"), dimensions),
        (trc("fact", "Format"), f.format),
        (trc("fact", "Taken"), moment(f.taken) if f.taken else ""),
        (trc("fact", "Modified"), "" if f.taken else changed(photo.stamp.mtime_ns)),
        (trc("fact", "Camera"), f.camera),
        (trc("fact", "Lens"), f.lens),
        (trc("fact", "Exposure"), f.exposure),
        (trc("fact", "Location"), place(f.latitude, f.longitude)),
        (trc("fact", "Note"), translated_stored(f.note)),
    ]
    return [(name, shown(value)) for name, value in rows if value]


def changed(mtime_ns: int) -> str:
    """Return a file's modification time as date and time."""
    try:
        return moment(datetime.fromtimestamp(mtime_ns / 1e9).isoformat(timespec="seconds"))
    except (ValueError, OverflowError, OSError):
        return ""


def tooltip(photo: Photo, failure: str, reason: str = "") -> str:
    """Return the tooltip of a photo in the grid. Tooltips are rich text, so everything is escaped."""
    lines = [shown(photo.path.name), short_folder(photo.path.parent)]
    if photo.facts.taken:
        lines.append(moment(photo.facts.taken))
    if reason:
        lines.append(reason)
    if failure:
        lines.append(failure)
    return "<p style='white-space:pre'>" + "<br>".join(html.escape(line) for line in lines) + "</p>"


def coverage(page: ResultPage) -> str:
    """Return ``1,024 photos`` or, while not all can be searched, ``812 of 1,024 photos``."""
    if page.searched < page.total:
        return trn(
            "{searched:,} of {count:,} photo", "{searched:,} of {count:,} photos", page.total, searched=page.searched
        )
    return trn("{count:,} photo", "{count:,} photos", page.searched)


def good(page: ResultPage) -> str:
    """Return how many photos a query finds: the number that saved searches and nearby words show too."""
    found = max(page.good, page.strong)
    if page.good > page.strong + page.copies:
        if page.scores is None:
            return tr("The first {shown:,} of at least {found:,} photos", shown=page.strong, found=page.good)
        return tr("The first {shown:,} of at least {found:,} good matches", shown=page.strong, found=page.good)
    if page.copies and page.scores is None:
        return trn(
            "{found:,} photos, {count:,} of them a near-duplicate",
            "{found:,} photos, {count:,} of them near-duplicates",
            page.copies, found=found,
        )  # fmt: skip
    if page.copies:
        return trn(
            "{found:,} good matches, {count:,} of them a near-duplicate",
            "{found:,} good matches, {count:,} of them near-duplicates",
            page.copies, found=found,
        )  # fmt: skip
    if page.scores is None:
        return trn("{count:,} photo", "{count:,} photos", found)
    return trn("{count:,} good match", "{count:,} good matches", found)


def none_good(page: ResultPage, shown_now: int) -> str:
    """Return ``Nothing clearly shows “birthday cake”. The nearest 12:`` for a page without a good match."""
    if page.nothing_shows:
        words = quoted(page.nothing_shows)
        return trn(
            "Nothing clearly shows {words}. The nearest photo:",
            "Nothing clearly shows {words}. The nearest {count:,}:",
            shown_now, words=words,
        )  # fmt: skip
    return trn(
        "Nothing is clearly similar. The nearest photo:",
        "Nothing is clearly similar. The nearest {count:,}:",
        shown_now,
    )


def asked(query: Query) -> str:
    """Return a query in words, for titles and for screen readers."""
    parts = [query.text] if query.text else []
    if query.examples:
        parts.append(tr("similar to a photo"))
    if query.focus:
        parts.append(tr("focus on {words}", words=query.focus))
    return ", ".join(parts) or tr("all photos")


def summary(page: ResultPage) -> str:
    """Return the number of good matches in a result, or of photos where there is no ranking."""
    found = len(page)
    if page.scores is None:
        return trn("{count:,} photo", "{count:,} photos", found)
    if found == 0:
        return tr("Nothing found")
    return trn("{count:,} good match", "{count:,} good matches", page.strong) if page.strong else tr("No good match")
