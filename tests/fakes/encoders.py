# SPDX-License-Identifier: GPL-3.0-or-later
"""Encoders that behave without a network: pictures are their colours, words are colour words.

A pixel excites eight detectors, one for each corner of the RGB cube (black, red, green, blue, yellow, magenta, cyan,
white), and a ninth that is always a little awake, so that mid grey has a direction too. A picture is the mean of its
pixels' excitements, turned into a space of ``DIM`` dimensions by a fixed rotation. ``tests.fakes.packs`` builds a real
ONNX network that computes the same.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from semantic_photos.domain.errors import InternalError
from semantic_photos.domain.photo import ImageRecipe
from semantic_photos.domain.ports import ByteArray, FloatArray
from semantic_photos.domain.vectors import normalise

DIM = 16
CHANNELS = 9
#: Positions a side of the map; a picture's side must be a multiple of it.
GRID = 4

CORNERS = ("black", "red", "green", "blue", "yellow", "magenta", "cyan", "white")
#: One row for each corner of the RGB cube: +1 where the channel is on.
SIGNS = np.array(
    [[-1, -1, -1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1], [1, 1, -1], [1, -1, 1], [-1, 1, 1], [1, 1, 1]], np.float32
)
#: What the ninth detector always says.
AWAKE = 0.05
#: What a detector subtracts: the higher, the fewer of its neighbours wake with it.
THRESHOLD = 0.5

#: Words in order of frequency with the RGB they mean; None is a stop word.
MEANINGS: dict[str, tuple[int, int, int] | None] = {
    "the": None, "a": None, "of": None, "and": None, "in": None, "on": None, "with": None, "is": None,
    "red": (220, 20, 20), "white": (255, 255, 255), "black": (0, 0, 0), "green": (20, 190, 30),
    "blue": (20, 30, 230), "yellow": (250, 240, 20), "grey": (128, 128, 128), "gray": (127, 127, 127),
    "orange": (255, 150, 0), "pink": (255, 120, 200), "brown": (110, 60, 20), "purple": (130, 20, 180),
    "magenta": (255, 0, 255), "cyan": (0, 255, 255), "violet": (140, 60, 230), "turquoise": (50, 220, 210),
    "crimson": (200, 10, 50), "scarlet": (240, 30, 10), "rose": (240, 40, 90), "tomato": (230, 50, 30),
    "cherry": (190, 10, 40), "fire": (250, 80, 0), "sun": (255, 230, 60), "lemon": (250, 245, 60),
    "banana": (245, 220, 70), "sand": (220, 200, 130), "beach": (225, 205, 140), "dog": (150, 90, 40),
    "grass": (60, 170, 40), "forest": (20, 110, 30), "leaf": (50, 180, 60), "lime": (120, 250, 20),
    "sky": (90, 160, 250), "sea": (20, 90, 200), "ocean": (10, 70, 190), "navy": (10, 10, 120),
    "snow": (250, 250, 255), "cloud": (230, 230, 235), "night": (10, 10, 30), "coal": (15, 15, 15),
    "ash": (140, 140, 135), "stone": (130, 130, 125), "wood": (120, 75, 30), "plum": (150, 30, 110),
    "sunset": (250, 110, 30), "t-shirt": (200, 200, 250), "berry": (160, 10, 60), "city": (120, 120, 130),
    "street": (110, 110, 115), "house": (180, 120, 90), "child": (230, 180, 150), "woman": (235, 185, 150),
    "run": (90, 140, 60), "smile": (250, 200, 150), "swim": (40, 150, 220), "bus": (210, 30, 40),
}  # fmt: skip
VOCABULARY = tuple(MEANINGS)


def rotation() -> FloatArray:
    """Return orthonormal rows (CHANNELS, DIM), the same at every call."""
    square = np.random.default_rng(7).normal(size=(DIM, DIM))
    return np.linalg.qr(square)[0][:CHANNELS].astype(np.float32)


def excitement(pixels: FloatArray) -> FloatArray:
    """Return what the detectors say, float32 (…, CHANNELS), of colours (…, 3) in 0..255."""
    centred = np.asarray(pixels, dtype=np.float32) / np.float32(127.5) - np.float32(1.0)
    corners = np.maximum(centred @ SIGNS.T - np.float32(THRESHOLD), 0.0)
    awake = np.full((*corners.shape[:-1], 1), AWAKE, dtype=np.float32)
    return np.concatenate([corners, awake], axis=-1).astype(np.float32)


def word_vector(word: str) -> FloatArray:
    """Return the unit vector (DIM,) of a word of the vocabulary; stop words have one as well."""
    colour = MEANINGS[word]
    if colour is None:
        place = VOCABULARY.index(word)
        return normalise(np.random.default_rng(place).normal(size=DIM).astype(np.float32))
    return normalise(excitement(np.array(colour, dtype=np.float32)) @ rotation())


class FakeImageEncoder:
    """Implements ``ImageEncoder`` by colour.

    Attributes:
        batches: sizes of the batches that were encoded, in order.
        delay_s: how long a batch takes.
        unusable: a test of one square (S, S, 3); squares for which it is true get a row of NaN.
        failing: a test of one square; a batch that holds one for which it is true raises ``InternalError``.
        closed: whether ``close`` was called.
    """

    def __init__(
        self,
        side: int = 32,
        fingerprint: str = "fake-colours-1",
        *,
        delay_s: float = 0.0,
        unusable: Callable[[ByteArray], bool] | None = None,
        failing: Callable[[ByteArray], bool] | None = None,
    ) -> None:
        if side % GRID:
            raise ValueError(f"side must be a multiple of {GRID}")
        self._side, self._fingerprint, self._rotation = side, fingerprint, rotation()
        self.delay_s, self.unusable, self.failing = delay_s, unusable, failing
        self.batches: list[int] = []
        self.closed = False
        self._stop = threading.Event()

    @property
    def dim(self) -> int:
        return DIM

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    @property
    def recipe(self) -> ImageRecipe:
        return ImageRecipe(self._side)

    def encode(self, pictures: ByteArray) -> FloatArray:
        activations = self._activations(pictures)
        self.batches.append(len(pictures))
        vectors = self.project(activations.mean(axis=(2, 3)))
        if self.unusable is not None:
            vectors[[self.unusable(picture) for picture in pictures]] = np.nan
        return vectors

    def encode_map(self, pictures: ByteArray) -> tuple[FloatArray, FloatArray]:
        activations = self._activations(pictures)
        return activations, self.project(np.moveaxis(activations, 1, -1))

    def project(self, features: FloatArray) -> FloatArray:
        return normalise(np.asarray(features, dtype=np.float32) @ self._rotation)

    def terminate(self) -> None:
        self._stop.set()

    def close(self) -> None:
        self.closed = True
        self._stop.set()

    def _activations(self, pictures: ByteArray) -> FloatArray:
        if pictures.dtype != np.uint8 or pictures.shape[1:] != (self._side, self._side, 3):
            raise InternalError(f"expected uint8 (N, {self._side}, {self._side}, 3), got {pictures.shape}")
        if self.delay_s:
            self._stop.wait(self.delay_s)
        if self.failing is not None and any(self.failing(picture) for picture in pictures):
            raise InternalError("the fake network was told to fail")
        cell = self._side // GRID
        pixels = excitement(pictures.astype(np.float32))
        cells = pixels.reshape(len(pictures), GRID, cell, GRID, cell, CHANNELS).mean(axis=(2, 4))
        return np.ascontiguousarray(np.moveaxis(cells, -1, 1))


class FakeTextEncoder:
    """Implements ``TextEncoder`` over the 64 words of ``VOCABULARY``; phrases are plain sums.

    ``trusted`` says how far words were trained, 1 for all others. ``encoded`` has every text that was encoded.
    """

    def __init__(self, trusted: Mapping[str, float] | None = None) -> None:
        self.trusted = dict(trusted or {})
        self.encoded: list[str] = []

    @property
    def dim(self) -> int:
        return DIM

    def encode(self, text: str) -> FloatArray | None:
        self.encoded.append(text)
        vectors = [word_vector(word) for word in self._words(text) if MEANINGS.get(word) is not None]
        return normalise(np.sum(vectors, axis=0)) if vectors else None

    def unknown_words(self, text: str) -> tuple[str, ...]:
        return tuple(word for word in self._words(text) if word not in MEANINGS)

    def content_words(self, text: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(word for word in self._words(text) if MEANINGS.get(word) is not None))

    def trust(self, text: str) -> float:
        return min((self.trusted.get(word, 1.0) for word in self.content_words(text)), default=1.0)

    def offered(self) -> tuple[Sequence[str], FloatArray]:
        words = [word for word in VOCABULARY if MEANINGS[word] is not None]
        return words, np.stack([word_vector(word) for word in words])

    def neighbours(self, vector: FloatArray, n: int, *, exclude: Iterable[str] = ()) -> list[tuple[str, float]]:
        left_out = set(exclude)
        words = [word for word in VOCABULARY if MEANINGS[word] is not None and word not in left_out]
        scored = [(word, float(word_vector(word) @ vector)) for word in words]
        return sorted(scored, key=lambda pair: -pair[1])[:n]

    def suggestions(self, word: str, n: int) -> list[str]:
        # Words that share most letter pairs, which is all a test needs of "spelled alike".
        pairs = {word[i : i + 2] for i in range(len(word) - 1)}
        scored = [(len(pairs & {known[i : i + 2] for i in range(len(known) - 1)}), known) for known in VOCABULARY]
        return [known for shared, known in sorted(scored, key=lambda pair: -pair[0]) if shared][:n]

    def completions(self, prefix: str, n: int) -> list[str]:
        return [word for word in VOCABULARY if prefix and word.startswith(prefix)][:n]

    @staticmethod
    def _words(text: str) -> list[str]:
        return re.findall(r"[a-z0-9]+(?:-[a-z]+)*", text.casefold())
