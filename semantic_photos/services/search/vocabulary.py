# SPDX-License-Identifier: GPL-3.0-or-later
"""Words near photos and near other words: for automatic tags, the word explorer and completion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from semantic_photos.domain import result_cutoff
from semantic_photos.domain.errors import QueryError
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.ports import FloatArray, TagModel, TextEncoder
from semantic_photos.domain.tag_tree import TagTree
from semantic_photos.domain.tags import Standing, TagLine, leaf
from semantic_photos.domain.translatable import NO_MESSAGE, Message
from semantic_photos.index.hybrid_index import HybridIndex
from semantic_photos.ml import word_forms
from semantic_photos.services.search.good_matches import GoodMatches
from semantic_photos.services.search.word_counts import WordCounts
from semantic_photos.storage.catalog import Catalog
from semantic_photos.storage.tags import TagStore

#: Below this confidence a tag is not shown: wrong labels make people switch tagging off.
LEAST_CONFIDENCE = 0.4
#: Words for a photo: more are not read.
NEAR_PHOTO = 5
#: Standard deviations by which a word's cosine with a photo must exceed that with ordinary photos.
STANDS_OUT = 3.0
#: Words among which those that find most photos are completed first.
CANDIDATES = 40


@dataclass(frozen=True, slots=True)
class TagGuess:
    """A tag with its calibrated probability in [0, 1], 1 for tags from the user or a file.

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
    """Finds words near vectors.

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
        submit: Callable[[Callable[[], None]], object] | None = None,
    ) -> None:
        """Take over the parts; ``submit`` runs work on a background thread, without it no words are counted ahead."""
        self._catalog, self._index, self._pack, self._words = catalog, index, pack, words
        self._colours = (
            frozenset(t.tag.casefold() for t in pack.tags if t.category == "colour") if pack else frozenset()
        )
        self._store, self._tree = store, tree if tree is not None else TagTree({})
        self._matches = matches if matches is not None else GoodMatches(words, None, self._sample)
        self._word_counts: WordCounts | None = None
        if submit is not None and pack is not None and words is not None:
            fingerprint = pack.fingerprint
            self._word_counts = WordCounts(
                lambda names: self._counts(names, result_cutoff.CAUTION),
                lambda: catalog.vectors.generation(fingerprint),
                submit,
            )

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
        return [*sure, *sorted(kept, key=lambda guess: (guess.tag.casefold() in self._colours, -guess.confidence))][:n]

    def tags_of_vector(self, vector: FloatArray, n: int = 8, least: float = LEAST_CONFIDENCE) -> list[TagGuess]:
        """Return the most probable tags of any photo's unit vector (D,)."""
        return (
            [] if self._pack is None else self._best(self._pack, self._pack.tag_confidences(vector[None])[0], n, least)
        )

    def _best(self, pack: TagModel, confidences: FloatArray, n: int, least: float) -> list[TagGuess]:
        """Return the most probable tags, things before colours; none that never was right often enough."""
        guesses = [
            TagGuess(pack.tags[i].tag, float(confidences[i]))
            for i in np.argsort(-confidences, kind="stable").tolist()
            if confidences[i] >= least and pack.tags[i].least < 1.0
        ]
        return sorted(guesses, key=lambda guess: guess.tag.casefold() in self._colours)[:n]

    def neighbours(self, word: str, n: int = 12, caution: float = result_cutoff.CAUTION) -> list[WordNeighbour]:
        """Return the ``n`` words nearest to a word or phrase, those first that clearly show the most photos.

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
            advice = Message("Similar known words: {words}.", words=", ".join(alike)) if alike else NO_MESSAGE
            raise QueryError(
                Message("“{word}” is an unknown word.", word=word), code="query.unknown-word", advice=advice
            )
        near = [(name, score) for name, score in words.neighbours(vector, n + 4) if name != word.casefold()][:n]
        counts = self._counts([name for name, _ in near], caution)
        found = [WordNeighbour(name, score, count) for (name, score), count in zip(near, counts, strict=True)]
        return sorted(found, key=lambda neighbour: -neighbour.photos)

    def near_photo(
        self, vector: FloatArray, n: int = NEAR_PHOTO, caution: float = result_cutoff.CAUTION
    ) -> list[WordNeighbour]:
        """Return words for a photo's unit vector (D,), each with the number of photos it would find, most first.

        Tags are chosen first, by their evidence: what they score on any photo is known. Then words of the table that
        stand out from what they score on ordinary photos, because some words are near to every photo. Of the forms of
        one word (dog, dogs) only one is returned. There may be none. The score is the cosine.
        """
        words = self._need_words()
        chosen: list[str] = []
        taken: set[str] = set()
        # Both are in the order of evidence; colours come after all things.
        guesses = [guess.tag for guess in self.tags_of_vector(vector, 4 * n)]
        things = [tag for tag in guesses if tag not in self._colours]
        for name in (*things, *self._standing_out(vector, n, guesses), *(tag for tag in guesses if tag not in things)):
            same = word_forms.same_thing(name)
            if len(chosen) < n and not same & taken:
                chosen.append(name)
                taken |= same
        counts = self._counts(chosen, caution)
        near = [
            WordNeighbour(name, _cosine(words, name, vector), count) for name, count in zip(chosen, counts, strict=True)
        ]
        return sorted(near, key=lambda one: (one.word in self._colours, -one.photos))

    def _standing_out(self, vector: FloatArray, n: int, exclude: Sequence[str]) -> list[str]:
        """Return the words of the table that score clearly more on a photo than on ordinary ones, best first."""
        words, sample = self._need_words(), self._sample()
        names = [name for name, _ in words.neighbours(vector, 4 * n, exclude=exclude)]
        if sample is None or not names:
            return []
        directions = np.stack([_direction(words, name) for name in names])
        scores = sample @ directions.T
        out = (directions @ vector - scores.mean(axis=0)) / np.maximum(scores.std(axis=0), 1e-3)
        return [names[place] for place in np.argsort(-out, kind="stable").tolist() if out[place] >= STANDS_OUT]

    def completions(self, prefix: str, n: int = 8) -> list[str]:
        """Return known words that begin with ``prefix``: those that find most photos, then the most frequent.

        Numbers are those that are known already; the others are counted in the background for the next time.

        Raises:
            CatalogError: when the catalog cannot be read.
        """
        if self._words is None or not prefix or n <= 0:
            return []
        names = self._words.completions(prefix.casefold(), max(n, CANDIDATES))
        known = self._word_counts.known(names) if self._word_counts is not None else {}
        return sorted(names, key=lambda name: -known.get(name, 0))[:n]

    def _need_words(self) -> TextEncoder:
        if self._words is None:
            raise QueryError(Message("No usable model pack: no words are known."), code="query.no-pack")
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
