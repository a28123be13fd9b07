# SPDX-License-Identifier: GPL-3.0-or-later
"""Queries with known answers, made from captions and labels: their words, and which of them are nouns."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from semantic_photos.evaluation.photos import AnnotatedPhoto
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

    No part-of-speech tagger is used; the place of a word decides. In "a brown dog runs on the grass", "grass"
    stands between an article and the end: a noun phrase of one word, so its word is a noun. Adjectives come before
    another word ("grassy field"), verbs after one ("runs on"). A word counts if at least a fifth of its places, and
    three of them, are of this kind: between an article, owner, number, preposition or common adjective on its left
    and punctuation, a preposition, a conjunction or a form of "be" on its right. Forms of verbs ("jumping",
    "dressed") fail by the same measure, while "building" and "bed" pass it, which no rule about endings could do.
    Nouns that mostly stand before others ("tennis", "soccer player") are missed; better those than verbs among the
    queries.

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


@dataclasses.dataclass(frozen=True, slots=True)
class Queries:
    """Texts with the photos that answer them.

    Attributes:
        texts: The queries.
        relevant: bool (Q, N), which of the photos answer each.
    """

    texts: list[str]
    relevant: NDArray[np.bool_]


def caption_queries(photos: Sequence[AnnotatedPhoto]) -> tuple[list[str], NDArray[np.int64]]:
    """Return every caption and the position of its photo."""
    pairs = [(caption, i) for i, photo in enumerate(photos) for caption in photo.captions]
    return [text for text, _ in pairs], np.array([i for _, i in pairs], dtype=np.int64)


def word_queries(
    photos: Sequence[AnnotatedPhoto],
    *,
    words: int,
    least: int = 8,
    most: int = 300,
    limit: int = 300,
    among: Collection[str] | None = None,
) -> Queries:
    """Return queries of one or two caption words; a photo answers if one of its captions contains all of them.

    Args:
        photos: Captioned photos.
        words: 1 or 2.
        least: A query must have this many answers.
        most: And not more than these.
        limit: The most frequent ones are kept.
        among: Folded words that may be queries; None for all that are neither short nor functional.
    """
    said = [[folded_words(caption) for caption in photo.captions] for photo in photos]
    counts: Counter[tuple[str, ...]] = Counter()
    for captions in said:
        found: set[tuple[str, ...]] = set()
        for caption_words in captions:
            useful = sorted(w for w in caption_words if _asked(w, among))
            if words == 1:
                found.update((w,) for w in useful)
            else:
                found.update((a, b) for k, a in enumerate(useful) for b in useful[k + 1 :])
        counts.update(found)
    fitting = [key for key, count in counts.items() if least <= count <= most]
    chosen = sorted(fitting, key=lambda key: (-counts[key], key))[:limit]
    return _asking(photos, chosen, said)


def unseen_queries(
    photos: Sequence[AnnotatedPhoto],
    training: Iterable[AnnotatedPhoto],
    *,
    least: int = 3,
    seen: tuple[int, int] = (0, 0),
    among: Collection[str] | None = None,
) -> Queries:
    """Return one-word queries that no caption or label of the training photos holds, in singular or plural.

    Args:
        photos: Captioned photos.
        training: What may have been trained on.
        least: So many captions must hold the word (of how many photos does not matter).
        seen: In how many training texts the word stands, from and to; (0, 0) for words that are unseen.
        among: As in ``word_queries``.
    """
    known: Counter[str] = Counter()
    for photo in training:
        for text in (*photo.captions, *photo.labels):
            # "hot-dog" counts for "dog" as well.
            known.update(folded_words(text) | folded_words(text.replace("-", " ")))
    said = [[folded_words(caption) for caption in photo.captions] for photo in photos]
    counts = Counter(word for captions in said for caption in captions for word in caption)
    fitting = (word for word, count in counts.items() if count >= least and _asked(word, among))
    chosen = sorted(word for word in fitting if seen[0] <= known[word] <= seen[1])
    return _asking(photos, [(word,) for word in chosen], said)


def _asked(word: str, among: Collection[str] | None) -> bool:
    return len(word) > 2 and word not in NO_QUERY if among is None else word in among


def _asking(
    photos: Sequence[AnnotatedPhoto], keys: Sequence[tuple[str, ...]], said: Sequence[Sequence[frozenset[str]]]
) -> Queries:
    """Spell each key as captions mostly do, and look which photos answer it."""
    spelled: dict[str, Counter[str]] = {}
    for photo in photos:
        for caption in photo.captions:
            for word in WORD.findall(caption.lower()):
                spelled.setdefault(folded(word.removesuffix("'s")), Counter())[word.removesuffix("'s")] += 1
    relevant = np.array([[any(set(key) <= c for c in captions) for captions in said] for key in keys], dtype=np.bool_)
    texts = [" ".join(spelled[word].most_common(1)[0][0] for word in key) for key in keys]
    return Queries(texts, relevant.reshape(len(keys), len(photos)))


def label_queries(photos: Sequence[AnnotatedPhoto], least: int = 3) -> Queries:
    """Return every label that at least ``least`` photos carry, with those photos."""
    counts = Counter(label for photo in photos for label in set(photo.labels))
    names = sorted(name for name, count in counts.items() if count >= least)
    relevant = np.array([[name in photo.labels for photo in photos] for name in names], dtype=np.bool_)
    return Queries(names, relevant.reshape(len(names), len(photos)))


def same_label(photos: Iterable[AnnotatedPhoto]) -> NDArray[np.bool_]:
    """Return which pairs of photos share a label, the photo itself left out: bool (N, N)."""
    sets = [frozenset(photo.labels) for photo in photos]
    names = {label: i for i, label in enumerate(sorted(set().union(*sets)))} if sets else {}
    has = np.zeros((len(sets), max(1, len(names))), dtype=np.float32)
    for i, labels in enumerate(sets):
        has[i, [names[label] for label in labels]] = 1.0
    shared: NDArray[np.bool_] = has @ has.T > 0
    np.fill_diagonal(shared, val=False)
    return shared


def names_label(tag: str, label: str) -> bool:
    """Return whether a tag names a label: it is the label, or a word of it, in singular or plural.

    "dog" names "dogs" and "guide dog"; "guide dog" does not name "dog", which is less specific.
    """
    said, asked = plain_words(tag), plain_words(label)
    return said == asked or (len(said) == 1 and said[0] in {*asked, *plain_words(label.replace("-", " "))})


#: Labels that many photos show without carrying them: whether another photo shows one is not known.
_UNCERTAIN = frozenset(
    {
        "person", "face", "interior", "room", "text", "document", "packages", "picture", "photo", "exterior",
        "portrait", "sketch", "cartoon", "day", "night", "product", "outdoor", "street fashion",
    }
)  # fmt: skip
#: So many captions of a photo must name a thing so that it is surely to be seen.
_SURE = 3


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class SureWord:
    """A word with photos that certainly show what it means, and photos that certainly do not.

    Attributes:
        text: the word.
        shown: bool (N,), the photos that surely show it.
        candidates: bool (N,), the photos among which it is searched: those with labels or captions.
        relevant: bool (N,), those that count as right.
        apart: bool (N,), those that surely do not show it, as far as labels or captions show.
    """

    text: str
    shown: NDArray[np.bool_]
    candidates: NDArray[np.bool_]
    relevant: NDArray[np.bool_]
    apart: NDArray[np.bool_]


def sure_labels(photos: Sequence[AnnotatedPhoto], known: Callable[[str], bool], least: int = 6) -> list[SureWord]:
    """Return labels that are known words, of at least so many photos."""
    asked = label_queries(photos, least)
    candidates = np.array([bool(photo.labels) for photo in photos])
    said = [frozenset().union(*(folded_words(label) for label in photo.labels)) for photo in photos]
    found = []
    for text, relevant in zip(asked.texts, asked.relevant, strict=True):
        if text not in _UNCERTAIN and known(text):
            words = folded_words(text)
            apart = np.array([not words & one for one in said]) & candidates
            found.append(SureWord(text, relevant, candidates, relevant, apart))
    return found


def sure_caption_words(
    photos: Sequence[AnnotatedPhoto], known: Callable[[str], bool], least: int = 10, most: int = 250
) -> list[SureWord]:
    """Return frequent known words of photos with several captions; one surely shows what three of them name."""
    rows = [i for i, photo in enumerate(photos) if len(photo.captions) >= _SURE]
    asked = word_queries([photos[i] for i in rows], words=1, least=least, most=most, limit=150)
    candidates = np.zeros(len(photos), dtype=np.bool_)
    candidates[rows] = True
    named = [Counter(word for caption in photo.captions for word in folded_words(caption)) for photo in photos]
    found = []
    for text in asked.texts:
        if known(text):
            times = np.array([count[folded(text)] for count in named])
            found.append(
                SureWord(text, (times >= _SURE) & candidates, candidates, (times > 0) & candidates,
                         (times == 0) & candidates)
            )  # fmt: skip
    return found
