# SPDX-License-Identifier: GPL-3.0-or-later
"""The indexing pipeline: decodes pending photos ahead, encodes in batches, commits in order, bounded."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError as FutureCancelled
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass

import numpy as np

from semantic_photos.domain.errors import CancelledError, PhotoError, SemanticPhotosError
from semantic_photos.domain.photo import ContentKey, Photo, PhotoFacts, PhotoId
from semantic_photos.domain.ports import ByteArray, FloatArray, ImageEncoder
from semantic_photos.domain.translatable import Message
from semantic_photos.domain.vectors import usable_rows
from semantic_photos.media.decode_request import DecodedPhoto, DecodeRequest
from semantic_photos.media.decoder_pool import DecoderPool
from semantic_photos.media.fingerprint import content_key
from semantic_photos.media.thumbnails import THUMBNAIL_SIDE, ThumbnailStore
from semantic_photos.storage.catalog import Catalog, IndexedPhoto

_log = logging.getLogger(__name__)

#: Photos encoded and committed together.
BATCH = 16
#: Pending rows fetched from the catalog at a time; newest first, so a fetch also brings the latest arrivals.
FETCH = 256


@dataclass(slots=True)
class _InFlight:
    """A photo on its way: being decoded, or known by its content already."""

    photo: Photo
    key: ContentKey | None
    future: Future[DecodedPhoto] | None = None
    known: tuple[PhotoFacts, FloatArray] | None = None
    error: PhotoError | None = None


@dataclass(frozen=True, slots=True)
class _Decoded:
    photo: Photo
    key: ContentKey
    facts: PhotoFacts
    square: ByteArray | None
    vector: FloatArray | None


class Pipeline:
    """Works through the pending photos, a little at each call of ``advance``.

    Thread: the indexer's. Decoding runs in child processes meanwhile; at most three batches are in flight, which
    bounds memory, and results are taken in order, so that a bad photo never shifts its neighbours.

    Args:
        on_committed: called with ids and unit vectors (N, D) after their transaction.
        on_failed: called with ids after their reason was written.
    """

    def __init__(
        self,
        catalog: Catalog,
        encoder: ImageEncoder,
        decoders: DecoderPool,
        thumbnails: ThumbnailStore,
        *,
        on_committed: Callable[[Sequence[PhotoId], FloatArray], None],
        on_failed: Callable[[Sequence[PhotoId]], None],
    ) -> None:
        self._catalog, self._encoder, self._decoders, self._thumbnails = catalog, encoder, decoders, thumbnails
        self._on_committed, self._on_failed = on_committed, on_failed
        self._queue: deque[Photo] = deque()
        self._window: deque[_InFlight] = deque()
        self._batch: list[_Decoded] = []
        self._exhausted = False
        self._look_ahead = 2 * BATCH + 2 * decoders.processes
        self.current = ""

    @property
    def has_work(self) -> bool:
        """Return whether anything is in flight or may still be pending."""
        return bool(self._window or self._batch or self._queue) or not self._exhausted

    @property
    def in_flight(self) -> bool:
        """Return whether photos were taken up and are not committed."""
        return bool(self._window or self._batch)

    def refetch(self) -> None:
        """Read pending photos from the catalog again; those in flight go on."""
        self._queue.clear()
        self._exhausted = False

    def drop(self) -> None:
        """Forget what is in flight; it is still pending in the catalog."""
        for item in self._window:
            if item.future is not None:
                item.future.cancel()
        held = [item.photo.id for item in self._window] + [item.photo.id for item in self._batch]
        self._window.clear()
        self._batch.clear()
        self._queue.clear()
        self._exhausted = False
        try:
            self._catalog.queue.end_decode(held)
        except SemanticPhotosError as error:
            _log.warning("marks are left behind: %s", error)

    def advance(self, *, take_new: bool = True) -> None:
        """Fill the look-ahead, take one finished photo, and commit when a batch is full or nothing follows.

        Raises:
            CatalogError: when the catalog cannot be written.
        """
        if take_new:
            self._fill()
        if self._window:
            self._take(self._window[0])
        if len(self._batch) >= BATCH or (self._batch and not self._window):
            self._commit()

    def _fill(self) -> None:
        room = self._look_ahead - len(self._window)
        # In small groups, so that the marks against crashes cost one transaction for several photos.
        if room < BATCH // 2 and self._window:
            return
        if len(self._queue) < room and not self._exhausted:
            held = {item.photo.id for item in self._window} | {item.photo.id for item in self._batch}
            rows = self._catalog.queue.pending(FETCH + len(held), pack=self._encoder.fingerprint)
            self._queue = deque(photo for photo in rows if photo.id not in held)
            self._exhausted = len(rows) < FETCH + len(held)
        taken = [self._queue.popleft() for _ in range(min(room, len(self._queue)))]
        if taken:
            self._catalog.queue.begin_decode([photo.id for photo in taken])
            self._window.extend(self._submit(photo) for photo in taken)

    def _submit(self, photo: Photo) -> _InFlight:
        try:
            key = content_key(photo.path)
        except PhotoError as error:
            return _InFlight(photo, None, error=error)
        # A copy of a photo that was encoded before needs neither decoder nor network.
        known = self._catalog.vectors.by_content(self._encoder.fingerprint, key)
        if known is not None:
            return _InFlight(photo, key, known=known)
        side = None if self._thumbnails.find(key) is not None else THUMBNAIL_SIDE
        request = DecodeRequest(photo.path, recipe=self._encoder.recipe, thumbnail_side=side)
        return _InFlight(photo, key, future=self._decoders.submit(request))

    def _take(self, item: _InFlight) -> None:
        """Move the oldest photo from the window to the batch, if its decoder is done within a moment."""
        self.current = item.photo.path.name
        decoded: DecodedPhoto | None = None
        if item.future is not None:
            try:
                # Short, so that pause, stop and new photos are seen soon.
                decoded = item.future.result(timeout=0.05)
            except FutureTimeout:
                if item.future.done():
                    item.error = PhotoError(Message("Decoding took too long."), code="photo.too-slow")
                else:
                    if self._batch and len(self._window) == 1:
                        self._commit()
                    return
            except (CancelledError, FutureCancelled):
                self._window.popleft()
                return
            except PhotoError as error:
                item.error = error
        self._window.popleft()
        if item.error is not None:
            self._fail(item.photo, item.error)
        elif item.known is not None and item.key is not None:
            self._batch.append(_Decoded(item.photo, item.key, item.known[0], None, item.known[1]))
        elif decoded is not None and decoded.square is not None and item.key is not None:
            if decoded.thumbnail is not None:
                self._thumbnails.put(item.key, decoded.thumbnail)
            self._batch.append(_Decoded(item.photo, item.key, decoded.facts, decoded.square, None))

    def _fail(self, photo: Photo, error: PhotoError) -> None:
        if error.code == "photo.missing":
            # Deleted between the scan and now: nothing is wrong with it.
            self._catalog.files.mark_missing([photo.id])
        else:
            _log.info("set aside %r: %s", str(photo.path), error)
            self._catalog.queue.mark_failed(photo.id, photo.stamp, error.code, str(error), retry=error.retry)
        # A file that changed while it was read is not set aside but waits again: it must be fetched once more.
        self._exhausted = False
        self._on_failed([photo.id])

    def _commit(self) -> None:
        batch, self._batch = self._batch, []
        vectors = self._encode(batch)
        good = usable_rows(vectors)
        for item, usable in zip(batch, good, strict=True):
            if not usable:
                error = PhotoError(Message("The image encoder returned no usable vector."), code="photo.bad-embedding")
                self._fail(item.photo, error)
        rows = [
            IndexedPhoto(item.photo.id, item.photo.stamp, item.key, item.facts, vector)
            for item, vector, usable in zip(batch, vectors, good, strict=True)
            if usable
        ]
        if not rows:
            return
        committed = set(self._catalog.queue.commit(self._encoder.fingerprint, rows))
        kept = [row for row in rows if row.photo_id in committed]
        if kept:
            self._on_committed([row.photo_id for row in kept], np.stack([row.vector for row in kept]))
        if len(kept) < len(rows):
            # Changed on disk while in flight: they are pending again.
            self._exhausted = False

    def _encode(self, batch: list[_Decoded]) -> FloatArray:
        vectors = np.full((len(batch), self._encoder.dim), np.nan, dtype=np.float32)
        rows = [row for row, item in enumerate(batch) if item.square is not None]
        for row, item in enumerate(batch):
            if item.vector is not None:
                vectors[row] = item.vector
        if not rows:
            return vectors
        squares = [square for item in batch if (square := item.square) is not None]
        vectors[rows] = encode_each(self._encoder, squares)
        return vectors


def encode_each(encoder: ImageEncoder, squares: Sequence[ByteArray]) -> FloatArray:
    """Encode squares, uint8 (S, S, 3) each, to float32 (N, D); a row of NaN where the network failed on one."""
    try:
        return encoder.encode(np.stack(squares))
    except SemanticPhotosError:
        # One picture the network cannot digest must not take its neighbours along.
        _log.exception("a batch failed; trying one by one")
    vectors = np.full((len(squares), encoder.dim), np.nan, dtype=np.float32)
    for row, square in enumerate(squares):
        try:
            vectors[row] = encoder.encode(square[None])[0]
        except SemanticPhotosError as error:
            _log.warning("the network failed on a photo: %s", error)
    return vectors
