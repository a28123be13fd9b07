# SPDX-License-Identifier: GPL-3.0-or-later
"""Retrieval figures: photos found by captions, words, labels and other photos."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from semantic_photos.evaluation import metrics
from semantic_photos.evaluation.bench import Bench, ProgramSearch
from semantic_photos.evaluation.figure import Figure, Figures, Floats, Group, Ints, median_by_owner, plain, ratio
from semantic_photos.evaluation.photos import AnnotatedPhoto, Material, by_source
from semantic_photos.evaluation.queries import (
    Queries,
    caption_queries,
    label_queries,
    nouns_of,
    same_label,
    unseen_queries,
    word_queries,
)

EncodeText = Callable[[str], "Floats | None"]

#: Recipes name the dish's country and occasion, which cannot be seen: these are captioned, but no everyday photos.
LEFT_OUT = frozenset({"based_cooking"})
#: A word of no more training texts than this can hardly have been trained on them.
RARE = 10


@dataclasses.dataclass(frozen=True, slots=True)
class Collection:
    """The val photos of one index with the queries about them; made once, so that every pack answers the same.

    Attributes:
        name: of the index.
        captioned: rows of photos with captions, among all val photos, int64.
        labelled: rows of photos with labels.
        words: groups of word queries over the captioned photos (in their order), by name.
    """

    name: str
    captioned: Ints
    labelled: Ints
    words: dict[str, Queries]

    @classmethod
    def of(cls, name: str, photos: Sequence[AnnotatedPhoto], training: Sequence[AnnotatedPhoto]) -> Collection:
        """Make the queries of one index.

        Args:
            name: of the index.
            photos: all val photos.
            training: photos of the split that was trained on: their captions help to find nouns, and words that stand
                in none of them are unseen.
        """
        own = [i for i, photo in enumerate(photos) if photo.collection == name and photo.source not in LEFT_OUT]
        captioned = [i for i in own if photos[i].captions]
        words: dict[str, Queries] = {}
        if captioned:
            shown = [photos[i] for i in captioned]
            seen = [photo for photo in training if photo.collection == name and photo.source not in LEFT_OUT]
            texts = [caption for photo in (*shown, *seen) for caption in photo.captions]
            nouns = nouns_of(texts)
            words = {
                "one noun": word_queries(shown, words=1, among=nouns),
                "two nouns": word_queries(shown, words=2, among=nouns),
                "one word": word_queries(shown, words=1),
                "two words": word_queries(shown, words=2),
            }
            if training:
                words["rare noun"] = unseen_queries(shown, training, seen=(1, RARE), among=nouns)
                words["unseen noun"] = unseen_queries(shown, training, among=nouns_of(texts, 1))
        labelled = [i for i in own if photos[i].labels]
        return cls(name, np.array(captioned, np.int64), np.array(labelled, np.int64), words)


def collections_of(material: Material) -> list[Collection]:
    """Return each index with its queries."""
    return [Collection.of(name, material.photos, material.training) for name in material.collections]


def retrieval_figures(bench: Bench, collection: Collection) -> Figures:
    """Return the figures of captions, words, labels and similar photos of one index, and captions of each source."""
    figures: Figures = {}
    name, rows = collection.name, collection.captioned
    if len(rows):
        shown, vectors = [bench.photos[i] for i in rows], bench.vectors[rows]
        figures |= caption_figures(name, shown, vectors, bench.text.encode)
        search = bench.search(rows)
        for kind, asked in collection.words.items():
            figures[f"{name}: {kind}"] = word_figures(asked, search, rows)
        for kind in ("one noun", "two nouns"):
            figures[f"{name}: good matches, {kind}"] = good_matches_of_words(collection.words[kind], search, rows)
    if len(collection.labelled):
        rows = collection.labelled
        shown = [bench.photos[i] for i in rows]
        figures[f"{name}: labels"] = label_figures(shown, bench.vectors[rows], bench.text.encode)
        figures[f"{name}: similar photos"] = similar_figures(shown, bench.vectors[rows])
    return figures


def text_matrix(texts: Sequence[str], encode: EncodeText, dim: int) -> Floats:
    """Return unit vectors (Q, D) of texts; zeros, which find nothing in particular, for a text of unknown words."""
    rows = [encode(text) for text in texts]
    vectors = [np.zeros(dim, dtype=np.float32) if row is None else np.asarray(row, dtype=np.float32) for row in rows]
    return np.stack(vectors) if vectors else np.zeros((0, dim), dtype=np.float32)


def caption_figures(name: str, photos: Sequence[AnnotatedPhoto], vectors: Floats, encode: EncodeText) -> Figures:
    """Return recall and median rank of captions that look for their own photo, of all and of each source.

    Captions of one source look among all of these photos too. Ranges resample photos with all their captions: five
    captions of one photo are found or missed together.
    """
    texts, owners = caption_queries(photos)
    ranks = metrics.ranks_of(text_matrix(texts, encode, vectors.shape[1]) @ vectors.T, owners)
    figures = {f"{name}: captions": _recalls(ranks, owners)}
    for source, rows in by_source(photos).items():
        own = np.isin(owners, rows)
        figures[f"captions of {source}"] = _recalls(ranks[own], owners[own])
    return figures


def _recalls(ranks: Ints, owners: Ints) -> Group:
    owners = np.unique(owners, return_inverse=True)[1]
    each = np.bincount(owners)
    return {
        "captions": plain(len(ranks), len(ranks)),
        **{f"recall_at_{k}": ratio(np.bincount(owners, weights=ranks <= k), each) for k in (1, 5, 10)},
        "median_rank": median_by_owner(ranks, owners),
    }


def word_figures(asked: Queries, search: ProgramSearch, rows: Ints) -> Group:
    """Return precision at 10 and mean average precision of word queries, beside ceiling and chance.

    Args:
        asked: queries with the photos that answer them, bool (Q, M).
        search: the program's search over these photos.
        rows: which of all photos these are, int64 (M,).
    """
    count = len(asked.texts)
    if not count:
        return {"queries": plain(0, 0)}
    scores = search.scores(asked.texts)[:, rows]
    return {
        "queries": plain(count, count),
        "unknown": plain(int((scores == -np.inf).all(axis=1).sum()), count),
        "precision_at_10": ratio(metrics.precision_at(scores, asked.relevant, 10)),
        "map": ratio(metrics.average_precisions(scores, asked.relevant)),
        "ceiling": plain(metrics.ceiling_at(asked.relevant, 10), count),
        "chance": plain(metrics.chance_precision(asked.relevant), count),
    }


def good_matches_of_words(asked: Queries, search: ProgramSearch, rows: Ints) -> Group:
    """Return what the good matches hold: precision over queries that have any, recall over all.

    A photo that shows the thing though no caption says so counts as wrong, so precision is a lower bound.
    """
    place = np.full(int(rows.max()) + 1 if len(rows) else 0, -1)
    place[rows] = np.arange(len(rows))
    kept, right = [], []
    for number, text in enumerate(asked.texts):
        found = search.ranking(text)
        kept.append(found.good)
        right.append(int(asked.relevant[number, place[found.rows[: found.good]]].sum()))
    return good_matches(np.array(kept), np.array(right), asked.relevant.sum(axis=1))


def good_matches(kept: Ints, right: Ints, relevant: Ints) -> Group:
    """Return precision and recall of what is called good, as means over queries and over all hits together.

    Args:
        kept: photos called good for each query, (Q,).
        right: right ones among them.
        relevant: all right ones.
    """
    some = kept > 0
    return {
        "precision": ratio(np.where(some, right / np.maximum(kept, 1), 0.0), some),
        "recall": ratio(right / np.maximum(relevant, 1)),
        "precision_of_all_hits": ratio(right, kept),
        "recall_of_all_photos": ratio(right, relevant),
        "empty": ratio(~some),
        "photos": ratio(kept),
    }


def label_figures(photos: Sequence[AnnotatedPhoto], vectors: Floats, encode: EncodeText) -> Group:
    """Return label → photo precision, and photo → label among all labels or among those of three photos and more."""
    every, common = label_queries(photos, least=1), label_queries(photos)
    texts = text_matrix(every.texts, encode, vectors.shape[1])
    scores = texts @ vectors.T
    often = text_matrix(common.texts, encode, vectors.shape[1]) @ vectors.T
    count = len(every.texts)
    figures: dict[str, Figure] = {
        "labels": plain(count, count),
        "unknown": plain(int((~texts.any(axis=1)).sum()), count),
        "map": ratio(metrics.average_precisions(scores, every.relevant)),
        "zero_shot_top1": ratio(metrics.top_hits(scores.T, every.relevant.T, 1)),
        "zero_shot_top5": ratio(metrics.top_hits(scores.T, every.relevant.T, 5)),
    }
    if common.texts:
        figures |= {
            "photo_names_label_top1": ratio(metrics.top_hits(often.T, common.relevant.T, 1)),
            "photo_names_label_top5": ratio(metrics.top_hits(often.T, common.relevant.T, 5)),
            "label_finds_photo_top1": ratio(metrics.top_hits(often, common.relevant, 1)),
        }
    return figures


def similar_figures(photos: Sequence[AnnotatedPhoto], vectors: Floats) -> Group:
    """Return photo → photo precision at 10: a photo that shares a label is right; asked where ten others do."""
    shared = same_label(photos)
    enough = shared.sum(axis=1) >= 10
    if not enough.any():
        return {"photos": plain(0, 0)}
    alike = vectors @ vectors.T
    np.fill_diagonal(alike, -np.inf)
    count = int(enough.sum())
    return {
        "photos": plain(count, count),
        "precision_at_10": ratio(metrics.precision_at(alike[enough], shared[enough], 10)),
        "chance": plain(metrics.chance_precision(shared[enough]), count),
    }
