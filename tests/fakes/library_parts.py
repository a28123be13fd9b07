# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of the library that behaves: votes, saved searches, reasons. Kept in memory, refused to the GUI thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from semantic_photos.domain.errors import QueryError
from semantic_photos.domain.filter_registry import FILTERS
from semantic_photos.domain.messages import CancelToken, PackChangeProgress
from semantic_photos.domain.photo import FailedPhoto, FolderCounts, FolderId, Photo, PhotoId
from semantic_photos.domain.query import Example, Query
from semantic_photos.domain.query_text import write
from semantic_photos.domain.relevance_feedback import Vote, normal_form
from semantic_photos.domain.translatable import Message
from semantic_photos.services.explain.explanation import Explanation, WordShare
from semantic_photos.services.explain.salient_words import SalientWord
from semantic_photos.services.search.completion import Completion
from semantic_photos.services.search.vocabulary import TagGuess, WordNeighbour
from semantic_photos.services.threads.concurrency import EventBus
from semantic_photos.storage.saved_searches import SavedSearch

Guard = Callable[[str], None]


class FakeFolders:
    """What each folder holds; a test changes ``held``."""

    def __init__(self, guard: Guard, held: dict[int, FolderCounts]) -> None:
        self._guard, self.held = guard, held

    def counts(self) -> dict[FolderId, FolderCounts]:
        self._guard("folder_counts")
        return {FolderId(folder): counts for folder, counts in self.held.items()}


class FakeFeedback:
    """Votes per question, with undo."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._cast: dict[tuple[str, PhotoId], int] = {}
        self._done: list[dict[tuple[str, PhotoId], int]] = []

    def vote(self, query: Query, photo_ids: Iterable[PhotoId], vote: int) -> None:
        self._guard("vote")
        self._done.append(dict(self._cast))
        for photo_id in photo_ids:
            self._cast.pop((normal_form(query), photo_id), None)
            if vote:
                self._cast[normal_form(query), photo_id] = vote

    def votes(self, query: Query) -> dict[PhotoId, int]:
        return {i: vote for (text, i), vote in self._cast.items() if text == normal_form(query)}

    def all_votes(self) -> list[Vote]:
        self._guard("all_votes")
        return [Vote(text, i, vote, float(n)) for n, ((text, i), vote) in enumerate(self._cast.items())]

    def clear(self, query: Query | None = None) -> int:
        self._guard("clear")
        gone = [key for key in self._cast if query is None or key[0] == normal_form(query)]
        self._done.append(dict(self._cast))
        for key in gone:
            del self._cast[key]
        return len(gone)

    def withdraw(self, votes: Iterable[Vote]) -> None:
        self._guard("withdraw")
        self._done.append(dict(self._cast))
        for vote in votes:
            self._cast.pop((vote.query, vote.photo_id), None)

    def undo(self) -> bool:
        self._guard("undo")
        if not self._done:
            return False
        self._cast = self._done.pop()
        return True


class FakeSavedSearches:
    """Named questions."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._kept: dict[int, SavedSearch] = {}

    def list(self) -> list[SavedSearch]:
        self._guard("saved")
        return sorted(self._kept.values(), key=lambda one: one.name.casefold())

    def add(self, name: str, query: Query) -> SavedSearch:
        self._guard("save")
        if any(one.name.casefold() == name.casefold() for one in self._kept.values()):
            raise QueryError(Message("A saved search named “{name}” already exists.", name=name), code="search.name")
        made = SavedSearch(max(self._kept, default=0) + 1, name, write(query), 0.0)
        self._kept[made.id] = made
        return made

    def rename(self, search_id: int, name: str) -> None:
        self._guard("rename")
        self._kept[search_id] = replace(self._kept[search_id], name=name)

    def remove(self, search_id: int) -> None:
        self._guard("remove")
        self._kept.pop(search_id, None)


class FakeCatalog:
    """The parts of the catalog that the window asks itself."""

    def __init__(self, guard: Guard, held: dict[int, FolderCounts]) -> None:
        self.folders, self.searches = FakeFolders(guard, held), FakeSavedSearches(guard)


