# SPDX-License-Identifier: GPL-3.0-or-later
"""A world where the right answers are known: every photo points along the axis of its word."""

from __future__ import annotations

import numpy as np

from semantic_photos.evaluation.photos import Shown

WORDS = ["dog", "boat", "tree", "house"]
EACH = 12


def captioned(*captions: str, source: str = "album") -> Shown:
    return Shown("a.webp", 1, source, (), captions)


def labelled(*labels: str) -> Shown:
    return Shown("a.webp", 1, "shelf", labels, ())


def world() -> tuple[list[Shown], np.ndarray]:
    photos, rows = [], []
    for axis, word in enumerate(WORDS):
        for _ in range(EACH):
            photos += [captioned(f"a {word}", f"the {word}s are there ."), labelled(word)]
            rows += [np.eye(len(WORDS))[axis]] * 2
    return photos, np.array(rows, dtype=np.float32)


def encode(text: str) -> np.ndarray | None:
    row = np.array([float(word in text or f"{word}s" in text) for word in WORDS], dtype=np.float32)
    return row / np.linalg.norm(row) if row.any() else None
