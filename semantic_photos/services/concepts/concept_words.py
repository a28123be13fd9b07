# SPDX-License-Identifier: GPL-3.0-or-later
"""A text encoder that knows the words of a pack and the names of the user's custom concepts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from semantic_photos.domain.ports import FloatArray, TextEncoder
from semantic_photos.domain.tags import leaf
from semantic_photos.domain.vectors import weighted_sum


class ConceptWords:
    """Implements ``TextEncoder``: a custom concept's name has the concept's direction, whether it is a word or not.

    A name of several words matches consecutive words, ignoring case; a hierarchical name matches by its last level.
    Each word of a phrase has the same weight.

    Thread: any; blocking (catalog).

    Args:
        words: the words of the pack.
        names: the names of the custom concepts.
        direction: the unit vector (D,) of a concept, or None if it has too few photos by now.
    """

    def __init__(
        self, words: TextEncoder, names: Callable[[], Sequence[str]], direction: Callable[[str], FloatArray | None]
    ) -> None:
        self._words, self._names, self._direction = words, names, direction

    @property
    def dim(self) -> int:
        """Return the number of dimensions D of the shared space."""
        return self._words.dim

    def encode(self, text: str) -> FloatArray | None:
        """Return the unit vector (D,) of a phrase, or None if nothing in it is known.

        Raises:
            CatalogError: when the catalog cannot be read.
        """
        custom_concepts, rest = self._taken_apart(text)
        if not custom_concepts:
            return self._words.encode(text)
        plain = self._words.encode(" ".join(rest)) if rest else None
        return weighted_sum([*custom_concepts, *([] if plain is None else [(float(len(rest)), plain)])])

    def unknown_words(self, text: str) -> tuple[str, ...]:
        """Return the words of a phrase that are neither in the table nor part of a concept's name, in order."""
        custom_concepts, rest = self._taken_apart(text)
        return self._words.unknown_words(" ".join(rest) if custom_concepts else text)

    def content_words(self, text: str) -> tuple[str, ...]:
        """Return the concepts in a phrase and its other known content words, each once.

        Raises:
            CatalogError: when the catalog cannot be read.
        """
        words = text.split()
        found = self._found(words)
        if not found:
            return self._words.content_words(text)
        parts: list[str] = []
        at = 0
        for start, count in [*((start, count) for start, count, _ in found), (len(words), 0)]:
            parts += self._words.content_words(" ".join(words[at:start]))
            parts += [" ".join(words[start : start + count])] if count else []
            at = start + count
        return tuple(dict.fromkeys(parts))

    def trust(self, text: str) -> float:
        """Return the trust of the least trained known word of a phrase, concepts apart, in [0, 1].

        Raises:
            CatalogError: when the catalog cannot be read.
        """
        custom_concepts, rest = self._taken_apart(text)
        return self._words.trust(" ".join(rest) if custom_concepts else text)

    def neighbours(self, vector: FloatArray, n: int, *, exclude: Iterable[str] = ()) -> list[tuple[str, float]]:
        """Return the ``n`` nearest words of the pack to a unit vector (D,) with their cosines, best first."""
        return self._words.neighbours(vector, n, exclude=exclude)

    def offered(self) -> tuple[Sequence[str], FloatArray]:
        """Return the words of the pack that are worth offering (M) and their unit vectors (M, D)."""
        return self._words.offered()

    def suggestions(self, word: str, n: int) -> list[str]:
        """Return known words that are spelled like ``word``, best first."""
        return self._words.suggestions(word, n)

    def completions(self, prefix: str, n: int) -> list[str]:
        """Return known words that begin with ``prefix``, most frequent first."""
        return self._words.completions(prefix, n)

    def custom_concepts(self, words: Sequence[str]) -> list[tuple[int, int]]:
        """Return where names of concepts stand among words: the first word, and the number of words.

        Raises:
            CatalogError: when the catalog cannot be read.
        """
        return [(at, count) for at, count, _ in self._found(words)]

    def _taken_apart(self, text: str) -> tuple[list[tuple[float, FloatArray]], list[str]]:
        """Return the concepts in a phrase, each with the number of its words, and the other words."""
        words = text.split()
        found = self._found(words)
        taken = {place for at, count, _ in found for place in range(at, at + count)}
        rest = [word for place, word in enumerate(words) if place not in taken]
        return [(float(count), vector) for _, count, vector in found], rest

    def _found(self, words: Sequence[str]) -> list[tuple[int, int, FloatArray]]:
        """Return first word, number of words and vector of each concept among words; the longest name wins."""
        names = {tuple(leaf(name).casefold().split()): name for name in self._names()}
        longest = max(map(len, names), default=0)
        folded = [word.casefold() for word in words]
        found: list[tuple[int, int, FloatArray]] = []
        at = 0
        while at < len(words):
            for count in range(min(longest, len(words) - at), 0, -1):
                name = names.get(tuple(folded[at : at + count]))
                vector = self._direction(name) if name is not None else None
                if vector is not None:
                    found.append((at, count, vector))
                    at += count
                    break
            else:
                at += 1
        return found
