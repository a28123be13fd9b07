# SPDX-License-Identifier: GPL-3.0-or-later
"""Photos, folders and their facts, as frozen values."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from pathlib import Path
from typing import NewType

from semantic_photos.domain.image_formats import IMAGE_FORMATS, format_of_name

PhotoId = NewType("PhotoId", int)
FolderId = NewType("FolderId", int)
ContentKey = NewType("ContentKey", str)

#: File name extensions that are scanned. The actual format is detected from the content.
PHOTO_SUFFIXES = frozenset(suffix for image_format in IMAGE_FORMATS for suffix in image_format.suffixes)

#: Folders that hold no photos of a user: versioning, thumbnails of NAS systems, trash.
SKIPPED_FOLDERS = frozenset(
    {"@eadir", "#recycle", "$recycle.bin", "system volume information", "node_modules", "lost+found", "__macosx"}
)


class PhotoState(enum.Enum):
    """The state of a photo; each scanned file is in exactly one."""

    PENDING = "pending"
    INDEXED = "indexed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class FileStamp:
    """A cheap sign that a file may have changed: size in bytes, modification time in ns, inode number."""

    size: int
    mtime_ns: int
    inode: int = 0

    def same_content(self, other: FileStamp) -> bool:
        """Return whether size and time are equal (compared with ``!=``: a clock may jump back)."""
        return self.size == other.size and self.mtime_ns == other.mtime_ns


@dataclass(frozen=True, slots=True)
class PhotoFacts:
    """Facts that the decoder read from a photo; empty where the file has none.

    ``width`` and ``height`` are pixels after the EXIF orientation; ``taken`` is local time as
    ``YYYY-MM-DDTHH:MM:SS``; ``latitude`` and ``longitude`` are degrees.
    """

    width: int = 0
    height: int = 0
    format: str = ""
    taken: str = ""
    camera: str = ""
    lens: str = ""
    exposure: str = ""
    latitude: float | None = None
    longitude: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Folder:
    """A watched root folder. ``online`` is false while it is missing; its photos are kept then."""

    id: FolderId
    path: Path
    online: bool = True


@dataclass(frozen=True, slots=True)
class Photo:
    """One file of the library. ``missing`` is true while the file, but not its folder, is gone (soft delete)."""

    id: PhotoId
    folder_id: FolderId
    path: Path
    stamp: FileStamp
    content_key: ContentKey | None
    state: PhotoState
    facts: PhotoFacts = field(default_factory=PhotoFacts)
    missing: bool = False
    reason_code: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class FailedPhoto:
    """A photo that could not be read, with the reason as a sentence and the number of tries."""

    id: PhotoId
    path: Path
    code: str
    reason: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of photos by state; the four add up to all scanned files that were not removed."""

    indexed: int = 0
    pending: int = 0
    failed: int = 0
    offline: int = 0

    @property
    def total(self) -> int:
        """Return the number of files that were seen."""
        return self.indexed + self.pending + self.failed + self.offline


@dataclass(frozen=True, slots=True)
class FolderCounts:
    """How many files of one root were seen: photos (also those that still wait), unreadable ones, and missing ones."""

    photos: int = 0
    unreadable: int = 0
    missing: int = 0


@dataclass(frozen=True, slots=True)
class ImageRecipe:
    """How a picture becomes the network's square: part of a model pack, never a constant in code.

    Attributes:
        side: side of the square in pixels.
        fit: ``squash`` (whole picture squeezed), ``crop`` (centre square) or ``pad`` (letterbox in grey).
        interpolation: ``bilinear``, ``bicubic``, ``lanczos`` or ``box``; Pillow's filters, which antialias.
    """

    side: int
    fit: str = "squash"
    interpolation: str = "bilinear"


def is_photo_name(name: str) -> bool:
    """Return whether a file name is that of a photo: a known ending, no dot file, no half-written download."""
    return not name.startswith(".") and format_of_name(name) is not None


def is_skipped_folder(name: str) -> bool:
    """Return whether a folder of this name is left out of every scan."""
    return name.startswith(".") or name.lower() in SKIPPED_FOLDERS
