# SPDX-License-Identifier: GPL-3.0-or-later
"""Sidecars and photo files on disk: pairing, change detection, and atomic replacement.

Putting in place is all or nothing: the new file is written beside the old one under a name of its own, forced to the
disk, read again and compared, and only then renamed over it. Whatever stops it in between (a full disk, a kill, a power
cut) leaves the old file as it was. A file that changed meanwhile is left alone.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from semantic_photos.domain.errors import UserFacingError
from semantic_photos.domain.image_formats import IMAGE_FORMATS
from semantic_photos.domain.stored_reasons import (
    FOLDER_GONE,
    HARD_LINK,
    LONG_NAME,
    NO_PERMISSION,
    NO_SPACE,
    NOT_WRITTEN,
    QUOTA,
    READ_ONLY,
)
from semantic_photos.domain.translatable import Message

_log = logging.getLogger(__name__)

#: Endings of photos into which keywords can be put; camera RAW is never one of them.
EMBEDDABLE = frozenset(suffix for one in IMAGE_FORMATS if one.embeds for suffix in one.suffixes)
_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{12}\.semantic-photos\.tmp")
#: Seconds after which an unfinished file is one that a killed program left behind.
_STALE_S = 3600.0


class WriteError(UserFacingError):
    """Nothing could be written for one photo; its files are unchanged.

    Attributes:
        retry: whether the same may succeed later.
    """

    code = "write.failed"

    def __init__(self, message: Message, *, code: str | None = None, retry: bool = True) -> None:
        super().__init__(message, code=code)
        self.retry = retry


def sidecars_of(photo: Path) -> list[Path]:
    """Return the sidecars of a photo that exist: ``photo.jpg.xmp``, then Adobe's ``photo.xmp``."""
    names = [f"{photo.name}.xmp", f"{photo.name}.XMP", f"{photo.stem}.xmp", f"{photo.stem}.XMP"]
    found: list[Path] = []
    for name in names:
        path = photo.with_name(name)
        # On a disk that does not tell case apart both spellings are one file.
        if path.is_file() and not any(os.path.samefile(path, other) for other in found):
            found.append(path)
    return found


def own_sidecars(photo: Path) -> list[Path]:
    """Return the sidecars that belong to no other photo: not ``photo.xmp`` when ``photo.raf`` shares it."""
    found = sidecars_of(photo)
    short = [path for path in found if path.stem == photo.stem]
    return [path for path in found if path not in short] if short and _has_twin(photo) else found


def sidecar_to_write(photo: Path, *, adobe: bool = False) -> Path:
    """Return the sidecar that is written into: the one that exists, else the long form, or Adobe's if asked for.

    Adobe's short name is not used when another photo has the same name but for its ending: the two share it.
    """
    existing = own_sidecars(photo)
    if existing:
        return existing[0]
    if adobe and not _has_twin(photo):
        return photo.with_suffix(".xmp")
    return photo.with_name(f"{photo.name}.xmp")


def words_stamp(photo: Path) -> str:
    """Return a cheap stamp that changes when a photo's keywords may have changed; empty when the photo is not there."""
    try:
        parts = [_stamp(photo)]
        parts += [f"{path.name}={_stamp(path)}" for path in sidecars_of(photo)]
    except OSError:
        return ""
    return "|".join(parts).encode("utf-8", "replace").decode("utf-8")


def put_in_place(
    target: Path, data: bytes, before: os.stat_result | None, *, keep_time: bool = False, sync: bool = True
) -> None:
    """Make ``data`` the content of ``target``, entirely or not at all.

    Args:
        target: the file; a link is followed, so that it stays a link.
        data: the whole content.
        before: what the file was when its content was read, or None when there was none.
        keep_time: the new file says that it was changed when the old one was: a photo stays as old as it is.
        sync: force the new name to the disk too; else the caller does, with ``sync_folder``, once for many files.

    Raises:
        WriteError: with the reason; the file is as it was.
    """
    place = Path(os.path.realpath(target))
    if before is not None:
        check_names(place, before)
    temporary = place.with_name(f".{place.name[:150]}.{secrets.token_hex(6)}.semantic-photos.tmp")
    try:
        _remove_stale(place.parent)
        try:
            _write(temporary, data, before, place, keep_time=keep_time)
            _compare(temporary, data)
            if not unchanged(place, before):
                raise WriteError(Message("The file changed during writing and was left unchanged."),
                                 code="write.changed")  # fmt: skip
            os.replace(temporary, place)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        if sync:
            sync_folder(place.parent)
    except OSError as error:
        raise write_error(error, place) from error


def check_names(path: Path, status: os.stat_result) -> None:
    """Make sure that a file has one name only: with a new one in its place the others would keep the old content.

    Raises:
        WriteError: ``write.hard-link``.
    """
    if status.st_nlink > 1:
        raise WriteError(Message(HARD_LINK, name=path.name), code="write.hard-link", retry=False)  # fmt: skip


