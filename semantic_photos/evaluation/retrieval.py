# SPDX-License-Identifier: GPL-3.0-or-later
"""How well photos are found: by captions, by words, by labels, and by other photos."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from semantic_photos.evaluation import metrics
from semantic_photos.evaluation.figure import Figure, Figures, Floats, Group, Ints, median_by_owner, plain, ratio
from semantic_photos.evaluation.photos import Shown
from semantic_photos.evaluation.questions import (
    Questions,
    caption_questions,
    label_questions,
    same_label,
    unseen_questions,
    word_questions,
)
from semantic_photos.evaluation.wording import nouns_of

EncodeText = Callable[[str], "Floats | None"]

# Recipes name the dish's country and occasion, which nobody can see; they are captioned, but are no everyday photos.
UNSEEN_SOURCES = frozenset({"based_cooking"})
#: A word of no more training texts than this can hardly have been learnt from them.
RARE = 10


@dataclasses.dataclass(frozen=True, slots=True)
class Material:
    """What is asked of which photos; made once, so that every model answers the same questions.

    Attributes:
        photos: All judged photos.
        captioned: Rows of those with captions.
        labelled: Rows of those with labels.
        words: Groups of word queries over the captioned photos, by name.
    """

    photos: Sequence[Shown]
    captioned: list[int]
    labelled: list[int]
    words: dict[str, Questions]

    @classmethod
    def of(cls, photos: Sequence[Shown], training: Sequence[Shown] = ()) -> Material:
        """Make the questions.

        Args:
            photos: The judged photos.
            training: The photos of the split that was trained on, for words that are unseen there. Their captions
                also help to tell nouns.
        """
        seen = [i for i, photo in enumerate(photos) if photo.source not in UNSEEN_SOURCES]
        captioned = [i for i in seen if photos[i].captions]
        labelled = [i for i in seen if photos[i].labels]
        words: dict[str, Questions] = {}
        if captioned:
            shown = [photos[i] for i in captioned]
            everyday = [photo for photo in (*shown, *training) if photo.source not in UNSEEN_SOURCES]
            texts = [caption for photo in everyday for caption in photo.captions]
            nouns = nouns_of(texts)
            words = {
                "one_noun": word_questions(shown, words=1, among=nouns),
                "two_nouns": word_questions(shown, words=2, among=nouns),
                "one_word": word_questions(shown, words=1),
                "two_words": word_questions(shown, words=2),
            }
            if training:
                words["rare_noun"] = unseen_questions(shown, training, seen=(1, RARE), among=nouns)
                words["unseen_noun"] = unseen_questions(shown, training, among=nouns_of(texts, 1))
                words["unseen_word"] = unseen_questions(shown, training)
        return cls(photos, captioned, labelled, words)

    def queries(self) -> list[str]:
        """Return all word queries, for measuring speed."""
        return [text for asked in self.words.values() for text in asked.texts]


def text_matrix(texts: Sequence[str], encode: EncodeText, dim: int) -> Floats:
    """Return unit vectors (Q, D) of texts; zeros, which find nothing in particular, for a text of unknown words."""
    rows = [encode(text) for text in texts]
    vectors = [np.zeros(dim, dtype=np.float32) if row is None else np.asarray(row, dtype=np.float32) for row in rows]
    return np.stack(vectors) if vectors else np.zeros((0, dim), dtype=np.float32)


def usable(vectors: Floats) -> Floats:
    """Return vectors (N, D) with zeros for every row that is not finite: it costs its photo and nothing else."""
    finite = np.isfinite(vectors).all(axis=1, keepdims=True)
    return np.where(finite, vectors, 0.0).astype(np.float32)


def all_figures(material: Material, vectors: Floats, encode: EncodeText) -> Figures:
    """Return every figure that needs nothing but vectors, by group.

    Args:
        material: Photos and questions.
        vectors: Unit vectors (N, D) of the photos, in their order; a row that is not finite is replaced by zeros.
        encode: Text to unit vector (D,), or None if no word is known.
    """
    vectors = usable(vectors)
    figures: Figures = {}
    if material.captioned:
        shown, rows = [material.photos[i] for i in material.captioned], vectors[material.captioned]
        figures["captions"] = caption_figures(shown, rows, encode)
        for name, asked in material.words.items():
            figures[name] = word_figures(asked, rows, encode)
    if material.labelled:
        shown, rows = [material.photos[i] for i in material.labelled], vectors[material.labelled]
        figures["labels"] = label_figures(shown, rows, encode)
        figures["similar"] = similar_figures(shown, rows)
    return figures


def caption_figures(photos: Sequence[Shown], vectors: Floats, encode: EncodeText) -> Group:
    """Return recall and median rank of captions searching for their own photo.

    The range resamples photos with all their captions: five captions of one photo are found or missed together.
    """
    texts, owners = caption_questions(photos)
    ranks = metrics.ranks_of(text_matrix(texts, encode, vectors.shape[1]) @ vectors.T, owners)
    return {
        "captions": plain(len(texts), len(texts)),
        **{f"recall_at_{k}": _recall(ranks, owners, len(photos), k) for k in (1, 5, 10)},
        "median_rank": median_by_owner(ranks, owners),
    }


def _recall(ranks: Ints, owners: Ints, photos: int, k: int) -> Figure:
    hits = np.bincount(owners, weights=ranks <= k, minlength=photos)
    return ratio(hits, np.bincount(owners, minlength=photos))


def word_figures(asked: Questions, vectors: Floats, encode: EncodeText) -> Group:
    """Return precision at 10 and mean average precision of word queries, beside ceiling and chance."""
    count = len(asked.texts)
    if not count:
        return {"queries": plain(0, 0)}
    texts = text_matrix(asked.texts, encode, vectors.shape[1])
    scores = texts @ vectors.T
    return {
        "queries": plain(count, count),
        "unknown": plain(int((~texts.any(axis=1)).sum()), count),
        "precision_at_10": ratio(metrics.precision_at(scores, asked.relevant, 10)),
        "map": ratio(metrics.average_precisions(scores, asked.relevant)),
        "ceiling": plain(metrics.ceiling_at(asked.relevant, 10), count),
        "chance": plain(metrics.chance_precision(asked.relevant), count),
        "map_chance": plain(metrics.chance_average_precision(asked.relevant), count),
    }


def label_figures(photos: Sequence[Shown], vectors: Floats, encode: EncodeText) -> Group:
    """Return label → photo precision, and photo → label among all labels or among those of three photos and more."""
    every, common = label_questions(photos, least=1), label_questions(photos)
    texts = text_matrix(every.texts, encode, vectors.shape[1])
    scores = texts @ vectors.T
    often = text_matrix(common.texts, encode, vectors.shape[1]) @ vectors.T
    count = len(every.texts)
    figures = {
        "labels": plain(count, count),
        "unknown": plain(int((~texts.any(axis=1)).sum()), count),
        "map": ratio(metrics.average_precisions(scores, every.relevant)),
        "map_chance": plain(metrics.chance_average_precision(every.relevant), count),
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


def similar_figures(photos: Sequence[Shown], vectors: Floats) -> Group:
    """Return photo → photo precision at 10: a photo that shares a label is right; asked where ten others do."""
    shared = same_label(photos)
    judged = shared.sum(axis=1) >= 10
    if not judged.any():
        return {"photos": plain(0, 0)}
    alike = vectors @ vectors.T
    np.fill_diagonal(alike, -np.inf)
    count = int(judged.sum())
    return {
        "photos": plain(count, count),
        "precision_at_10": ratio(metrics.precision_at(alike[judged], shared[judged], 10)),
        "chance": plain(metrics.chance_precision(shared[judged]), count),
    }
