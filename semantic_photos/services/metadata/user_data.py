# SPDX-License-Identifier: GPL-3.0-or-later
"""Export and import of user data: JSON, CSV, digiKam databases, folders.

Photos are found again by their content, then by their path, so that work survives a new computer, other folders and
new names.
"""

from __future__ import annotations

import csv
import datetime
import io
import json
import math
import os
import re
import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from semantic_photos.domain.errors import UserFacingError
from semantic_photos.domain.messages import PhotosChanged
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.query_language import MAX_TEXT
from semantic_photos.domain.query_text import checked
from semantic_photos.domain.relevance_feedback import has_examples
from semantic_photos.domain.tags import (
    MOST_CAPTION,
    Remark,
    Standing,
    clean_name,
    clean_text,
)
from semantic_photos.domain.translatable import N_, Message
from semantic_photos.domain.user_data import PhotoUserData, SavedSearchRecord, TagRecord, VoteRecord, tag_of_folders
from semantic_photos.media.sidecar import put_in_place, stat_of, write_error
from semantic_photos.services.threads.concurrency import EventBus
from semantic_photos.storage.catalog import Catalog
from semantic_photos.storage.digikam import read_digikam
from semantic_photos.storage.saved_searches import LONGEST_NAME
from semantic_photos.storage.tags import Change, RemarkRow, TagRow
from semantic_photos.storage.user_data import FileNames, UserDataStore

_FOREIGN, _DAMAGED = N_("{file} contains no user data of Semantic Photos."), N_("{file} is damaged: {reason}.")
FORMAT, VERSION = "semantic-photos-work", 1
COLUMNS = ("path", "content_key", "kind", "name", "value", "time")
#: A file of work larger than this is none.
MAX_BYTES = 1_000_000_000
_CHUNK = 256
_HEADER = ",".join(COLUMNS).encode()
_OWN_BEGINNING = re.compile(rb'(\xef\xbb\xbf)?(\{\s*"format":\s*"%b"|%b\r?\n)' % (FORMAT.encode(), _HEADER))
#: A spreadsheet takes a cell that begins like this for a formula, and runs it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")
_SOURCES = {standing.source: standing for standing in Standing if standing is not Standing.AUTOMATIC}


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The result of an import.

    Attributes:
        photos: photos of the file that were found in the library.
        unknown: those that were not, by their path as text; at most a thousand.
        not_found: how many were not.
        bad: entries that made no sense and were left out.
        searches: saved searches that were added.
        change: the way back (tags and remarks).
    """

    photos: int
    unknown: tuple[str, ...]
    not_found: int
    bad: int
    searches: int
    change: Change


class UserDataTransfer:
    """Exports and imports user data.

    Thread: any; blocking.
    """

    def __init__(self, catalog: Catalog, work: UserDataStore, bus: EventBus) -> None:
        self._catalog, self._work, self._bus = catalog, work, bus

    def export(self, file: Path) -> int:
        """Write all work to ``file``, as CSV if its name ends so, else as JSON; return the number of photos.

        A file that is there is replaced only where it holds such work: a wrong name must not cost a photo.

        Raises:
            UserFacingError: something else is there.
            WriteError: when it cannot be written; an older file of this name is as it was then.
        """
        before = stat_of(file)
        if before is not None and not (stat.S_ISREG(before.st_mode) and _is_own(file)):
            message = Message("{file} already exists and is not overwritten.", file=file)
            raise UserFacingError(message, code="export.exists", advice=Message("Choose another name."))
        photos, searches = list(self._work.all()), self._work.searches()
        text = _as_csv(photos, searches) if file.suffix.lower() == ".csv" else _as_json(photos, searches)
        put_in_place(file, text.encode("utf-8"), before)
        return len(photos)

    def import_file(self, file: Path) -> ImportReport:
        """Import what ``export`` wrote, in either format.

        Raises:
            UserFacingError: when the file cannot be read or is of another kind.
        """
        text = _read_text(file)
        photos, searches, bad = _from_json(text, file) if text.lstrip()[:1] == "{" else _from_csv(text, file)
        return self._take(photos, searches, bad)

    def import_digikam(self, file: Path) -> ImportReport:
        """Import tags, ratings and captions from digiKam's database; photos are found by path or its end and size.

        Raises:
            CatalogError: when it cannot be read.
        """
        if not file.is_file():
            raise UserFacingError(Message("There is no file {file}.", file=file), code="usage")
        return self._take(read_digikam(file, time.time()), (), 0)

    def import_folders(self) -> ImportReport:
        """Make the names of folders inside the library's roots tags of the photos in them."""
        roots = {folder.id: folder.path for folder in self._catalog.folders.all()}
        found: list[PhotoUserData] = []
        ids = self._catalog.listing.browsed()
        for start in range(0, len(ids), 4096):
            for photo in self._catalog.photos.get([PhotoId(int(i)) for i in ids[start : start + 4096]]).values():
                parts = photo.path.relative_to(roots[photo.folder_id]).parts[:-1]
                tag = tag_of_folders([os.fsencode(part).decode("utf-8", "replace") for part in parts])
                if tag:
                    # Older than every decision: a folder that was taken off a photo as a tag stays off.
                    found.append(PhotoUserData(os.fsencode(photo.path), tags=(TagRecord(tag, Standing.MANUAL),)))
        return self._take(found, (), 0)

    def _take(self, photos: Iterable[PhotoUserData], searches: Sequence[SavedSearchRecord], bad: int) -> ImportReport:
        tags: list[TagRow] = []
        remarks: list[RemarkRow] = []
        names: FileNames | None = None
        found = not_found = 0
        unknown: list[str] = []
        rest = iter(photos)
        while chunk := list(islice(rest, _CHUNK)):
            matched = []
            for one in chunk:
                if one.tail and names is None:
                    names = self._work.file_names()
                photo_id = self._work.find(one, names)
                if photo_id is not None:
                    matched.append((photo_id, one))
                    continue
                not_found += 1
                if len(unknown) < 1000:
                    unknown.append((one.path or one.tail).decode("utf-8", "replace"))
            found += len(matched)
            change = self._work.take(matched)
            tags += change.tags
            remarks += change.remarks
        added = self._work.take_searches(searches) if searches else 0
        whole = Change(tuple(tags), tuple(remarks))
        self._tell(whole)
        return ImportReport(found, tuple(unknown), not_found, bad, added, whole)

    def _tell(self, change: Change) -> None:
        if change:
            self._bus.publish(PhotosChanged(updated=change.photo_ids))


