# SPDX-License-Identifier: GPL-3.0-or-later
"""A library that behaves: folders, indexing that goes on by itself, pictures made on demand, search by colour.

Every method that may block in the real one refuses to be called from the main thread, so each test of the
window also proves that the window never waits.
"""

from __future__ import annotations

import difflib
import io
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from semantic_photos.domain.errors import FolderError, PhotoError, QueryError
from semantic_photos.domain.messages import (
    CancelToken,
    FoldersChanged,
    IndexChanged,
    IndexingPhase,
    IndexingProgress,
    Notice,
    PhotosChanged,
)
from semantic_photos.domain.photo import (
    ContentKey,
    Counts,
    FailedPhoto,
    FileStamp,
    Folder,
    FolderCounts,
    FolderId,
    Photo,
    PhotoFacts,
    PhotoId,
    PhotoState,
)
from semantic_photos.domain.query import Emptied, Example, Query, ResultPage
from semantic_photos.domain.relevance_feedback import arranged
from semantic_photos.domain.settings import Settings
from semantic_photos.domain.translatable import NO_MESSAGE, Message
from semantic_photos.services.threads.concurrency import EventBus, Lanes
from tests.fakes.library_parts import (
    FakeCatalog,
    FakeCompletions,
    FakeConcepts,
    FakeExplainer,
    FakeFeedback,
    FakeGlances,
    FakePackChange,
    FakeVocabulary,
    failure,
)
from tests.fakes.library_pictures import COLOURS, picture
from tests.fakes.tag_parts import FakeAdapting, FakeExporting, FakeKeywords, FakeTagging, FakeTags, FakeTeaching

STOP_WORDS = frozenset({"the", "a", "of", "and", "in", "on"})
_NAMES = list(COLOURS)
_TABLE = np.array(list(COLOURS.values()), np.float32)


class FakeIndexer:
    """Makes pending photos searchable, ``step`` at a time, on a thread of its own.

    ``running`` has all that were not closed: their threads would keep pytest from ending after a test that failed.
    """

    running: ClassVar[set[FakeIndexer]] = set()

    def __init__(self, library: FakeLibrary, step: int, pause_s: float) -> None:
        self._library, self._step, self._pause_s = library, step, pause_s
        self._stop, self._paused = CancelToken(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="fake-indexer")
        self.is_stuck = False
        self.progress = IndexingProgress(IndexingPhase.IDLE, library.raw_counts())

    @property
    def is_paused(self) -> bool:
        return self._paused.is_set()

    def start(self) -> None:
        self.running.add(self)
        self._thread.start()

    def pause(self) -> None:
        self._paused.set()
        self.tell(IndexingPhase.PAUSED)

    def resume(self) -> None:
        self._paused.clear()

    def close(self) -> None:
        self._stop.cancel()
        self.running.discard(self)
        if self._thread.ident is not None:
            self._thread.join()

    def tell(self, phase: IndexingPhase) -> None:
        counts = self._library.raw_counts()
        rate = self._step / self._pause_s
        self.progress = IndexingProgress(
            phase, counts, counts.indexed, counts.indexed + counts.pending, rate, counts.pending / rate, "holidays"
        )
        self._library.bus.publish(self.progress)

    def _run(self) -> None:
        while not self._stop.wait(self._pause_s):
            if self._paused.is_set():
                continue
            added = self._library.index_some(self._step)
            if added:
                self.tell(IndexingPhase.INDEXING)
                self._library.bus.publish(PhotosChanged(added=tuple(added)))
            elif self.progress.phase is not IndexingPhase.IDLE:
                self.tell(IndexingPhase.IDLE)


