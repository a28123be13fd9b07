# SPDX-License-Identifier: GPL-3.0-or-later
"""The tag classifier: calibrated probabilities of automatic tags from cosines, fitted on labelled photos."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from semantic_photos.domain.errors import InternalError, PackError
from semantic_photos.domain.ports import FloatArray
from semantic_photos.domain.translatable import Message

MOST_TAGS = 20_000
#: Priors are logarithms of counts of photos; beyond this nothing that a photo shows would matter.
_MOST_PRIOR = 30.0


@dataclass(frozen=True, slots=True)
class TagStat:
    """A tag and the background of its cosine with any photo: mean and standard deviation.

    ``prior`` is added to the log-odds of every photo: how much more often than never the tag was said in training.
    ``least`` is the confidence from which on it was right often enough on labelled photos; 1 where it never was.
    """

    tag: str
    category: str
    mean: float
    std: float
    prior: float = 0.0
    least: float = 0.0


# Compared by identity: arrays have no single truth value.
@dataclass(frozen=True, slots=True, eq=False)
class TagTable:
    """All tags of a pack.

    Attributes:
        stats: the tags.
        matrix: float32 (T, D), their unit vectors in the same order.
        slope: ``a`` of the calibration, > 0.
        offset: ``b`` of the calibration.
        mean: float32 (T,), means of ``stats``.
        std: float32 (T,), standard deviations of ``stats``.
        prior: float32 (T,), priors of ``stats``.
    """

    stats: tuple[TagStat, ...]
    matrix: FloatArray
    slope: float
    offset: float
    mean: FloatArray = field(init=False)
    std: FloatArray = field(init=False)
    prior: FloatArray = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", np.array([stat.mean for stat in self.stats], dtype=np.float32))
        object.__setattr__(self, "std", np.array([stat.std for stat in self.stats], dtype=np.float32))
        object.__setattr__(self, "prior", np.array([stat.prior for stat in self.stats], dtype=np.float32))

    def confidences(self, vectors: FloatArray) -> FloatArray:
        """Return the probability of each tag for each photo, as ``tag_confidences``."""
        return tag_confidences(vectors, self.matrix, self.mean, self.std, self.slope, self.offset + self.prior)


def tag_confidences(
    vectors: FloatArray,
    matrix: FloatArray,
    mean: FloatArray,
    std: FloatArray,
    slope: float,
    offset: float | FloatArray,
) -> FloatArray:
    """Return sigmoid(slope * (cos - mean) / std + offset), float32 (N, T) in [0, 1].

    The standard score takes out that some words are near to every photo; the sigmoid over it is Platt's scaling
    (Platt 1999, "Probabilistic outputs for support vector machines").

    Args:
        vectors: unit vectors of photos, float32 (N, D).
        matrix: unit vectors of tags, float32 (T, D).
        mean: background of each tag's cosine, float32 (T,).
        std: its standard deviation, float32 (T,), > 0.
        slope: > 0.
        offset: any number, or one for each tag, float32 (T,).

    Raises:
        InternalError: the shapes do not fit.
    """
    if vectors.ndim != 2 or vectors.shape[1] != matrix.shape[1]:
        raise InternalError(f"tags need vectors of shape (N, {matrix.shape[1]}), got {vectors.shape}")
    scores = (np.asarray(vectors, dtype=np.float32) @ matrix.T - mean) / std
    # exp of more than 88 is infinite in float32; at 30 the sigmoid is 0 or 1 to its last digit anyhow.
    logits = np.clip(slope * scores + offset, -30.0, 30.0)
    return np.asarray(1.0 / (1.0 + np.exp(-logits)), dtype=np.float32)


def parse_tags(data: bytes, name: str, vector_of: Callable[[str], FloatArray | None], dim: int) -> TagTable:
    """Read the file of tags.

    Args:
        data: the file's bytes.
        name: the file's name, for errors.
        vector_of: gives a phrase's unit vector (D,), or None.
        dim: D.

    Raises:
        PackError: the file is damaged, or a tag has no vector.
    """
    try:
        root = json.loads(data.decode("utf-8"))
        slope, offset = float(root["calibration"]["a"]), float(root["calibration"]["b"])
        stats = tuple(
            TagStat(
                str(one["tag"]),
                str(one["category"]),
                float(one["mean"]),
                float(one["std"]),
                float(one.get("prior", 0.0)),
                float(one.get("least", 0.0)),
            )
            for one in root["tags"]
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise PackError(
            Message("{file} is not a list of tags: {reason}.", file=name, reason=str(error)[:120]), code="pack.tags"
        ) from error
    if len(stats) > MOST_TAGS:
        raise PackError(Message("{file} lists more than {limit:,} tags.", file=name, limit=MOST_TAGS), code="pack.tags")
    if not (np.isfinite([slope, offset]).all() and slope > 0):
        raise PackError(Message("{file} has an invalid calibration.", file=name), code="pack.tags")
    return TagTable(stats, _matrix(stats, name, vector_of, dim), slope, offset)


def _matrix(stats: Sequence[TagStat], name: str, vector_of: Callable[[str], FloatArray | None], dim: int) -> FloatArray:
    matrix = np.zeros((len(stats), dim), dtype=np.float32)
    seen: set[str] = set()
    for row, stat in enumerate(stats):
        if not stat.tag or not stat.tag.isprintable() or len(stat.tag) > 100 or stat.tag in seen:
            raise PackError(
                Message("{file} has an invalid or repeated tag: {tag}.", file=name, tag=repr(stat.tag[:100])),
                code="pack.tags",
            )
        seen.add(stat.tag)
        if not (np.isfinite([stat.mean, stat.std]).all() and stat.std > 1e-6):
            raise PackError(
                Message("{file} has no usable background for “{tag}”.", file=name, tag=stat.tag), code="pack.tags"
            )
        if not abs(stat.prior) <= _MOST_PRIOR:
            raise PackError(
                Message("{file} has no usable prior for “{tag}”.", file=name, tag=stat.tag), code="pack.tags"
            )
        if not 0.0 <= stat.least <= 1.0:
            raise PackError(
                Message("{file} has no usable minimum confidence for “{tag}”.", file=name, tag=stat.tag),
                code="pack.tags",
            )
        vector = vector_of(stat.tag)
        if vector is None:
            raise PackError(
                Message("{file} has the tag “{tag}”, which is not in the word table.", file=name, tag=stat.tag),
                code="pack.tags",
            )
        matrix[row] = vector
    matrix.setflags(write=False)
    return matrix
