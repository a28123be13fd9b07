# SPDX-License-Identifier: GPL-3.0-or-later
"""The content key of a photo: unchanged when the file is moved, renamed or copied.

Size and 64 KiB at the head, the middle and the tail are hashed, so that a key costs one millisecond however large
the file is. Two different photos with the same key would need the same size and the same bytes in all three
places; a header, compressed pixels and the end of the data do not do that by chance.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from semantic_photos.domain.photo import ContentKey
from semantic_photos.media.files import open_file, read_error

_PIECE = 64 * 1024


def content_key(path: Path) -> ContentKey:
    """Return the content key of a file: 32 hexadecimal digits.

    Raises:
        PhotoError: when the file cannot be read, or is no regular file (a pipe would block for ever).
    """
    with open_file(path) as file:
        try:
            size = os.fstat(file.fileno()).st_size
            digest = hashlib.blake2b(size.to_bytes(8, "big"), digest_size=16)
            if size <= 3 * _PIECE:
                digest.update(file.read(3 * _PIECE))
            else:
                for offset in (0, (size - _PIECE) // 2, size - _PIECE):
                    file.seek(offset)
                    digest.update(file.read(_PIECE))
        except OSError as error:
            raise read_error(error) from error
    return ContentKey(digest.hexdigest())
