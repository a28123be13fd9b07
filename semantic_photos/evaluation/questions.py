# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions about photos whose answers are known, made from an index of captions and labels."""

from __future__ import annotations

import dataclasses
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_WORD = re.compile(r"[a-z]+(?:[-'][a-z]+)*")
# Words too general or too functional to be searched for; a caption word among them is no query.
_NO_QUERY_TEXT = """
a an the this that these those of in on at by for with without from to into onto over under near next through up
down out off across along around behind front back between during while is are was were be being been has have
had do does did and or but as it its his her their they he she him them there other another one two three four
five six several some many each both all very who which what where together against looks look looking large
small big little stands standing sits sitting holds holding wearing wears
"""
_NO_QUERY = frozenset(_NO_QUERY_TEXT.split())


@dataclasses.dataclass(frozen=True, slots=True)
class Shown:
    """One photo of the index with what people said of it."""

    file: str
    shard: int
    source: str
    labels: tuple[str, ...]
    captions: tuple[str, ...]


def read_photos(index: Path, split: str = "val") -> list[Shown]:
    """Read the photos of one split from a ``photos.jsonl``."""
    photos = []
    with index.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if row["split"] == split:
                labels = tuple(label.lower() for label in row.get("labels") or ())
                photos.append(
                    Shown(row["file"], int(row["shard"]), row["source"], labels, tuple(row.get("captions") or ()))
                )
    return photos


def folded(word: str) -> str:
    """Return a word with a plain English plural ending taken off: "dogs" asks for the same as "dog"."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("ches", "shes", "sses", "xes", "zes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def folded_words(text: str) -> frozenset[str]:
    """Return the folded words of a text."""
    return frozenset(folded(word.removesuffix("'s")) for word in _WORD.findall(text.lower()))


@dataclasses.dataclass(frozen=True, slots=True)
class Questions:
    """Texts with the photos that answer them.

    Attributes:
        texts: The queries.
        relevant: bool (Q, N), which of the photos answer each.
    """

    texts: list[str]
    relevant: NDArray[np.bool_]


def caption_questions(photos: Sequence[Shown]) -> tuple[list[str], NDArray[np.int64]]:
    """Return every caption and the position of its photo."""
    pairs = [(caption, i) for i, photo in enumerate(photos) for caption in photo.captions]
    return [text for text, _ in pairs], np.array([i for _, i in pairs], dtype=np.int64)


def word_questions(
    photos: Sequence[Shown], *, words: int, least: int = 8, most: int = 300, limit: int = 300
) -> Questions:
    """Return queries of one or two caption words; a photo answers if one of its captions contains all of them.

    Args:
        photos: Captioned photos.
        words: 1 or 2.
        least: A query must have this many answers.
        most: And not more than these.
        limit: The most frequent ones are kept.
    """
    said = [[folded_words(caption) for caption in photo.captions] for photo in photos]
    spelled: dict[str, Counter[str]] = {}
    for photo in photos:
        for caption in photo.captions:
            for word in _WORD.findall(caption.lower()):
                spelled.setdefault(folded(word), Counter())[word] += 1
    counts: Counter[tuple[str, ...]] = Counter()
    for captions in said:
        found: set[tuple[str, ...]] = set()
        for caption_words in captions:
            useful = sorted(w for w in caption_words if len(w) > 2 and w not in _NO_QUERY)
            if words == 1:
                found.update((w,) for w in useful)
            else:
                found.update((a, b) for k, a in enumerate(useful) for b in useful[k + 1 :])
        counts.update(found)
    fitting = [key for key, count in counts.items() if least <= count <= most]
    chosen = sorted(fitting, key=lambda key: (-counts[key], key))[:limit]
    relevant = np.array([[any(set(key) <= c for c in captions) for captions in said] for key in chosen], dtype=np.bool_)
    texts = [" ".join(spelled[word].most_common(1)[0][0] for word in key) for key in chosen]
    return Questions(texts, relevant)


def label_questions(photos: Sequence[Shown], least: int = 3) -> Questions:
    """Return every label that at least ``least`` photos carry, with those photos."""
    counts = Counter(label for photo in photos for label in set(photo.labels))
    names = sorted(name for name, count in counts.items() if count >= least)
    relevant = np.array([[name in photo.labels for photo in photos] for name in names], dtype=np.bool_)
    return Questions(names, relevant.reshape(len(names), len(photos)))


def same_label(photos: Iterable[Shown]) -> NDArray[np.bool_]:
    """Return which pairs of photos share a label, the photo itself left out: bool (N, N)."""
    sets = [frozenset(photo.labels) for photo in photos]
    names = {label: i for i, label in enumerate(sorted(set().union(*sets)))} if sets else {}
    has = np.zeros((len(sets), max(1, len(names))), dtype=np.float32)
    for i, labels in enumerate(sets):
        has[i, [names[label] for label in labels]] = 1.0
    shared: NDArray[np.bool_] = has @ has.T > 0
    np.fill_diagonal(shared, val=False)
    return shared
