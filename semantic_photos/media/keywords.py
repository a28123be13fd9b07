# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads keywords, caption, rating and names of people from a photo and its sidecars.

Runs in a decoder child only: the parsers behind it take foreign bytes apart, and entity bombs or half files may cost
the child its life, never the program's. What cannot be understood says nothing, and the words are marked as not the
whole; what the disk does not give raises.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import exiv2

from semantic_photos.domain.errors import PhotoError
from semantic_photos.domain.tags import (
    MOST_CAPTION,
    MOST_KEYWORDS,
    FileWords,
    KeywordFields,
    clean_rating,
    clean_text,
    gather,
)
from semantic_photos.domain.translatable import Message
from semantic_photos.media.files import open_file, read_error
from semantic_photos.media.sidecar import EMBEDDABLE, sidecars_of

#: No program writes a sidecar that is larger; develop settings of many steps take a few hundred kilobytes.
MAX_SIDECAR = 20_000_000
#: Most characters of one keyword that are read, in raw form.
_MOST_RAW = 2000

SUBJECT, HIERARCHY, TAGS_LIST = "Xmp.dc.subject", "Xmp.lr.hierarchicalSubject", "Xmp.digiKam.TagsList"
RATING, CAPTION = "Xmp.xmp.Rating", "Xmp.dc.description"
IPTC_KEYWORDS, IPTC_CAPTION = "Iptc.Application2.Keywords", "Iptc.Application2.Caption"
#: Names of persons in regions, as Lightroom, Picasa, digiKam and phones write them, and as Windows does.
_PERSON = re.compile(r"/(mwg-rs:Name|MPReg:PersonDisplayName)$")
_REGION_TYPE = "/mwg-rs:Type"
#: An empty XMP packet.
_EMPTY = re.compile(
    r"<\?[^<>]*\?>|<!--[^<>]*-->|</?(?:\w+:)?(?:xmpmeta|xapmeta|RDF)\b[^<>]*>"
    r"|</?(?:\w+:)?Description(?:\s+(?:xmlns(?::[\w.-]+)?|(?:rdf:)?about)\s*=\s*(?:\"[^\"<>]*\"|'[^'<>]*'))*\s*/?>"
)

_UNKNOWN_KIND = (exiv2.ErrorCode.kerFileContainsUnknownImageType, exiv2.ErrorCode.kerUnsupportedImageType)

exiv2.LogMsg.setLevel(exiv2.LogMsg.Level.mute)


@dataclass
class _Said:
    """The raw words of one file."""

    fields: KeywordFields = field(default_factory=KeywordFields)
    iptc: list[str] = field(default_factory=list)
    people: list[str] = field(default_factory=list)
    caption: str = ""
    rating: int | None = None


def read_words(path: Path) -> FileWords:
    """Return the cleaned words of a photo and its sidecars together; a sidecar's caption and rating go first.

    They are not whole when one of the files cannot be understood, as one that is being written by another program.

    Raises:
        PhotoError: when the photo cannot be opened at all, or the disk does not give a sidecar.
    """
    read = [_read_photo(path)]
    for sidecar in sidecars_of(path):
        read.insert(0, _read_sidecar(sidecar))
    said = [one for one in read if one is not None]
    tags = gather(
        [text for one in said for text in (*one.fields.flat, *one.iptc)],
        [text for one in said for text in one.fields.hierarchical],
        [text for one in said for text in one.fields.slashed],
        [text for one in said for text in one.people],
    )
    caption = next((one.caption for one in said if one.caption), "")
    rating = next((one.rating for one in said if one.rating is not None), None)
    return FileWords(tags, clean_text(caption, MOST_CAPTION, lines=True), rating, whole=None not in read)


def opened(data: bytes) -> Any:
    """Return exiv2's image of a file in memory, read.

    Raises:
        Exception: whatever exiv2 raises; its error class has no public parent.
    """
    image = exiv2.ImageFactory.open(data)
    image.readMetadata()
    return image


def undecoded(image: Any) -> bool:
    """Return whether a file holds an XMP packet that exiv2 could not decode.

    It only logs then and gives back no data at all: what is not well-formed, a property given twice, a kind of RDF
    that XMP does not allow. A packet that holds nothing is none of these.
    """
    return bool(image.xmpData().empty()) and bool(_EMPTY.sub("", str(image.xmpPacket())).strip("\0\ufeff \t\r\n"))


def fields_of(xmp: Any) -> KeywordFields:
    """Return the raw keywords of XMP data, within the limits of reading."""
    return KeywordFields(*(_texts(xmp, key) for key in (SUBJECT, HIERARCHY, TAGS_LIST)))


def whole_fields_of(xmp: Any) -> KeywordFields:
    """Return all raw keywords of XMP data in full length, as they have to be for writing them again.

    Raises:
        UnicodeDecodeError: when a keyword is no text.
    """
    return KeywordFields(*(_whole_texts(xmp, key) for key in (SUBJECT, HIERARCHY, TAGS_LIST)))


