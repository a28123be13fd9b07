# SPDX-License-Identifier: GPL-3.0-or-later
"""Explains why a photo matches a query: heat maps, shares of words, regions of an example, exact matches."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from semantic_photos.domain import result_cutoff
from semantic_photos.domain.errors import QueryError
from semantic_photos.domain.example_focus import Focus, mixed
from semantic_photos.domain.heat_map import hottest, over_photo, shares, standard_scores, warmth
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.ports import FloatArray, TextEncoder
from semantic_photos.domain.query import Example, Query
from semantic_photos.domain.translatable import Message, joined
from semantic_photos.domain.vectors import weighted_sum
from semantic_photos.services.explain.salient_words import SalientWord, SalientWords
from semantic_photos.services.search.dense_features import DenseFeatures, FeatureGrid
from semantic_photos.services.search.examples import ExampleFiles, ExampleVectors

#: Longer side of a heat map over the photo.
HEAT_SIDE = 96
_TOKEN = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class WordShare:
    """How much one word of the query has to do with the match.

    Attributes:
        word: as it was typed.
        share: in -1..1; the sizes of all shares sum to 1, minus words have negative ones. 0 when the photo does not
            show the word more than any photo does.
        stands_out: standard deviations by which the photo's score for the word is above that of ordinary photos.
        probability: that the photo shows the word, in 0..1; None where that was not fitted on photos known to show it.
    """

    word: str
    share: float
    stands_out: float
    probability: float | None = None

    def told(self) -> str:
        """Return ``dog 83 %`` where the probability is known, else ``dog``; ``−dog`` for a minus word."""
        sign = "−" if self.share < 0 else ""
        return f"{sign}{self.word}" + (f" {100 * self.probability:.0f} %" if self.probability is not None else "")


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """Why a photo was found.

    Attributes:
        heat: float32 (h, w) in 0..1, read-only, over the whole upright photo: where the query is seen.
        hottest: the hottest place as fractions (x, y) of the photo.
        words: the query's words, largest share first.
        shared: what the photo and the first example photo both show, most evident first.
        exact: words of the query that stand in the file's name or its keywords.
    """

    heat: FloatArray
    hottest: tuple[float, float]
    words: tuple[WordShare, ...]
    shared: tuple[SalientWord, ...]
    exact: tuple[str, ...]

    def sentence(self) -> Message:
        """Return the explanation in words: “dog 83 %, beach”; an empty message when there is nothing to show."""
        told = ", ".join(one.told() for one in self.words if round(100 * one.share))
        parts = [Message.as_is(told)] if told else []
        if self.shared:
            tags = ", ".join(concept.tag for concept in self.shared)
            parts.append(Message("common to both: {tags}", tags=tags))
        if self.exact:
            parts.append(Message("in its name or keywords: {words}", words=", ".join(self.exact)))
        return joined(parts, "; ")


@dataclass(frozen=True, slots=True, eq=False)
class Aim:
    """A direction to look in.

    Attributes:
        vector: unit vector (D,).
        ordinary: middle and spread of what ordinary photos score there, or None where no such photos are known.
    """

    vector: FloatArray
    ordinary: tuple[float, float] | None

    @classmethod
    def of(cls, vector: FloatArray, sample: FloatArray | None) -> Aim:
        """Return the aim at a unit vector (D,) before ordinary photos (B, D)."""
        return cls(vector, result_cutoff.background(sample @ vector) if sample is not None else None)


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A query as directions: all that is the same for every photo that is explained before it.

    Attributes:
        query: the query.
        known: its words and their aims, as far as they are known.
        usable: its example photos and their unit vectors (D,), as far as they can be read.
        likes: the first photos to be like, compared as a whole: in focus two photos share little but the focus.
        sample: unit vectors of ordinary photos (B, D), or None.
        aim: where heat is looked for, or None where nothing is left of the query.
        names: words that may stand in a photo's name or keywords.
        standing: of its example photos, as ``ExampleVectors.standing`` says.
    """

    query: Query
    known: tuple[tuple[Focus, Aim], ...]
    usable: tuple[tuple[Example, FloatArray], ...]
    likes: tuple[tuple[Example, FloatArray], ...]
    sample: FloatArray | None
    aim: Aim | None
    names: tuple[str, ...]
    standing: ExampleFiles = ()

    def without(self, photo: Example) -> Asked:
        """Return the query to a photo that may be one of its examples: these are the others then."""
        usable = tuple((one, vector) for one, vector in self.usable if not _same(one, photo))
        if len(usable) == len(self.usable):
            return self
        return replace(self, usable=usable, aim=_aim(self.known, usable, self.sample))

    def still_means(self, query: Query, words: Sequence[tuple[Focus, FloatArray]], standing: ExampleFiles) -> bool:
        """Return whether this is the query with these words and examples.

        The direction of a concept changes as it is trained, and photos are edited or come back with their drive.
        """
        return (
            (query, standing) == (self.query, self.standing)
            and [focus for focus, _ in words] == [focus for focus, _ in self.known]
            and all(np.array_equal(new, aim.vector) for (_, new), (_, aim) in zip(words, self.known, strict=True))
        )


