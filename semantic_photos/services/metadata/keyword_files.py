# SPDX-License-Identifier: GPL-3.0-or-later
"""Keywords in photo files and sidecars: read when the files change, written when the user asks."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from semantic_photos.domain.errors import CancelledError, PhotoError, UserFacingError
from semantic_photos.domain.messages import CancelToken, PhotosChanged
from semantic_photos.domain.photo import FileStamp, PhotoId
from semantic_photos.domain.ports import IdArray
from semantic_photos.domain.tags import FileWords
from semantic_photos.domain.translatable import Message
from semantic_photos.media.decode_request import DecodedPhoto, DecodeRequest
from semantic_photos.media.decoder_pool import DecoderPool
from semantic_photos.media.fingerprint import content_key
from semantic_photos.media.keyword_edit_values import EditedFile, EditRequest
from semantic_photos.media.sidecar import (
    EMBEDDABLE,
    WriteError,
    check_names,
    own_sidecars,
    put_in_place,
    sidecar_to_write,
    stat_of,
    sync_folder,
    words_stamp,
)
from semantic_photos.services.metadata.keyword_changes import FileChange, WriteReport, change_of, portions, says_all
from semantic_photos.services.threads.background import Background
from semantic_photos.services.threads.concurrency import EventBus
from semantic_photos.storage.catalog import Catalog
from semantic_photos.storage.keyword_sync import FailedWrite, KeywordSync, WriteJob

_log = logging.getLogger(__name__)

#: Photos whose words are read and stored together.
CHUNK = 256


@dataclass(frozen=True, slots=True)
class _How:
    embed: bool
    adobe: bool
    dry_run: bool
    automatic: float | None


@dataclass(frozen=True, slots=True)
class _Target:
    """One file of a photo that is being written: what it was, and what the child makes of it."""

    path: Path
    embedded: bool
    status: os.stat_result | None
    edited: Future[EditedFile]


class KeywordFiles:
    """Reads keywords from files and writes them into files.

    Thread: any; ``read`` and ``write`` block. New photos are read on the thread ``keywords``.
    """

    def __init__(self, catalog: Catalog, exchange: KeywordSync, decoders: DecoderPool, bus: EventBus) -> None:
        self._catalog, self._exchange, self._decoders, self._bus = catalog, exchange, decoders, bus
        self._background = Background("keywords", Message("Reading keywords"), bus)
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
        wanted = self._catalog.listing.browsed() if ids is None else ids
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
        photos, known = self._catalog.photos.get(ids), self._exchange.stamps(ids)
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
        """Write tags, ratings and captions of photos into their sidecars, or into the photos themselves.

        Only what is missing or was taken off is changed; everything else in the files stays. Ratings and captions are
        written where the user set or changed them here. A photo that failed is listed with its reason, and tried
        again by the next writing.

        Args:
            ids: these photos; None means all that have tags.
            embed: put the keywords into JPEG, PNG and WebP files themselves; sidecars that exist are kept in step,
                and other kinds of files get sidecars. Camera RAW is never written into.
            automatic: write unconfirmed automatic tags too, from this confidence on.
            adobe: new sidecars are named ``photo.xmp`` instead of ``photo.jpg.xmp``.
            dry_run: change nothing, only say what would be.
            failed_only: only photos whose last writing failed.
            token: stops between photos.
            on_progress: told (done, total) after each photo; it must not wait for anything.

        Raises:
            CatalogError: when the catalog cannot be used; files that were written are written.
        """
        jobs = self._exchange.jobs(ids, automatic=automatic, failed_only=failed_only)
        how = _How(embed, adobe, dry_run, automatic)
        done: list[tuple[WriteJob, list[FileChange] | UserFacingError]] = []
        cancelled = False

        def tell() -> bool:
            on_progress(len(done), len(jobs))
            return self._closing.cancelled or (token is not None and token.cancelled)

        for portion in portions(jobs, embed=embed):
            cancelled = self._closing.cancelled or (token is not None and token.cancelled)
            if cancelled or (cancelled := self._write_portion(portion, how, done, tell)):
                break
        failures = [
            FailedWrite(job.photo_id, job.path, made.code, str(made), 1)
            for job, made in done
            if isinstance(made, UserFacingError)
        ]
        changes = [change for _, made in done if isinstance(made, list) for change in made]
        same = sum(made == [] for _, made in done)
        return WriteReport(tuple(changes), same, tuple(failures), cancelled)

    def failed(self) -> list[FailedWrite]:
        """Return the photos whose last writing failed, with reasons and number of tries."""
        return self._exchange.failed_writes()

    def _write_portion(
        self,
        portion: Sequence[WriteJob],
        how: _How,
        done: list[tuple[WriteJob, list[FileChange] | UserFacingError]],
        tell: Callable[[], bool],
    ) -> bool:
        """Write some photos, add what became of each to ``done``, and return whether it was stopped between two.

        Written is what is wanted once the catalog knows what the files say now: otherwise a keyword that another
        program took off meanwhile would be brought back.
        """
        touched: list[PhotoId] = []
        try:
            with self._files:
                return self._write_known(portion, how, done, tell, touched)
        except CancelledError:
            return True
        finally:
            # Outside the lock: who listens may ask for files.
            if touched:
                self._bus.publish(PhotosChanged(updated=tuple(touched)))

    def _write_known(
        self,
        portion: Sequence[WriteJob],
        how: _How,
        done: list[tuple[WriteJob, list[FileChange] | UserFacingError]],
        tell: Callable[[], bool],
        touched: list[PhotoId],
    ) -> bool:
        failed = self._make_known(portion, touched)
        fresh = {
            job.photo_id: job
            for job in self._exchange.jobs([one.photo_id for one in portion], automatic=how.automatic)
            if job.photo_id not in failed
        }
        targets = self._asked(fresh, how, failed)
        wanted = {photo_id: fresh[photo_id].ours for photo_id in targets}
        before = self._exchange.writing(wanted) if not how.dry_run else {}
        written: list[tuple[WriteJob, str]] = []
        folders: set[Path] = set()
        stopped = False
        for number, job in enumerate(portion):
            made: list[FileChange] | UserFacingError = []
            try:
                if job.photo_id in failed:
                    raise failed[job.photo_id]
                if job.photo_id in targets:
                    made = self._put(fresh[job.photo_id], targets[job.photo_id], how, folders)
                    written.append((fresh[job.photo_id], words_stamp(job.path)))
                before.pop(job.photo_id, None)
            except (PhotoError, WriteError) as error:
                made = error
                _log.info("nothing written for %r: %s", str(job.path), error)
                if not how.dry_run:
                    self._exchange.write_failed(job.photo_id, error.code, str(error))
            done.append((job, made))
            if tell() and number + 1 < len(portion):
                stopped = True
                break
        if not how.dry_run:
            for folder in folders:
                sync_folder(folder)
            # Those that failed, and those that were not begun.
            self._exchange.not_written(before)
            self._exchange.wrote(written)
        return stopped

    def _make_known(self, portion: Sequence[WriteJob], touched: list[PhotoId]) -> dict[PhotoId, UserFacingError]:
        """Let the catalog know what files say that changed since they were read; return what cannot be known."""
        failed: dict[PhotoId, UserFacingError] = {}
        known = self._exchange.stamps([job.photo_id for job in portion])
        now = {job.photo_id: words_stamp(job.path) for job in portion}
        stale = [photo_id for photo_id, stamp in now.items() if stamp and stamp != known.get(photo_id)]
        if stale:
            touched += self._read_and_store(stale, None)
            known = self._exchange.stamps(list(now))
        for job in portion:
            if not now[job.photo_id]:
                failed[job.photo_id] = WriteError(Message("The photo no longer exists."), code="write.gone")
            elif job.photo_id in stale and known.get(job.photo_id) != words_stamp(job.path):
                failed[job.photo_id] = WriteError(
                    Message("The files of the photo could not be read. Try again later."), code="write.changed"
                )
        return failed

    def _asked(
        self, jobs: Mapping[PhotoId, WriteJob], how: _How, failed: dict[PhotoId, UserFacingError]
    ) -> dict[PhotoId, list[_Target]]:
        """Ask the children what all the files would be; failures go into ``failed``."""
        bare: dict[PhotoId, Future[DecodedPhoto]] = {}
        places: dict[PhotoId, list[tuple[Path, bool]]] = {}
        for photo_id, job in jobs.items():
            existing = [(path, False) for path in own_sidecars(job.path)]
            if how.embed and job.path.suffix.lower() in EMBEDDABLE:
                existing = [(job.path, True), *existing]
            elif not existing:
                # The photo itself may say all it should: then it needs no sidecar.
                request = DecodeRequest(job.path, recipe=None, thumbnail_side=None, words=True)
                bare[photo_id] = self._decoders.submit(request, urgent=False)
            places[photo_id] = existing
        targets: dict[PhotoId, list[_Target]] = {}
        for photo_id, job in jobs.items():
            try:
                if photo_id in bare and not says_all(bare[photo_id].result().words, job):
                    places[photo_id] = [(sidecar_to_write(job.path, adobe=how.adobe), False)]
                targets[photo_id] = [self._target(job, path, embedded=embedded) for path, embedded in places[photo_id]]
            except (PhotoError, WriteError) as error:
                failed[photo_id] = error
        return targets

    def _target(self, job: WriteJob, path: Path, *, embedded: bool) -> _Target:
        status = stat_of(path)
        if embedded and (status is None or not _stamp(status).same_content(job.stamp)):
            raise WriteError(Message("The photo changed. Try again after it is indexed."),
                             code="write.changed")  # fmt: skip
        request = EditRequest(path, not embedded, status is not None, job.want, job.drop, job.rating, job.caption)
        return _Target(path, embedded, status, self._decoders.submit_edit(request))

    def _put(self, job: WriteJob, targets: Sequence[_Target], how: _How, folders: set[Path]) -> list[FileChange]:
        changes = []
        for target in targets:
            edited = target.edited.result()
            if edited.data is None:
                continue
            if target.status is not None:
                check_names(target.path, target.status)
            if not how.dry_run:
                put_in_place(target.path, edited.data, target.status, keep_time=target.embedded, sync=False)
                folders.add(Path(os.path.realpath(target.path)).parent)
                if target.embedded:
                    self._rewritten(job)
            changes.append(change_of(job.path, target.path, target.embedded, edited))
        return changes

    def _rewritten(self, job: WriteJob) -> None:
        status = stat_of(job.path)
        if status is not None:
            # Otherwise the photo would be taken for another one and read anew.
            self._exchange.rewritten(job.photo_id, job.stamp, _stamp(status), content_key(job.path))


def _stamp(status: os.stat_result) -> FileStamp:
    return FileStamp(status.st_size, status.st_mtime_ns, status.st_ino)
