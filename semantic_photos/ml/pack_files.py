# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads files of a model pack: only regular files of the listed size and checksum."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from semantic_photos.domain.errors import PackError
from semantic_photos.domain.translatable import Message
from semantic_photos.ml.manifest import MANIFEST, ListedFile


def read_verified(folder: Path, name: str, listed: ListedFile) -> bytes:
    """Return the bytes of a file of a pack, whose size and SHA-256 are those that the manifest lists.

    Raises:
        PackError: they are not, or the file cannot be read.
    """
    data = read_file(folder, name, listed.bytes)
    if len(data) != listed.bytes:
        raise PackError(
            Message(
                "{name} has {size:,} bytes instead of {expected:,}: it is incomplete or was changed.",
                name=name,
                size=len(data),
                expected=listed.bytes,
            ),
            code="pack.size",
        )
    if hashlib.sha256(data).hexdigest() != listed.sha256:
        message = Message("{name} was changed: its checksum differs from {file}.", name=name, file=MANIFEST)
        raise PackError(message, code="pack.sha256")
    return data


def read_file(folder: Path, name: str, most: int) -> bytes:
    """Read a regular file of at most ``most`` bytes; no link, no pipe, nothing that could block or lead elsewhere.

    Raises:
        PackError: it is not such a file, or cannot be read.
    """
    path = folder / name
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        if path.is_symlink():
            raise PackError(
                Message("{name} is a link, which is not allowed in a model pack.", name=name), code="pack.listing"
            )
        with open(os.open(path, flags), "rb") as file:
            facts = os.fstat(file.fileno())
            if not stat.S_ISREG(facts.st_mode):
                raise PackError(Message("{name} is not a regular file.", name=name), code="pack.listing")
            if facts.st_size > most:
                message = Message("{name} is larger than allowed ({limit:,} bytes).", name=name, limit=most)
                raise PackError(message, code="pack.size")
            return file.read(most + 1)
    except FileNotFoundError as error:
        message = Message("{name} is missing in the model pack {pack}.", name=name, pack=folder.name)
        raise PackError(message, code="pack.missing") from error
    except OSError as error:
        message = Message("{name} cannot be read: {reason}.", name=name, reason=error.strerror or str(error))
        raise PackError(message, code="pack.unreadable") from error
