# SPDX-License-Identifier: GPL-3.0-or-later
"""Serialization of a query: as typed text or, with example photos, as JSON.

In one library photos stand by their number. On the way to another one (``portable``, ``settled``) they stand by their
file and its content key, because numbers mean nothing there.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from semantic_photos.domain.errors import QueryError
from semantic_photos.domain.example_focus import Focus, Region, clamped, example_words, focus_words
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.query import Example, Query
from semantic_photos.domain.query_language import MAX_TEXT
from semantic_photos.domain.tags import clean_text
from semantic_photos.domain.translatable import Message, joined

#: More of either in one query is nothing that a user made.
MOST_EXAMPLES, MOST_FOCUSES = 50, 50
_LONGEST_PATH, _LONGEST_KEY, _LONGEST_WORD = 4096, 200, 200
#: A written query longer than this is none.
_LONGEST = MAX_TEXT * 6 + MOST_EXAMPLES * _LONGEST_PATH * 6

#: File, as text that ``os.fsdecode`` makes, and content key (empty when unknown) of a photo.
Place = tuple[str, str]


def write(query: Query) -> str:
    """Return a query as text that ``read`` makes the same query of; empty for an empty one."""
    if not query.examples:
        return query.text
    return _dumped({
        "text": query.text,
        "examples": [_example_as_dict(example) for example in query.examples],
        "focus": [[focus.word, focus.weight] for focus in query.focuses],
    })  # fmt: skip


def read(text: str) -> Query:
    """Return the query that ``write`` wrote, or the query of a typed text. No text is an error."""
    value = _value(text)
    if value is None:
        return Query.parse(text)
    typed = value.get("text")
    focuses = [_focus(entry) for entry in _list(value.get("focus"))[:MOST_FOCUSES]]
    return dataclasses.replace(
        Query.parse(typed[:MAX_TEXT] if isinstance(typed, str) else ""),
        examples=_examples(value),
        more_focus=tuple(focus for focus in focuses if focus is not None),
    )


def in_words(query: Query, names: Sequence[str] = ()) -> Message:
    """Return a query in words: “snow, like a photo, looking at dog”.

    Args:
        query: the query.
        names: what its example photos are called, in their order, as far as that is known.
    """
    parts = [query.text] if query.text else []
    for number, example in enumerate(query.examples):
        name = names[number] if number < len(names) else None
        parts.append(example_words(example.weight, example.region is not None, name))
    parts += [focus_words(focus.word, focus.weight) for focus in query.focuses]
    return joined(parts)


def is_written(text: str) -> bool:
    """Return whether a text contains example photos."""
    return _value(text) is not None


def photo_ids(text: str) -> list[PhotoId]:
    """Return the example photos of the library in a serialized query."""
    value = _value(text)
    return [] if value is None else [one.photo_id for one in _examples(value) if one.photo_id is not None]


def portable(text: str, places: Mapping[PhotoId, Place]) -> str:
    """Return a written query with files and content keys in the place of photo numbers.

    Args:
        text: what ``write`` returned; a typed query stays as it is.
        places: where the photos are; one that is not among them stays as a photo that is gone.
    """

    def put(entry: dict[str, Any]) -> dict[str, Any]:
        photo = entry.pop("photo", None)
        if photo is not None:
            file, key = places.get(PhotoId(photo), ("", ""))
            entry = {"file": file, "key": key} | entry
        return entry

    return _changed(text, put)


def settled(text: str, find: Callable[[str, str], PhotoId | None]) -> str:
    """Return a query that came from another library with the numbers that its photos have in this one.

    A photo that is not here stays as its file, which may be there although it is not in the library.

    Args:
        text: what ``portable`` returned.
        find: returns the photo of a file and a content key, or None.
    """

    def put(entry: dict[str, Any]) -> dict[str, Any]:
        if "key" not in entry:
            return entry
        file, key = entry.pop("file"), entry.pop("key")
        photo = find(file, key)
        return ({"file": file} if photo is None else {"photo": int(photo)}) | entry

    return _changed(text, put)


def checked(value: object) -> str:
    """Return a query from an untrusted file, as text that may be stored; empty if it is none."""
    if not isinstance(value, str):
        return ""
    return _changed(value, lambda entry: entry) if is_written(value) else clean_text(value, MAX_TEXT)


def _changed(text: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> str:
    value = _value(text)
    if value is None:
        return text
    kept = []
    for example, entry in _readable(value):
        key = entry.get("key")
        own = _example_as_dict(example)
        if isinstance(key, str) and "file" in own:
            own = {"file": own.pop("file"), "key": key[:_LONGEST_KEY].encode("utf-8", "replace").decode()} | own
        kept.append(change(own))
    typed = clean_text(read(text).text, MAX_TEXT)
    focuses = [[focus.word, focus.weight] for focus in read(text).focuses]
    return _dumped({"text": typed, "examples": kept, "focus": focuses}) if kept else typed


def _dumped(value: Mapping[str, Any]) -> str:
    # Nothing but printable ASCII and no blanks: a name with two blanks, or with bytes that are no text, survives
    # whatever cleans the text on its way.
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).replace(" ", "\\u0020")


def _value(text: str) -> dict[str, Any] | None:
    if not text.startswith("{") or len(text) > _LONGEST:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and isinstance(value.get("examples"), list) else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _examples(value: Mapping[str, Any]) -> tuple[Example, ...]:
    return tuple(example for example, _ in _readable(value))


def _readable(value: Mapping[str, Any]) -> Iterable[tuple[Example, dict[str, Any]]]:
    for entry in value["examples"][:MOST_EXAMPLES]:
        example = _example(entry)
        if example is not None:
            yield example, entry


def _example_as_dict(example: Example) -> dict[str, Any]:
    told: dict[str, Any] = (
        {"photo": int(example.photo_id)} if example.photo_id is not None else {"file": str(example.path or "")}
    )
    told["weight"] = example.weight
    if example.region is not None:
        told["region"] = list(example.region)
    return told


def _example(entry: Any) -> Example | None:
    if not isinstance(entry, dict):
        return None
    photo, file = entry.get("photo"), entry.get("file")
    weight, region = _number(entry.get("weight", 1.0)), _region(entry.get("region"))
    if not weight or (region is None and entry.get("region") is not None):
        return None
    if type(photo) is int and 0 <= photo < 2**63:
        return Example(PhotoId(photo), weight=weight, region=region)
    if isinstance(file, str) and len(file) <= _LONGEST_PATH and "\0" not in file:
        # A photo that was gone already has no file. It has no number that a photo can have either.
        return Example(path=Path(file), weight=weight, region=region) if file else Example(PhotoId(0), weight=weight)
    return None


def _focus(entry: Any) -> Focus | None:
    if not isinstance(entry, list) or len(entry) != 2:
        return None
    word, weight = clean_text(entry[0], _LONGEST_WORD), _number(entry[1])
    return Focus(word, weight) if word and weight else None


def _number(value: Any) -> float:
    """Return a weight between -10 and 10; 0 for what is none."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return 0.0
    return float(value) if abs(value) <= 10 and math.isfinite(value) else 0.0


def _region(value: Any) -> Region | None:
    if not isinstance(value, list) or len(value) != 4:
        return None
    try:
        clamped(tuple(value))
    except (QueryError, OverflowError):
        return None
    x, y, w, h = map(float, value)
    return (x, y, w, h)
