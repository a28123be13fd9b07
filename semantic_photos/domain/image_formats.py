# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of image formats that are indexed, shared by scanner, decoder and search.

A new format is one entry, provided that Pillow, or a plugin of it, can open it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"mif2", b"miaf"})


@dataclass(frozen=True, slots=True)
class ImageFormat:
    """One format. A file's name decides whether it is scanned; its content alone decides what it is.

    Attributes:
        type_name: what ``type:`` calls it; formats that a user does not tell apart share one name. The endings,
            without their dot, are understood as well.
        suffixes: file name endings, in small letters.
        pillow_names: what Pillow calls a picture of this format, and what catalogs hold of it.
        opener: Pillow's name of the decoder that opens it.
        plugin: the module that brings the decoder.
        signature: regular expression for the first bytes; empty for formats that ``brands`` tell.
        brands: brands of the ISO base media file (ISO 14496-12) that announce it.
        slow: decoding takes some ten times longer than a JPEG of the same size.
        reduces: can be decoded at a fraction of its size for a fraction of the memory.
        has_preview: files may hold a smaller copy of the picture that is quicker to decode.
        hides_cut: decoding may succeed though the end of the file is missing; ``media.magic_bytes.is_cut`` must tell.
        embeds: keywords can be written into the file itself; ``media.picture_bytes`` must know its structure.
    """

    type_name: str
    suffixes: tuple[str, ...]
    pillow_names: tuple[str, ...]
    opener: str
    plugin: str
    signature: bytes = b""
    brands: frozenset[bytes] = frozenset()
    slow: bool = False
    reduces: bool = False
    has_preview: bool = False
    hides_cut: bool = False
    embeds: bool = False


#: All formats, in the order in which they are shown to the user.
IMAGE_FORMATS = (
    ImageFormat(
        "jpg", (".jpg", ".jpeg", ".jpe", ".jfif"), ("JPEG",), "JPEG", "PIL.JpegImagePlugin",
        signature=rb"\xff\xd8\xff", reduces=True, embeds=True,
    ),
    # Stereo pictures and bursts of phones: a JPEG with more of them behind it, told apart by the JPEG decoder.
    ImageFormat(
        "jpg", (".mpo",), ("MPO",), "JPEG", "PIL.MpoImagePlugin", signature=rb"\xff\xd8\xff", reduces=True,
    ),
    ImageFormat(
        "png", (".png",), ("PNG",), "PNG", "PIL.PngImagePlugin", signature=rb"\x89PNG\r\n\x1a\n", embeds=True
    ),
    ImageFormat(
        "webp", (".webp",), ("WEBP",), "WEBP", "PIL.WebPImagePlugin", signature=rb"RIFF.{4}WEBP", embeds=True
    ),
    ImageFormat("gif", (".gif",), ("GIF",), "GIF", "PIL.GifImagePlugin", signature=rb"GIF8[79]a"),
    ImageFormat("bmp", (".bmp",), ("BMP",), "BMP", "PIL.BmpImagePlugin", signature=rb"BM"),
    ImageFormat(
        "tiff", (".tif", ".tiff"), ("TIFF",), "TIFF", "PIL.TiffImagePlugin", signature=rb"II[*+]\0|MM\0[*+]"
    ),
    ImageFormat(
        "heic", (".heic", ".heif", ".hif"), ("HEIF", "HEIC"), "HEIF", "pillow_heif",
        brands=_HEIF_BRANDS, slow=True, has_preview=True, hides_cut=True,
    ),
    ImageFormat(
        "avif", (".avif",), ("AVIF",), "AVIF", "PIL.AvifImagePlugin",
        brands=frozenset({b"avif", b"avis"}), slow=True, hides_cut=True,
    ),
)  # fmt: skip

_BY_SUFFIX = {suffix: image_format for image_format in IMAGE_FORMATS for suffix in image_format.suffixes}
_BY_PILLOW_NAME = {name: image_format for image_format in IMAGE_FORMATS for name in image_format.pillow_names}


def format_of_name(name: str | os.PathLike[str]) -> ImageFormat | None:
    """Return the format that the ending of a file's name announces, whatever its case; None for any other ending."""
    text = os.fspath(name)
    # Three times as fast as os.path.splitext, and asked for every file on the disk.
    return _BY_SUFFIX.get(text[text.rfind(".") :].lower()) if "." in text else None


def format_called(pillow_name: str | None) -> ImageFormat | None:
    """Return the format that Pillow calls so; None for any other name."""
    return _BY_PILLOW_NAME.get(pillow_name or "")


def type_names() -> dict[str, tuple[str, ...]]:
    """Return what ``type:`` understands, each with Pillow's names of the formats that it finds."""
    found: dict[str, tuple[str, ...]] = {}
    for image_format in IMAGE_FORMATS:
        found[image_format.type_name] = (*found.get(image_format.type_name, ()), *image_format.pillow_names)
    return found


def type_aliases() -> dict[str, str]:
    """Return other words for the names of ``type_names``: the endings of files."""
    return {
        word: image_format.type_name
        for suffix, image_format in _BY_SUFFIX.items()
        if (word := suffix.removeprefix(".")) != image_format.type_name
    }
