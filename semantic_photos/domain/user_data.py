# SPDX-License-Identifier: GPL-3.0-or-later
"""User data of photos as values, for transfer from one library to another."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from semantic_photos.domain.tags import SEPARATOR, Remark, Standing, clean_name


@dataclass(frozen=True, slots=True)
class TagRecord:
    """A tag that a user or a file added or removed; ``decided`` is epoch seconds."""

    tag: str
    standing: Standing
    decided: float = 0.0


@dataclass(frozen=True, slots=True)
class VoteRecord:
    """A vote on a photo for a query: good match (1) or no match (-1); ``given`` is epoch seconds."""

    query: str
    vote: int
    given: float = 0.0


@dataclass(frozen=True, slots=True)
class SavedSearchRecord:
    """A search with a name; ``created`` is epoch seconds."""

    name: str
    query: str
    created: float = 0.0


@dataclass(frozen=True, slots=True)
class PhotoUserData:
    """All user data of one photo.

    Attributes:
        path: its file as the operating system's bytes; empty when only a part of the path is known.
        content_key: what stays the same when it moves; empty when unknown.
        tags: tags with their standing.
        remark: rating, favourite, caption.
        votes: feedback to queries.
        tail: the last parts of the path, where the beginning is not known.
        size: bytes of the file; 0 when unknown.
    """

    path: bytes = b""
    content_key: str = ""
    tags: tuple[TagRecord, ...] = ()
    remark: Remark = field(default_factory=Remark)
    votes: tuple[VoteRecord, ...] = ()
    tail: bytes = b""
    size: int = 0


#: Names that cameras and programs give to folders: they say nothing of what is in them.
_NO_SUBJECT = re.compile(
    r"[\d\W_]*|dcim|\d{3}[a-z_0-9]{5}|misc|(my )?(pictures|photos|images|photo library)|bilder|fotos|camera( roll)?"
    r"|screenshots?|downloads?|originals?|exports?|import(s|ed)?|edited|new folder( \(\d+\))?|untitled( folder)?|temp",
    re.IGNORECASE,
)


def tag_of_folders(names: Sequence[str]) -> str:
    """Return the tag that folder names form, from the outermost in; empty when they form none.

    Dates, numbers and the names that cameras give are left out: ``2024/Rome/100CANON`` is ``Rome``.
    """
    kept = [name.replace(SEPARATOR, " ") for name in names if not _NO_SUBJECT.fullmatch(name.strip())]
    return clean_name(SEPARATOR.join(kept))
