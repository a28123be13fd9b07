# SPDX-License-Identifier: GPL-3.0-or-later
"""Detects a file's format and truncation from its bytes, for accurate error messages.

Nothing is decided here about what is opened; this looks at files that were refused. Sources: the signatures of the
formats' own specifications (JFIF, PNG, RIFF, GIF89a, TIFF 6, ISO 14496-12).
"""

from __future__ import annotations

import os
import re
import struct
from typing import BinaryIO

from semantic_photos.domain.image_formats import IMAGE_FORMATS
from semantic_photos.domain.translatable import NO_MESSAGE, Message

_SIGNATURES = re.compile(b"|".join(one.signature for one in IMAGE_FORMATS if one.signature), re.DOTALL)
_BRANDS = frozenset().union(*(one.brands for one in IMAGE_FORMATS))

_OTHERS: tuple[tuple[bytes, Message], ...] = (
    (b"%PDF", Message("PDF document")),
    (b"%!PS", Message("PostScript document")),
    (b"\xc5\xd0\xd3\xc6", Message("PostScript document")),
    (b"8BPS", Message("Photoshop document")),
    (b"\x00\x00\x00\x0cjP  ", Message("JPEG 2000 picture")),
    (b"\xff\x4f\xff\x51", Message("JPEG 2000 picture")),
    (b"\xff\x0a", Message("JPEG XL picture")),
    (b"\x00\x00\x00\x0cJXL ", Message("JPEG XL picture")),
    (b"FUJIFILMCCD-RAW", Message("raw photo")),
    (b"IIRO", Message("raw photo")),
    (b"\x00\x00\x01\x00", Message("icon")),
    (b"PK\x03\x04", Message("ZIP archive")),
    (b"\x1f\x8b", Message("compressed archive")),
    (b"7z\xbc\xaf", Message("archive")),
    (b"Rar!", Message("archive")),
    (b"\x1aE\xdf\xa3", Message("video")),
    (b"ID3", Message("sound file")),
    (b"OggS", Message("sound file")),
    (b"SQLite format 3", Message("database")),
    (b"\x7fELF", Message("program")),
    (b"MZ", Message("program")),
)


def is_known_picture(start: bytes) -> bool:
    """Return whether ``start``, the beginning of a file, is that of a supported format."""
    known = _SIGNATURES.match(start) is not None
    return known or (start[4:8] == b"ftyp" and not _BRANDS.isdisjoint(_brands(start)))


def describe(start: bytes) -> Message:
    """Return in two or three words what a file is that is none of our formats, or an empty string."""
    for signature, words in _OTHERS:
        if start.startswith(signature):
            return words
    if start[4:8] == b"ftyp":
        return Message("video")
    if start[:4] == b"RIFF":
        return Message("video") if start[8:12] == b"AVI " else Message("sound file")
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if b"<svg" in text[:2000]:
        return Message("SVG drawing")
    if text.startswith((b"<!doctype html", b"<html", b"<head")):
        return Message("web page")
    return NO_MESSAGE


def is_cut(file: BinaryIO) -> bool:
    """Return whether the container declares more bytes than the file has, or its end mark is missing.

    A file that this cannot judge (TIFF) counts as whole.

    Raises:
        OSError: when the file cannot be read.
    """
    size = os.fstat(file.fileno()).st_size
    file.seek(0)
    start = file.read(32)
    if start.startswith(b"\xff\xd8\xff"):
        return b"\xff\xd9" not in _tail(file, size, 65536)
    if start.startswith(b"\x89PNG"):
        return b"IEND" not in _tail(file, size, 65536)
    if start.startswith(b"GIF8"):
        return b"\x3b" not in _tail(file, size, 64)
    if start[:4] == b"RIFF":
        return len(start) < 8 or int.from_bytes(start[4:8], "little") + 8 > size + 1
    if start.startswith(b"BM"):
        # The header's file size is often wrong; the pixel data's place and height are what counts.
        if len(start) < 26 or struct.unpack("<I", start[14:18])[0] < 40:
            return len(start) < 26
        offset, _, width, height, _, bits, packing = struct.unpack("<IIiiHHI", file_part(file, 10, 24))
        row = (abs(width) * bits + 31) // 32 * 4
        return bool(packing == 0 and offset + row * abs(height) > size)
    if start[4:8] == b"ftyp":
        return _boxes_exceed(file, size)
    return False


def file_part(file: BinaryIO, offset: int, length: int) -> bytes:
    """Return ``length`` bytes at ``offset``, filled with zeros behind the end of the file."""
    file.seek(offset)
    return file.read(length).ljust(length, b"\0")


def _brands(start: bytes) -> set[bytes]:
    length = min(struct.unpack(">I", start[:4])[0], 256)
    return {start[8:12], *(start[i : i + 4] for i in range(16, length, 4))}


def _tail(file: BinaryIO, size: int, length: int) -> bytes:
    file.seek(max(0, size - length))
    return file.read(length)


def _boxes_exceed(file: BinaryIO, size: int) -> bool:
    """Walk the outermost boxes of an ISO base media file; return whether one reaches beyond the end."""
    offset = 0
    for _ in range(1000):
        if offset >= size:
            return False
        if size - offset < 8:
            return True
        length, kind = struct.unpack(">I4s", file_part(file, offset, 8))
        if length == 0:
            return False
        if length == 1:
            length = struct.unpack(">Q", file_part(file, offset + 8, 8))[0]
        if length < 8 or not kind.isascii():
            return False
        offset += length
        if offset > size:
            return True
    return False