def _is_own(file: Path) -> bool:
    """Return whether a file begins as those that ``export`` writes."""
    try:
        with file.open("rb") as stream:
            head = stream.read(200)
    except OSError as error:
        raise write_error(error, file) from error
    return _OWN_BEGINNING.match(head) is not None


# JSON


def _as_json(photos: Sequence[PhotoUserData], searches: Sequence[SavedSearchRecord]) -> str:
    value = {
        "format": FORMAT,
        "version": VERSION,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "photos": [_photo_as_dict(photo) for photo in photos],
        "saved_searches": [{"name": s.name, "query": s.query, "created": s.created} for s in searches],
    }
    return json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _photo_as_dict(photo: PhotoUserData) -> dict[str, Any]:
    value: dict[str, Any] = {"path": photo.path.decode("utf-8", "replace")}
    if value["path"].encode("utf-8") != photo.path:
        value["path_hex"] = photo.path.hex()
    value |= {"content_key": photo.content_key, "size": photo.size}
    if photo.tags:
        value["tags"] = [{"tag": t.tag, "source": t.standing.source, "decided": t.decided} for t in photo.tags]
    if photo.remark != Remark():
        value |= {"rating": photo.remark.rating, "favourite": photo.remark.favourite, "caption": photo.remark.caption}
    if photo.votes:
        value["feedback"] = [{"query": v.query, "vote": v.vote, "given": v.given} for v in photo.votes]
    return value


def _from_json(text: str, file: Path) -> tuple[list[PhotoUserData], list[SavedSearchRecord], int]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _refused("damaged", _DAMAGED, file=file, reason=error) from error
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise _refused("foreign", _FOREIGN, file=file)
    if not isinstance(value.get("version"), int) or value["version"] > VERSION:
        raise _refused("newer", N_("{file} was written by a newer version of Semantic Photos."), file=file)
    photos, searches, bad = [], [], 0
    for entry in _list(value.get("photos")):
        photo = _photo_from_dict(entry)
        bad += photo is None
        if photo is not None:
            photos.append(photo)
    for entry in _list(value.get("saved_searches")):
        search = _search(entry.get("name"), entry.get("query"), entry.get("created")) if _is_dict(entry) else None
        bad += search is None
        if search is not None:
            searches.append(search)
    return photos, searches, bad


def _photo_from_dict(entry: Any) -> PhotoUserData | None:
    if not _is_dict(entry) or not isinstance(entry.get("path"), str):
        return None
    try:
        path = bytes.fromhex(entry["path_hex"]) if "path_hex" in entry else os.fsencode(entry["path"])
    except (ValueError, TypeError):
        return None
    tags = [_tag(t.get("tag"), t.get("source"), t.get("decided")) for t in _list(entry.get("tags")) if _is_dict(t)]
    votes = [_vote(v.get("query"), v.get("vote"), v.get("given")) for v in _list(entry.get("feedback")) if _is_dict(v)]
    return PhotoUserData(
        path, _key(entry.get("content_key")), tuple(t for t in tags if t is not None),
        Remark(_rating(entry.get("rating")), entry.get("favourite") is True, _caption(entry.get("caption"))),
        tuple(v for v in votes if v is not None),
    )  # fmt: skip


# CSV: a row for each single thing


