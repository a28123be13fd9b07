# SPDX-License-Identifier: GPL-3.0-or-later
"""The image encoder: convolutional network and projection head from a pack, pictures to unit vectors."""

from __future__ import annotations

import functools

import numpy as np

from semantic_photos.domain.errors import InternalError
from semantic_photos.domain.photo import ImageRecipe
from semantic_photos.domain.ports import ByteArray, FloatArray
from semantic_photos.domain.vectors import TINY
from semantic_photos.ml.model_pack import ModelPack
from semantic_photos.ml.session import Session

#: Pictures that go through the network at once; more bring no speed on a processor and take memory.
BATCH = 16
#: Rows that go through the head at once.
_HEAD_BATCH = 4096


class OnnxImageEncoder:
    """Implements ``ImageEncoder`` with the networks of a pack.

    Thread: any. The networks are loaded at the first call.
    """

    def __init__(self, pack: ModelPack, threads: int = 1) -> None:
        """Take the networks of ``pack``; one run uses up to ``threads`` threads."""
        self._image, self._head = pack.manifest.image, pack.manifest.head
        self._dim, self._fingerprint = pack.dim, pack.fingerprint
        # float32 packs only: (pixel / 255 - mean) / std as one multiplication and one addition.
        std = np.asarray(self._image.std, np.float64)
        self._factor = (1.0 / (255.0 * std)).astype(np.float32)
        self._shift = (-np.asarray(self._image.mean, np.float64) / std).astype(np.float32)
        self._network = Session(self._image.file, functools.partial(pack.read_model, self._image.file), threads)
        self._projection = Session(self._head.file, functools.partial(pack.read_model, self._head.file), threads)

    @property
    def dim(self) -> int:
        """Return the number of dimensions D of the shared space."""
        return self._dim

    @property
    def fingerprint(self) -> str:
        """Return the name of this space."""
        return self._fingerprint

    @property
    def recipe(self) -> ImageRecipe:
        """Return how a picture must be prepared."""
        return self._image.recipe

    def encode(self, pictures: ByteArray) -> FloatArray:
        """Encode pictures to unit vectors.

        Args:
            pictures: uint8 (N, S, S, 3), RGB, prepared by ``recipe``; N may be 0.

        Returns:
            float32 (N, D). A picture that drives the network out of its range gives a row that is zero or not finite.

        Raises:
            InternalError: the array is of another shape or type, or the network fails.
            PackError: the networks cannot be loaded.
            CancelledError: ``terminate`` was called meanwhile.
        """
        self._check(pictures)
        vectors = np.empty((len(pictures), self._dim), dtype=np.float32)
        for start in range(0, len(pictures), BATCH):
            part = pictures[start : start + BATCH]
            (pooled,) = self._network.run({self._image.input: self._prepare(part)}, [self._image.pooled])
            self._expect(pooled, (len(part), self._image.channels), self._image.pooled)
            vectors[start : start + BATCH] = self.project(pooled)
        return vectors

    def encode_map(self, pictures: ByteArray) -> tuple[FloatArray, FloatArray]:
        """Encode pictures position by position, for focus and for showing why a photo was found.

        Args:
            pictures: uint8 (N, S, S, 3), as for ``encode``.

        Returns:
            Activations, float32 (N, C, h, w), whose mean over h and w is what ``encode`` projects; and unit vectors
            at every position, float32 (N, h, w, D): the head applied to each position's activations.

        Raises:
            InternalError, PackError, CancelledError: as ``encode``.
        """
        self._check(pictures)
        channels = self._image.channels
        if not len(pictures):
            return np.empty((0, channels, 1, 1), np.float32), np.empty((0, 1, 1, self._dim), np.float32)
        maps = []
        for start in range(0, len(pictures), BATCH):
            part = pictures[start : start + BATCH]
            (activations,) = self._network.run({self._image.input: self._prepare(part)}, [self._image.map])
            self._expect(activations, (len(part), channels, -1, -1), self._image.map)
            maps.append(activations)
        whole = maps[0] if len(maps) == 1 else np.concatenate(maps)
        positions = np.moveaxis(whole, 1, -1)
        vectors = self.project(np.ascontiguousarray(positions).reshape(-1, channels))
        return whole, vectors.reshape(*positions.shape[:-1], self._dim)

    def project(self, features: FloatArray) -> FloatArray:
        """Apply the projection head to pooled features, float32 (M, C), and return unit vectors, float32 (M, D).

        Raises:
            InternalError, PackError, CancelledError: as ``encode``.
        """
        if features.ndim != 2 or features.shape[1] != self._image.channels:
            raise InternalError(f"the head takes features of shape (M, {self._image.channels}), got {features.shape}")
        vectors = np.empty((len(features), self._dim), dtype=np.float32)
        for start in range(0, len(features), _HEAD_BATCH):
            part = np.ascontiguousarray(features[start : start + _HEAD_BATCH], dtype=np.float32)
            (embedded,) = self._projection.run({self._head.input: part}, [self._head.output])
            self._expect(embedded, (len(part), self._dim), self._head.output)
            vectors[start : start + _HEAD_BATCH] = embedded
        # Heads divide by the length themselves; rounding in half-precision heads is evened out here. Rows that are
        # not finite stay so, for the caller to see.
        with np.errstate(invalid="ignore", over="ignore"):
            vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), TINY)
        return vectors

    def terminate(self) -> None:
        """Stop the run under way, from another thread; it raises ``CancelledError``. Later runs are not affected."""
        self._network.terminate()
        self._projection.terminate()

    def close(self) -> None:
        """Stop what runs and let the networks go. Safe to call twice."""
        self._network.close()
        self._projection.close()

    @property
    def providers(self) -> list[str]:
        """Return where the network really runs, for the status."""
        return self._network.providers

    def _check(self, pictures: ByteArray) -> None:
        side = self._image.side
        if pictures.dtype != np.uint8 or pictures.ndim != 4 or pictures.shape[1:] != (side, side, 3):
            raise InternalError(
                f"the network takes pictures uint8 (N, {side}, {side}, 3), got {pictures.dtype} {pictures.shape}"
            )

    def _prepare(self, pictures: ByteArray) -> np.ndarray:
        """Return pictures in the type and order of axes that the pack's network takes."""
        array: np.ndarray = pictures
        if self._image.dtype == "float32":
            array = pictures.astype(np.float32) * self._factor + self._shift
        if self._image.layout == "NCHW":
            array = array.transpose(0, 3, 1, 2)
        return np.ascontiguousarray(array)

    @staticmethod
    def _expect(array: np.ndarray, shape: tuple[int, ...], name: str) -> None:
        fits = array.ndim == len(shape) and all(
            want in (-1, have) for have, want in zip(array.shape, shape, strict=True)
        )
        if array.dtype != np.float32 or not fits:
            raise InternalError(f"the network's output {name} is {array.dtype} {array.shape} instead of {shape}")
