# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokenization of typed text, and other forms of the same word to look up in the word table.

Light English morphology by rule, without a dictionary: a form counts only if the table has it, so a wrong guess
mostly finds nothing. It is asked only for words that the table does not have as they stand.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

#: A word: letters (with their accents) and digits of any script, with apostrophes and hyphens inside it.
_TOKEN = re.compile(r"[^\W_](?:[^\W_]|[\u0300-\u036f])*(?:['-](?:[^\W_]|[\u0300-\u036f])+)*'?")
#: Apostrophes and hyphens as keyboards and word processors make them; soft hyphens and joiners say nothing.
_SAME = str.maketrans(
    {"’": "'", "‘": "'", "ʼ": "'", "`": "'", "´": "'", "‐": "-", "‑": "-", "‒": "-", "\u00ad": "", "\u200d": "",
     "\u200c": "", "\u200b": "", "\ufeff": ""}
)  # fmt: skip
#: Longer than any word; longer input is no word, such as a key held down.
_LONGEST = 64
#: Letters and tokens beyond this are ignored.
_MOST_LETTERS, _MOST_TOKENS = 20_000, 256

_IRREGULAR = {
    "men": "man", "women": "woman", "children": "child", "people": "person", "feet": "foot", "teeth": "tooth",
    "mice": "mouse", "geese": "goose", "oxen": "ox", "lice": "louse", "cacti": "cactus", "fungi": "fungus",
    "leaves": "leaf", "wolves": "wolf", "knives": "knife", "wives": "wife", "loaves": "loaf", "shelves": "shelf",
    "calves": "calf", "halves": "half", "scarves": "scarf", "hooves": "hoof", "lives": "life", "thieves": "thief",
    "ran": "run", "swam": "swim", "sat": "sit", "stood": "stand", "ate": "eat", "rode": "ride", "drove": "drive",
    "flew": "fly", "slept": "sleep", "held": "hold", "wore": "wear", "threw": "throw", "caught": "catch",
}  # fmt: skip
_PLURALS = {singular: plural for plural, singular in _IRREGULAR.items()}
_VOWELS = frozenset("aeiou")


def tokens(text: str) -> list[str]:
    """Return the words of a text, case-folded and in compatibility form (NFKC), in order."""
    # Translated first: the compatibility form of a lone accent is a blank with an accent.
    plain = unicodedata.normalize("NFKC", text[:_MOST_LETTERS].translate(_SAME)).casefold()
    # Case folding may undo the normal form (İ becomes i and a dot above).
    plain = unicodedata.normalize("NFKC", plain)
    return [token for token in _TOKEN.findall(plain)[:_MOST_TOKENS] if len(token) <= _LONGEST]


def without_accents(word: str) -> str:
    """Return the word without accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))


def folded(word: str) -> str:
    """Return a word without a plain English plural ending: "dogs" finds the same as "dog"."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("ches", "shes", "sses", "xes", "zes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def forms(word: str) -> Iterator[str]:
    """Yield other forms of a word in the order in which they should be tried; the word itself comes first."""
    yield word
    plain = without_accents(word)
    if plain != word:
        yield plain
    bare = re.sub(r"'s$|'$", "", plain)
    if bare != plain:
        yield bare
    if "'" in bare:
        yield bare.replace("'", "")
    yield from _numbers(bare)
    yield from _verbs(bare)


def same_thing(word: str) -> set[str]:
    """Return a word and what may be its singular; two words whose sets meet are forms of one."""
    bare = word.removesuffix("'s").replace("-", "")
    return {bare, *_singulars(bare)}


def _numbers(word: str) -> Iterator[str]:
    yield from _singulars(word)
    if word in _PLURALS:
        yield _PLURALS[word]
    if not word.endswith("s"):
        if word.endswith("y") and word[-2:-1] not in _VOWELS:
            yield word[:-1] + "ies"
        if word.endswith(("ch", "sh", "x", "z")):
            yield word + "es"
        yield word + "s"
    elif word.endswith("ss"):
        yield word + "es"


def _singulars(word: str) -> Iterator[str]:
    if word in _IRREGULAR:
        yield _IRREGULAR[word]
    if len(word) > 4 and word.endswith("ies"):
        yield word[:-3] + "y"
        yield word[:-1]
    elif len(word) > 4 and word.endswith(("ches", "shes", "sses", "xes", "zes", "oes")):
        yield word[:-2]
        yield word[:-1]
    elif len(word) > 4 and word.endswith("ses"):
        yield word[:-1]
        yield word[:-2]
    elif len(word) > 4 and word.endswith("ves"):
        yield word[:-1]
        yield word[:-3] + "f"
        yield word[:-3] + "fe"
    elif len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        yield word[:-1]


def _verbs(word: str) -> Iterator[str]:
    """Yield stems of -ing and -ed: smiling → smile, running → run, walked → walk, carried → carry."""
    if len(word) > 4 and word.endswith("ied"):
        yield word[:-3] + "y"
        return
    for ending in ("ing", "ed"):
        stem = word.removesuffix(ending)
        # A stem has a vowel and three letters, so that `king` and `bed` stay what they are.
        if stem == word or len(stem) < 3 or not _VOWELS & set(stem):
            continue
        if stem[-1] == stem[-2] and stem[-1] not in "ls":
            yield stem[:-1]
        yield stem
        yield stem + "e"
        if stem[-1] == stem[-2]:
            yield stem[:-1]
