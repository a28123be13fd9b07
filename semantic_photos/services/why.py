# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a photo answers a question: where in it, by which words, by what it shares with the example, by its name."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from semantic_photos.domain import relevance
from semantic_photos.domain.errors import QueryError
from semantic_photos.domain.heat import hottest, over_photo, shares, standard_scores, warmth
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.ports import FloatArray, TextEncoder
from semantic_photos.domain.query import Example, Query
from semantic_photos.domain.steering import Focus, mixed
from semantic_photos.domain.vectors import weighted_sum
from semantic_photos.services.close_look import CloseLook, Positions
from semantic_photos.services.concepts import Concept, Concepts
from semantic_photos.services.examples import ExampleVectors

#: Longer side of a heat map over the photo.
HEAT_SIDE = 96
_TOKEN = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class WordShare:
    """How much one word of the question has to do with the match.

    Attributes:
        word: as it was typed.
        share: in -1..1; the sizes of all shares sum to 1, minus words have negative ones. 0 when the photo does not
            show the word more than any photo does.
        stands_out: standard deviations by which the photo's score for the word is above that of ordinary photos.
    """

    word: str
    share: float
    stands_out: float


@dataclass(frozen=True, slots=True, eq=False)
class Why:
    """Why a photo was found.

    Attributes:
        heat: float32 (h, w) in 0..1, read-only, over the whole upright photo: where the question is seen.
        hottest: the hottest place as fractions (x, y) of the photo.
        words: the question's words, largest share first.
        word_heats: for each plus word its own map, as ``heat``.
        shared: what the photo and the first example photo both show, most evident first.
        exact: words of the question that stand in the file's name or its keywords.
    """

    heat: FloatArray
    hottest: tuple[float, float]
    words: tuple[WordShare, ...]
    word_heats: dict[str, FloatArray]
    shared: tuple[Concept, ...]
    exact: tuple[str, ...]

    def sentence(self) -> str:
        """Return the explanation in words: “dog 62 %, beach 38 %”; an empty string when there is nothing to say."""
        told = ", ".join(f"{one.word} {100 * one.share:.0f} %" for one in self.words if round(100 * one.share))
        parts = [told] if told else []
        if self.shared:
            parts.append("similar because: " + ", ".join(concept.tag for concept in self.shared))
        if self.exact:
            parts.append("in its name or keywords: " + ", ".join(self.exact))
        return "; ".join(parts)


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A question as directions.

    Attributes:
        query: the question.
        known: its words and their unit vectors (D,), as far as they are known.
        usable: its example photos and their unit vectors (D,), as far as they can be read.
        likes: the first photos to be like, judged as a whole: in focus two photos share little but the focus.
        sample: unit vectors of ordinary photos (B, D), or None.
    """

    query: Query
    known: tuple[tuple[Focus, FloatArray], ...]
    usable: tuple[tuple[Example, FloatArray], ...]
    likes: tuple[tuple[Example, FloatArray], ...]
    sample: FloatArray | None


class Explainer:
    """Explains answers.

    Thread: any; blocking (decoder, network): some tenths of a second for a photo, less for another question about it.

    Args:
        examples: turns example photos into vectors.
        text: turns words into vectors.
        concepts: what photos show.
        sample: unit vectors of ordinary photos (B, D), or None.
        keywords: the keywords of a photo of the library.
        subjects: where in a row of words names stand that mean something as a whole: first word and number of words.
    """

    def __init__(
        self,
        examples: ExampleVectors,
        text: TextEncoder | None,
        concepts: Concepts,
        sample: Callable[[], FloatArray | None],
        keywords: Callable[[PhotoId], Sequence[str]] = lambda _: (),
        subjects: Callable[[Sequence[str]], Sequence[tuple[int, int]]] = lambda _: (),
    ) -> None:
        self._examples, self._text, self._concepts = examples, text, concepts
        self._sample, self._keywords, self._subjects = sample, keywords, subjects

    def why(self, photo: Example, query: Query) -> Why:
        """Explain one photo, of the library or any file, before a question.

        Raises:
            QueryError: no pack, an empty question, nothing known in it, a photo or an example that is gone.
            PhotoError: the photo cannot be read.
            CatalogError: the catalog cannot be read.
        """
        others = replace(query, examples=tuple(one for one in query.examples if not _same(one, photo)))
        look = self._look(query)
        path = self._examples.path_of(photo)
        asked = replace(self.asked(others), query=query) if not others.is_empty else self._asked(query, ())
        return self.told(asked, photo, path, look.positions(path))

    def asked(self, query: Query) -> Asked:
        """Look up once what many photos are explained before.

        Raises:
            QueryError, PhotoError, CatalogError: as ``why``, as far as the question is concerned.
        """
        self._look(query)
        usable, troubles = self._examples.usable(query)
        asked = self._asked(query, usable)
        if troubles and not asked.known and not usable:
            raise troubles[0]
        return asked

    def told(self, asked: Asked, photo: Example, path: Path, seen: Positions, side: int = HEAT_SIDE) -> Why:
        """Explain one photo whose positions are known; ``side`` is the longer one of its heat map.

        Raises:
            QueryError: an example is gone.
            CatalogError: the catalog cannot be read.
        """
        known, sample = asked.known, asked.sample
        usable = [(one, vector) for one, vector in asked.usable if not _same(one, photo)]
        examples = [(one.weight, vector) for one, vector in usable]
        exact = self._exact(asked.query, photo, path)
        if not known and not examples:
            # The photo itself is the example, or only its name was asked for.
            return self._plain(asked.query, seen, sample, exact, side)
        plus = [(focus.weight, vector) for focus, vector in known if focus.weight > 0]
        toward = [(weight, vector) for weight, vector in examples if weight > 0]
        direction = weighted_sum(mixed(plus, toward, sample))
        if direction is None:
            # Only minus words: warm is what they should not have met.
            direction = weighted_sum([(abs(focus.weight), vector) for focus, vector in known] or examples)
        heats = {focus.word: self._heat(seen, vector, sample, side) for focus, vector in known if focus.weight > 0}
        heat = next(iter(heats.values())) if len(heats) == 1 and not toward else None
        if heat is None:
            heat = self._heat(seen, direction, sample, side) if direction is not None else _cold(seen, side)
        own = self._own_vector(photo, seen)
        return Why(
            heat,
            hottest(heat),
            tuple(self._shares(known, own, sample)),
            heats,
            tuple(self._shared(asked.likes, photo, own)),
            exact,
        )

    def _look(self, query: Query) -> CloseLook:
        look = self._examples.look
        if look is None or self._text is None:
            raise QueryError("Without a model pack nothing can be explained.", code="query.no-pack")
        if query.is_empty:
            raise QueryError("Without a question there is nothing to explain.", code="query.empty")
        return look

    def _asked(self, query: Query, usable: Sequence[tuple[Example, FloatArray]]) -> Asked:
        assert self._text is not None
        words = [(focus, self._text.encode(focus.word)) for focus in self._phrases(query)]
        known = tuple((focus, vector) for focus, vector in words if vector is not None)
        # Two of them: the photo that is explained may be one.
        likes = [(example, vector) for example, vector in usable if example.weight > 0][:2]
        if query.focuses:
            likes = [(example, self._examples.vector(example)) for example, _ in likes]
        return Asked(query, known, tuple(usable), tuple(likes), self._sample())

    def _phrases(self, query: Query) -> list[Focus]:
        """Return the words of the question; a subject's name of several words is one of them, as for the search."""
        wanted = [term for term in query.terms if term.weight > 0]
        phrases = [Focus(term.word, term.weight) for term in query.terms if term.weight <= 0]
        at = 0
        for start, count in [*self._subjects([term.word for term in wanted]), (len(wanted), 0)]:
            phrases += [Focus(term.word, term.weight) for term in wanted[at:start]]
            name = wanted[start : start + count]
            if name:
                phrases.append(Focus(" ".join(term.word for term in name), max(term.weight for term in name)))
            at = start + count
        return phrases

    def _plain(
        self, query: Query, seen: Positions, sample: FloatArray | None, exact: tuple[str, ...], side: int
    ) -> Why:
        directions = [
            (focus.weight, vector)
            for focus in query.focuses
            if focus.weight > 0 and self._text is not None and (vector := self._text.encode(focus.word)) is not None
        ]
        direction = weighted_sum(directions)
        heat = self._heat(seen, direction, sample, side) if direction is not None else _cold(seen, side)
        return Why(heat, hottest(heat), (), {}, (), exact)

    def _own_vector(self, photo: Example, seen: Positions) -> FloatArray:
        stored = self._examples.stored_vector(photo.photo_id) if photo.photo_id is not None else None
        return stored if stored is not None else seen.whole

    def _heat(self, seen: Positions, direction: FloatArray, sample: FloatArray | None, side: int) -> FloatArray:
        mean, std = relevance.background((sample if sample is not None else seen.flat) @ direction)
        square = standard_scores(seen.map_of(direction), mean, std)
        heat = warmth(over_photo(square, seen.box, *_size(seen, side)))
        heat.setflags(write=False)
        return heat

    def _shares(
        self, known: Sequence[tuple[Focus, FloatArray]], own: FloatArray, sample: FloatArray | None
    ) -> list[WordShare]:
        scores = []
        for _, vector in known:
            mean, std = relevance.background(sample @ vector) if sample is not None else (0.0, 1.0)
            scores.append((float(own @ vector) - mean) / std)
        parts = shares([(focus.weight, score) for (focus, _), score in zip(known, scores, strict=True)])
        found = [
            WordShare(focus.word, part, score)
            for (focus, _), part, score in zip(known, parts, scores, strict=True)
        ]  # fmt: skip
        return sorted(found, key=lambda one: -abs(one.share))

    def _shared(self, likes: Sequence[tuple[Example, FloatArray]], photo: Example, own: FloatArray) -> list[Concept]:
        like = next((vector for example, vector in likes if not _same(example, photo)), None)
        return [] if like is None else self._concepts.shared(own, like)

    def _exact(self, query: Query, photo: Example, path: Path) -> tuple[str, ...]:
        keywords = self._keywords(photo.photo_id) if photo.photo_id is not None else ()
        return exact_matches([focus.word for focus in self._phrases(query) if focus.weight > 0], path, keywords)


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


def _size(seen: Positions, side: int) -> tuple[int, int]:
    """Return height and width of a heat map of this photo."""
    width, height = max(1, seen.facts.width), max(1, seen.facts.height)
    scale = side / max(width, height)
    return max(1, round(height * scale)), max(1, round(width * scale))


def _cold(seen: Positions, side: int) -> FloatArray:
    heat = np.zeros(_size(seen, side), np.float32)
    heat.setflags(write=False)
    return heat
