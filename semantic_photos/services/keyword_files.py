# SPDX-License-Identifier: GPL-3.0-or-later
"""Keywords in photo files and sidecars: read into the catalog when they change, written when the person asks."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from semantic_photos.domain.errors import CancelledError, PhotoError, UserFacingError
from semantic_photos.domain.messages import CancelToken, PhotosChanged
from semantic_photos.domain.photo import FileStamp, PhotoId
from semantic_photos.domain.ports import IdArray
from semantic_photos.domain.tagging import FileWords, KeywordFields, gather
from semantic_photos.media.decode import DecodedPhoto, DecodeRequest
from semantic_photos.media.decoder_pool import DecoderPool
from semantic_photos.media.edits import EditRequest
from semantic_photos.media.fingerprint import content_key
from semantic_photos.media.sidecar import (
    EMBEDDABLE,
    WriteError,
    check_names,
    own_sidecars,
    put_in_place,
    sidecar_to_write,
    stat_of,
    words_stamp,
)
from semantic_photos.services.background import Background
from semantic_photos.services.concurrency import EventBus
from semantic_photos.storage.catalog import Catalog
from semantic_photos.storage.exchange import Exchange, FailedWrite, WriteJob

_log = logging.getLogger(__name__)

#: Photos whose words are read and stored together.
CHUNK = 256


@dataclass(frozen=True, slots=True)
class FileChange:
    """What was, or would be, changed in one file of one photo; ``added`` and ``removed`` are names of tags."""

    photo: Path
    target: Path
    embedded: bool
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WriteReport:
    """What became of a writing: changed files, photos that say already what they should, failures with reasons."""

    changes: tuple[FileChange, ...] = ()
    unchanged: int = 0
    failures: tuple[FailedWrite, ...] = ()
    cancelled: bool = False


class KeywordFiles:
    """Reads keywords from files and writes them into files.

    Thread: any; ``read`` and ``write`` block. New photos are read on the thread ``keywords``.
    """

    def __init__(self, catalog: Catalog, exchange: Exchange, decoders: DecoderPool, bus: EventBus) -> None:
        self._catalog, self._exchange, self._decoders, self._bus = catalog, exchange, decoders, bus
        self._background = Background("keywords", "Reading keywords", bus)
        self._closing = CancelToken()
        self._waiting: set[PhotoId] = set()
        self._lock = threading.Lock()
        # Held while one photo is written, and while some are read and stored: what is half done is not read.
        self._files = threading.RLock()

    # Reading

    def read(self, ids: Sequence[PhotoId] | IdArray | None = None, *, token: CancelToken | None = None) -> int:
        """Read the words of photos whose files or sidecars changed since; return how many changed in the catalog.

        Args:
            ids: these photos; None means all that are there.
            token: stops between photos; what was read is kept.

        Raises:
            CancelledError: when the token says so.
            CatalogError: when the catalog cannot be written.
        """
        wanted = self._catalog.browse_ids() if ids is None else ids
        changed = 0
        for start in range(0, len(wanted), CHUNK):
            self._look(token)
            changed += self._read_chunk([PhotoId(int(i)) for i in wanted[start : start + CHUNK]], token)
        return changed

    def check(self) -> None:
        """Read what changed, of all photos, in the background."""
        self._background.put(lambda: self.read())

    def follow(self) -> None:
        """Read the words of photos as they become searchable or move."""
        self._bus.subscribe(PhotosChanged, self._on_photos)

    def settle(self, timeout_s: float | None = None) -> bool:
        """Wait until the reading that is queued now is done; return False when the time ran out first."""
        return self._background.settle(timeout_s)

    def close(self) -> None:
        """End the thread."""
        self._bus.unsubscribe(PhotosChanged, self._on_photos)
        self._closing.cancel()
        self._background.close()

    def _read_chunk(self, ids: Sequence[PhotoId], token: CancelToken | None) -> int:
        with self._files:
            touched = self._read_and_store(ids, token)
        if touched:
            self._bus.publish(PhotosChanged(updated=touched))
        return len(touched)

    def _read_and_store(self, ids: Sequence[PhotoId], token: CancelToken | None) -> tuple[PhotoId, ...]:
        photos, known = self._catalog.photos(ids), self._exchange.stamps(ids)
        asked: list[tuple[PhotoId, str, Future[DecodedPhoto]]] = []
        for photo_id, photo in photos.items():
            stamp = words_stamp(photo.path)
            if stamp and stamp != known.get(photo_id):
                request = DecodeRequest(photo.path, recipe=None, thumbnail_side=None, words=True)
                asked.append((photo_id, stamp, self._decoders.submit(request, urgent=False)))
        said = []
        for photo_id, stamp, future in asked:
            self._look(token)
            words: FileWords | None = None
            try:
                words = future.result().words
            except PhotoError as error:
                if error.retry:
                    continue
                _log.info("no words of %r: %s", str(photos[photo_id].path), error)
            said.append((photo_id, words, stamp))
        return self._exchange.store_words(said).photo_ids if said else ()

    def _on_photos(self, message: PhotosChanged) -> None:
        if not message.added:
            return
        with self._lock:
            begin = not self._waiting
            self._waiting.update(message.added)
        if begin:
            self._background.put(self._read_waiting)

    def _read_waiting(self) -> None:
        with self._lock:
            ids = sorted(self._waiting)
            self._waiting.clear()
        self.read(ids)

    def _look(self, token: CancelToken | None) -> None:
        self._closing.raise_if_cancelled()
        if token is not None:
            token.raise_if_cancelled()

    # Writing

    def write(
        self,
        ids: Sequence[PhotoId] | None = None,
        *,
        embed: bool = False,
        automatic: float | None = None,
        adobe: bool = False,
        dry_run: bool = False,
        failed_only: bool = False,
        token: CancelToken | None = None,
        on_progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> WriteReport:
        """Write the tags of photos into their sidecars, or into the photos themselves.

        Only what is missing or was taken off is changed; everything else in the files stays. A photo that failed is
        listed with its reason, and tried again by the next writing.

        Args:
            ids: these photos; None means all that have tags.
            embed: put the keywords into JPEG, PNG and WebP files themselves; sidecars that exist are kept in step,
                and other kinds of files get sidecars. Camera RAW is never written into.
            automatic: write unconfirmed automatic tags too, from this confidence on.
            adobe: new sidecars are named ``photo.xmp`` instead of ``photo.jpg.xmp``.
            dry_run: change nothing, only say what would be.
            failed_only: only photos whose last writing failed.
            token: stops between photos.
            on_progress: told (done, total) after each photo.

        Raises:
            CatalogError: when the catalog cannot be used; files that were written are written.
        """
        jobs = self._exchange.jobs(ids, automatic=automatic, failed_only=failed_only)
        changes: list[FileChange] = []
        failures: list[FailedWrite] = []
        same = 0
        for number, job in enumerate(jobs, start=1):
            if self._closing.cancelled or (token is not None and token.cancelled):
                return WriteReport(tuple(changes), same, tuple(failures), cancelled=True)
            try:
                made = self._read_and_write(job, automatic, embed=embed, adobe=adobe, dry_run=dry_run)
            except CancelledError:
                return WriteReport(tuple(changes), same, tuple(failures), cancelled=True)
            except UserFacingError as error:
                if not isinstance(error, PhotoError | WriteError):
                    raise
                _log.info("nothing written for %r: %s", str(job.path), error)
                failures.append(FailedWrite(job.photo_id, job.path, error.code, str(error), 1))
                if not dry_run:
                    self._exchange.write_failed(job.photo_id, error.code, str(error))
            else:
                changes += made
                same += not made
            on_progress(number, len(jobs))
        return WriteReport(tuple(changes), same, tuple(failures))

    def failed(self) -> list[FailedWrite]:
        """Return the photos whose last writing failed, with reasons and number of tries."""
        return self._exchange.failed_writes()

    def _read_and_write(
        self, job: WriteJob, automatic: float | None, *, embed: bool, adobe: bool, dry_run: bool
    ) -> list[FileChange]:
        """Write once the catalog knows what the files say now, and only what is wanted then.

        Otherwise a keyword that another program took off meanwhile would be brought back.
        """
        touched: tuple[PhotoId, ...] = ()
        try:
            with self._files:
                if not self._was_read(job):
                    touched = self._read_and_store([job.photo_id], None)
                    if not self._was_read(job):
                        raise WriteError("The files of the photo could not be read just now.", code="write.changed")
                made: list[FileChange] = []
                for fresh in self._exchange.jobs([job.photo_id], automatic=automatic):
                    made += self._write_one(fresh, embed=embed, adobe=adobe, dry_run=dry_run)
                return made
        finally:
            # Outside the lock: who listens may ask for files.
            if touched:
                self._bus.publish(PhotosChanged(updated=touched))

    def _was_read(self, job: WriteJob) -> bool:
        now = words_stamp(job.path)
        if not now:
            raise WriteError("The photo is not there any more.", code="write.gone")
        return self._exchange.stamps([job.photo_id]).get(job.photo_id) == now

    def _write_one(self, job: WriteJob, *, embed: bool, adobe: bool, dry_run: bool) -> list[FileChange]:
        changes = [
            change
            for target, embedded in self._targets(job, embed=embed, adobe=adobe)
            if (change := self._edit(job, target, embedded=embedded, dry_run=dry_run)) is not None
        ]
        if not dry_run:
            self._exchange.wrote(job.photo_id, job.ours, words_stamp(job.path))
        return changes

    def _targets(self, job: WriteJob, *, embed: bool, adobe: bool) -> Iterator[tuple[Path, bool]]:
        existing = own_sidecars(job.path)
        if embed and job.path.suffix.lower() in EMBEDDABLE:
            yield job.path, True
        elif not existing and not self._says_already(job):
            existing = [sidecar_to_write(job.path, adobe=adobe)]
        yield from ((path, False) for path in existing)

    def _says_already(self, job: WriteJob) -> bool:
        """Return whether the photo itself, which has no sidecar, says all it should: then it needs none."""
        request = DecodeRequest(job.path, recipe=None, thumbnail_side=None, words=True)
        words = self._decoders.submit(request, urgent=False).result().words or FileWords()
        said = {name.casefold() for name in words.tags}
        return said >= {name.casefold() for name in job.want}

    def _edit(self, job: WriteJob, target: Path, *, embedded: bool, dry_run: bool) -> FileChange | None:
        status = stat_of(target)
        if embedded and (status is None or not _stamp(status).same_content(job.stamp)):
            raise WriteError("The photo changed and waits to be read again; then it can be written to.",
                             code="write.changed")  # fmt: skip
        request = EditRequest(target, not embedded, status is not None, job.want, job.drop)
        edited = self._decoders.submit_edit(request).result()
        if edited.data is not None and status is not None:
            check_names(target, status)
        if edited.data is None:
            return None
        if not dry_run:
            before = self._exchange.writing(job.photo_id, job.ours)
            try:
                put_in_place(target, edited.data, status, keep_time=embedded)
            except WriteError:
                self._exchange.not_written(job.photo_id, before)
                raise
            if embedded:
                self._rewritten(job)
        return _change(job.path, target, embedded, edited.before, edited.after)

    def _rewritten(self, job: WriteJob) -> None:
        status = stat_of(job.path)
        if status is not None:
            # Otherwise the photo would be taken for another one and read anew.
            self._exchange.rewritten(job.photo_id, job.stamp, _stamp(status), content_key(job.path))


def _stamp(status: os.stat_result) -> FileStamp:
    return FileStamp(status.st_size, status.st_mtime_ns, status.st_ino)


def _change(photo: Path, target: Path, embedded: bool, old: KeywordFields, new: KeywordFields) -> FileChange:
    before, after = _names(old), _names(new)
    added = tuple(name for name in after if name not in before)
    return FileChange(photo, target, embedded, added, tuple(name for name in before if name not in after))


def _names(fields: KeywordFields) -> tuple[str, ...]:
    return gather(fields.flat, fields.hierarchical, fields.slashed)
