# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares folders on disk with the catalog: new, changed, moved, returned and missing photos.

The file system is the truth and events are hints, so every path ends here. Nothing is deleted: a file that is
gone is marked missing and keeps its row and vector; a root that is gone or empty is offline and keeps everything.
"""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from semantic_photos.domain.errors import FolderError, PhotoError
from semantic_photos.domain.messages import CancelToken
from semantic_photos.domain.photo import (
    FileStamp,
    Folder,
    FolderId,
    PhotoId,
    PhotoState,
    is_photo_name,
    is_skipped_folder,
)
from semantic_photos.domain.translatable import N_, Message
from semantic_photos.media.fingerprint import content_key
from semantic_photos.storage.catalog import Catalog, KnownFile

_log = logging.getLogger(__name__)

#: Rows written per transaction while scanning.
_CHUNK = 2_000


@dataclass(slots=True)
class ScanReport:
    """The result of one comparison.

    Attributes:
        found: photo files that exist now.
        unchanged: files whose stamp is the known one.
        new, changed, moved, restored, missing: ids by what happened to them.
        unreadable: folders that could not be listed, with the reason.
        offline: the root itself is missing or empty; nothing was changed then.
    """

    found: int = 0
    unchanged: int = 0
    new: list[PhotoId] = field(default_factory=list)
    changed: list[PhotoId] = field(default_factory=list)
    moved: list[PhotoId] = field(default_factory=list)
    restored: list[PhotoId] = field(default_factory=list)
    missing: list[PhotoId] = field(default_factory=list)
    unreadable: list[tuple[Path, str]] = field(default_factory=list)
    folders: int = 0
    offline: bool = False

    @property
    def has_work(self) -> bool:
        """Return whether photos became pending."""
        return bool(self.new or self.changed)


def stamp_of(status: os.stat_result) -> FileStamp:
    """Return the stamp of a file's status."""
    return FileStamp(status.st_size, status.st_mtime_ns, status.st_ino)


def require_folder(path: Path) -> None:
    """Check that a path is a folder that can be listed.

    Raises:
        FolderError: it is not.
    """
    if not path.is_dir():
        text = N_("{path} is not a folder.") if path.exists() else N_("There is no folder {path}.")
        raise FolderError(Message(text, path=path))
    try:
        with os.scandir(path) as entries:
            next(entries, None)
    except OSError as error:
        reason = error.strerror or str(error)
        raise FolderError(Message("The folder {path} cannot be read: {reason}.", path=path, reason=reason)) from error


def walk(
    root: Path, report: ScanReport, token: CancelToken, skip: Iterable[Path] = ()
) -> Iterator[tuple[Path, FileStamp]]:
    """Yield the photo files below ``root`` with their stamps; links are not followed.

    Folders that cannot be listed go to ``report.unreadable``. ``skip`` names folders to leave out (the
    program's own, when they lie inside a watched folder).

    Raises:
        CancelledError: when the token says so.
    """
    left_out = {os.fspath(path) for path in skip}
    stack = [os.fspath(root)]
    while stack:
        token.raise_if_cancelled()
        folder = stack.pop()
        report.folders += 1
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    try:
                        if entry.is_dir(follow_symlinks=False):
                            if not is_skipped_folder(entry.name) and entry.path not in left_out:
                                stack.append(entry.path)
                        elif is_photo_name(entry.name) and entry.is_file(follow_symlinks=False):
                            yield Path(entry.path), stamp_of(entry.stat(follow_symlinks=False))
                    except OSError as error:
                        # The file vanished between the listing and the look, or its status is not for us.
                        _log.info("skipped %r: %s", entry.path, error)
        except OSError as error:
            report.unreadable.append((Path(folder), error.strerror or str(error)))