def read_sidecar_bytes(path: Path) -> bytes:
    """Return the bytes of a sidecar.

    Raises:
        PhotoError: when it cannot be read or is too large for one.
    """
    with open_file(path) as file:
        try:
            data = file.read(MAX_SIDECAR + 1)
        except OSError as error:
            raise read_error(error) from error
    if len(data) > MAX_SIDECAR:
        raise PhotoError(Message("The sidecar is too large (more than 20 MB)."), code="write.too-large")
    return data


def _read_photo(path: Path) -> _Said | None:
    with open_file(path) as file:
        # By the number of the open file: a name need not be text, and the file cannot be swapped for a pipe.
        name = f"/proc/self/fd/{file.fileno()}"
        try:
            image = exiv2.ImageFactory.open(name if os.path.exists(name) else str(path))
            image.readMetadata()
            return None if undecoded(image) else _said(image)
        except Exception as error:  # exiv2 raises nearly anything; the photo may be fine without words  # noqa: BLE001
            _check_disk(file)
            # Of kinds of files that exiv2 does not know the sidecars say all there is.
            unknown = getattr(error, "code", None) in _UNKNOWN_KIND and path.suffix.lower() not in EMBEDDABLE
            return _Said() if unknown else None


def _check_disk(file: BinaryIO) -> None:
    try:
        while file.read(1 << 20):
            pass
    except OSError as error:
        raise read_error(error) from error


def _read_sidecar(path: Path) -> _Said | None:
    try:
        image = opened(read_sidecar_bytes(path))
        return None if undecoded(image) else _said(image)
    except PhotoError as error:
        if error.retry:
            raise
        return None
    except Exception:  # as above  # noqa: BLE001
        return None


def _said(image: Any) -> _Said:
    xmp = image.xmpData()
    said = _Said(fields_of(xmp))
    names: dict[str, str] = {}
    types: dict[str, str] = {}
    for datum in xmp:
        key = str(datum.key())
        if _PERSON.search(key):
            names[key.rsplit("/", 1)[0]] = _text(datum)
        elif key.endswith(_REGION_TYPE):
            types[key.rsplit("/", 1)[0]] = _text(datum)
        if len(names) > MOST_KEYWORDS:
            break
    # Regions are also focus points, barcodes and pets; without a type they are faces, as Windows writes them.
    said.people = [name for region, name in names.items() if types.get(region, "Face") == "Face"]
    said.iptc = list(iptc_keywords(image))
    said.rating, said.caption = remark_of(image)
    return said


def remark_of(image: Any) -> tuple[int | None, str]:
    """Return rating and raw caption of an image; None and an empty text where it has none."""
    rating, caption = None, ""
    for datum in image.xmpData():
        key = str(datum.key())
        if key == RATING:
            rating = clean_rating(_text(datum))
        elif key == CAPTION:
            caption = _default_language(datum)
    return rating, caption or next(_iptc(image, IPTC_CAPTION), "")


def _texts(xmp: Any, key: str) -> tuple[str, ...]:
    found: list[str] = []
    for datum in xmp:
        if str(datum.key()) != key:
            continue
        value = datum.value()
        if isinstance(value, exiv2.XmpArrayValue):
            for number in range(min(len(value), MOST_KEYWORDS)):
                try:
                    found.append(str(value[number]))
                except UnicodeDecodeError:
                    continue
        else:
            # One keyword as plain text, as some programs write it.
            found.append(_text(datum))
    return tuple(text[:_MOST_RAW] for text in found if text)


def _whole_texts(xmp: Any, key: str) -> tuple[str, ...]:
    found: list[str] = []
    for datum in xmp:
        if str(datum.key()) != key:
            continue
        value = datum.value()
        if isinstance(value, exiv2.XmpArrayValue):
            found += [str(value[number]) for number in range(len(value))]
        else:
            found.append(str(datum.toString()))
    return tuple(text for text in found if text)


def _text(datum: Any) -> str:
    try:
        return str(datum.toString())
    except UnicodeDecodeError:
        return ""


def _default_language(datum: Any) -> str:
    value = datum.value()
    if not isinstance(value, exiv2.LangAltValue):
        return _text(datum)
    try:
        texts = dict(value.items())
    except UnicodeDecodeError:
        return ""
    return str(texts.get("x-default") or next(iter(texts.values()), ""))


def iptc_keywords(image: Any, *, whole: bool = False) -> Iterator[str]:
    """Yield the IPTC keywords of an image, cut unless the whole is requested."""
    return _iptc(image, IPTC_KEYWORDS, None if whole else _MOST_RAW)


def _iptc(image: Any, key: str, most: int | None = _MOST_RAW) -> Iterator[str]:
    data = image.iptcData()
    for datum in data:
        if str(datum.key()) == key:
            raw = bytes(datum.value().data())[:most]
            try:
                # Without a mark of the encoding it is whatever the writer's computer used; UTF-8 shows itself.
                yield raw.decode("utf-8")
            except UnicodeDecodeError:
                yield raw.decode("latin-1")
