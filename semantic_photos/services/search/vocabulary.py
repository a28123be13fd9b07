# SPDX-License-Identifier: GPL-3.0-or-later
"""Words for photos and words for words: automatic tags, the word explorer, completion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from semantic_photos.domain import result_cutoff
from semantic_photos.domain.errors import QueryError
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.ports import FloatArray, TagModel, TextEncoder
from semantic_photos.domain.tag_tree import TagTree
from semantic_photos.domain.tags import Standing, TagLine, leaf
from semantic_photos.index.hybrid_index import HybridIndex
from semantic_photos.services.search.good_matches import GoodMatches
from semantic_photos.storage.catalog import Catalog
from semantic_photos.storage.tags import TagStore

#: Below this confidence a tag is not shown: wrong labels make people switch tagging off.
LEAST_CONFIDENCE = 0.4


@dataclass(frozen=True, slots=True)
class TagGuess:
    """A tag with its calibrated probability in [0, 1], 1 for what the user or a file says.

    ``source`` is ``automatic``, ``confirmed``, ``manual`` or ``imported``.
    """

    tag: str
    confidence: float
    source: str = "automatic"


@dataclass(frozen=True, slots=True)
class WordNeighbour:
    """A word near another: the cosine of the two, and how many of the user's photos it would find."""

    word: str
    score: float
    photos: int