def stat_of(path: Path) -> os.stat_result | None:
    """Return what a file is, or None when there is none.

    Raises:
        WriteError: when the disk does not say.
    """
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise write_error(error, path) from error


def unchanged(path: Path, before: os.stat_result | None) -> bool:
    """Return whether a file still is what it was; ``before`` None means that it was not there."""
    now = stat_of(path)
    if now is None or before is None:
        return now is before
    return (now.st_size, now.st_mtime_ns, now.st_ino) == (before.st_size, before.st_mtime_ns, before.st_ino)


def write_error(error: OSError, path: Path) -> WriteError:
    """Return as a sentence why a file could not be written to disk."""
    folder = path.parent
    sentences = {
        errno.ENOSPC: ("write.no-space", Message(NO_SPACE, folder=folder)),
        errno.EDQUOT: ("write.no-space", Message(QUOTA, folder=folder)),
        errno.EROFS: ("write.read-only", Message(READ_ONLY, folder=folder)),
        errno.EACCES: ("write.no-permission", Message(NO_PERMISSION, folder=folder)),
        errno.EPERM: ("write.no-permission", Message(NO_PERMISSION, folder=folder)),
        errno.ENOENT: ("write.gone", Message(FOLDER_GONE, folder=folder)),
        errno.ENAMETOOLONG: ("write.name", Message(LONG_NAME, name=path.name)),
    }  # fmt: skip
    code, sentence = sentences.get(
        error.errno or 0, ("write.io-error", Message(NOT_WRITTEN, path=path, reason=error.strerror or error))
    )
    return WriteError(sentence, code=code)


def _stamp(path: Path) -> str:
    status = os.stat(path)
    return f"{status.st_size}:{status.st_mtime_ns}"


def _has_twin(photo: Path) -> bool:
    try:
        with os.scandir(photo.parent) as entries:
            return any(
                Path(entry.name).stem == photo.stem
                # Backups of other programs, such as ``photo.jpg_original``, are no photos.
                and not entry.name.startswith(photo.name)
                and not entry.name.lower().endswith(".xmp")
                and entry.is_file()
                for entry in entries
            )
    except OSError:
        return True


def _write(temporary: Path, data: bytes, before: os.stat_result | None, place: Path, *, keep_time: bool) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(temporary, flags, 0o666 if before is None else 0o600)
    try:
        view = memoryview(data)
        while len(view):
            view = view[os.write(descriptor, view) :]
        if before is not None and hasattr(os, "fchmod"):
            _keep_owner(descriptor, before)
            os.fchmod(descriptor, stat.S_IMODE(before.st_mode))
            _keep_attributes(descriptor, place)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if before is not None and keep_time:
        os.utime(temporary, ns=(before.st_atime_ns, before.st_mtime_ns))


def _keep_owner(descriptor: int, before: os.stat_result) -> None:
    try:
        os.fchown(descriptor, before.st_uid, before.st_gid)
    except OSError as error:
        # Only root gives files away; in a shared folder the writer becomes the owner, as with every editor.
        _log.debug("the owner changes: %s", error)


def _keep_attributes(descriptor: int, place: Path) -> None:
    """Copy the extended attributes: tags and ratings of file managers, and who may do what.

    Raises:
        OSError: when one that a user may have set cannot be kept.
    """
    if not hasattr(os, "listxattr"):
        return
    try:
        names = os.listxattr(place)
    except OSError as error:
        # The file system has no such thing.
        _log.debug("%s has no extended attributes: %s", place, error)
        return
    for name in names:
        try:
            os.setxattr(descriptor, name, os.getxattr(place, name))
        except OSError as error:
            # Those of the system are set by the system, or only by root.
            if name.startswith("user."):
                raise
            _log.debug("%s of %s is not kept: %s", name, place, error)


def _compare(temporary: Path, data: bytes) -> None:
    with temporary.open("rb") as file:
        if file.read() != data:
            raise WriteError(Message("The disk returned other data than was written."), code="write.io-error")


def sync_folder(folder: Path) -> None:
    """Force the names in a folder to the disk, where there is such a thing."""
    if os.name != "posix":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        # Some network file systems have no such thing; the rename is done all the same, so this is no failure.
        _log.debug("%s cannot be synchronised: %s", folder, error)


def leftovers(folder: Path) -> Iterator[Path]:
    """Yield the unfinished files that a killed program left in a folder."""
    limit = time.time() - _STALE_S
    with os.scandir(folder) as entries:
        for entry in entries:
            if _TEMPORARY.fullmatch(entry.name) and entry.stat(follow_symlinks=False).st_mtime < limit:
                yield Path(entry.path)


_looked: dict[Path, float] = {}


def _remove_stale(folder: Path) -> None:
    # Once an hour for each folder: listing ten thousand photos for each of them would take long.
    now = time.monotonic()
    if now - _looked.get(folder, -_STALE_S) < _STALE_S:
        return
    _looked[folder] = now
    try:
        for path in list(leftovers(folder)):
            path.unlink(missing_ok=True)
    except OSError as error:
        _log.debug("leftovers in %s stay: %s", folder, error)