class Scanner:
    """Compares folders or single paths with the catalog and writes the difference there.

    Thread: the indexer's; it is the only writer.
    """

    def __init__(self, catalog: Catalog, skip: Iterable[Path] = ()) -> None:
        self._catalog = catalog
        self._skip = tuple(skip)

    def scan(self, folder: Folder, token: CancelToken) -> ScanReport:
        """Compare a whole root with the catalog.

        Raises:
            CancelledError: when the token says so; what was written by then stays and is completed next time.
        """
        report = ScanReport()
        known = self._catalog.files.in_folder(folder.id)
        if not self._root_is_there(folder.path, has_photos=bool(known)):
            report.offline = True
            return report
        seen: set[bytes] = set()
        fresh: list[tuple[Path, FileStamp]] = []
        changed: list[tuple[PhotoId, FileStamp]] = []
        for path, stamp in walk(folder.path, report, token, self._skip):
            report.found += 1
            raw = os.fsencode(path)
            seen.add(raw)
            old = known.get(raw)
            if old is None:
                fresh.append((path, stamp))
            else:
                self._compare(old, stamp, report, changed)
        blind = tuple(os.fsencode(path) + b"/" for path, _ in report.unreadable)
        gone = [
            old.id
            for raw, old in known.items()
            if raw not in seen and not old.missing and not (blind and raw.startswith(blind))
        ]
        # The order matters: what is gone first, so that a file with its content is recognised as moved.
        self._mark_missing(gone, report)
        self._restore(report)
        self._touch(changed, report)
        self._add(folder, fresh, report, token)
        return report

    def look_at(self, folder: Folder, paths: Iterable[Path]) -> ScanReport:
        """Compare single paths of a root with the catalog, in answer to events."""
        report = ScanReport()
        fresh: list[tuple[Path, FileStamp]] = []
        changed: list[tuple[PhotoId, FileStamp]] = []
        gone: list[PhotoId] = []
        if not self._root_is_there(folder.path, has_photos=False):
            report.offline = True
            return report
        for path in dict.fromkeys(paths):
            if not self._is_wanted(folder.path, path):
                continue
            old = self._catalog.files.at(path)
            try:
                status = os.lstat(path)
            except (FileNotFoundError, NotADirectoryError):
                if old is not None and not old.missing:
                    gone.append(old.id)
                continue
            except OSError as error:
                _log.info("cannot look at %r: %s", os.fspath(path), error)
                continue
            if not stat.S_ISREG(status.st_mode):
                # A folder or a link took the photo's name: the photo is gone all the same.
                if old is not None and not old.missing:
                    gone.append(old.id)
                continue
            report.found += 1
            stamp = stamp_of(status)
            if old is None:
                fresh.append((path, stamp))
            else:
                self._compare(old, stamp, report, changed)
        self._mark_missing(gone, report)
        self._restore(report)
        self._touch(changed, report)
        self._add(folder, fresh, report, CancelToken())
        return report

    def _is_wanted(self, root: Path, path: Path) -> bool:
        try:
            parts = path.relative_to(root).parts
        except ValueError:
            return False
        if not parts or not is_photo_name(parts[-1]):
            return False
        if any(is_skipped_folder(part) for part in parts[:-1]):
            return False
        return not any(skipped in path.parents for skipped in self._skip)

    @staticmethod
    def _root_is_there(root: Path, *, has_photos: bool) -> bool:
        # An unplugged drive often leaves its empty mount point behind: an empty root that held photos is offline.
        try:
            with os.scandir(root) as entries:
                return next(entries, None) is not None or not has_photos
        except OSError:
            return False

    @staticmethod
    def _compare(
        old: KnownFile, stamp: FileStamp, report: ScanReport, changed: list[tuple[PhotoId, FileStamp]]
    ) -> None:
        if not old.stamp.same_content(stamp):
            changed.append((old.id, stamp))
        elif old.missing:
            report.restored.append(old.id)
        else:
            report.unchanged += 1

    def _mark_missing(self, ids: list[PhotoId], report: ScanReport) -> None:
        if ids:
            self._catalog.files.mark_missing(ids)
            report.missing.extend(ids)

    def _restore(self, report: ScanReport) -> None:
        if report.restored:
            self._catalog.files.mark_found(report.restored)

    def _touch(self, changed: list[tuple[PhotoId, FileStamp]], report: ScanReport) -> None:
        for start in range(0, len(changed), _CHUNK):
            self._catalog.files.mark_changed(changed[start : start + _CHUNK])
        report.changed.extend(photo_id for photo_id, _ in changed)

    def _add(self, folder: Folder, fresh: list[tuple[Path, FileStamp]], report: ScanReport, token: CancelToken) -> None:
        """Add new files, or move the row of a missing photo to where its content turned up."""
        sizes = self._catalog.files.missing_sizes() if fresh else frozenset()
        added: list[tuple[Path, FileStamp]] = []
        taken: set[PhotoId] = set()
        for path, stamp in fresh:
            token.raise_if_cancelled()
            photo_id = self._moved_from(path, stamp, taken) if stamp.size in sizes else None
            if photo_id is None:
                added.append((path, stamp))
                continue
            taken.add(photo_id)
            state = self._catalog.files.move(photo_id, path, stamp, folder.id)
            report.moved.append(photo_id)
            report.missing = [gone for gone in report.missing if gone != photo_id]
            if state is PhotoState.PENDING:
                report.changed.append(photo_id)
        for start in range(0, len(added), _CHUNK):
            token.raise_if_cancelled()
            report.new.extend(self._catalog.files.add(folder.id, added[start : start + _CHUNK]))

    def _moved_from(self, path: Path, stamp: FileStamp, taken: set[PhotoId]) -> PhotoId | None:
        try:
            key = content_key(path)
        except PhotoError:
            return None
        for photo in self._catalog.files.find_moved(key, stamp.size):
            if photo.id not in taken:
                return photo.id
        return None


def folder_of(folders: Iterable[Folder], path: Path) -> Folder | None:
    """Return the watched root that holds ``path``, or None."""
    for folder in folders:
        if path == folder.path or folder.path in path.parents:
            return folder
    return None


__all__ = ["FolderId", "ScanReport", "Scanner", "folder_of", "stamp_of", "walk"]