class FakeExplainer:
    """Every photo is found because of its left half, and by all words alike; ``explained`` counts the photos."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self.explained, self.delay_s = 0, 0.0

    def explain(self, photo: Example, query: Query) -> Explanation:
        self._guard("why")
        self.explained += 1
        time.sleep(self.delay_s)
        heat = np.zeros((12, 18), np.float32)
        heat[:, :9] = 1.0
        words = [term.word for term in query.terms if term.weight > 0]
        shares = tuple(WordShare(word, 1 / len(words), 2.0) for word in words)
        shared = (SalientWord("dog", 0.8), SalientWord("snow", 0.6)) if query.examples else ()
        return Explanation(heat, (0.2, 0.5), shares, shared, ())


class FakeGlances:
    """As ``FakeExplainer``, for many photos; the photos asked for are kept in ``asked``."""

    def __init__(self, guard: Guard, explainer: FakeExplainer) -> None:
        self._guard, self._explainer = guard, explainer
        self.asked: list[list[PhotoId]] = []
        self.error: Exception | None = None
        self.unreadable: set[PhotoId] = set()
        self.delay_s = 0.0
        self.slow: set[PhotoId] = set()
        self.prepared = 0

    def prepare(self) -> None:
        self._guard("glances")
        self.prepared += 1

    def explain(
        self, photos: Sequence[Photo], query: Query, token: CancelToken | None = None
    ) -> dict[PhotoId, Explanation]:
        self._guard("glances")
        self.asked.append([photo.id for photo in photos])
        time.sleep(self.delay_s + 0.3 * any(photo.id in self.slow for photo in photos))
        if token is not None:
            token.raise_if_cancelled()
        if self.error is not None:
            raise self.error
        readable = [photo.id for photo in photos if photo.id not in self.unreadable]
        return {photo_id: self._explainer.explain(Example(photo_id), query) for photo_id in readable}


class FakeConcepts:
    """A photo is a colour and the ones after it."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def of_vector(self, vector: np.ndarray, n: int = 6) -> list[SalientWord]:
        first = int(vector[0])
        return [SalientWord(self._names[(first + k) % len(self._names)], 0.9 - 0.1 * k) for k in range(n)]


class FakeCompletions:
    """Colours that begin like the word at the cursor, and two filters."""

    def __init__(self, names: Sequence[str], guard: Guard) -> None:
        self._names, self._guard = names, guard

    def at(self, text: str, cursor: int, n: int = 8) -> list[Completion]:
        self._guard("completions")
        start = text.rfind(" ", 0, cursor) + 1
        typed = text[start:cursor].lstrip("-").casefold()
        start = cursor - len(typed)
        if not typed:
            return []
        filters = [
            Completion(f"{kind.name}:", "operator", None, start, cursor, kind.finds)
            for kind in FILTERS
            if kind.name in ("rating", "tag") and kind.name.startswith(typed)
        ]
        if typed.startswith("tag:"):
            filters = [Completion("tag:holiday", "tag", 12, start, cursor)]
        words = [name for name in self._names if name.startswith(typed) and name != typed]
        return [*(Completion(name, "word", None, start, cursor) for name in words), *filters][:n]


class FakeVocabulary:
    """Words are colours; those after a colour are near it."""

    def __init__(self, names: Sequence[str], guard: Guard) -> None:
        self._names, self._guard = names, guard

    def neighbours(self, word: str, n: int = 12, caution: float = 0.5) -> list[WordNeighbour]:
        self._guard("neighbours")
        if word not in self._names:
            raise QueryError(Message("“{word}” is an unknown word.", word=word), code="query.unknown-word")
        names = [name for name in self._names if name != word]
        return [WordNeighbour(name, 0.8, round(40 * (1 - caution))) for name in names[:n]]

    def near_photo(self, vector: np.ndarray, n: int = 5, caution: float = 0.5) -> list[WordNeighbour]:
        self._guard("near_photo")
        return [WordNeighbour(self._names[(int(vector[0]) + k) % len(self._names)], 0.8, 20 - k) for k in range(n)]

    def completions(self, prefix: str, n: int = 8) -> list[str]:
        self._guard("completions")
        return [name for name in self._names if name.startswith(prefix.casefold())][:n]

    def tags(self, photo_ids: Sequence[PhotoId], n: int = 8, least: float = 0.3) -> dict[PhotoId, list[TagGuess]]:
        self._guard("tags")
        found = {}
        for i in photo_ids:
            first = int(i) % len(self._names)
            names = [self._names[(first + k) % len(self._names)] for k in range(n)]
            found[i] = [TagGuess(name, 0.97 - 0.09 * k) for k, name in enumerate(names) if 0.97 - 0.09 * k >= least]
        return found


def failure(i: int) -> FailedPhoto:
    """Return a file that cannot be read, for one of three reasons."""
    reasons = [("photo.truncated", "The file ends too early: a copy was probably cut off."),
               ("photo.empty", "The file is empty."), ("photo.permission", "You may not read this file.")]  # fmt: skip
    code, reason = reasons[i % 3]
    return FailedPhoto(PhotoId(10_000_000 + i), Path(f"/home/you/Pictures/broken/IMG_{i}.jpg"), code, reason, 1 + i % 3)


class FakePackChange:
    """Prepares another pack as far as a test says with ``tell``."""

    def __init__(self, bus: EventBus) -> None:
        self._bus = bus
        self.is_paused = False
        self.last = PackChangeProgress()

    def pause(self) -> None:
        self.is_paused = True

    def resume(self) -> None:
        self.is_paused = False

    def tell(self, progress: PackChangeProgress) -> None:
        self.last = progress
        self._bus.publish(progress)
