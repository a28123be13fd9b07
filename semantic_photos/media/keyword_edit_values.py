# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of a keyword change: the request to the decoder child, and the file it would make.

The child reads and computes; it writes nothing. The program puts the bytes it gets back in place (``sidecar``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from semantic_photos.domain.tags import KeywordFields


@dataclass(frozen=True, slots=True)
class EditRequest:
    """The metadata that a file shall have.

    Attributes:
        path: the file that is edited.
        sidecar: it is an XMP sidecar; otherwise a photo in which the keywords are embedded.
        exists: whether there is such a file; a sidecar is made from nothing when there is none.
        want: names that shall be there, levels separated by ``|``.
        drop: names that shall not.
        rating: -1 to 5, 0 for none; None leaves what is there.
        caption: empty for none; None leaves what is there.
    """

    path: Path
    sidecar: bool
    exists: bool = True
    want: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    rating: int | None = None
    caption: str | None = None


@dataclass(frozen=True, slots=True)
class EditedFile:
    """The edited file.

    Attributes:
        data: the whole new file, or None when nothing needs to change.
        before: its keywords now.
        after: its keywords then.
        rating: the rating that is new in it, or None when it stays.
        caption: the caption that is new in it, or None when it stays.
    """

    data: bytes | None = None
    before: KeywordFields = field(default_factory=KeywordFields)
    after: KeywordFields = field(default_factory=KeywordFields)
    rating: int | None = None
    caption: str | None = None
