# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens files of a photo library without ever waiting or writing, and says why one cannot be read."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from semantic_photos.domain.errors import PhotoError

#: Larger files are no photos, or could not be held in memory.
MAX_BYTES = 1_000_000_000

_NO_ROOM = (errno.ENOMEM, errno.EMFILE, errno.ENFILE)


def open_file(path: Path) -> BinaryIO:
    """Open a regular file for reading.

    Never waits: a pipe that nobody writes to would block for ever.

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
            raise PhotoError("This is not a file but a folder, a pipe or a device.", code="photo.not-a-file")
        if status.st_size == 0:
            raise PhotoError("The file is empty.", code="photo.empty")
        if status.st_size > MAX_BYTES:
            raise PhotoError("The file is too large for a photo (more than 1 GB).", code="photo.too-large")
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_error(error: OSError | ValueError) -> PhotoError:
    """Say in a sentence why the operating system did not let us read a file."""
    number = error.errno if isinstance(error, OSError) else errno.EINVAL
    if number in (errno.ENOENT, errno.ENOTDIR):
        return PhotoError("The file is not there any more.", code="photo.missing", retry=True)
    if number in (errno.EACCES, errno.EPERM):
        return PhotoError("You have no permission to read this file.", code="photo.no-permission", retry=True)
    if number in (errno.ENXIO, errno.EISDIR, errno.ENODEV, errno.ELOOP, errno.EINVAL):
        return PhotoError("This is not a file but a folder, a pipe or a device.", code="photo.not-a-file")
    if number in _NO_ROOM:
        return PhotoError("The computer had no room left to open the file.", code="photo.out-of-memory", retry=True)
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return PhotoError(f"The file could not be read from the disk: {reason}.", code="photo.io-error", retry=True)
