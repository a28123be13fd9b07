# SPDX-License-Identifier: GPL-3.0-or-later
"""The write lock of a library: held by one process, released by the operating system when it ends."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

from semantic_photos.domain.errors import BusyError, CatalogError
from semantic_photos.domain.translatable import Message

_log = logging.getLogger(__name__)


class LibraryLock:
    """Holds the lock file of a library; get one by ``acquire``.

    The lock is on the open file, not the file's existence: after kill -9 the next start finds it free. The file
    itself stays, because removing it would let two programs hold locks on two files of the same name.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def acquire(cls, path: Path) -> LibraryLock:
        """Take the lock at once or not at all.

        Raises:
            BusyError: another program (or another part of this one) holds it.
            CatalogError: the lock file cannot be made.
        """
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise CatalogError(
                Message("The lock file {path} cannot be created: {reason}.", path=path, reason=error.strerror or error),
                code="catalog.readonly",
                advice=Message("Check the permissions of its folder, or choose another folder with --home DIR."),
            ) from error
        try:
            _lock(descriptor)
        except OSError as error:
            owner = _owner(descriptor)
            os.close(descriptor)
            raise BusyError(
                Message("This library is already open in Semantic Photos (process {owner}).", owner=owner)
                if owner
                else Message("This library is already open in Semantic Photos."),
                advice=Message("Use that window, or close it first. Searching from the command line still works."),
            ) from error
        try:
            os.truncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()}\n".encode())
        except OSError as error:
            # A full disk: the number is for people only, the lock holds without it.
            _log.info("the lock file has no process number: %s", error)
        return cls(descriptor)

    def release(self) -> None:
        """Give the lock back. Safe to call twice."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def _owner(descriptor: int) -> str:
    try:
        text = os.read(descriptor, 32).decode("ascii", "replace").strip()
    except OSError:
        return ""
    return text if text.isdigit() else ""


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        # Far behind the process number: a locked byte cannot be read by others there.
        os.lseek(descriptor, 4096, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
