# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens photo files read-only and without blocking, and reports why one cannot be read."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from semantic_photos.domain.errors import PhotoError
from semantic_photos.domain.stored_reasons import IO_ERROR
from semantic_photos.domain.translatable import Message

#: Larger files are no photos, or could not be held in memory.
MAX_BYTES = 1_000_000_000

_NO_ROOM = (errno.ENOMEM, errno.EMFILE, errno.ENFILE)


def open_file(path: Path) -> BinaryIO:
    """Open a regular file for reading.

    Never waits: a pipe without a writer would block for ever.

    Raises:
        PhotoError: ``photo.missing``, ``photo.no-permission``, ``photo.io-error``, ``photo.not-a-file``,
            ``photo.empty`` or ``photo.too-large``.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOCTTY", 0)
    try:
        descriptor = os.open(path, flags)
    except (OSError, ValueError) as error:
        raise read_error(error) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise PhotoError(Message("Not a regular file."), code="photo.not-a-file")
        if status.st_size == 0:
            raise PhotoError(Message("The file is empty."), code="photo.empty")
        if status.st_size > MAX_BYTES:
            raise PhotoError(Message("The file is too large for a photo (more than 1 GB)."), code="photo.too-large")
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_error(error: OSError | ValueError) -> PhotoError:
    """Return as a sentence why the operating system did not let us read a file."""
    number = error.errno if isinstance(error, OSError) else errno.EINVAL
    if number in (errno.ENOENT, errno.ENOTDIR):
        return PhotoError(Message("The file no longer exists."), code="photo.missing", retry=True)
    if number in (errno.EACCES, errno.EPERM):
        return PhotoError(Message("No permission to read this file."), code="photo.no-permission", retry=True)
    if number in (errno.ENXIO, errno.EISDIR, errno.ENODEV, errno.ELOOP, errno.EINVAL):
        return PhotoError(Message("Not a regular file."), code="photo.not-a-file")
    if number in _NO_ROOM:
        return PhotoError(Message("Not enough memory to open the file."), code="photo.out-of-memory", retry=True)
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return PhotoError(Message(IO_ERROR, reason=reason), code="photo.io-error", retry=True)
