# SPDX-License-Identifier: GPL-3.0-or-later
"""The change to another model pack: encodes in the background while the current pack answers queries.

Each batch is a transaction of its own, so that a kill loses at most one batch. New photos are indexed with the present
pack first. From the next start on the other pack is used, if it has vectors of nearly all photos.
"""

from __future__ import annotations

import concurrent.futures
import logging
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future

import numpy as np

from semantic_photos.domain.errors import CancelledError, CatalogError, PhotoError, UserFacingError
from semantic_photos.domain.messages import CancelToken, Notice, PackChangeProgress, PhotosChanged
from semantic_photos.domain.photo import Photo, PhotoId
from semantic_photos.domain.ports import ByteArray, FloatArray, IdArray, ImageEncoder
from semantic_photos.domain.translatable import Message
from semantic_photos.domain.vectors import usable_rows
from semantic_photos.media.decode_request import DecodedPhoto, DecodeRequest
from semantic_photos.media.decoder_pool import DecoderPool
from semantic_photos.services.indexing.pipeline import encode_each
from semantic_photos.services.threads.concurrency import EventBus
from semantic_photos.storage.catalog import Catalog
from semantic_photos.storage.pack_vectors import PreparedPhoto

_log = logging.getLogger(__name__)

#: Photos decoded, encoded and committed together: few, so that new photos and searches never wait long.
BATCH = 8
#: The other pack is used when it has vectors of this share of the photos that are there and that it can read, and of
#: half of all: those in offline folders too, which cannot be searched from then on until they are encoded.
READY_SHARE, LEAST_SHARE = 0.98, 0.5
#: Seconds between two looks whether the indexer is idle.
_LOOK_S = 0.25
#: Seconds until photos that could not be read for an outside reason (a network drive, say) are tried again.
_RETRY_S = 600.0
#: Seconds until the catalog is tried again after it could not be written.
_CATALOG_RETRY_S = 15.0
#: Where the catalog remembers how many photos the other pack cannot read: fingerprint and number.
_UNREADABLE = "pack.unreadable"

#: The notice that reports a failure.
TROUBLE = "pack.change"
READY = Notice("pack.ready", Message("Better recognition is ready. It is used from the next start."), good=True)


def is_ready(catalog: Catalog, pack: str) -> bool:
    """Return whether a pack, by its fingerprint, has vectors of nearly all indexed photos.

    Photos that could not be read for it, and those in offline folders, do not count against it, as long as they are
    fewer than half.
    """
    have = catalog.packs.coverage(pack)
    everything = have.total + have.offline
    nearly_all = have.done >= READY_SHARE * (have.total - _unreadable(catalog, pack))
    return nearly_all and everything > 0 and have.done + have.done_offline >= LEAST_SHARE * everything


def progress_text(progress: PackChangeProgress) -> Message:
    """Return how far the change is, as one sentence without a full stop."""
    return Message(
        "Preparing better recognition: {done:,} of {total:,} photos", done=progress.done, total=progress.total
    )


