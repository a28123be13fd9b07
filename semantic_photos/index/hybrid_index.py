# SPDX-License-Identifier: GPL-3.0-or-later
"""The index that services use: base segment, exact delta and removed photos behind one interface."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from semantic_photos.domain.errors import CancelledError, SegmentRefusedError, UserFacingError
from semantic_photos.domain.messages import CancelToken
from semantic_photos.domain.ports import FloatArray, IdArray
from semantic_photos.domain.translatable import NO_MESSAGE, Message
from semantic_photos.domain.vectors import merge_ranked
from semantic_photos.index import annoy_search
from semantic_photos.index.annoy_index import TOO_FEW, TREES_FROM, Segment, VectorSource, annoy_available, open_segment
from semantic_photos.index.annoy_search import ANNOY_FROM, Engine
from semantic_photos.index.exact_index import BoolArray, ExactIndex, RowArray, checked_batch, checked_query
from semantic_photos.index.segment_builder import CHUNK_ROWS, build_segment, read_vectors
from semantic_photos.index.segment_folder import SegmentFolder, refused
from semantic_photos.index.snapshot import Snapshot

_log = logging.getLogger(__name__)

#: From so many photos a segment is built, so that a start need not read every vector from the catalog.
BUILD_FROM = 3_000
#: A delta of this share of the segment is worth a new one; the cost of building stays linear in the library.
DELTA_SHARE = 0.25
#: A segment of which this share is hidden is built anew.
HIDDEN_SHARE = 0.5
#: Rows that are compared with the catalog when a segment is opened.
SPOT_CHECK = 256
#: Seconds until a failed build is tried again, doubled each time.
RETRY_S, RETRY_MOST_S = 60.0, 3_600.0


class HybridIndex:
    """Finds the nearest photos of a library that changes; a ``VectorIndex``.

    A search sees one state, old or new, and never waits for a change or a build. Answers are scored exactly from
    float32 vectors whichever part finds them.

    Thread: any, for every method.
    """

    def __init__(
        self, folder: Path, dim: int, fingerprint: str, *, engine: Engine = "auto", read_only: bool = False
    ) -> None:
        """Begin empty; ``load`` brings what is stored.

        Args:
            folder: where segments of this pack lie; made when something is stored.
            dim: dimensions D of a vector.
            fingerprint: the model pack whose vectors these are.
            engine: ``auto`` asks Annoy where it was measured to be faster and complete enough, ``annoy`` always
                when it can, ``exact`` never.
            read_only: another program owns the folder; nothing is written.
        """
        self._folder = SegmentFolder(folder, read_only=read_only)
        self._dim, self._pack, self._mode, self._read_only = dim, fingerprint, engine, read_only
        self._lock = threading.RLock()
        self._building = threading.Lock()
        self._touched: set[int] | None = None
        self._delta = ExactIndex(dim)
        self._state = Snapshot.over(None, None, self._delta.rows)
        self._trouble, self._wants_trees = NO_MESSAGE, False
        self._retry_at, self._failures = 0.0, 0
        # Without a catalog the index is its own source.
        self._ids_now: Callable[[], Sequence[int] | IdArray] = lambda: self._state.live_ids()
        self._vectors_for: VectorSource = lambda ids: self._state.vectors_of(ids)
        self._generation: Callable[[], int] = lambda: 0

    # Opening

    def load(
        self,
        *,
        ids_now: Callable[[], Sequence[int] | IdArray],
        vectors_for: VectorSource,
        changed_since: Callable[[int], Sequence[int] | IdArray],
        generation: Callable[[], int],
    ) -> None:
        """Bring index and catalog together; from now on ``rebuild`` reads the catalog. Called once, before use.

        What the segment holds is not read from the catalog again; photos it does not know, and those whose vector
        was stored after it was built, come to the delta. A segment that is refused is set aside, and all photos come
        to the delta.

        Args:
            ids_now: ids of all photos that should be found.
            vectors_for: ids and vectors, float32 (M, D), of those of the given photos that have one.
            changed_since: photos whose vector was stored or replaced after a generation (or more than those).
            generation: number of the last stored vector; it never goes back and is never given twice.

        Raises:
            UserFacingError: whatever the callables raise.
        """
        self._ids_now, self._vectors_for, self._generation = ids_now, vectors_for, generation
        segment = self._open(changed_since)
        wanted = np.unique(np.asarray(ids_now(), dtype=np.int64))
        live = None
        if segment is not None:
            changed = np.asarray(changed_since(segment.manifest.generation), dtype=np.int64)
            live = np.isin(segment.rows.ids, wanted) & ~np.isin(segment.rows.ids, changed)
            wanted = wanted[~np.isin(wanted, segment.rows.ids[live])]
        delta = ExactIndex(self._dim)
        for start in range(0, len(wanted), CHUNK_ROWS):
            delta.add(*read_vectors(vectors_for, wanted[start : start + CHUNK_ROWS]))
        with self._lock:
            self._delta = delta
            self._state = Snapshot.over(segment, live, delta.rows)

    def _open(self, changed_since: Callable[[int], Sequence[int] | IdArray]) -> Segment | None:
        manifest = None
        try:
            if not self._read_only:
                self._folder.create()
            manifest = self._folder.manifest()
            segment = open_segment(self._folder, dim=self._dim, pack=self._pack, use_annoy=self._mode != "exact")
            if segment is not None:
                self._compare(segment, changed_since)
        except SegmentRefusedError as error:
            _log.warning("%s", error)
            self._trouble = Message("{reason} Search is exact until the index is rebuilt.", reason=error.message)
            if not self._read_only:
                self._folder.set_aside(error, manifest)
            return None
        except OSError as error:
            self._trouble = Message("The index folder cannot be used: {reason}.", reason=error.strerror or str(error))
            return None
        if not self._read_only:
            self._folder.clean(manifest)
        if (
            segment is not None
            and segment.manifest.annoy is None
            and self._mode != "exact"
            and segment.rows.size >= TREES_FROM
        ):
            self._wants_trees = not annoy_available(self._folder.path)
        return segment

    def _compare(self, segment: Segment, changed_since: Callable[[int], Sequence[int] | IdArray]) -> None:
        """Refuse a segment that does not come from this catalog as it is now."""
        if self._generation() < segment.manifest.generation:
            # Power loss took the catalog's last commits, or it was brought back from a copy: numbers and ids that
            # the segment knows will be given again.
            raise refused("stale", Message("it is newer than the catalog"))
        step = max(1, segment.rows.size // SPOT_CHECK)
        some = segment.rows.ids[::step]
        some = some[~np.isin(some, np.asarray(changed_since(segment.manifest.generation), dtype=np.int64))]
        ids, vectors = read_vectors(self._vectors_for, some)
        if len(ids) and not np.allclose(segment.rows.vectors[segment.rows.find(ids)], vectors, atol=1e-3):
            raise refused("foreign", Message("its vectors differ from the catalog"))

    # Asking

    def search(self, vector: FloatArray, k: int, among: IdArray | None = None) -> tuple[IdArray, FloatArray]:
        """Return ids and cosines of the ``k`` nearest, best first; fewer when fewer are searchable.

        Args:
            vector: the query (D,).
            k: how many.
            among: ids, int64 (M,) sorted and each once, of the only photos that may be answered; None for all.
                Others count as if they were not there.

        Raises:
            InternalError: when the vector has another shape, no direction, or is not finite.
        """
        query = checked_query(vector, self._dim)
        state = self._state
        k = min(k, state.size if among is None else len(among))
        found = annoy_search.ask(state, query, k, self._mode, among)
        if found is None:
            found = state.base.search(query, k, among)
        return merge_ranked([found, state.delta.search(query, k, among)], k)

    def __len__(self) -> int:
        """Return the number of searchable photos."""
        return self._state.size

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Return the searchable photos of the segment, those of the delta, and the hidden rows of the segment."""
        state = self._state
        return state.base.size, state.delta.size, state.hidden

    @property
    def engine(self) -> str:
        """Return ``annoy`` if it answers the queries it is good at, else ``exact``."""
        segment = self._state.segment
        return "annoy" if segment is not None and annoy_search.is_used(segment, self._mode) else "exact"

    @property
    def reason(self) -> Message:
        """Return why the engine is not Annoy, or what failed last, as a sentence; empty when all is well."""
        if self._trouble:
            return self._trouble
        segment = self._state.segment
        if self._mode == "exact":
            return Message("Exact search is selected.")
        if segment is None:
            return Message("The fast index is not built yet.") if len(self) >= BUILD_FROM else TOO_FEW
        if not segment.has_trees:
            return segment.without_trees
        if annoy_search.is_used(segment, self._mode):
            return NO_MESSAGE
        if segment.manifest.n < annoy_search.ANNOY_FROM:
            return Message("Exact search is just as fast for {count:,} photos.", count=segment.manifest.n)
        return Message("Annoy would be slower or less accurate in this library.")

    def searchable_ids(self) -> IdArray:
        """Return the ids (N,) of all searchable photos, in no order."""
        return self._state.live_ids()

    def sample_ids(self, n: int) -> IdArray:
        """Return up to ``n`` searchable photos, pseudo-random but always the same while the library is."""
        return self._state.sample_ids(n)

    def holds(self, ids: IdArray) -> BoolArray:
        """Return which of the photos are searchable, bool (N,)."""
        state = self._state
        found: BoolArray = (state.base.find(ids) >= 0) | (state.delta.find(ids) >= 0)
        return found

    def vectors_of(self, ids: Sequence[int] | IdArray) -> FloatArray:
        """Return unit vectors, float32 (M, D), in order of ``ids``; photos that are not searchable are left out."""
        return self._state.vectors_of(np.asarray(ids, dtype=np.int64))[1]

    def count_above(self, vectors: FloatArray, thresholds: FloatArray) -> RowArray:
        """Count for each of the vectors (Q, D) the photos with a cosine of at least its threshold (Q,), exactly.

        Raises:
            InternalError: when a vector has another shape, no direction, or is not finite.
        """
        queries = np.stack([checked_query(vector, self._dim) for vector in vectors]) if len(vectors) else None
        if queries is None:
            return np.empty(0, np.int64)
        borders = np.asarray(thresholds, dtype=np.float32)
        state = self._state
        return state.base.count_above(queries, borders) + state.delta.count_above(queries, borders)

    # Changing

    def add(self, ids: Sequence[int] | IdArray, vectors: FloatArray) -> None:
        """Add or replace vectors, float32 (N, D); the last of several equal ids counts. Searchable on return.

        Raises:
            InternalError: when shapes disagree or a vector is not finite or has no direction.
        """
        new_ids, new_vectors = checked_batch(ids, vectors, self._dim)
        with self._lock:
            if self._touched is not None:
                self._touched.update(new_ids.tolist())
            self._state = self._merge(self._state, new_ids, new_vectors)

    def remove(self, ids: Sequence[int] | IdArray) -> None:
        """Take photos out of all results; unknown ids are fine."""
        numbers = np.unique(np.asarray(ids, dtype=np.int64))
        with self._lock:
            if self._touched is not None:
                self._touched.update(numbers.tolist())
            self._delta.remove(numbers)
            self._state = self._state.changed(self._delta.rows, hide=numbers)

    def _merge(self, state: Snapshot, ids: IdArray, vectors: FloatArray) -> Snapshot:
        """Put checked vectors where they belong: back into the segment if it has the same, else to the delta."""
        same = state.stands_in_segment(ids, vectors)
        self._delta.remove(ids[same])
        self._delta.add(ids[~same], vectors[~same])
        return state.changed(self._delta.rows, show=ids[same], hide=ids[~same])

    # Building

    def rebuild_due(self) -> bool:
        """Return whether a new segment would pay now."""
        if self._read_only or time.monotonic() < self._retry_at:
            return False
        state = self._state
        if state.segment is None:
            return state.delta.size >= BUILD_FROM
        rows = len(state.base.ids)
        return (
            self._wants_trees
            or state.delta.size > max(BUILD_FROM, DELTA_SHARE * rows)
            or state.hidden > max(BUILD_FROM, HIDDEN_SHARE * rows)
        )

    def rebuild(self, token: CancelToken | None = None) -> bool:
        """Build a segment of all photos, publish it and swap it in; return whether that worked.

        Searches and changes go on meanwhile. What fails is logged and told by ``reason``; the old state goes on
        answering, and ``rebuild_due`` says no for a while.

        Raises:
            CancelledError: when the token says so.
        """
        if self._read_only:
            return False
        token = token or CancelToken()
        with self._building:
            with self._lock:
                self._touched = set()
            try:
                # In this order: what changes after the generation was read is either in `_touched`, or will be
                # named by `changed_since` at the next start.
                generation = self._generation()
                ids = np.asarray(self._ids_now(), dtype=np.int64)
                segment = build_segment(
                    self._folder, ids, self._vectors_for, dim=self._dim, pack=self._pack, generation=generation,
                    use_annoy=self._mode != "exact", token=token,
                )  # fmt: skip
                with self._lock:
                    self._swap(segment)
            except CancelledError:
                raise
            except (OSError, MemoryError, UserFacingError) as error:
                self._failed(error)
                return False
            finally:
                with self._lock:
                    self._touched = None
            self._trouble, self._failures, self._retry_at = NO_MESSAGE, 0, 0.0
            return True

    def _swap(self, segment: Segment | None) -> None:
        """Take over a new segment, with what changed while it was built on top of it."""
        touched = np.asarray(sorted(self._touched or ()), dtype=np.int64)
        ids, vectors = self._state.vectors_of(touched)
        live = ~np.isin(segment.rows.ids, touched) if segment is not None else None
        self._delta = ExactIndex(self._dim)
        # One assignment at the end: readers see the old state or the complete new one.
        self._state = self._merge(Snapshot.over(segment, live, self._delta.rows), ids, vectors)
        self._wants_trees = False

    def _failed(self, error: Exception) -> None:
        _log.warning("the index could not be built: %r", error)
        if isinstance(error, UserFacingError):
            self._trouble = error.message
        elif isinstance(error, MemoryError):
            self._trouble = Message("The index could not be built: out of memory.")
        else:
            reason = getattr(error, "strerror", None) or str(error)
            self._trouble = Message("The index could not be built: {reason}.", reason=reason)
        self._retry_at = time.monotonic() + min(RETRY_MOST_S, RETRY_S * 2**self._failures)
        self._failures += 1

    def close(self) -> None:
        """Forget everything; searches find nothing from now on. The files stay. Safe to call twice."""
        with self._lock:
            self._delta = ExactIndex(self._dim)
            self._state = Snapshot.over(None, None, self._delta.rows)


__all__ = ["ANNOY_FROM", "BUILD_FROM", "Engine", "HybridIndex"]