class Vocabulary:
    """Looks from vectors to words.

    Thread: any; blocking (catalog and index).
    """

    def __init__(
        self,
        catalog: Catalog,
        index: HybridIndex,
        pack: TagModel | None,
        words: TextEncoder | None,
        *,
        store: TagStore | None = None,
        tree: TagTree | None = None,
        matches: GoodMatches | None = None,
    ) -> None:
        self._catalog, self._index, self._pack, self._words = catalog, index, pack, words
        self._store, self._tree = store, tree if tree is not None else TagTree({})
        self._matches = matches if matches is not None else GoodMatches(words, None, self._sample)

    def tags(
        self, photo_ids: Sequence[PhotoId], n: int = 8, least: float = LEAST_CONFIDENCE
    ) -> dict[PhotoId, list[TagGuess]]:
        """Return for each photo that has a vector or a tag its tags: the user's and files' first, then the probable.

        At most ``n`` tags; automatic ones of at least ``least`` confidence, and none that was rejected for the photo,
        in these or other words. A photo may have none.
        """
        found: dict[PhotoId, list[TagGuess]] = {}
        for start in range(0, len(photo_ids), 4096):
            chunk = photo_ids[start : start + 4096]
            lines = self._store.lines(chunk, rejected=True) if self._store is not None else {}
            for photo_id in lines:
                found[photo_id] = self._merged(lines[photo_id], [], n)
            if self._pack is None:
                continue
            ids, vectors = self._catalog.vectors.get(self._pack.fingerprint, chunk)
            confidences = self._pack.tag_confidences(vectors)
            for number, row in zip(ids.tolist(), confidences, strict=True):
                photo_id = PhotoId(number)
                stored = lines.get(photo_id, [])
                # Some more, for those that are left out.
                guesses = self._best(self._pack, row, n + 4 * len(stored), least)
                found[photo_id] = self._merged(stored, guesses, n)
        return found

    def _merged(self, stored: Sequence[TagLine], guesses: Sequence[TagGuess], n: int) -> list[TagGuess]:
        rejected = [line.tag for line in stored if line.standing is Standing.REJECTED]
        sure = [
            TagGuess(line.tag, 1.0, line.standing.source)
            for line in stored
            if line.standing not in (Standing.REJECTED, Standing.AUTOMATIC)
        ]
        automatic = {line.tag: line.confidence or 0.0 for line in stored if line.standing is Standing.AUTOMATIC}
        for guess in guesses:
            # What was stored goes by the user's words; the same thing is not named twice.
            if not any(self._tree.same(guess.tag, name) for name in automatic if name != guess.tag):
                automatic[guess.tag] = guess.confidence
        names = {leaf(tag.tag).casefold() for tag in sure}
        kept = [
            TagGuess(tag, confidence)
            for tag, confidence in automatic.items()
            if leaf(tag).casefold() not in names and not any(self._tree.above(no, tag) for no in rejected)
        ]
        return [*sure, *sorted(kept, key=lambda guess: -guess.confidence)][:n]

    def tags_of_vector(self, vector: FloatArray, n: int = 8, least: float = LEAST_CONFIDENCE) -> list[TagGuess]:
        """Return the most probable tags of any photo's unit vector (D,)."""
        return (
            [] if self._pack is None else self._best(self._pack, self._pack.tag_confidences(vector[None])[0], n, least)
        )

    @staticmethod
    def _best(pack: TagModel, confidences: FloatArray, n: int, least: float) -> list[TagGuess]:
        order = np.argsort(-confidences, kind="stable")[:n]
        return [TagGuess(pack.tags[i].tag, float(confidences[i])) for i in order if confidences[i] >= least]

    def neighbours(self, word: str, n: int = 12, caution: float = result_cutoff.CAUTION) -> list[WordNeighbour]:
        """Return the ``n`` words nearest to a word or phrase, each with the number of photos it would find.

        Args:
            word: known, or a phrase with a known word.
            n: at most so many.
            caution: how much must speak for a photo that counts, as in a search.

        Raises:
            QueryError: when no word of it is known.
        """
        words = self._need_words()
        vector = words.encode(word)
        if vector is None:
            alike = words.suggestions(word, 4)
            advice = f"Known words like it: {', '.join(alike)}." if alike else ""
            raise QueryError(f"“{word}” is not in the word table.", code="query.unknown-word", advice=advice)
        near = [(name, score) for name, score in words.neighbours(vector, n + 4) if name != word.casefold()][:n]
        counts = self._counts([name for name, _ in near], caution)
        return [WordNeighbour(name, score, count) for (name, score), count in zip(near, counts, strict=True)]

    def near_photo(
        self, vector: FloatArray, n: int = 12, caution: float = result_cutoff.CAUTION
    ) -> list[WordNeighbour]:
        """Return the words nearest to a photo's unit vector (D,), each with the number of photos it would find.

        Tags come first, by their evidence: what they score on any photo is known. Then words of the table, by how
        far they stand out from what they score on ordinary photos, because some words are near to every photo.
        The score is the cosine.
        """
        words = self._need_words()
        sample = self._sample()
        near = [(guess.tag, _cosine(words, guess.tag, vector)) for guess in self.tags_of_vector(vector, n)]
        taken = {name for name, _ in near}
        candidates = [pair for pair in words.neighbours(vector, 4 * n, exclude=taken) if pair[0] not in taken]
        if sample is not None and candidates:
            directions = np.stack([_direction(words, name) for name, _ in candidates])
            scores = sample @ directions.T
            out = (directions @ vector - scores.mean(axis=0)) / np.maximum(scores.std(axis=0), 1e-3)
            candidates = [candidates[place] for place in np.argsort(-out, kind="stable").tolist()]
        near = [*near, *candidates][:n]
        counts = self._counts([name for name, _ in near], caution)
        return [WordNeighbour(name, score, count) for (name, score), count in zip(near, counts, strict=True)]

    def completions(self, prefix: str, n: int = 8) -> list[str]:
        """Return known words that begin with ``prefix``, most frequent first."""
        return self._words.completions(prefix.casefold(), n) if self._words is not None and prefix else []

    def _need_words(self) -> TextEncoder:
        if self._words is None:
            raise QueryError("There is no usable model pack, so there are no words.", code="query.no-pack")
        return self._words

    def _counts(self, names: Sequence[str], caution: float) -> list[int]:
        """Count the photos that a search for each word would take for good matches."""
        words = self._need_words()
        vectors = [words.encode(name) for name in names]
        known = [vector for vector in vectors if vector is not None]
        if not known:
            return [0] * len(names)
        borders = []
        for name, vector in zip(names, vectors, strict=True):
            if vector is not None:
                _, best = self._index.search(vector, result_cutoff.BEST)
                borders.append(self._matches.border(name, vector, best, caution))
        counted = iter(self._index.count_above(np.stack(known), np.asarray(borders, np.float32)).tolist())
        return [0 if vector is None else int(next(counted)) for vector in vectors]

    def _sample(self) -> FloatArray | None:
        if self._pack is not None and self._pack.background is not None:
            return self._pack.background
        ids = self._index.sample_ids(1000)
        return self._index.vectors_of(ids) if len(ids) >= 50 else None


def _direction(words: TextEncoder, name: str) -> FloatArray:
    vector = words.encode(name)
    return vector if vector is not None else np.zeros(words.dim, np.float32)


def _cosine(words: TextEncoder, name: str, vector: FloatArray) -> float:
    return float(_direction(words, name) @ vector)
