# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture bytes of a file: those that may not change when metadata is written.

JPEG: everything but comments and the application segments that hold no colours, and all bytes from the first scan on,
whatever follows the picture too. PNG: all chunks but texts and dates. WebP: all chunks but EXIF, XMP and the header
that announces them.
"""

from __future__ import annotations

from collections.abc import Iterator

from semantic_photos.domain.translatable import Message

#: Application segments that decide how the picture looks: colour profile, and Adobe's kind of colours.
_JPEG_COLOURS = (0xE2, 0xEE)
_PNG_WORDS = frozenset({b"tEXt", b"zTXt", b"iTXt", b"tIME", b"eXIf"})
_WEBP_WORDS = frozenset({b"EXIF", b"XMP ", b"VP8X"})


def picture_bytes(data: bytes) -> list[bytes]:
    """Return the pieces of a file that are picture, in order.

    Raises:
        ValueError: with the reason as words, when the file is of a kind into which nothing is put, or is damaged.
    """
    if data[:2] == b"\xff\xd8":
        return list(_jpeg(data))
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return list(_png(data))
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return list(_webp(data))
    raise ValueError(Message("only JPEG, PNG and WebP files are supported"))


def has_webp_exif(data: bytes) -> bool:
    """Return whether a file is a WebP with a chunk of EXIF."""
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        return False
    at = 12
    while at + 8 <= len(data):
        if data[at : at + 4] == b"EXIF":
            return True
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + size + size % 2
    return False


def _jpeg(data: bytes) -> Iterator[bytes]:
    at = 2
    while True:
        if at + 4 > len(data) or data[at] != 0xFF:
            raise ValueError(Message("its header is damaged"))
        marker = data[at + 1]
        if marker == 0xFF:  # padding between segments
            at += 1
            continue
        if marker == 0xDA:
            yield data[at:]
            return
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == 0xE2 and data[at + 4 : at + 8] == b"MPF\0":
            raise ValueError(Message("it contains several pictures"))
        if marker in _JPEG_COLOURS or not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            yield data[at:end]
        at = end


def _png(data: bytes) -> Iterator[bytes]:
    at = 8
    while at < len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if end > len(data):
            raise ValueError(Message("it is incomplete"))
        kind = data[at + 4 : at + 8]
        if kind == b"acTL":
            raise ValueError(Message("it is an animation"))
        if kind not in _PNG_WORDS:
            yield data[at:end]
        if kind == b"IEND":
            yield data[end:]
            return
        at = end
    raise ValueError(Message("it is incomplete"))


def _webp(data: bytes) -> Iterator[bytes]:
    at, last = 12, min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    if last < 8 + int.from_bytes(data[4:8], "little"):
        raise ValueError(Message("it is incomplete"))
    while at + 8 <= last:
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        end = at + 8 + size + size % 2
        if data[at : at + 4] not in _WEBP_WORDS:
            yield data[at:end]
        at = end
    yield data[last:]