class Explainer:
    """Explains answers.

    Thread: any; blocking (decoder, network): some tenths of a second for a photo, less for another query about it.

    Args:
        examples: turns example photos into vectors.
        text: turns words into vectors.
        salient_words: what photos show.
        sample: unit vectors of ordinary photos (B, D), or None.
        keywords: the keywords of a photo of the library.
        custom_concepts: where in a row of words the names of custom concepts stand: first word and number of words.
        probability: that a photo, unit vector (D,), shows a word; None where it is not known.
    """

    def __init__(
        self,
        examples: ExampleVectors,
        text: TextEncoder | None,
        salient_words: SalientWords,
        sample: Callable[[], FloatArray | None],
        keywords: Callable[[PhotoId], Sequence[str]] = lambda _: (),
        custom_concepts: Callable[[Sequence[str]], Sequence[tuple[int, int]]] = lambda _: (),
        probability: Callable[[str, FloatArray], float | None] = lambda word, vector: None,
    ) -> None:
        self._examples, self._text, self._salient_words = examples, text, salient_words
        self._sample, self._keywords, self._custom_concepts = sample, keywords, custom_concepts
        self._probability = probability
        self._lock = threading.Lock()
        self._last: Asked | None = None

    def explain(self, photo: Example, query: Query) -> Explanation:
        """Explain one photo, of the library or any file, before a query.

        Raises:
            QueryError: no pack, an empty query, nothing known in it, a photo or an example that is gone.
            PhotoError: the photo cannot be read.
            CatalogError: the catalog cannot be read.
        """
        others = replace(query, examples=tuple(one for one in query.examples if not _same(one, photo)))
        look = self._look(query)
        path = self._examples.path_of(photo)
        asked = self.asked(others) if not others.is_empty else self._asked(query, self._words(query), ())
        return self.told(replace(asked, query=query), photo, path, look.positions(path))

    def asked(self, query: Query) -> Asked:
        """Look up once what many photos are explained before; remembered for the last query.

        Raises:
            QueryError, PhotoError, CatalogError: as ``explain``, as far as the query is concerned.
        """
        self._look(query)
        words, standing = self._words(query), self._examples.standing(query)
        with self._lock:
            last = self._last
        # Words are looked up in no time; a photo from elsewhere, or a part of one, is decoded and encoded.
        if last is not None and last.still_means(query, words, standing):
            return last
        usable, troubles = self._examples.usable(query)
        if troubles and not words and not usable:
            raise troubles[0]
        asked = replace(self._asked(query, words, usable), standing=standing)
        with self._lock:
            self._last = asked
        return asked

    def told(self, asked: Asked, photo: Example, path: Path, seen: FeatureGrid, side: int = HEAT_SIDE) -> Explanation:
        """Explain one photo whose positions are known; ``side`` is the longer one of its heat map.

        Raises:
            QueryError: an example is gone.
            CatalogError: the catalog cannot be read.
        """
        asked = asked.without(photo)
        keywords = self._keywords(photo.photo_id) if photo.photo_id is not None else ()
        exact = exact_matches(asked.names, path, keywords)
        if not asked.known and not asked.usable:
            # The photo itself is the example, or only its name was asked for.
            return self._plain(asked, seen, exact, side)
        heat = _heat(seen, asked.aim, side)
        own = self._own_vector(photo, seen)
        words = [replace(one, probability=self._probability(one.word, own)) for one in _shares(asked.known, own)]
        return Explanation(heat, hottest(heat), tuple(words), tuple(self._shared(asked.likes, photo, own)), exact)

    def _look(self, query: Query) -> DenseFeatures:
        look = self._examples.look
        if look is None or self._text is None:
            raise QueryError(Message("No usable model pack: matches cannot be explained."), code="query.no-pack")
        if query.is_empty:
            raise QueryError(Message("Enter a query to explain a match."), code="query.empty")
        return look

    def _words(self, query: Query) -> list[tuple[Focus, FloatArray]]:
        assert self._text is not None
        words = [(focus, self._text.encode(focus.word)) for focus in self._phrases(query)]
        return [(focus, vector) for focus, vector in words if vector is not None]

    def _asked(
        self, query: Query, words: Sequence[tuple[Focus, FloatArray]], usable: Sequence[tuple[Example, FloatArray]]
    ) -> Asked:
        # Two of them: the photo that is explained may be one.
        likes = [(example, vector) for example, vector in usable if example.weight > 0][:2]
        if query.focuses:
            likes = [(example, self._examples.vector(example)) for example, _ in likes]
        sample = self._sample()
        known = tuple((focus, Aim.of(vector, sample)) for focus, vector in words)
        names = tuple(focus.word for focus in self._phrases(query) if focus.weight > 0)
        return Asked(query, known, tuple(usable), tuple(likes), sample, _aim(known, usable, sample), names)

    def _phrases(self, query: Query) -> list[Focus]:
        """Return the words of the query; a concept's name of several words is one of them, as for the search."""
        wanted = [term for term in query.terms if term.weight > 0]
        phrases = [Focus(term.word, term.weight) for term in query.terms if term.weight <= 0]
        at = 0
        for start, count in [*self._custom_concepts([term.word for term in wanted]), (len(wanted), 0)]:
            phrases += [Focus(term.word, term.weight) for term in wanted[at:start]]
            name = wanted[start : start + count]
            if name:
                phrases.append(Focus(" ".join(term.word for term in name), max(term.weight for term in name)))
            at = start + count
        return phrases

    def _plain(self, asked: Asked, seen: FeatureGrid, exact: tuple[str, ...], side: int) -> Explanation:
        directions = [
            (focus.weight, vector)
            for focus in asked.query.focuses
            if focus.weight > 0 and self._text is not None and (vector := self._text.encode(focus.word)) is not None
        ]
        direction = weighted_sum(directions)
        heat = _heat(seen, Aim.of(direction, asked.sample) if direction is not None else None, side)
        return Explanation(heat, hottest(heat), (), (), exact)

    def _own_vector(self, photo: Example, seen: FeatureGrid) -> FloatArray:
        stored = self._examples.stored_vector(photo.photo_id) if photo.photo_id is not None else None
        return stored if stored is not None else seen.whole

    def _shared(
        self, likes: Sequence[tuple[Example, FloatArray]], photo: Example, own: FloatArray
    ) -> list[SalientWord]:
        like = next((vector for example, vector in likes if not _same(example, photo)), None)
        return [] if like is None else self._salient_words.shared(own, like)


