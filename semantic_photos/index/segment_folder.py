# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of segments: names, manifest, checksums, publishing, and quarantine of damaged files.

Every file gets a new name and is synchronised before the manifest names it; the manifest is replaced by a rename.
So a kill or a power loss at any point leaves the old state or the new one, and files that nobody names.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import logging
import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from semantic_photos.domain.errors import SegmentRefusedError
from semantic_photos.domain.translatable import Message

_log = logging.getLogger(__name__)

FORMAT = 1
METRIC = "angular"
MANIFEST = "current.json"
#: Bad files that are kept for whoever wants to know what happened.
KEEP_BAD = 3

_SEGMENT_FILE = re.compile(r"seg-(\d+)\.")
_MANIFEST_LIMIT = 1_000_000
_HASH_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class SegmentFile:
    """A file of a segment: its name in the folder, its size in bytes and its SHA-256 in hexadecimal."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a segment holds.

    Attributes:
        n: number of rows.
        dim: dimensions of a vector.
        pack: fingerprint of the model pack whose vectors these are.
        generation: the catalog's vector generation when its vectors were read: later changes are not in here.
        vectors: float32 (n, dim), little-endian, of unit length.
        ids: int64 (n,), little-endian, ascending: which photo each row is.
        annoy: Annoy's trees over the rows, or None when it was built without.
        annoy_version: version that built the trees; the format carries none.
        trees: number of trees.
        search_k: how many candidates Annoy looks at per query, by measurement on this segment.
        trusted: best cosine from which Annoy's answer was measured to be complete enough; above 1 means never.
        metric: distance of the trees.
    """

    n: int
    dim: int
    pack: str
    generation: int
    vectors: SegmentFile
    ids: SegmentFile
    annoy: SegmentFile | None = None
    annoy_version: str = ""
    trees: int = 0
    search_k: int = 0
    trusted: float = 2.0
    metric: str = METRIC

    def files(self) -> list[SegmentFile]:
        """Return the files that belong to the segment."""
        return [file for file in (self.vectors, self.ids, self.annoy) if file is not None]

    def to_json(self) -> str:
        """Return the manifest as text that carries its own checksum."""
        body = {"format": FORMAT, **dataclasses.asdict(self)}
        return json.dumps({"check": _check(body), "segment": body}, indent=1, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Read a manifest.

        Raises:
            SegmentRefusedError: when it is damaged or of another format.
        """
        try:
            document = json.loads(text)
            body = dict(document["segment"])
            if document["check"] != _check(body):
                raise refused("checksum", Message("its manifest is damaged"))
            if body.pop("format") != FORMAT:
                raise refused("format", Message("it was written by another version of the program"))
            for name in ("vectors", "ids", "annoy"):
                body[name] = SegmentFile(**body[name]) if body[name] is not None else None
            return cls(**body)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise refused("manifest", Message("its manifest is damaged")) from error


def refused(kind: str, reason: Message) -> SegmentRefusedError:
    """Return the error for a segment that is not trusted; ``kind`` becomes part of the names of bad files."""
    return SegmentRefusedError(
        Message("The stored index is not used: {reason}.", reason=reason), code=f"segment.{kind}"
    )


def _unreadable(file: str, error: OSError) -> Message:
    return Message("{file} cannot be read ({reason})", file=file, reason=error.strerror or str(error))


class SegmentFolder:
    """Files of one pack's index.

    Thread: one writer at a time; reading is free. Another process may read while this one publishes.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path, self.read_only = path, read_only

    def create(self) -> None:
        """Make the folder, readable for the user alone.

        Raises:
            OSError: when it cannot be made.
        """
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def manifest(self) -> Manifest | None:
        """Return the current manifest, or None when nothing was published.

        Raises:
            SegmentRefusedError: when it cannot be trusted.
        """
        try:
            with open(self.path / MANIFEST, "rb") as file:
                data = file.read(_MANIFEST_LIMIT)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise refused("unreadable", _unreadable(MANIFEST, error)) from error
        if not data:
            raise refused("empty", Message("its manifest is empty"))
        return Manifest.from_json(data.decode("utf-8", "replace"))

    @contextlib.contextmanager
    def verified(self, file: SegmentFile) -> Iterator[BinaryIO]:
        """Open a file and check it against the manifest; what is mapped from the handle is what was checked.

        Raises:
            SegmentRefusedError: when it is missing, no regular file, or has other content.
        """
        if not _SEGMENT_FILE.match(file.name) or "/" in file.name or "\\" in file.name:
            raise refused("manifest", Message("its manifest names an invalid file"))
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        try:
            descriptor = os.open(self.path / file.name, flags)
        except FileNotFoundError as error:
            raise refused("missing", Message("{file} is missing", file=file.name)) from error
        except OSError as error:
            raise refused("unreadable", _unreadable(file.name, error)) from error
        with open(descriptor, "rb", buffering=0) as handle:
            before = os.fstat(handle.fileno())
            if not stat.S_ISREG(before.st_mode) or before.st_size != file.size:
                raise refused(
                    "size",
                    Message(
                        "{file} has {size:,} bytes instead of {expected:,}",
                        file=file.name,
                        size=before.st_size,
                        expected=file.size,
                    ),
                )
            try:
                found = sha256_of(handle)
            except OSError as error:
                raise refused("unreadable", _unreadable(file.name, error)) from error
            if found != file.sha256:
                raise refused("checksum", Message("{file} was damaged or replaced", file=file.name))
            yield handle
            if _stamp(before) != _stamp(os.fstat(handle.fileno())):
                raise refused("changed", Message("{file} changed while it was opened", file=file.name))

    def next_number(self) -> int:
        """Return a number that no segment file has had."""
        numbers = [int(match[1]) for name in self._names() if (match := _SEGMENT_FILE.match(name))]
        return max(numbers, default=0) + 1

    def create_file(self, name: str) -> BinaryIO:
        """Open a new file for writing; never one that exists.

        Raises:
            OSError: when it cannot be made.
        """
        return open(self.path / name, "xb", buffering=0)

    def settle(self, name: str) -> SegmentFile:
        """Synchronise to disk a file that another process wrote, and describe it.

        Raises:
            OSError: when it cannot be read or synchronised.
        """
        with open(self.path / name, "rb", buffering=0) as handle:
            os.fsync(handle.fileno())
            return SegmentFile(name, os.fstat(handle.fileno()).st_size, sha256_of(handle))

    def publish(self, manifest: Manifest) -> None:
        """Make a segment the current one; its files lie on the disk already. Older ones are deleted after.

        Raises:
            OSError: when the manifest cannot be written; the old one is still in force then.
        """
        beside = self.path / f"{MANIFEST}.tmp"
        with open(beside, "wb") as file:
            file.write(manifest.to_json().encode())
            file.flush()
            os.fsync(file.fileno())
        # The new names must be on the disk before the manifest that uses them.
        self._sync()
        os.replace(beside, self.path / MANIFEST)
        self._sync()
        self.clean(manifest)

    def withdraw(self) -> None:
        """Leave the folder without a segment."""
        self._delete([MANIFEST])
        self.clean(None)

    def clean(self, current: Manifest | None) -> None:
        """Delete segment files that ``current`` does not name: older ones, and what a kill left behind."""
        named = {file.name for file in current.files()} if current is not None else set()
        names = self._names()
        self._delete(name for name in names if _SEGMENT_FILE.match(name) and name not in named and ".bad-" not in name)
        self._delete(name for name in names if name == f"{MANIFEST}.tmp")

    def set_aside(self, error: SegmentRefusedError, manifest: Manifest | None) -> None:
        """Rename a refused segment to ``….bad-<reason>`` and forget the rest; a few are kept."""
        reason = re.sub(r"[^a-z]+", "-", error.code.rpartition(".")[2])
        names = [MANIFEST, *(file.name for file in manifest.files())] if manifest is not None else [MANIFEST]
        for name in names:
            # Only what is worth a look is kept: the manifest, and a file that the message is about.
            if name == MANIFEST or name in str(error):
                with contextlib.suppress(OSError):
                    os.replace(self.path / name, self.path / f"{name}.bad-{reason}")
        bad = [name for name in self._names() if ".bad-" in name]
        bad.sort(key=lambda name: (self._changed(name), name), reverse=True)
        self._delete(bad[KEEP_BAD:])
        self.clean(None)

    def _changed(self, name: str) -> float:
        try:
            return os.lstat(self.path / name).st_ctime
        except OSError:
            return 0.0

    def _names(self) -> list[str]:
        try:
            return sorted(os.listdir(self.path))
        except OSError:
            return []

    def _delete(self, names: Iterable[str]) -> None:
        for name in list(names):
            try:
                os.unlink(self.path / name)
            except FileNotFoundError:
                continue
            except OSError as error:
                # A file that is mapped cannot be deleted on every system; the next cleaning tries again.
                _log.info("%s cannot be deleted yet: %s", name, error)

    def _sync(self) -> None:
        """Bring names to the disk, where folders can be synchronised."""
        with contextlib.suppress(PermissionError, NotADirectoryError):
            handle = os.open(self.path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def sha256_of(handle: BinaryIO) -> str:
    """Return the SHA-256 of an open file from its start, in hexadecimal."""
    handle.seek(0)
    digest = hashlib.sha256()
    while block := handle.read(_HASH_BYTES):
        digest.update(block)
    return digest.hexdigest()


def _stamp(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _check(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