def _as_csv(photos: Sequence[PhotoUserData], searches: Sequence[SavedSearchRecord]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for photo in photos:
        # Bytes that are no UTF-8 come back by the content key alone.
        place = (photo.path.decode("utf-8", "replace"), photo.content_key)
        for row in _csv_rows(photo):
            writer.writerow([_shielded(str(cell)) for cell in (*place, *row)])
    for search in searches:
        writer.writerow([_shielded(str(c)) for c in ("", "", "search", search.name, search.query, search.created)])
    # The byte order mark makes spreadsheets read it as UTF-8.
    return "\ufeff" + out.getvalue()


def _csv_rows(photo: PhotoUserData) -> Iterator[tuple[Any, ...]]:
    yield from (("tag", t.tag, t.standing.source, t.decided) for t in photo.tags)
    if photo.remark.rating:
        yield "rating", "", photo.remark.rating, ""
    if photo.remark.favourite:
        yield "favourite", "", 1, ""
    if photo.remark.caption:
        yield "caption", "", photo.remark.caption, ""
    yield from (("feedback", v.query, v.vote, v.given) for v in photo.votes)


def _from_csv(text: str, file: Path) -> tuple[list[PhotoUserData], list[SavedSearchRecord], int]:
    # Strict about quotes: half a file is not taken for a whole one.
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    photos: dict[tuple[str, str], PhotoUserData] = {}
    searches, bad = [], 0
    try:
        if tuple(next(reader, ())) != COLUMNS:
            raise _refused("foreign", _FOREIGN, file=file)
        for row in reader:
            cells = [_unshielded(cell) for cell in row]
            if len(cells) != len(COLUMNS):
                bad += 1
                continue
            path, key, kind, name, value, when = cells
            if kind == "search":
                search = _search(name, value, when)
                bad += search is None
                if search is not None:
                    searches.append(search)
                continue
            known = photos.get((path, key), PhotoUserData(path.encode("utf-8", "replace"), key))
            more = _with(known, kind, name, value, when)
            bad += more is None
            photos[path, key] = more or known
    except csv.Error as error:
        raise _refused("damaged", _DAMAGED, file=file, reason=error) from error
    return list(photos.values()), searches, bad


def _with(photo: PhotoUserData, kind: str, name: str, value: str, when: str) -> PhotoUserData | None:
    tags, remark, votes = photo.tags, photo.remark, photo.votes
    if kind == "tag" and (tag := _tag(name, value, when)) is not None:
        tags = (*tags, tag)
    elif kind == "feedback" and (vote := _vote(name, value, when)) is not None:
        votes = (*votes, vote)
    elif kind == "rating":
        remark = Remark(_rating(value), remark.favourite, remark.caption)
    elif kind == "favourite":
        remark = Remark(remark.rating, value == "1", remark.caption)
    elif kind == "caption":
        remark = Remark(remark.rating, remark.favourite, _caption(value))
    else:
        return None
    return PhotoUserData(photo.path, photo.content_key, tags, remark, votes)


def _shielded(text: str) -> str:
    numeric = text.lstrip("-").replace(".", "", 1).isdigit()
    return f"'{text}" if text.startswith(_FORMULA) and not numeric else text


def _unshielded(text: str) -> str:
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text


def _refused(code: str, text: str, **values: object) -> UserFacingError:
    return UserFacingError(Message(text, **values), code=f"import.{code}")


def _read_text(file: Path) -> str:
    try:
        if file.stat().st_size > MAX_BYTES:
            raise _refused("foreign", N_("{file} is too large (more than 1 GB)."), file=file)
        with file.open(encoding="utf-8-sig", newline="") as stream:
            return stream.read()
    except OSError as error:
        reason = error.strerror or str(error)
        raise _refused("unreadable", N_("{name} cannot be read: {reason}."), name=file, reason=reason) from error
    except UnicodeDecodeError as error:
        raise _refused("foreign", _FOREIGN, file=file) from error


def _is_dict(value: Any) -> bool:
    return isinstance(value, dict)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _tag(name: Any, source: Any, decided: Any) -> TagRecord | None:
    cleaned, standing = clean_name(name), _SOURCES.get(source) if isinstance(source, str) else None
    return TagRecord(cleaned, standing, _when(decided)) if cleaned and standing is not None else None


def _vote(query: Any, vote: Any, given: Any) -> VoteRecord | None:
    text = clean_text(query, MAX_TEXT)
    # A query refers to example photos by their number, which is another photo's in another library.
    if not text or has_examples(text) or str(vote) not in ("1", "-1"):
        return None
    return VoteRecord(text, 1 if str(vote) == "1" else -1, _when(given))


def _search(name: Any, query: Any, created: Any) -> SavedSearchRecord | None:
    title, text = clean_text(name, LONGEST_NAME), checked(query)
    return SavedSearchRecord(title, text, _when(created)) if title and text else None


def _key(value: Any) -> str:
    # Half a surrogate is no text that the catalog could be asked for.
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _rating(value: Any) -> int:
    return int(value) if str(value) in ("-1", "1", "2", "3", "4", "5") else 0


def _caption(value: Any) -> str:
    return clean_text(value, MOST_CAPTION, lines=True)


def _when(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return 0.0
    # A time in the future would win over every later decision.
    return min(number, time.time()) if math.isfinite(number) and number > 0 else 0.0
