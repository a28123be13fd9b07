# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers, times and facts as people read them."""

from __future__ import annotations

import html
import os
import unicodedata
from datetime import datetime
from pathlib import Path

from semantic_photos.domain.photo import FolderCounts, Photo
from semantic_photos.domain.query import Query, ResultPage
from semantic_photos.translation import tr


def shown(text: str) -> str:
    """Return text that can be shown: file names may hold bytes that are no text, and control characters."""
    clean = os.fsencode(text).decode("utf-8", "replace") if _has_surrogates(text) else text
    return "".join(c if c.isprintable() else "�" for c in clean)


def quoted(text: str) -> str:
    """Return text that can be shown, in quotation marks; what is written from right to left does not turn the rest."""
    clean = shown(text)
    turned = any(unicodedata.bidirectional(c) in ("R", "AL") for c in clean)
    return f"“\N{FIRST STRONG ISOLATE}{clean}\N{POP DIRECTIONAL ISOLATE}”" if turned else f"“{clean}”"


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= c <= "\udfff" for c in text)


def middle(text: str, most: int) -> str:
    """Return a text of at most ``most`` characters, both ends kept: a file's name ends with what tells it apart."""
    return text if len(text) <= most else f"{text[: most // 2]}…{text[len(text) - (most - most // 2 - 1) :]}"


def many(count: int, one: str, more: str = "") -> str:
    """Return ``1 photo`` or ``1,024 photos``."""
    return f"{count:,} {one if count == 1 else more or one + 's'}"


def percent(share: float) -> str:
    """Return a share in 0..1 as ``87%``."""
    return tr("{percent}%", percent=round(100 * share))


def size(count: int) -> str:
    """Return a number of bytes as people read it."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:.0f} {unit}" if unit in ("B", "kB") else f"{value:.1f} {unit}"
        value /= 1000
    return f"{count} B"


def duration(seconds: float) -> str:
    """Return how long something takes, roughly."""
    if seconds < 50:
        return f"{max(round(seconds), 1)} s"
    if seconds < 3600:
        return f"{round(seconds / 60)} min"
    hours, rest = divmod(round(seconds / 60), 60)
    return f"{hours} h {rest} min"


def moment(taken: str) -> str:
    """Return ``YYYY-MM-DDTHH:MM:SS`` as a date to read; what is no date comes back as it is."""
    try:
        when = datetime.fromisoformat(taken)
    except ValueError:
        return shown(taken)
    return f"{when.day} {when:%B %Y, %H:%M}"


def place(latitude: float | None, longitude: float | None) -> str:
    """Return coordinates in degrees with the points of the compass."""
    if latitude is None or longitude is None:
        return ""
    north = "N" if latitude >= 0 else "S"
    east = "E" if longitude >= 0 else "W"
    return f"{abs(latitude):.4f}° {north}, {abs(longitude):.4f}° {east}"


def short_folder(path: Path) -> str:
    """Return a folder with the home written as ``~``."""
    text, home = str(path), os.path.expanduser("~")
    return shown("~" + text[len(home) :] if text == home or text.startswith(home + os.sep) else text)


def held(counts: FolderCounts, *, online: bool) -> str:
    """Return what a folder holds: ``1,024 photos, 3 unreadable, 2 missing``."""
    parts = [many(counts.photos, "photo") if counts.photos else "no photos"]
    parts += [f"{counts.unreadable:,} unreadable"] if counts.unreadable else []
    parts += [f"{counts.missing:,} missing"] if counts.missing else []
    parts += [] if online else ["not there at the moment"]
    return ", ".join(parts)


def facts(photo: Photo) -> list[tuple[str, str]]:
    """Return what is known of a photo as pairs of name and value, without the empty ones."""
    f = photo.facts
    dimensions = f"{f.width:,} × {f.height:,}" if f.width else ""
    megapixels = f"  ({f.width * f.height / 1e6:.1f} MP)" if f.width * f.height >= 100_000 else ""
    rows = [
        ("Folder", short_folder(photo.path.parent)),
        ("Size", size(photo.stamp.size)),
        ("Dimensions", dimensions + megapixels),
        ("Format", f.format),
        ("Taken", moment(f.taken) if f.taken else ""),
        ("Changed", "" if f.taken else changed(photo.stamp.mtime_ns)),
        ("Camera", f.camera),
        ("Lens", f.lens),
        ("Exposure", f.exposure),
        ("Place", place(f.latitude, f.longitude)),
        ("Note", f.note),
    ]
    return [(name, shown(value)) for name, value in rows if value]


def changed(mtime_ns: int) -> str:
    """Return a file's time as a date to read."""
    try:
        return moment(datetime.fromtimestamp(mtime_ns / 1e9).isoformat(timespec="seconds"))
    except (ValueError, OverflowError, OSError):
        return ""


def tooltip(photo: Photo, failure: str, score: float | None, reason: str = "") -> str:
    """Return the tooltip of a cell. Tooltips know no plain format, so that names are escaped."""
    lines = [shown(photo.path.name), short_folder(photo.path.parent)]
    if photo.facts.taken:
        lines.append(moment(photo.facts.taken))
    if score is not None:
        lines.append(f"Likeness {score:.2f}")
    if reason:
        lines.append(reason)
    if failure:
        lines.append(failure)
    return "<p style='white-space:pre'>" + "<br>".join(html.escape(line) for line in lines) + "</p>"


def coverage(page: ResultPage) -> str:
    """Return ``1,024 photos`` or, while not all can be searched, ``812 of 1,024 photos``."""
    if page.searched < page.total:
        return f"{page.searched:,} of {many(page.total, 'photo')}"
    return many(page.searched, "photo")


def good(page: ResultPage) -> str:
    """Return how many photos a query finds: the number that a saved search and near words show too."""
    one, more = ("photo", "photos") if page.scores is None else ("good match", "good matches")
    if page.good > page.strong + page.copies:
        return f"The first {page.strong:,} of at least {page.good:,} {more}"
    copies = f", {page.copies:,} of them {'a copy' if page.copies == 1 else 'copies'}" if page.copies else ""
    return many(max(page.good, page.strong), one, more) + copies


def asked(query: Query) -> str:
    """Return a query in words, for titles and for screen readers."""
    parts = [query.text] if query.text else []
    if query.examples:
        parts.append("similar to a photo")
    if query.focus:
        parts.append(f"focus on {query.focus}")
    return ", ".join(parts) or "all photos"


def summary(page: ResultPage) -> str:
    """Return the count of a result, honest about where good matches end."""
    found = len(page)
    if page.scores is None:
        return many(found, "photo")
    if found == 0:
        return "Nothing found"
    return many(page.strong, "good match", "good matches") if page.strong else "No good match"
