# SPDX-License-Identifier: GPL-3.0-or-later
"""Computes a file with changed keywords: foreign fields and the picture's bytes stay as they are.

Runs in a decoder child and writes nothing. Field layout as Lightroom and digiKam have it: ``dc:concept`` and
``lr:hierarchicalSubject`` are bags, ``digiKam:TagsList`` is a sequence.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Collection
from typing import Any

import exiv2
from PIL import Image

from semantic_photos.domain.errors import PhotoError
from semantic_photos.domain.stored_reasons import NOT_EMBEDDABLE
from semantic_photos.domain.tags import KeywordFields, clean_name, leaf
from semantic_photos.domain.translatable import Message
from semantic_photos.media.caption_edit import (
    CAPTION_FIELDS,
    RATING_FIELDS,
    clean_caption,
    clean_remark,
    languages,
    missing,
    put_remark,
)
from semantic_photos.media.files import open_file
from semantic_photos.media.keyword_edit_values import EditedFile, EditRequest
from semantic_photos.media.keywords import (
    HIERARCHY,
    IPTC_KEYWORDS,
    SUBJECT,
    TAGS_LIST,
    iptc_keywords,
    opened,
    read_sidecar_bytes,
    undecoded,
    whole_fields_of,
)
from semantic_photos.media.picture_bytes import has_webp_exif, picture_bytes

#: A larger photo goes its way through the memory too often.
MAX_EMBEDDED = 120_000_000
#: Above this size pixels are not decoded for the comparison; the compressed bytes are compared in any case.
_MOST_PIXELS = 60_000_000
#: The longest keyword that the old IPTC block can hold, in bytes.
_IPTC_MOST = 64
#: Most bytes of keywords in one file; they go through the pipe twice.
_MOST_WORDS = 1_500_000
#: EXIF values that say where something lies in the file, or how it is stored: they may move.
_PLACES = re.compile(
    r"\.(JPEGInterchangeFormat|StripOffsets|SubIFDs|ExifTag|GPSTag|InteroperabilityTag|PreviewImageStart)$"
    r"|^Exif\.MakerNote\.|^Exif\.Thumbnail\.Offset"
)
#: An empty text, in no or in any language.
_NOTHING = re.compile(r'(lang="[^"]*" ?,? ?)*')


def edit(request: EditRequest) -> EditedFile:
    """Return what the file would be with the wanted keywords.

    Raises:
        PhotoError: ``write.unreadable`` when the present file cannot be understood (it is left alone then),
            ``write.not-embeddable`` when nothing can be put into this kind of file safely, or why it cannot be read.
    """
    if request.sidecar:
        data = read_sidecar_bytes(request.path) if request.exists else b""
    else:
        with open_file(request.path) as file:
            data = file.read(MAX_EMBEDDED + 1)
        if len(data) > MAX_EMBEDDED:
            raise PhotoError(Message("The photo is too large to write to (more than 120 MB)."), code="write.too-large")
        _check_embeddable(data)
    unreadable = PhotoError(
        Message("The sidecar contains unreadable data and was left unchanged.")
        if request.sidecar
        else Message("The photo contains unreadable data and was left unchanged."),
        code="write.unreadable",
    )
    try:
        image = opened(data) if data else exiv2.ImageFactory.create(exiv2.ImageType.xmp)
        # What exiv2 cannot decode it does not keep: it would be written over.
        if data and (undecoded(image) or (has_webp_exif(data) and image.exifData().empty())):
            raise unreadable
        before = whole_fields_of(image.xmpData())
        rating, caption = missing(clean_remark(image), request.rating, request.caption)
        ours = (RATING_FIELDS if rating is not None else set()) | (CAPTION_FIELDS if caption is not None else set())
        others, foreign = _others(image, ours, sidecar=request.sidecar), languages(image)
    except PhotoError:
        raise
    except Exception as error:  # exiv2 raises nearly anything
        raise unreadable from error
    after = before.merged(request.want, request.drop)
    if max(_size(before), _size(after)) > _MOST_WORDS:
        raise PhotoError(Message("The file contains too many keywords to change them safely."), code="write.refused")
    old_iptc = [] if request.sidecar else list(iptc_keywords(image, whole=True))
    new_iptc = _iptc_after(old_iptc, request, after)
    if after == before and new_iptc == old_iptc and rating is None and caption is None:
        return EditedFile(None, before, after)
    try:
        put_remark(image, rating, caption, sidecar=request.sidecar)
        made = _write(image, before, after, new_iptc if new_iptc != old_iptc else None, sidecar=request.sidecar)
        found = opened(made)
        same_keywords = whole_fields_of(found.xmpData()) == after
        said = clean_remark(found)[1]
        same_keywords &= missing(clean_remark(found), rating, caption or None) == (None, None)
        same_keywords &= caption != "" or said in ("", *(clean_caption(text) for text in foreign.values()))
        same_others = _others(found, ours, sidecar=request.sidecar) == others and languages(found) == foreign
    except Exception as error:
        raise PhotoError(Message("The keywords could not be written into the file."), code="write.refused") from error
    if not same_keywords:
        raise PhotoError(Message("Nothing was written: the keywords would not have been kept exactly."),
                         code="write.refused")  # fmt: skip
    if not same_others:
        raise PhotoError(Message("Nothing was written: other data of the file would have changed."),
                         code="write.refused")  # fmt: skip
    if not request.sidecar:
        _check_picture(data, made)
    return EditedFile(made, before, after, rating, caption)


def _write(image: Any, before: KeywordFields, after: KeywordFields, iptc: list[str] | None, *, sidecar: bool) -> bytes:
    xmp = image.xmpData()
    bag, sequence = exiv2.TypeId.xmpBag, exiv2.TypeId.xmpSeq
    for key, old, texts, kind in (
        (SUBJECT, before.flat, after.flat, bag),
        (HIERARCHY, before.hierarchical, after.hierarchical, bag),
        (TAGS_LIST, before.slashed, after.slashed, sequence),
    ):
        if old == texts:
            continue
        if key in xmp:
            del xmp[key]
        if texts:
            xmp[key] = exiv2.XmpArrayValue(list(texts), kind)
    if iptc is not None:
        _write_iptc(image, iptc)
    if sidecar:
        # What exiv2 made up out of the old XMP would be written back into the new one.
        image.clearExifData()
        image.clearIptcData()
    if xmp.empty():
        # Left empty, exiv2 would keep the packet as it was: in a WebP, and in a sidecar.
        if sidecar:
            xmp[SUBJECT] = exiv2.XmpArrayValue([], bag)
        else:
            image.clearXmpPacket()
    image.writeMetadata()
    return bytes(image.data())


def _others(image: Any, ours: Collection[str], *, sidecar: bool) -> list[tuple[str, object]]:
    """Return keys and values of all that is not ours, without what only says where in the file something lies."""
    found: list[tuple[str, object]] = []
    ours = {SUBJECT, HIERARCHY, TAGS_LIST, IPTC_KEYWORDS, *ours}
    # Of a sidecar exiv2 makes EXIF and IPTC up, out of its XMP.
    if not sidecar:
        found.append(("comment", _value(image.comment)))
        for datum in image.exifData():
            if not _PLACES.search(key := str(datum.key())) and key not in ours:
                found.append((key, _value(datum.toString)))
        for datum in image.iptcData():
            if (key := str(datum.key())) not in ours:
                found.append((key, _value(datum.toString)))
    for datum in image.xmpData():
        if (key := str(datum.key())) not in ours:
            text = str(datum.toString())
            # Cameras and Adobe leave empty copyrights and captions, which exiv2 does not write again.
            if not _NOTHING.fullmatch(text):
                found.append((key, text))
    return sorted(found, key=repr)


def _value(read: Callable[[], object]) -> object:
    try:
        return str(read())
    except UnicodeDecodeError as error:
        # Old cameras and programs write Latin letters; the bytes tell as well.
        return bytes(error.object)


def _size(fields: KeywordFields) -> int:
    texts = (*fields.flat, *fields.hierarchical, *fields.slashed)
    return sum(len(text.encode("utf-8", "replace")) + 4 for text in texts)


def _iptc_after(old: list[str], request: EditRequest, after: KeywordFields) -> list[str]:
    """Return the old IPTC keywords in step with the others; a photo that has none gets none."""
    if not old:
        return old
    gone = {name.casefold() for name in request.drop} | {leaf(name).casefold() for name in request.drop}
    gone -= {clean_name(text).casefold() for text in after.flat}
    kept = [text for text in old if clean_name(text).casefold() not in gone]
    have = {clean_name(text).casefold() for text in kept}
    for name in request.want:
        word = leaf(name)
        # Other letters would need a mark of the encoding that then holds for all the old texts too.
        if word.casefold() not in have and word.isascii() and len(word) <= _IPTC_MOST:
            kept.append(word)
            have.add(word.casefold())
    return kept


def _write_iptc(image: Any, keywords: list[str]) -> None:
    data = image.iptcData()
    raw: dict[str, bytes] = {}
    for datum in data:
        if str(datum.key()) == IPTC_KEYWORDS:
            value = bytes(datum.value().data())
            raw.setdefault(_decoded(value), value)
    kept = exiv2.IptcData()
    for datum in data:
        if str(datum.key()) != IPTC_KEYWORDS:
            kept.add(datum)
    for keyword in keywords:
        text = raw.get(keyword, keyword.encode("ascii", "ignore"))
        value = exiv2.DataValue(text, exiv2.ByteOrder.invalidByteOrder, exiv2.TypeId.string)
        kept.add(exiv2.Iptcdatum(exiv2.IptcKey(IPTC_KEYWORDS), value))
    image.setIptcData(kept)


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _check_embeddable(data: bytes) -> None:
    try:
        picture_bytes(data)
    except ValueError as error:
        raise PhotoError(Message(NOT_EMBEDDABLE, reason=error), code="write.not-embeddable",
                         ) from error  # fmt: skip


def _check_picture(before: bytes, after: bytes) -> None:
    """Make sure that the picture is the same, in its compressed bytes and in its pixels."""
    trouble = PhotoError(Message("Nothing was written: the picture would have changed."),
                         code="write.refused")  # fmt: skip
    try:
        if picture_bytes(before) != picture_bytes(after):
            raise trouble
        with Image.open(io.BytesIO(before)) as one, Image.open(io.BytesIO(after)) as two:
            if one.size != two.size or one.mode != two.mode:
                raise trouble
            if one.width * one.height <= _MOST_PIXELS and one.tobytes() != two.tobytes():
                raise trouble
    except PhotoError:
        raise
    except Exception as error:
        raise trouble from error
