# SPDX-License-Identifier: GPL-3.0-or-later
"""How far two spellings are apart, and which of a few words somebody meant."""

from __future__ import annotations

from collections.abc import Mapping


def edit_distance(first: str, second: str, limit: int) -> int:
    """Return how many letters must be put in, taken out, replaced or swapped with their neighbour.

    Optimal string alignment (Damerau 1964, Levenshtein 1966); ``limit + 1`` stands for anything above ``limit``.
    """
    if abs(len(first) - len(second)) > limit:
        return limit + 1
    before: list[int] = []
    last = list(range(len(second) + 1))
    for i, letter in enumerate(first, start=1):
        row = [i]
        for j, other in enumerate(second, start=1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == second[j - 2] and first[i - 2] == other:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
        before, last = last, row
    return min(last[-1], limit + 1)


def typing_errors(length: int) -> int:
    """Return how many errors a word of so many letters may have and still be meant."""
    return 1 if length <= 4 else 2 if length <= 8 else 3


def meant(word: str, names: Mapping[str, str], n: int = 2) -> tuple[str, ...]:
    """Return what somebody who typed ``word`` may have meant, best first: a name that it begins, or is spelled like.

    Args:
        word: what was typed, folded.
        names: everything that could have been typed, with what each stands for; earlier ones win among equals.
        n: so many are returned at most.
    """
    limit = typing_errors(len(word))
    begun = {name: 0.0 for name in names if len(word) > 1 and name.startswith(word)}
    alike = {name: float(edit_distance(word, name, limit)) for name in names if name not in begun}
    near = sorted((begun | {name: far for name, far in alike.items() if far <= limit}).items(), key=lambda one: one[1])
    return tuple(dict.fromkeys(names[name] for name, _ in near))[:n]
