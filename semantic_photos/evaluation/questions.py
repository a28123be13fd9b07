# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions about photos whose answers are known, made from captions and labels."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from semantic_photos.evaluation.photos import Shown
from semantic_photos.evaluation.wording import NO_QUERY, WORD, folded_words, plain_words
from semantic_photos.ml.word_forms import folded


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
    photos: Sequence[Shown],
    *,
    words: int,
    least: int = 8,
    most: int = 300,
    limit: int = 300,
    among: Collection[str] | None = None,
) -> Questions:
    """Return queries of one or two caption words; a photo answers if one of its captions contains all of them.

    Args:
        photos: Captioned photos.
        words: 1 or 2.
        least: A query must have this many answers.
        most: And not more than these.
        limit: The most frequent ones are kept.
        among: Folded words that may be asked; None for all that are neither short nor functional.
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


def unseen_questions(
    photos: Sequence[Shown],
    training: Iterable[Shown],
    *,
    least: int = 3,
    seen: tuple[int, int] = (0, 0),
    among: Collection[str] | None = None,
) -> Questions:
    """Return one-word queries that no caption or label of the training photos holds, in singular or plural.

    Args:
        photos: Captioned photos.
        training: What may have been trained on.
        least: So many captions must hold the word (of how many photos does not matter).
        seen: In how many training texts the word stands, from and to; (0, 0) for words that are unseen.
        among: As in ``word_questions``.
    """
    known: Counter[str] = Counter()
    for photo in training:
        for text in (*photo.captions, *photo.labels):
            # "hot-dog" teaches "dog" as well.
            known.update(folded_words(text) | folded_words(text.replace("-", " ")))
    said = [[folded_words(caption) for caption in photo.captions] for photo in photos]
    counts = Counter(word for captions in said for caption in captions for word in caption)
    fitting = (word for word, count in counts.items() if count >= least and _asked(word, among))
    chosen = sorted(word for word in fitting if seen[0] <= known[word] <= seen[1])
    return _asking(photos, [(word,) for word in chosen], said)


def _asked(word: str, among: Collection[str] | None) -> bool:
    return len(word) > 2 and word not in NO_QUERY if among is None else word in among


def _asking(
    photos: Sequence[Shown], keys: Sequence[tuple[str, ...]], said: Sequence[Sequence[frozenset[str]]]
) -> Questions:
    """Spell each key as captions mostly do, and look which photos answer it."""
    spelled: dict[str, Counter[str]] = {}
    for photo in photos:
        for caption in photo.captions:
            for word in WORD.findall(caption.lower()):
                spelled.setdefault(folded(word.removesuffix("'s")), Counter())[word.removesuffix("'s")] += 1
    relevant = np.array([[any(set(key) <= c for c in captions) for captions in said] for key in keys], dtype=np.bool_)
    texts = [" ".join(spelled[word].most_common(1)[0][0] for word in key) for key in keys]
    return Questions(texts, relevant.reshape(len(keys), len(photos)))


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


def names(tag: str, label: str) -> bool:
    """Return whether a tag names a label: it is the label, or a word of it, in singular or plural.

    "dog" names "dogs" and "guide dog"; "guide dog" does not name "dog", which says less.
    """
    said, asked = plain_words(tag), plain_words(label)
    return said == asked or (len(said) == 1 and said[0] in {*asked, *plain_words(label.replace("-", " "))})
