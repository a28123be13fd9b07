# SPDX-License-Identifier: GPL-3.0-or-later
"""The tag hierarchy: broader tags and synonyms, as a small tree of names.

It is used for two things. Automatic tags take the words that a user uses already ("dog", where the network says
"puppy"). And of several guesses that exclude each other, siblings under one name, only the best stays (the idea of
Deng and others, "Hedging your bets", 2012: when the leaf is uncertain, its parent is still right).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from semantic_photos.domain.tags import SEPARATOR, ancestors, clean_name, clean_text, leaf


@dataclass(frozen=True, slots=True)
class TagTree:
    """Names with ``|`` between levels, and which name each word stands for (words without case)."""

    name_of: Mapping[str, str]

    @classmethod
    def parse(cls, text: str) -> TagTree:
        """Read lines of ``animal|dog: puppy, hound``; ``#`` begins a comment, what makes no sense is left out."""
        name_of: dict[str, str] = {}
        for line in text.splitlines():
            content = line.split("#", 1)[0]
            given, _, others = content.partition(":")
            name = clean_name(given)
            if not name:
                continue
            for above in ancestors(name):
                name_of.setdefault(leaf(above).casefold(), above)
            name_of[leaf(name).casefold()] = name
            for other in others.split(","):
                word = clean_text(other, 100).casefold()
                if word:
                    name_of.setdefault(word, name)
        return cls(name_of)

    def find(self, word: str) -> str | None:
        """Return the full name that a word, or the last level of a name, stands for; None if it is not known."""
        return self.name_of.get(leaf(word).casefold())

    def same(self, first: str, second: str) -> bool:
        """Return whether two words stand for the same name."""
        name = self.find(first)
        return name is not None and name == self.find(second)

    def above(self, word: str, other: str) -> bool:
        """Return whether ``word`` means the same as ``other`` or something it is a kind of (animal above puppy)."""
        name, under = self.find(word), self.find(other)
        if name is None or under is None:
            return leaf(word).casefold() == leaf(other).casefold()
        return name == under or under.startswith(name + SEPARATOR)

    def exclude(self, first: str, second: str) -> bool:
        """Return whether two words are siblings, such as apple and peach."""
        one, two = self.find(first), self.find(second)
        if one is None or two is None or one == two:
            return False
        return one.rpartition(SEPARATOR)[0] == two.rpartition(SEPARATOR)[0] != ""

    def own_word(self, word: str, own: Iterable[str]) -> str | None:
        """Return the one of a user's own names that means ``word``; None if there is none.

        The name itself goes first (by its last level), then one that means the same.
        """
        names = sorted(own)
        folded = leaf(word).casefold()
        for name in names:
            if leaf(name).casefold() == folded:
                return name
        return next((name for name in names if self.same(name, word)), None)