class PackChange:
    """Encodes the indexed photos for another pack, newest first, on a thread of its own with the lowest priority.

    It works while the indexer is idle. Photos in offline folders are left out and do not hold up the change; they are
    indexed with the other pack when they come back.

    Thread: the public methods may be called from any thread; ``progress`` and ``settle`` block.

    Args:
        encoder: of the other pack; None when the library uses the pack that it should use.
        idle: whether the indexer has nothing to do and is not paused.

    Attributes:
        last: how far it is.
    """

    def __init__(
        self,
        catalog: Catalog,
        encoder: ImageEncoder | None,
        decoders: DecoderPool,
        bus: EventBus,
        *,
        idle: Callable[[], bool],
    ) -> None:
        self._catalog, self._encoder, self._decoders, self._bus = catalog, encoder, decoders, bus
        self._idle = idle
        self._stop = CancelToken()
        self._paused, self._settled, self._wake = threading.Event(), threading.Event(), threading.Event()
        self._unreadable: set[int] = set()
        self._later: set[int] = set()
        self._troubled = False
        self._thread: threading.Thread | None = None
        self.last = PackChangeProgress()

    @property
    def is_needed(self) -> bool:
        """Return whether another pack is to be used than the one that answers now."""
        return self._encoder is not None

    def progress(self) -> PackChangeProgress:
        """Return the progress stored in the catalog.

        Raises:
            CatalogError: when the catalog cannot be read.
        """
        if self._encoder is None:
            return PackChangeProgress()
        pack = self._encoder.fingerprint
        have = self._catalog.packs.coverage(pack)
        return PackChangeProgress(have.done, have.total, running=not is_ready(self._catalog, pack))

    def start(self) -> None:
        """Begin, if there is another pack; a second call does nothing."""
        if self._encoder is None:
            self._settled.set()
        elif self._thread is None and not self._stop.cancelled:
            self._bus.subscribe(PhotosChanged, self._on_photos)
            self._thread = threading.Thread(
                target=self._run, args=(self._encoder,), name="pack-change", daemon=True
            )  # fmt: skip
            self._thread.start()

    def pause(self) -> None:
        """Stop after the batch in work."""
        self._paused.set()

    def resume(self) -> None:
        """Go on."""
        self._paused.clear()

    @property
    def is_paused(self) -> bool:
        """Return whether it is paused."""
        return self._paused.is_set()

    def settle(self, timeout_s: float | None = None) -> bool:
        """Wait until all that can be encoded is; return False when the time ran out first."""
        return self._settled.wait(timeout_s)

    def close(self, timeout_s: float = 10.0) -> None:
        """End the thread soon; the batch in work is dropped. Safe to call twice."""
        self._stop.cancel()
        self._wake.set()
        self._bus.unsubscribe(PhotosChanged, self._on_photos)
        # It ends a run of the network that is under way too.
        close = getattr(self._encoder, "close", None)
        if close is not None:
            close()
        if self._thread is not None:
            self._thread.join(timeout_s)
        self._settled.set()

    # The thread

    def _run(self, encoder: ImageEncoder) -> None:
        _be_last()
        while not self._stop.cancelled:
            try:
                self._pass(encoder)
            except CancelledError:
                break
            except CatalogError as error:
                _log.warning("the vectors of another pack wait: %s", error)
                text = Message("Preparing better recognition waits: {reason}", reason=error)
                self._bus.publish(Notice(TROUBLE, text, error.advice))
                self._troubled = True
                self._stop.wait(_CATALOG_RETRY_S)
            except Exception as error:  # noqa: BLE001  # thread root: the present pack goes on answering
                if self._stop.cancelled:
                    break
                _log.exception("preparing another pack stumbled")
                text = Message("Preparing better recognition stopped: {reason}", reason=_reason(error))
                advice = Message("The present recognition goes on. The next start tries again.")
                self._bus.publish(Notice(TROUBLE, text, advice))
                break
        self._tell(self.last.done, self.last.total, running=False)
        self._settled.set()

    def _pass(self, encoder: ImageEncoder) -> None:
        """Encode all photos that lack a vector now; with none left, wait for more."""
        self._wait_for_turn()
        self._wake.clear()
        have = self._catalog.packs.coverage(encoder.fingerprint)
        done, total = have.done, have.total
        ids = self._catalog.packs.lacking(encoder.fingerprint)
        ids = ids[~np.isin(ids, np.fromiter(self._unreadable | self._later, np.int64))]
        if not len(ids):
            self._finish(encoder.fingerprint, done, total)
            return
        self._settled.clear()
        self._bus.publish(Notice(READY.code))
        for start in range(0, len(ids), BATCH):
            self._tell(done, total, running=True)
            self._wait_for_turn()
            done += self._prepare(encoder, ids[start : start + BATCH])
            if self._troubled:
                self._troubled = False
                self._bus.publish(Notice(TROUBLE))
        self._tell(done, total, running=True)

    def _finish(self, pack: str, done: int, total: int) -> None:
        if self._unreadable or _unreadable(self._catalog, pack):
            self._catalog.set_meta(_UNREADABLE, f"{pack} {len(self._unreadable)}")
        self._tell(done, total, running=False)
        if total and is_ready(self._catalog, pack):
            self._bus.publish(READY)
        self._settled.set()
        if not self._wake.wait(_RETRY_S if self._later else None):
            self._later.clear()

    def _prepare(self, encoder: ImageEncoder, ids: IdArray) -> int:
        """Decode and encode a few photos and store their vectors; return how many were stored."""
        photos = list(self._catalog.photos.get([PhotoId(i) for i in ids.tolist()]).values())
        known, waiting = self._begin(encoder, photos)
        read = [(photo, square) for photo, future in waiting if (square := self._square(photo, future)) is not None]
        rows = known
        if read:
            vectors = encode_each(encoder, [square for _, square in read])
            self._stop.raise_if_cancelled()
            for (photo, _), vector, usable in zip(read, vectors, usable_rows(vectors), strict=True):
                if usable:
                    rows.append(PreparedPhoto(photo.id, photo.stamp, vector))
                else:
                    self._unreadable.add(photo.id)
        return len(self._catalog.packs.store(encoder.fingerprint, rows))

    def _begin(
        self, encoder: ImageEncoder, photos: Sequence[Photo]
    ) -> tuple[list[PreparedPhoto], list[tuple[Photo, Future[DecodedPhoto]]]]:
        """Take over the vectors of copies and give the other photos to the decoders."""
        known, waiting = [], []
        for photo in photos:
            vector = self._vector_of_copy(encoder.fingerprint, photo)
            if vector is not None:
                known.append(PreparedPhoto(photo.id, photo.stamp, vector))
            else:
                request = DecodeRequest(photo.path, recipe=encoder.recipe, thumbnail_side=None)
                waiting.append((photo, self._decoders.submit(request)))
        return known, waiting

    def _vector_of_copy(self, pack: str, photo: Photo) -> FloatArray | None:
        return self._catalog.packs.of_content(pack, photo.content_key) if photo.content_key is not None else None

    def _square(self, photo: Photo, future: Future[DecodedPhoto]) -> ByteArray | None:
        """Return the network's square, uint8 (S, S, 3), or None when the photo cannot be read now."""
        while not concurrent.futures.wait([future], timeout=_LOOK_S).done:
            self._stop.raise_if_cancelled()
        try:
            return future.result().square
        except PhotoError as error:
            _log.info("no vector of the other pack for %r: %s", str(photo.path), error)
            # One that is gone is no longer asked for once the scanner has seen that it is.
            (self._later if error.retry or error.code == "photo.missing" else self._unreadable).add(photo.id)
            return None

    def _wait_for_turn(self) -> None:
        while self._paused.is_set() or not self._idle():
            if self._stop.wait(_LOOK_S):
                break
        self._stop.raise_if_cancelled()

    def _on_photos(self, message: PhotosChanged) -> None:
        if message.added:
            self._wake.set()

    def _tell(self, done: int, total: int, *, running: bool) -> None:
        message = PackChangeProgress(done, total, running)
        if message != self.last:
            self.last = message
            self._bus.publish(message)


def _reason(error: Exception) -> object:
    return error if isinstance(error, UserFacingError) else repr(error)


def _unreadable(catalog: Catalog, pack: str) -> int:
    name, _, number = (catalog.meta(_UNREADABLE) or "").partition(" ")
    return int(number) if name == pack and number.isdigit() else 0


def _be_last() -> None:
    """Let everything else go first. On Linux a priority belongs to a thread."""
    try:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
    except (AttributeError, OSError):
        _log.debug("no thread priorities here")