class FakeLibrary:
    """See the module. ``search_delays`` holds seconds per question text, to make answers late."""

    def __init__(
        self,
        photos: int = 300,
        *,
        indexed: int | None = None,
        step: int = 24,
        pause_s: float = 0.25,
        failed: int = 0,
        engine: str = "annoy",
        settings: Settings | None = None,
    ) -> None:
        self.bus, self.lanes, self.settings = EventBus(), Lanes(), settings or Settings()
        self.search, self.vocabulary = self, FakeVocabulary(_NAMES, self._blocking)
        self.indexer = FakeIndexer.__new__(FakeIndexer)
        self.examples, self.salient_words = self, FakeConcepts(_NAMES)
        self.completions = FakeCompletions(_NAMES, self._blocking)
        self.feedback, self.explainer = FakeFeedback(self._blocking), FakeExplainer(self._blocking)
        self.thumbnail_explainer = FakeGlances(self._blocking, self.explainer)
        self.tags, self.pack_change = FakeTags(self._blocking), FakePackChange(self.bus)
        self.tagging = FakeTagging(self.tags, self.bus, lambda: self._indexed, self._blocking)
        self.keywords = FakeKeywords(self.tags, self._blocking)
        self.user_data = FakeExporting(self.tags, self._blocking)
        self.custom_concepts = FakeTeaching(self.tags, self._blocking)
        self.personalization = FakeAdapting(self._blocking)
        self.copies: dict[int, tuple[int, ...]] = {}
        self.pack: object | None = object()
        self.read_only = False
        self._lock = threading.RLock()
        self._folders = {1: Folder(FolderId(1), Path("/home/you/Pictures"))} if photos else {}
        self.catalog = FakeCatalog(self._blocking, {1: FolderCounts(photos)} if photos else {})
        self._total, self._indexed = photos, photos if indexed is None else indexed
        self._removed: set[int] = set()
        self._failed = {PhotoId(10_000_000 + i): failure(i) for i in range(failed)}
        self._notices: list[Notice] = []
        self._engine = engine
        self.search_delays: dict[str, float] = {}
        self.search_error: Exception | None = None
        self.thumbnail_delay_s = 0.0
        self.calls: list[str] = []
        self.blocked_gui: list[str] = []
        self.asked: list[Query] = []
        self.retried: list[object] = []
        self.closed = False
        self.root: Path | None = None
        self.indexer = FakeIndexer(self, step, pause_s)
        self.indexer.start()

    # The guard

    def _blocking(self, name: str) -> None:
        self.calls.append(name)
        if threading.current_thread() is threading.main_thread():
            self.blocked_gui.append(name)
            raise AssertionError(f"{name} was called from the GUI thread")

    # Folders

    def folders(self) -> list[Folder]:
        self._blocking("folders")
        with self._lock:
            return list(self._folders.values())

    def add_folder(self, path: Path) -> Folder:
        self._blocking("add_folder")
        if not path.is_dir():
            raise FolderError(Message("There is no folder {path}.", path=path))
        with self._lock:
            folder = Folder(FolderId(max(self._folders, default=0) + 1), path)
            self._folders[folder.id] = folder
            self._total += 120
            self.catalog.folders.held[folder.id] = FolderCounts(120)
        self.bus.publish(FoldersChanged((folder.id,)))
        return folder

    def remove_folder(self, folder_id: FolderId) -> None:
        self._blocking("remove_folder")
        with self._lock:
            self._folders.pop(folder_id, None)
            self.catalog.folders.held.pop(folder_id, None)
            gone = tuple(PhotoId(i) for i in range(self._total)) if not self._folders else ()
            self._removed.update(gone)
        self.bus.publish(FoldersChanged((folder_id,)))
        self.bus.publish(PhotosChanged(removed=gone))

    def set_offline(self, folder_id: int, *, offline: bool) -> None:
        with self._lock:
            self._folders[folder_id] = replace(self._folders[folder_id], online=not offline)
        self.bus.publish(FoldersChanged((FolderId(folder_id),)))

    def rescan(self) -> None:
        self._blocking("rescan")

    def retry_failed(self, ids: Sequence[PhotoId] | None = None) -> None:
        self._blocking("retry_failed")
        self.retried.append(ids)
        with self._lock:
            for photo_id in list(self._failed) if ids is None else ids:
                self._failed.pop(photo_id, None)
        self.bus.publish(PhotosChanged(updated=tuple(ids or ())))

    # What is known

    def announce(self, photo_ids: Sequence[PhotoId]) -> None:
        self.bus.publish(PhotosChanged(updated=tuple(photo_ids)))

    def raw_counts(self) -> Counts:
        with self._lock:
            gone = len(self._removed)
            return Counts(self._indexed - min(gone, self._indexed), self._total - self._indexed, len(self._failed), 0)

    def counts(self) -> Counts:
        self._blocking("counts")
        return self.raw_counts()

    def index_some(self, n: int) -> list[PhotoId]:
        with self._lock:
            first, self._indexed = self._indexed, min(self._indexed + n, self._total)
            return [PhotoId(i) for i in range(first, self._indexed)]

    def photos(self, ids: Sequence[PhotoId]) -> dict[PhotoId, Photo]:
        self._blocking("photos")
        return {i: self._photo(int(i)) for i in ids if int(i) < self._total and int(i) not in self._removed}

    def _photo(self, i: int) -> Photo:
        wide = np.random.default_rng(i).random() < 0.65
        size = (6000, 4000) if wide else (3000, 4000)
        name = f"IMG_{i:05d}.jpg"
        if i % 17 == 3:
            name = f"A very long name of a photo from the summer holidays by the sea, number {i} (edited, final).jpeg"
        facts = PhotoFacts(*size, "JPEG", f"2024-0{i % 9 + 1}-1{i % 10}T14:2{i % 10}:05", "Fujifilm X-T4", "XF 23mm",
                           "1/250 s, f/5.6, ISO 160", 47.3769, 8.5417)  # fmt: skip
        folder = self.root or Path("/home/you/Pictures")
        path = folder / ("." if self.root else f"2024/trip-{i % 12}") / name
        return Photo(PhotoId(i), FolderId(1), path, FileStamp(3_456_789 + i, 1_700_000_000_000_000_000),
                     ContentKey(f"key-{i}"), PhotoState.INDEXED, facts)  # fmt: skip

    def failures(self) -> list[FailedPhoto]:
        self._blocking("failures")
        with self._lock:
            return list(self._failed.values())

    def notices(self) -> list[Notice]:
        return list(self._notices)

    def engine(self) -> IndexChanged:
        reason = NO_MESSAGE if self._engine == "annoy" else Message("The package annoy is not installed.")
        return IndexChanged(self._engine, self._indexed, 0, reason)

    # Search

    def run(
        self,
        query: Query,
        *,
        generation: int = 0,
        limit: int | None = None,
        token: CancelToken | None = None,
        caution: float = 0.5,
        order: str = "relevance",
        stacks: bool = False,
    ) -> ResultPage:
        self._blocking("search")
        start = time.perf_counter()
        self.asked.append(query)
        delay = self.search_delays.get(query.text, 0.0)
        if delay:
            time.sleep(delay)
        if token is not None:
            token.raise_if_cancelled()
        if self.search_error is not None:
            raise self.search_error
        ids = np.setdiff1d(np.arange(self._indexed, dtype=np.int64), np.fromiter(self._removed, np.int64))
        count = self.raw_counts()
        count = replace(count, failed=0)
        if query.is_empty:
            return ResultPage(query, generation, ids[::-1].copy(), None, searched=count.indexed, total=count.total,
                              milliseconds=0.4, engine=self._engine)  # fmt: skip
        ratings = [part for branch in query.alternatives for part in branch.where]
        if ratings:
            page = ResultPage.nothing(query, generation)
            left = len(ids) if not query.terms else len(ids) // 12
            return replace(page, emptied_by=Emptied(str(ratings[0]), left), searched=count.indexed,
                           total=count.total, engine=self._engine)  # fmt: skip
        vector = _vector_of(query)
        unknown = tuple(t.word for t in query.terms if t.word not in COLOURS and t.word not in STOP_WORDS)
        suggestions = {w: tuple(difflib.get_close_matches(w, _NAMES, 4, 0.3)) for w in unknown}
        if vector is None:
            page = ResultPage.nothing(query, generation)
            return replace(page, unknown_words=unknown, suggestions=suggestions, searched=count.indexed,
                           total=count.total, milliseconds=0.3, engine=self._engine)  # fmt: skip
        table = _TABLE - _TABLE.mean(0)
        table /= np.linalg.norm(table, axis=1, keepdims=True)
        wobble = np.random.default_rng(5).normal(0, 0.03, max(len(ids), 1)).astype(np.float32)[: len(ids)]
        votes = self.feedback.votes(query)
        behind = {head: copies for head, copies in self.copies.items() if stacks}
        ids = np.setdiff1d(ids, np.array([i for copies in behind.values() for i in copies], np.int64))
        wobble = wobble[: len(ids)]
        scores = (table @ vector)[ids % len(_TABLE)] + wobble
        best = np.argsort(-scores, kind="stable")[: limit or self.settings.result_limit]
        ids, scores, ups, downs = arranged(ids[best], scores[best].astype(np.float32), votes)
        strong = ups + int((scores[ups : len(scores) - downs] > 0.7 + 0.3 * caution).sum())
        if order != "relevance":
            band = np.argsort(ids[:strong] if order == "name" else -ids[:strong])
            ids, scores = np.r_[ids[:strong][band], ids[strong:]], np.r_[scores[:strong][band], scores[strong:]]
        return ResultPage(
            query, generation, ids, scores, unknown, suggestions, count.indexed, count.total,
            (time.perf_counter() - start) * 1000, self._engine, strong, stacks=behind, votes=votes,
            good=strong + _copies(ids[:strong], behind), copies=_copies(ids[:strong], behind),
            nothing_shows="" if strong else query.text,
        )  # fmt: skip

    def count(self, query: Query, caution: float = 0.5) -> int:
        self._blocking("count")
        return self.run(query, caution=caution).strong

    def vector(self, example: Example) -> np.ndarray:
        self._blocking("vector")
        return np.array([int(example.photo_id or 0) % len(_NAMES)])

    # Pictures

    def thumbnail(self, photo: Photo) -> bytes | None:
        self._blocking("thumbnail")
        if self.thumbnail_delay_s:
            time.sleep(self.thumbnail_delay_s)
        if int(photo.id) % 97 == 96:
            raise PhotoError(Message("The file ends too early."), code="photo.truncated")
        buffer = io.BytesIO()
        picture(int(photo.id), 256).save(buffer, "JPEG", quality=85)
        return buffer.getvalue()

    def preview(self, path: Path, side: int) -> np.ndarray:
        self._blocking("preview")
        digits = "".join(c for c in path.name if c.isdigit()) or "0"
        return np.asarray(picture(int(digits), min(side, 1600)))

    # Life

    def say(self, notice: Notice) -> None:
        self._notices.append(notice)
        self.bus.publish(notice)

    def save_settings(self, settings: Settings) -> None:
        self._blocking("save_settings")
        self.settings = settings

    def close(self) -> None:
        self._blocking("close")
        self.indexer.close()
        self.tagging.close()
        self.lanes.close()
        self.closed = True


Opener = Callable[[], FakeLibrary]


def _copies(heads: np.ndarray, behind: dict[int, tuple[int, ...]]) -> int:
    return sum(len(behind.get(head, ())) for head in heads.tolist())


def _vector_of(query: Query) -> np.ndarray | None:
    centre = _TABLE.mean(0)
    parts = [t.weight * (np.array(COLOURS[t.word], np.float32) - centre) for t in query.terms if t.word in COLOURS]
    for example in query.examples:
        if example.photo_id is None:
            raise QueryError(Message("This file is no picture."), code="query.no-example")
        parts.append(example.weight * (_TABLE[int(example.photo_id) % len(_TABLE)] - centre))
    parts += [
        focus.weight * (np.array(COLOURS[focus.word], np.float32) - centre)
        for focus in query.focuses
        if focus.word in COLOURS
    ]
    total = np.sum(parts, axis=0) if parts else None
    return None if total is None else np.asarray(total / max(float(np.linalg.norm(total)), 1e-6), np.float32)
