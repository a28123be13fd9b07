# SPDX-License-Identifier: GPL-3.0-or-later
"""Protocols between floors, so that a fake with behaviour can replace any implementation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from semantic_photos.domain.photo import ImageRecipe

FloatArray = NDArray[np.float32]
ByteArray = NDArray[np.uint8]
IdArray = NDArray[np.int64]


class ImageEncoder(Protocol):
    """Turns prepared pictures into unit vectors of the space shared with words."""

    @property
    def dim(self) -> int:
        """Return the number of dimensions D of the shared space."""

    @property
    def fingerprint(self) -> str:
        """Return the name of this space: vectors of different fingerprints are never compared."""

    @property
    def recipe(self) -> ImageRecipe:
        """Return how a picture must be prepared."""

    def encode(self, pictures: ByteArray) -> FloatArray:
        """Encode pictures, uint8 (N, S, S, 3) RGB, to unit vectors, float32 (N, D). A row may be non-finite."""

    def encode_map(self, pictures: ByteArray) -> tuple[FloatArray, FloatArray]:
        """Return activations (N, C, h, w) and unit vectors at every position (N, h, w, D), both float32."""

    def project(self, features: FloatArray) -> FloatArray:
        """Apply the projection head to pooled features, float32 (M, C), and return unit vectors (M, D)."""


class TextEncoder(Protocol):
    """Turns words into unit vectors of the space shared with photos."""

    @property
    def dim(self) -> int:
        """Return the number of dimensions D of the shared space."""

    def encode(self, text: str) -> FloatArray | None:
        """Return the unit vector (D,) of a phrase, or None if none of its words is known.

        The order of the words may count. A single word always has the same vector.
        """

    def content_words(self, text: str) -> tuple[str, ...]:
        """Return the known words of a phrase that mean something (no stop words), as they are listed, each once."""

    def trust(self, text: str) -> float:
        """Return how far the least trained known word of a phrase was trained on photos, in [0, 1]; 1 if unknown."""

    def unknown_words(self, text: str) -> tuple[str, ...]:
        """Return the words of a phrase that are not in the table, in order."""

    def neighbours(self, vector: FloatArray, n: int, *, exclude: Iterable[str] = ()) -> list[tuple[str, float]]:
        """Return the ``n`` nearest words to a unit vector (D,) with their cosines, best first.

        ``exclude`` are words that are left out together with their other forms.
        """

    def offered(self) -> tuple[Sequence[str], FloatArray]:
        """Return the words that are worth offering (M) and their unit vectors, float32 (M, D), in one order."""

    def suggestions(self, word: str, n: int) -> list[str]:
        """Return known words that are spelled like ``word``, best first."""

    def completions(self, prefix: str, n: int) -> list[str]:
        """Return known words that begin with ``prefix``, most frequent first."""


class Tag(Protocol):
    """An automatic tag of a model."""

    @property
    def tag(self) -> str:
        """Return its name."""

    @property
    def category(self) -> str:
        """Return its category."""

    @property
    def least(self) -> float:
        """Return the confidence below which it is not set by itself, in [0, 1]; 0 if that is not known."""


class TagModel(Protocol):
    """Predicts tags of photos from their unit vectors."""

    @property
    def fingerprint(self) -> str:
        """Return the name of the space of the vectors."""

    @property
    def background(self) -> FloatArray | None:
        """Return unit vectors of ordinary photos, float32 (B, D), or None."""

    @property
    def tags(self) -> Sequence[Tag]:
        """Return the tags (T)."""

    @property
    def tag_matrix(self) -> FloatArray:
        """Return the unit vectors of the tags, float32 (T, D): which of them mean the same."""

    def tag_confidences(self, vectors: FloatArray) -> FloatArray:
        """Return the probability of each tag, float32 (N, T), for unit vectors of photos, float32 (N, D)."""


class VectorIndex(Protocol):
    """Finds the photos whose vectors are nearest to one."""

    def search(self, vector: FloatArray, k: int, among: IdArray | None = None) -> tuple[IdArray, FloatArray]:
        """Return ids and cosines of the ``k`` nearest, best first; fewer when the index is smaller.

        ``among``, int64 (M,) sorted and each once, are the only photos that may be answered; None means all.
        """

    def add(self, ids: Sequence[int], vectors: FloatArray) -> None:
        """Add or replace vectors, float32 (N, D)."""

    def remove(self, ids: Sequence[int]) -> None:
        """Take photos out of all results."""

    def __len__(self) -> int:
        """Return the number of searchable photos."""