def exact_matches(words: Sequence[str], path: Path, keywords: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the words that stand in a file's name or among its keywords, whole words, in any case."""
    name = path.stem.encode("utf-8", "backslashreplace").decode()
    there = {token.casefold() for text in (name, *keywords) for token in _TOKEN.findall(text)}
    whole = {text.casefold() for text in (path.name, name, *keywords)}
    matched = []
    for word in dict.fromkeys(words):
        tokens = {token.casefold() for token in _TOKEN.findall(word)}
        if word.casefold() in whole or (tokens and tokens <= there):
            matched.append(word)
    return tuple(matched)


def _same(one: Example, other: Example) -> bool:
    return (one.photo_id, one.path) == (other.photo_id, other.path)


def _size(seen: FeatureGrid, side: int) -> tuple[int, int]:
    """Return height and width of a heat map of this photo."""
    width, height = max(1, seen.facts.width), max(1, seen.facts.height)
    scale = side / max(width, height)
    return max(1, round(height * scale)), max(1, round(width * scale))


def _aim(
    known: Sequence[tuple[Focus, Aim]], usable: Sequence[tuple[Example, FloatArray]], sample: FloatArray | None
) -> Aim | None:
    """Return where heat is looked for: at what is wanted of a query, or at what is not where nothing else is."""
    plus = [(focus, aim) for focus, aim in known if focus.weight > 0]
    examples = [(one.weight, vector) for one, vector in usable]
    toward = [(weight, vector) for weight, vector in examples if weight > 0]
    if not toward and len({focus.word for focus, _ in plus}) == 1:
        return plus[-1][1]
    direction = weighted_sum(mixed([(focus.weight, aim.vector) for focus, aim in plus], toward, sample))
    if direction is None:
        # Only minus words: warm is what they should not have met.
        direction = weighted_sum([(abs(focus.weight), aim.vector) for focus, aim in known] or examples)
    return Aim.of(direction, sample) if direction is not None else None


def _heat(seen: FeatureGrid, aim: Aim | None, side: int) -> FloatArray:
    """Return the heat of an aim over the photo, read-only; without one all of it is cold."""
    if aim is None:
        heat = np.zeros(_size(seen, side), np.float32)
    else:
        # Where no ordinary photos are known the photo is its own measure.
        mean, std = aim.ordinary or result_cutoff.background(seen.flat @ aim.vector)
        square = standard_scores(seen.map_of(aim.vector), mean, std)
        heat = warmth(over_photo(square, seen.box, *_size(seen, side)))
    heat.setflags(write=False)
    return heat


def _shares(known: Sequence[tuple[Focus, Aim]], own: FloatArray) -> list[WordShare]:
    scores = []
    for _, aim in known:
        mean, std = aim.ordinary or (0.0, 1.0)
        scores.append((float(own @ aim.vector) - mean) / std)
    parts = shares([(focus.weight, score) for (focus, _), score in zip(known, scores, strict=True)])
    found = [WordShare(focus.word, part, score) for (focus, _), part, score in zip(known, parts, scores, strict=True)]
    return sorted(found, key=lambda one: -abs(one.share))
