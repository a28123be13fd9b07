# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of a change of keywords: what is asked of the child process, and the file it would make.

The child reads and computes; it writes nothing. The program puts the bytes it gets back in place (``sidecar``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from semantic_photos.domain.tagging import KeywordFields


@dataclass(frozen=True, slots=True)
class EditRequest:
    """Which keywords a file shall have.

    Attributes:
        path: the file that is edited.
        sidecar: it is an XMP sidecar; otherwise a photo in which the keywords are embedded.
        exists: whether there is such a file; a sidecar is made from nothing when there is none.
        want: names that shall be there, levels separated by ``|``.
        drop: names that shall not.
    """

    path: Path
    sidecar: bool
    exists: bool = True
    want: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EditedFile:
    """What the file would be.

    Attributes:
        data: the whole new file, or None when nothing needs to change.
        before: its keywords now.
        after: its keywords then.
    """

    data: bytes | None = None
    before: KeywordFields = field(default_factory=KeywordFields)
    after: KeywordFields = field(default_factory=KeywordFields)
