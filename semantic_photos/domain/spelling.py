# SPDX-License-Identifier: GPL-3.0-or-later
"""Spelling correction: the known words or names nearest to a typed one, by rapidfuzz edit distances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA


def typing_errors(length: int) -> int:
    """Return how many typing errors a word of ``length`` letters may have and still be recognized."""
    return 1 if length <= 4 else 2 if length <= 8 else 3


def nearest(word: str, words: Sequence[str], n: int) -> list[str]:
    """Return up to ``n`` of ``words`` that are spelled like ``word``, best first; never ``word`` itself.

    An error is a letter that is inserted, deleted, replaced or swapped with its neighbour (optimal string alignment).
    Users rarely get the first letter wrong: another one counts half an error more.

    Args:
        word: what was typed, case-folded.
        words: none empty; the earlier one wins among equals.
        n: the most that are returned.
    """
    if not word or n <= 0:
        return []
    found = process.extract(word, words, scorer=OSA.distance, score_cutoff=typing_errors(len(word)), limit=None)
    ranked = sorted((far + (0.5 if other[0] != word[0] else 0.0), place, other) for other, far, place in found if far)
    return [other for _, _, other in ranked[:n]]


def meant(word: str, names: Mapping[str, str], n: int = 2) -> tuple[str, ...]:
    """Return what a user who typed ``word`` may have meant, best first: a name that it begins, or is spelled like.

    Args:
        word: what was typed, case-folded.
        names: everything that could have been typed, with what each stands for; earlier ones win among equals.
        n: the most that are returned.
    """
    known, limit = list(names), typing_errors(len(word))
    far = {name: 0 for name in known if len(word) > 1 and name.startswith(word)}
    for name, errors, _ in process.extract(word, known, scorer=OSA.distance, score_cutoff=limit, limit=None):
        far.setdefault(name, errors)
    near = sorted((name for name in known if name in far), key=far.__getitem__)
    return tuple(dict.fromkeys(names[name] for name in near))[:n]


def similar(text: str, names: Sequence[str], n: int, least: float) -> list[str]:
    """Return up to ``n`` names that share at least the part ``least``, from 0 to 1, of their letters with a text."""
    return [name for name, _, _ in process.extract(text, names, scorer=fuzz.ratio, score_cutoff=100 * least, limit=n)]
