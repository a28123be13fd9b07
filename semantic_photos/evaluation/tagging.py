# SPDX-License-Identifier: GPL-3.0-or-later
"""What automatic tags are worth against what people said of the photos."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from semantic_photos.evaluation.figure import Figure, Floats, Group, plain, ratio
from semantic_photos.evaluation.metrics import Bools
from semantic_photos.evaluation.photos import Shown
from semantic_photos.evaluation.questions import names
from semantic_photos.evaluation.wording import plain_words

#: The program shows no more tags of a photo than these.
MOST_SHOWN = 8


def label_tag_figures(photos: Sequence[Shown], tags: Sequence[str], confidences: Floats, least: float) -> Group:
    """Return how right tags are and how much they name, against labels.

    Labels say little of a photo ("forest", nothing of its path and sky), so a tag that is no label may still be true:
    precision is a lower bound.

    Args:
        photos: Photos with labels.
        tags: The pack's tags (T).
        confidences: Their confidences (N, T).
        least: Confidence from which the program shows a tag.
    """
    labels = sorted({label for photo in photos for label in photo.labels})
    place = {label: i for i, label in enumerate(labels)}
    naming = np.array([[names(tag, label) for label in labels] for tag in tags], dtype=np.bool_)
    has = np.zeros((len(photos), len(labels)), dtype=np.bool_)
    for row, photo in enumerate(photos):
        has[row, [place[label] for label in photo.labels]] = True
    right = (has.astype(np.float32) @ naming.T.astype(np.float32)) > 0
    first = _first(confidences, 5)
    shown = _first(confidences, MOST_SHOWN) & (confidences >= least)
    return {
        "photos": plain(len(photos), len(photos)),
        "nameable": ratio((has & naming.any(axis=0)).sum(axis=1), has.sum(axis=1)),
        "precision_at_5": ratio((right & first).sum(axis=1), first.sum(axis=1)),
        "recall_at_5": _recall(has, naming, first),
        **_shown(right, shown),
        "shown_recall": _recall(has, naming, shown),
    }


def caption_tag_figures(photos: Sequence[Shown], tags: Sequence[str], confidences: Floats, least: float) -> Group:
    """Return how right the shown tags are against captions: a tag is right if a caption has its words.

    Arguments as for ``label_tag_figures``, photos with captions. What nobody cared to say counts against the tags.
    """
    wanted = [frozenset(plain_words(tag)) for tag in tags]
    said = [[frozenset(plain_words(caption)) for caption in photo.captions] for photo in photos]
    right = np.array([[any(tag <= caption for caption in captions) for tag in wanted] for captions in said])
    first = _first(confidences, 5)
    shown = _first(confidences, MOST_SHOWN) & (confidences >= least)
    return {
        "photos": plain(len(photos), len(photos)),
        "precision_at_5": ratio((right & first).sum(axis=1), first.sum(axis=1)),
        **_shown(right, shown),
    }


def _first(confidences: Floats, k: int) -> Bools:
    """Return which tags are among the ``k`` most confident of each photo, bool (N, T)."""
    chosen = np.zeros(confidences.shape, dtype=np.bool_)
    order = np.argsort(-confidences, axis=1, kind="stable")[:, :k]
    np.put_along_axis(chosen, order, values=True, axis=1)
    return chosen


def _shown(right: Bools, shown: NDArray[np.bool_]) -> Group:
    return {
        "shown_precision": ratio((right & shown).sum(axis=1), shown.sum(axis=1)),
        "shown_per_photo": ratio(shown.sum(axis=1)),
        "shown_none": ratio(shown.sum(axis=1) == 0),
    }


def _recall(has: Bools, naming: Bools, chosen: Bools) -> Figure:
    """Return the share of labels that a chosen tag names."""
    named = (chosen.astype(np.float32) @ naming.astype(np.float32)) > 0
    return ratio((has & named).sum(axis=1), has.sum(axis=1))
