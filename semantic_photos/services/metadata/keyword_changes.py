# SPDX-License-Identifier: GPL-3.0-or-later
"""Planned changes of keywords in photo files, as values, and the batches that write them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from semantic_photos.domain.tags import FileWords, KeywordFields, gather
from semantic_photos.media.keyword_edit_values import EditedFile
from semantic_photos.media.sidecar import own_sidecars
from semantic_photos.storage.keyword_sync import FailedWrite, WriteJob

#: Photos that are written together: their children work side by side, and their catalog rows are one transaction.
PORTION = 32
#: Bytes of the files of a portion; all of them are in memory at once.
_MOST_BYTES = 64_000_000


@dataclass(frozen=True, slots=True)
class FileChange:
    """What was, or would be, changed in one file of one photo.

    Attributes:
        photo: the photo.
        target: the file, the photo itself or a sidecar.
        embedded: whether it is the photo itself.
        added: names of tags.
        removed: names of tags.
        rating: the new rating, 0 for none; None when it stays.
        caption: the new caption, empty for none; None when it stays.
    """

    photo: Path
    target: Path
    embedded: bool
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    rating: int | None = None
    caption: str | None = None


@dataclass(frozen=True, slots=True)
class WriteReport:
    """The result of writing: changed files, photos that were already up to date, failures with reasons."""

    changes: tuple[FileChange, ...] = ()
    unchanged: int = 0
    failures: tuple[FailedWrite, ...] = ()
    cancelled: bool = False


def change_of(photo: Path, target: Path, embedded: bool, edited: EditedFile) -> FileChange:
    """Return what an edited file changes."""
    before, after = _names(edited.before), _names(edited.after)
    added = tuple(name for name in after if name not in before)
    removed = tuple(name for name in before if name not in after)
    return FileChange(photo, target, embedded, added, removed, edited.rating, edited.caption)


def says_all(words: FileWords | None, job: WriteJob) -> bool:
    """Return whether a file has all the metadata that its photo should have."""
    said = words or FileWords()
    return (
        {name.casefold() for name in said.tags} >= {name.casefold() for name in job.want}
        and job.rating in (None, said.rating or 0)
        and job.caption in (None, said.caption)
    )


def portions(jobs: Sequence[WriteJob], *, embed: bool) -> Iterator[list[WriteJob]]:
    """Yield jobs in portions whose files do not take too much memory."""
    portion: list[WriteJob] = []
    held = 0
    for job in jobs:
        size = _bytes(job.path, embed=embed)
        if portion and (len(portion) >= PORTION or held + size > _MOST_BYTES):
            yield portion
            portion, held = [], 0
        portion.append(job)
        held += size
    if portion:
        yield portion


def _bytes(photo: Path, *, embed: bool) -> int:
    try:
        return sum(os.stat(path).st_size for path in (*own_sidecars(photo), *([photo] if embed else [])))
    except OSError:
        # Whatever it is, the writing says it.
        return 0


def _names(fields: KeywordFields) -> tuple[str, ...]:
    return gather(fields.flat, fields.hierarchical, fields.slashed)
