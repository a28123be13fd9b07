# SPDX-License-Identifier: GPL-3.0-or-later
"""Automatic tagging of the whole library from stored vectors: undoable, and never against the user's decisions."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from semantic_photos.domain.errors import CancelledError, PackError
from semantic_photos.domain.messages import CancelToken, PhotosChanged
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.ports import IdArray, TagModel, TextEncoder
from semantic_photos.domain.tag_tree import TagTree
from semantic_photos.domain.tags import Standing, TaggingProgress
from semantic_photos.domain.translatable import Message
from semantic_photos.services.tags.tag_preview import TagPreview
from semantic_photos.services.tags.tag_words import PRECISE, TagWords, shipped_tree, strengths
from semantic_photos.services.threads.background import Background
from semantic_photos.services.threads.concurrency import EventBus
from semantic_photos.storage.catalog import Catalog
from semantic_photos.storage.tags import Change, TagRow, TagStore

#: Photos whose tags are worked out and written together: 15 MB of confidences, a transaction of some 10 ms.
CHUNK = 4096
#: Where the catalog remembers from which confidence on new photos get tags; empty when they get none.
_KEY = "tags.automatic"
#: The lowest least confidence that a preview is made for.
LEAST = 0.4
#: Seconds between two messages about progress.
_INTERVAL_S = 0.1


@dataclass(frozen=True, slots=True)
class TaggingRun:
    """The result of one run: photos processed, automatic tags set or changed, seconds, and the change to undo."""

    photos: int
    tags: int
    seconds: float
    change: Change
    cancelled: bool = False


class AutoTagger:
    """Tags photos from their stored vectors.

    ``run`` works on the caller's thread; ``start`` and new photos are worked on by the thread ``tagger``.

    Thread: any.

    Attributes:
        last: how far it is.
        last_run: what the last whole run did, to be undone; None before the first.
    """

    def __init__(
        self,
        catalog: Catalog,
        store: TagStore,
        pack: TagModel | None,
        words: TextEncoder | None,
        bus: EventBus,
        tree: TagTree | None = None,
        colours: Callable[[], bool] = lambda: False,
    ) -> None:
        self._colours = colours
        self._catalog, self._store, self._pack, self._words, self._bus = catalog, store, pack, words, bus
        self.tree = tree if tree is not None else shipped_tree()
        self._background = Background("tagger", Message("Automatic tagging"), bus)
        self._waiting: set[PhotoId] = set()
        self._lock = threading.Lock()
        # One run at a time, and none while its tags are taken off. Of one thread again: listeners may undo.
        self._working = threading.RLock()
        self._running = threading.Event()
        self._running.set()
        self._token, self._current, self._closing = CancelToken(), CancelToken(), CancelToken()
        self._told = 0.0
        self.last = TaggingProgress(0, 0, running=False)
        self.last_run: TaggingRun | None = None

    @property
    def measured(self) -> bool:
        """Return whether the pack's tags have thresholds of their own, from measured precision."""
        return self._pack is not None and any(tag.least > 0 for tag in self._pack.tags)

    # Whole runs

    def preview(self, least: float = LEAST, token: CancelToken | None = None) -> TagPreview:
        """Count what a whole run would leave, for every least confidence from ``least`` on; nothing is changed.

        Tags that the user or a file decided on are not counted. Some 20 s for 100,000 photos; blocking.

        Raises:
            PackError: there is no pack.
            CatalogError: the catalog cannot be read.
            CancelledError: when the token says so.
        """
        if self._pack is None:
            raise PackError(Message("No usable model pack: automatic tagging is not possible."), code="pack.none")
        wanted = self._catalog.vectors.searchable_ids(self._pack.fingerprint)
        words, found, examined = self._words_now(), list[dict[str, float]](), 0
        for start in range(0, len(wanted), CHUNK):
            if self._closing.cancelled:
                raise CancelledError
            if token is not None:
                token.raise_if_cancelled()
            ids, vectors = self._catalog.vectors.get(self._pack.fingerprint, wanted[start : start + CHUNK])
            confidences = self._pack.tag_confidences(vectors)
            strength = strengths(confidences, self._pack.tags, colours=self._colours())
            guesses = words.strongest(confidences, strength, least)
            decided = self._store.lines([PhotoId(number) for number in ids.tolist()], rejected=True)
            for number, guess in zip(ids.tolist(), guesses, strict=True):
                lines = [line for line in decided.get(PhotoId(number), ()) if line.standing is not Standing.AUTOMATIC]
                taken = {line.tag.casefold() for line in lines}
                rejected = [line.tag for line in lines if line.standing is Standing.REJECTED]
                left = {name: value for name, value in guess.items() if name.casefold() not in taken}
                found.append(words.allowed(left, rejected) if rejected else left)
            examined += len(ids)
        return TagPreview(examined, found)

    def run(
        self,
        least: float = PRECISE,
        *,
        ids: Sequence[PhotoId] | IdArray | None = None,
        token: CancelToken | None = None,
    ) -> TaggingRun:
        """Give photos their automatic tags, and remember that new photos get some; a second run changes only changes.

        Args:
            least: least calibrated probability, in [0, 1].
            ids: these photos; None means all searchable ones.
            token: stops between two chunks; what was done until then is kept and is in the run's change.

        Raises:
            PackError: there is no pack.
            CatalogError: the catalog cannot be written; finished chunks are kept.
        """
        if self._pack is None:
            raise PackError(Message("No usable model pack: automatic tagging is not possible."), code="pack.none")
        with self._working:
            if token is not None and token.cancelled:
                # Before it began: what cancelled it may have turned automatic tags off.
                return TaggingRun(0, 0, 0.0, Change(), cancelled=True)
            self._current = CancelToken()
            return self._run(self._pack, least, ids, token)

    def _run(
        self, pack: TagModel, least: float, ids: Sequence[PhotoId] | IdArray | None, token: CancelToken | None
    ) -> TaggingRun:
        begun = time.monotonic()
        wanted = self._catalog.vectors.searchable_ids(pack.fingerprint) if ids is None else np.asarray(ids, np.int64)
        if ids is None:
            self._catalog.set_meta(_KEY, f"{least:.4f}")
        words = self._words_now()
        rows: list[TagRow] = []
        tags = done = 0
        try:
            for start in range(0, len(wanted), CHUNK):
                if self._stopped(token, TaggingProgress(done, len(wanted), tags, paused=True)):
                    break
                change, count = self._tag_chunk(pack, words, wanted[start : start + CHUNK], least)
                rows += change.tags
                tags += count
                done = min(start + CHUNK, len(wanted))
                self._tell(TaggingProgress(done, len(wanted), tags))
                if change:
                    self._bus.publish(PhotosChanged(updated=change.photo_ids))
        finally:
            # Also when it failed half way: what was written until then can be undone.
            self._tell(TaggingProgress(done, len(wanted), tags, running=False), force=True)
            cancelled = done < len(wanted)
            run = TaggingRun(done, len(rows), time.monotonic() - begun, Change(tuple(rows)), cancelled)
            if ids is None:
                self.last_run = run
        return run

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """End the run that goes on, and keep others from beginning meanwhile."""
        self.cancel()
        self._current.cancel()
        with self._working:
            yield

    def undo(self) -> Change:
        """Undo the last whole run, except where the user has decided since, and stop tagging new photos.

        One that goes on is ended first.
        """
        with self._alone():
            run, self.last_run = self.last_run, None
            if run is None:
                return Change()
            self._catalog.set_meta(_KEY, "")
            change = self._store.revert(run.change)
        return self._published(change)

    def remove_automatic(self) -> Change:
        """Remove all unconfirmed automatic tags, in one transaction; new photos get none any more.

        A run that goes on is ended first.
        """
        with self._alone():
            self._catalog.set_meta(_KEY, "")
            change = self._store.remove_automatic()
        return self._published(change)

    @property
    def least_now(self) -> float | None:
        """Return from which confidence on new photos get tags, or None when they get none."""
        try:
            return float(self._catalog.meta(_KEY) or "")
        except ValueError:
            return None

    # In the background

    def follow(self) -> None:
        """Tag new photos as they become searchable, once a whole run was made."""
        self._bus.subscribe(PhotosChanged, self._on_photos)

    def start(self, least: float = PRECISE) -> None:
        """Begin a whole run on the thread ``tagger``; ``TaggingProgress`` reports its progress."""
        # An earlier one that still waits or works makes room.
        self._token.cancel()
        self._token = token = CancelToken()
        self._background.put(lambda: self.run(least, token=token))

    def pause(self) -> None:
        """Stop after the chunk in work."""
        self._running.clear()

    def resume(self) -> None:
        """Go on."""
        self._running.set()

    @property
    def is_paused(self) -> bool:
        """Return whether it is paused."""
        return not self._running.is_set()

    def cancel(self) -> None:
        """End a run that was begun with ``start``; its tags so far stay until ``undo``."""
        self._token.cancel()
        self._running.set()

    def settle(self, timeout_s: float | None = None) -> bool:
        """Wait until the work that is queued now is done; return False when the time ran out first."""
        return self._background.settle(timeout_s)

    def close(self, timeout_s: float = 10.0) -> None:
        """End the thread soon."""
        self._bus.unsubscribe(PhotosChanged, self._on_photos)
        self._closing.cancel()
        self.cancel()
        self._background.close(timeout_s)

    # Inside

    def _tag_chunk(self, pack: TagModel, words: TagWords, ids: IdArray, least: float) -> tuple[Change, int]:
        found, vectors = self._catalog.vectors.get(pack.fingerprint, ids)
        if not len(found):
            return Change(), 0
        confidences = pack.tag_confidences(vectors)
        strength = strengths(confidences, pack.tags, colours=self._colours())
        guesses = words.likely(confidences, least, strength=strength)
        rejected = self._store.rejections(found)
        tags = {
            photo_id: words.allowed(guess, rejected[PhotoId(photo_id)]) if photo_id in rejected else guess
            for photo_id, guess in zip(found.tolist(), guesses, strict=True)
        }
        return self._store.suggest(tags), sum(map(len, tags.values()))

    def _words_now(self) -> TagWords:
        assert self._pack is not None
        vector_of = self._words.encode if self._words is not None else None
        return TagWords([stat.tag for stat in self._pack.tags], self.tree, self._store.own_names(), vector_of)

    def _stopped(self, token: CancelToken | None, paused: TaggingProgress) -> bool:
        told = False
        while not self._running.wait(0.2):
            if not told:
                self._tell(paused, force=True)
                told = True
            if self._ended(token):
                return True
        return self._ended(token)

    def _ended(self, token: CancelToken | None) -> bool:
        return self._closing.cancelled or self._current.cancelled or (token is not None and token.cancelled)

    def _on_photos(self, message: PhotosChanged) -> None:
        if not message.added or self._pack is None:
            return
        with self._lock:
            begin = not self._waiting
            self._waiting.update(message.added)
        if begin:
            # One at a time: whatever comes while it waits in the queue is done with it.
            self._background.put(self._tag_waiting)

    def _tag_waiting(self) -> None:
        with self._lock:
            ids = sorted(self._waiting)
            self._waiting.clear()
        # Held from the query on: automatic tags may be turned off in between.
        with self._working:
            least = self.least_now
            if least is not None and ids:
                self.run(least, ids=ids)

    def _tell(self, progress: TaggingProgress, *, force: bool = False) -> None:
        now = time.monotonic()
        self.last = progress
        if force or now - self._told >= _INTERVAL_S:
            self._told = now
            self._bus.publish(progress)

    def _published(self, change: Change) -> Change:
        if change:
            self._bus.publish(PhotosChanged(updated=change.photo_ids))
        return change
