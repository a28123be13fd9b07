# SPDX-License-Identifier: GPL-3.0-or-later
"""A world where the right answers are known: every photo points along the axis of its word."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from semantic_photos.domain.result_cutoff import Cutoff
from semantic_photos.evaluation.bench import Bench
from semantic_photos.evaluation.photos import AnnotatedPhoto
from semantic_photos.ml.tag_classifier import TagStat

WORDS = ["dog", "boat", "tree", "house"]
EACH = 12
Encode = Callable[[str], "np.ndarray | None"]


def captioned(*captions: str, source: str = "album", **detections: Mapping[str, float]) -> AnnotatedPhoto:
    return AnnotatedPhoto("a.webp", source, (), captions, "album", detections)


def labelled(*labels: str, **detections: Mapping[str, float]) -> AnnotatedPhoto:
    return AnnotatedPhoto("a.webp", "shelf", labels, (), "album", detections)


def world() -> tuple[list[AnnotatedPhoto], np.ndarray]:
    photos, rows = [], []
    for axis, word in enumerate(WORDS):
        for _ in range(EACH):
            photos += [captioned(f"a {word}", f"the {word}s are there ."), labelled(word)]
            rows += [np.eye(len(WORDS))[axis]] * 2
    return photos, np.array(rows, dtype=np.float32)


def detected(*detectors: str) -> tuple[list[AnnotatedPhoto], np.ndarray]:
    """Return the world's captioned photos as detectors see them: the word of each surely, all others not."""
    photos, vectors = world()
    rows = [row for row, photo in enumerate(photos) if photo.captions]
    seen = [{name: {photos[row].captions[0][2:]: 0.9} for name in detectors} for row in rows]
    shown = [
        AnnotatedPhoto("a.webp", "album", (), photos[row].captions, "album", one)
        for row, one in zip(rows, seen, strict=True)
    ]
    return shown, vectors[rows]


def encode(text: str) -> np.ndarray | None:
    row = np.array([float(word in text or f"{word}s" in text) for word in WORDS], dtype=np.float32)
    return row / np.linalg.norm(row) if row.any() else None


def ordinary(dim: int = 4, spread: float = 0.05) -> np.ndarray:
    """Return vectors of photos that show none of it, with a little of everything."""
    return np.abs(np.random.default_rng(0).normal(size=(200, dim))).astype(np.float32) * spread


@dataclass
class FakeText:
    """A text encoder around a function."""

    encode: Encode
    dim: int = 4

    def unknown_words(self, text: str) -> tuple[str, ...]:
        return tuple(word for word in text.split() if self.encode(word) is None)

    def neighbours(self, vector: np.ndarray, n: int) -> list[tuple[str, float]]:
        return []

    def suggestions(self, word: str, n: int) -> list[str]:
        return []

    def completions(self, prefix: str, n: int) -> list[str]:
        return []


@dataclass
class FakePack:
    """What measuring asks of a pack; a photo's confidence in a tag is its cosine with the tag's word."""

    dim: int = 4
    background: np.ndarray | None = field(default_factory=ordinary)
    cutoff: Cutoff | None = None
    tags: tuple[TagStat, ...] = tuple(TagStat(word, "thing", 0.0, 1.0) for word in WORDS)
    fingerprint: str = "fake"

    def tag_confidences(self, vectors: np.ndarray) -> np.ndarray:
        rows = [encode(stat.tag) for stat in self.tags]
        return vectors @ np.stack([np.zeros(self.dim) if row is None else row for row in rows]).T.astype(np.float32)


def bench_of(
    photos: Sequence[AnnotatedPhoto], vectors: np.ndarray, encoder: Encode = encode, **pack: Any
) -> Bench:  # fmt: skip
    """Return a bench whose photos have these vectors (N, D)."""
    fake = FakePack(vectors.shape[1], **({"background": ordinary(vectors.shape[1])} | pack))
    return Bench(fake, photos, vectors, FakeText(encoder, vectors.shape[1]))  # type: ignore[arg-type]
