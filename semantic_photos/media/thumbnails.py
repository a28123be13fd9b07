# SPDX-License-Identifier: GPL-3.0-or-later
"""Thumbnail files: keyed by content, so that copies share one and a moved photo keeps its own.

The folder is a cache and may be deleted at any moment, also while the program runs. Files are written beside their
place and renamed, so a reader sees a whole file or none. The size is kept below a limit by deleting what was not
shown for longest.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import tempfile
import threading
import time
from pathlib import Path

from semantic_photos.domain.photo import ContentKey

_log = logging.getLogger(__name__)

#: Longer side of a stored thumbnail in pixels.
THUMBNAIL_SIDE = 320
#: Pruning goes down to this part of the limit, so that it is not needed again with the next photo.
_KEEP = 0.9
#: A use is noted at most this often, so that scrolling does not write.
_TOUCH_S = 24 * 3600.0
#: What a killed program left half written is deleted after this time.
_LEFTOVER_S = 3600.0
_KEY = re.compile(r"[0-9a-f]{8,128}")


class ThumbnailStore:
    """A folder of JPEG thumbnails.

    Thread: every method may be called from any thread, also by several programs on one folder.

    Args:
        folder: where they lie; made when it is first needed.
        max_bytes: most disk space they may take.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder, self._max_bytes = folder, max_bytes
        self._lock = threading.Lock()
        self._bytes: int | None = None
        self._warned = False

    def find(self, key: ContentKey) -> Path | None:
        """Return the file of a thumbnail, or None if there is none. Notes that it was used."""
        place = self._place(key)
        if place is None:
            return None
        try:
            status = place.stat()
        except OSError:
            return None
        if status.st_size == 0:
            # Power was lost before the data reached the disk.
            return None
        now = time.time()
        if abs(now - status.st_mtime) > _TOUCH_S:
            with contextlib.suppress(OSError):
                os.utime(place, (now, now))
        return place

    def put(self, key: ContentKey, jpeg: bytes) -> Path | None:
        """Keep a thumbnail; return its file, or None if it could not be written.

        A cache that cannot be written (a full disk) is no reason to stop indexing: it is logged once.
        """
        place = self._place(key)
        if place is None or not jpeg:
            return None
        try:
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            before = _size(place)
            # Not synced to disk: a lost thumbnail is made again, and an empty file is recognised.
            handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=place.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(jpeg)
                os.replace(name, place)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(name)
                raise
        except OSError as error:
            if not self._warned:
                _log.warning("thumbnails cannot be written: %s", error)
                self._warned = True
            return None
        self._warned = False
        self._grown(len(jpeg) - before)
        return place

    def prune(self) -> int:
        """Delete the longest unused thumbnails until the limit is kept with some room; return bytes that are left."""
        with self._lock:
            return self._prune()

    def clear(self) -> None:
        """Delete all thumbnails."""
        with self._lock:
            for path, _, _ in self._files(delete_leftovers=True):
                with contextlib.suppress(OSError):
                    os.unlink(path)
            self._bytes = 0

    @property
    def size(self) -> int:
        """Return the bytes that thumbnails take."""
        with self._lock:
            if self._bytes is None:
                self._bytes = sum(size for _, _, size in self._files())
            return self._bytes

    def _place(self, key: ContentKey) -> Path | None:
        """Return the file of a key; None for what is no key, which could name a file elsewhere."""
        return self._folder / key[:2] / f"{key}.jpg" if _KEY.fullmatch(key) else None

    def _grown(self, count: int) -> None:
        with self._lock:
            if self._bytes is None:
                # The first write of this run: count what is there, this one included.
                self._bytes = sum(size for _, _, size in self._files(delete_leftovers=True))
            else:
                self._bytes += count
            if self._bytes > self._max_bytes:
                self._prune()

    def _prune(self) -> int:
        files = sorted(self._files(delete_leftovers=True), key=lambda entry: entry[1])
        total = sum(size for _, _, size in files)
        if total > self._max_bytes:
            for path, _, size in files:
                if total <= self._max_bytes * _KEEP:
                    break
                with contextlib.suppress(FileNotFoundError):
                    try:
                        os.unlink(path)
                    except PermissionError as error:
                        _log.warning("a thumbnail cannot be deleted: %s", error)
                        continue
                total -= size
        self._bytes = total
        return total

    def _files(self, *, delete_leftovers: bool = False) -> list[tuple[str, float, int]]:
        """Return path, time of last use and size of every thumbnail."""
        found: list[tuple[str, float, int]] = []
        now = time.time()
        with contextlib.suppress(OSError), os.scandir(self._folder) as folders:
            for folder in folders:
                with contextlib.suppress(OSError), os.scandir(folder.path) as entries:
                    for entry in entries:
                        with contextlib.suppress(OSError):
                            status = entry.stat(follow_symlinks=False)
                            if entry.name.endswith(".jpg"):
                                found.append((entry.path, status.st_mtime, status.st_size))
                            elif (
                                delete_leftovers
                                and entry.name.endswith(".part")
                                and now - status.st_mtime > _LEFTOVER_S
                            ):
                                os.unlink(entry.path)
        return found


def _size(place: Path) -> int:
    try:
        return place.stat().st_size
    except OSError:
        return 0
