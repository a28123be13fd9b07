# SPDX-License-Identifier: GPL-3.0-or-later
"""Keyword messages of the decoder protocol: packed by the child, validated by the program."""

from __future__ import annotations

import json
from typing import Any

from semantic_photos.domain.tags import MOST_CAPTION, MOST_KEYWORDS, FileWords, KeywordFields, clean_name
from semantic_photos.media.keyword_edit_values import EditedFile

#: Ten thousand keywords of a hundred characters of four bytes, and their quotes.
MAX_WORDS = 8_000_000
_MOST_RAW = 2000


class ProtocolError(Exception):
    """A malformed frame; it never leaves ``media``."""


def packed(words: FileWords | None) -> bytes:
    """Return words as JSON bytes; none for None."""
    if words is None:
        return b""
    value = {"tags": list(words.tags), "caption": words.caption, "rating": words.rating, "whole": words.whole}
    return json.dumps(value, ensure_ascii=False).encode("utf-8")


def unpacked(data: memoryview) -> FileWords:
    """Return words from what a child sent.

    Raises:
        ProtocolError: when it is none.
    """
    value = _object(bytes(data))
    tags, caption, rating = value.get("tags"), value.get("caption"), value.get("rating")
    whole = value.get("whole")
    if (
        not isinstance(tags, list)
        or not _are_texts(tags)
        or not isinstance(caption, str)
        or not (rating is None or type(rating) is int)
        or not isinstance(whole, bool)
    ):
        raise ProtocolError("words that are none")
    names = tuple(name for text in tags[:MOST_KEYWORDS] if (name := clean_name(text)))
    return FileWords(names, caption[:MOST_CAPTION], rating if rating is not None and -1 <= rating <= 5 else None, whole)


def packed_edit(edited: EditedFile) -> tuple[dict[str, Any], bytes, bytes]:
    """Return head and payload of an edited file: the keywords before and after, then the file."""
    fields = [[list(f.flat), list(f.hierarchical), list(f.slashed)] for f in (edited.before, edited.after)]
    text = json.dumps(fields, ensure_ascii=False).encode("utf-8", "replace")
    remark = {"rating": edited.rating, "caption": edited.caption}
    return {"fields": len(text), "changed": edited.data is not None, **remark}, text, edited.data or b""


def edited(head: dict[str, Any], payload: bytearray) -> EditedFile:
    """Return an edited file from what a child sent.

    Raises:
        ProtocolError: when it is none.
    """
    length, changed = head.get("fields"), head.get("changed")
    if type(length) is not int or not 0 < length <= len(payload) or not isinstance(changed, bool):
        raise ProtocolError("an edited file that is none")
    fields = _parse(bytes(payload[:length]))
    if not isinstance(fields, list) or len(fields) != 2 or (len(payload) > length) != changed:
        raise ProtocolError("an edited file that is none")
    before, after = (_fields(value) for value in fields)
    rating, caption = head.get("rating"), head.get("caption")
    if not (rating is None or (type(rating) is int and -1 <= rating <= 5)) or not isinstance(caption, str | None):
        raise ProtocolError("a remark that is none")
    said = caption if caption is None else caption[:MOST_CAPTION]
    return EditedFile(bytes(payload[length:]) if changed else None, before, after, rating, said)


def _fields(value: Any) -> KeywordFields:
    if not isinstance(value, list) or len(value) != 3 or not all(_are_texts(texts) for texts in value):
        raise ProtocolError("keywords that are none")
    return KeywordFields(*(tuple(text[:_MOST_RAW] for text in texts) for texts in value))


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _object(data: bytes) -> dict[str, Any]:
    value = _parse(data)
    if not isinstance(value, dict):
        raise ProtocolError("no object")
    return value


def _parse(data: bytes) -> Any:
    if len(data) > MAX_WORDS:
        raise ProtocolError(f"words of {len(data)} bytes")
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"no JSON: {error}") from error
