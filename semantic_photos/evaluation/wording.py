# SPDX-License-Identifier: GPL-3.0-or-later
"""Words of captions: their plain forms, and which of them are nouns, told by where they stand."""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterable

from semantic_photos.ml.word_forms import folded

WORD = re.compile(r"[a-z]+(?:[-'][a-z]+)*")
_TOKEN = re.compile(r"[a-z]+(?:[-'][a-z]+)*|[^\sa-z]")

# Words too general or too functional to be searched for; a caption word among them is no query.
_NO_QUERY_TEXT = """
a an the this that these those of in on at by for with without from to into onto over under near next through up
down out off across along around behind front back between during while is are was were be being been has have
had do does did and or but as it its his her their they he she him them there other another one two three four
five six several some many each both all very who which what where together against looks look looking large
small big little stands standing sits sitting holds holding wearing wears
"""
NO_QUERY = frozenset(_NO_QUERY_TEXT.split())

# What may stand before the noun of a noun phrase: articles, owners and numbers; prepositions; common adjectives.
_BEFORE_TEXT = """
a an the his her their its my our your this that these those no both few many several some two three four five six
seven eight nine ten
"""
_PREPOSITIONS_TEXT = """
of in on at by with without from to into onto over under near through up down off across along around behind
between against above below beside beneath during inside outside for like wearing
"""
_ADJECTIVES_TEXT = """
red blue green yellow black white brown orange pink purple grey gray tan blond blonde golden dark bright light young
old older little big large small tall long short
"""
# What ends a noun phrase, beside prepositions and every mark of punctuation.
_AFTER_TEXT = "and or but while as is are was were be being been who which that where when then"

_PREPOSITIONS = frozenset(_PREPOSITIONS_TEXT.split())
_ADJECTIVES = frozenset(_ADJECTIVES_TEXT.split())
_BEFORE = frozenset(_BEFORE_TEXT.split()) | _PREPOSITIONS | _ADJECTIVES
_AFTER = frozenset(_AFTER_TEXT.split()) | _PREPOSITIONS
# Nouns that name no thing in the picture, pronouns, and places within the picture.
_NOT_A_THING_TEXT = """
front back middle top side base edge end left right background foreground distance view picture photo photograph image
closeup close-up camera lot set piece pair bunch something someone anything everyone somebody object thing way him her
them himself herself it itself themselves one other another each course event
"""
_NO_NOUN = NO_QUERY | _BEFORE | _AFTER | frozenset(_NOT_A_THING_TEXT.split())

#: A word is a noun if it stands alone between the two ends of a noun phrase in this share of its places …
LEAST_SHARE = 0.2
#: … and at least so often.
LEAST_PLACES = 3


@functools.lru_cache(maxsize=100_000)
def plain_words(text: str) -> tuple[str, ...]:
    """Return the folded words of a text in their order."""
    return tuple(folded(word.removesuffix("'s")) for word in WORD.findall(text.lower()))


def folded_words(text: str) -> frozenset[str]:
    """Return the folded words of a text."""
    return frozenset(plain_words(text))


def nouns_of(captions: Iterable[str], least: int = LEAST_PLACES) -> frozenset[str]:
    """Return the folded words that these captions use as nouns.

    No tagger is asked; the place of a word tells. In "a brown dog runs on the grass", "grass" stands between an
    article and the end: a noun phrase of one word, so its word is a noun. Adjectives come before another word
    ("grassy field"), verbs after one ("runs on"). A word counts if at least a fifth of its places, and three of
    them, are of this kind: between an article, owner, number, preposition or common adjective on its left and
    punctuation, a preposition, a conjunction or a form of "be" on its right. Forms of verbs ("jumping", "dressed")
    fail by the same measure, while "building" and "bed" pass it, which no rule about endings could do. Nouns that
    mostly stand before others ("tennis", "soccer player") are missed; better those than verbs among the queries.

    Args:
        captions: Many of them.
        least: So many places of this kind a word needs; words that are rare by choice can only have few.
    """
    places: Counter[str] = Counter()
    alone: Counter[str] = Counter()
    for caption in captions:
        tokens = _TOKEN.findall(caption.lower())
        for number, token in enumerate(tokens):
            if not token[0].isalpha():
                continue
            word = folded(token.removesuffix("'s"))
            places[word] += 1
            before = tokens[number - 1] if number else ""
            after = tokens[number + 1] if number + 1 < len(tokens) else "."
            if before in _BEFORE and (after in _AFTER or not after[0].isalpha()):
                alone[word] += 1
    return frozenset(
        word
        for word, count in alone.items()
        if len(word) > 2 and word not in _NO_NOUN and count >= least and count >= LEAST_SHARE * places[word]
    )
