# SPDX-License-Identifier: GPL-3.0-or-later
"""Feature grids of one photo at twice the network's input size, and vectors of regions.

A network's side is part of its pack, and small objects fill less than one of its few positions. So the photo is
prepared at twice the side, and cut into overlapping squares of the network's size. Measured on photos that lie at a
quarter of the size in others (``evaluation/regions.py``), the hottest place is then inside them in 71 % instead of
28 %. The same network run once on the picture of twice the side points no better, and packs fix the side they take.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from semantic_photos.domain.errors import PhotoError
from semantic_photos.domain.example_focus import Region, clamped, overlap
from semantic_photos.domain.heat_map import Box, photo_in_square, stitch
from semantic_photos.domain.photo import FileStamp, ImageRecipe, PhotoFacts
from semantic_photos.domain.ports import ByteArray, FloatArray, ImageEncoder
from semantic_photos.domain.resample import resized
from semantic_photos.domain.translatable import Message
from semantic_photos.domain.vectors import normalise
from semantic_photos.media.decode_request import DecodeRequest
from semantic_photos.media.decoder_pool import DecoderPool

#: Where the overlapping squares begin, in fractions of the picture: three a side, each half as long as the picture.
STARTS = (0.0, 0.25, 0.5)
#: Photos whose positions are remembered: people press several words for one photo. Some 2 MB each.
REMEMBERED = 8
#: A region is cut out of a picture of at most this side.
_MOST_SIDE = 1280
_TIMEOUT_S = 120


@dataclass(frozen=True, slots=True, eq=False)
class FeatureGrid:
    """What the network sees at each position of a photo.

    Attributes:
        facts: what the file says; ``width`` and ``height`` are upright pixels.
        whole: unit vector (D,) of the whole photo.
        tiles: where each square lies in the network's whole square, in fractions.
        vectors: for each square, unit vectors at its positions, float32 (h, w, D).
        features: activations at all positions, those of the whole square first, float32 (P, C); none for a glance.
        flat: unit vectors in the same order, float32 (P, D).
        box: where the photo lies in the network's square.
    """

    facts: PhotoFacts
    whole: FloatArray
    tiles: tuple[Box, ...]
    vectors: tuple[FloatArray, ...]
    features: FloatArray
    flat: FloatArray
    box: Box

    def map_of(self, direction: FloatArray, side: int = 64) -> FloatArray:
        """Return the cosines with a direction (D,) over the network's square, float32 (side, side)."""
        return stitch([(box, vectors @ direction) for box, vectors in zip(self.tiles, self.vectors, strict=True)], side)


class DenseFeatures:
    """Decodes and encodes single photos on demand.

    Thread: any; blocking (decoders, network).
    """

    def __init__(self, images: ImageEncoder, decoders: DecoderPool) -> None:
        self._images, self._decoders = images, decoders
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[Path, FileStamp | None], FeatureGrid] = OrderedDict()

    def vector(self, path: Path) -> FloatArray:
        """Return the unit vector (D,) of a file.

        Raises:
            PhotoError: it cannot be read, or the network gives nothing usable.
        """
        square, _ = self._square(path, self._images.recipe)
        return self._encoded(square)

    def region(self, path: Path, region: Region) -> FloatArray:
        """Return the unit vector (D,) of a part of a file.

        The part is cut out and encoded as if it were a photo: measured against pooling the positions in it, that
        brings back more of what it shows (``evaluation/regions.py``).

        Raises:
            QueryError: the region is none.
            PhotoError: as ``vector``.
        """
        part = clamped(region)
        recipe = self._images.recipe
        wanted = math.ceil(recipe.side / min(part[2], part[3]))
        large = replace(recipe, side=min(max(wanted, recipe.side), max(_MOST_SIDE, recipe.side)), fit="squash")
        square, facts = self._square(path, large)
        return self._encoded(cut(square, part, recipe, facts.width, facts.height))

    def positions(self, path: Path) -> FeatureGrid:
        """Return what the network sees at each position of a file, remembered for the last few.

        Raises:
            PhotoError: as ``vector``.
        """
        key = (path, stamp_of(path))
        with self._lock:
            found = self._known.get(key)
            if found is not None:
                self._known.move_to_end(key)
                return found
        recipe = self._images.recipe
        large, facts = self._square(path, replace(recipe, side=2 * recipe.side))
        made = feature_grid(self._images, large, facts)
        with self._lock:
            self._known[key] = made
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return made

    def _encoded(self, square: ByteArray) -> FloatArray:
        return checked(self._images.encode(square[None])[0])

    def _square(self, path: Path, recipe: ImageRecipe) -> tuple[ByteArray, PhotoFacts]:
        request = DecodeRequest(path, recipe=recipe, thumbnail_side=None)
        try:
            decoded = self._decoders.submit(request, urgent=True).result(timeout=_TIMEOUT_S)
        except TimeoutError as error:
            raise PhotoError(
                Message("{path} could not be read within {seconds} seconds.", path=path, seconds=_TIMEOUT_S),
                code="photo.timeout",
                retry=True,
            ) from error
        assert decoded.square is not None
        return decoded.square, decoded.facts


def feature_grid(images: ImageEncoder, large: ByteArray, facts: PhotoFacts) -> FeatureGrid:
    """Encode a photo position by position.

    Args:
        images: the network; its recipe says what side S it takes.
        large: uint8 (2S, 2S, 3), prepared by the recipe at twice its side.
        facts: of the photo; width and height are used.

    Raises:
        PhotoError: the network gives nothing usable.
    """
    side = images.recipe.side
    boxes = [(x, y, x + 0.5, y + 0.5) for y in STARTS for x in STARTS]
    corners = [(round(y * 2 * side), round(x * 2 * side)) for x, y, _, _ in boxes]
    small = np.clip(resized(large, side, side) + 0.5, 0, 255).astype(np.uint8)
    pictures = np.stack([small, *(large[y : y + side, x : x + side] for y, x in corners)])
    activations, vectors = images.encode_map(pictures)
    whole = checked(images.project(activations[:1].mean(axis=(2, 3)))[0])
    vectors = np.nan_to_num(vectors, nan=0.0, posinf=0.0, neginf=0.0).astype(np.float32)
    features = np.moveaxis(activations, 1, -1).reshape(-1, activations.shape[1])
    usable = np.isfinite(features).all(axis=1, keepdims=True)
    return FeatureGrid(
        facts,
        whole,
        tuple(boxes),
        tuple(vectors[1:]),
        np.where(usable, features, 0.0).astype(np.float32),
        vectors.reshape(-1, vectors.shape[-1]),
        photo_in_square(images.recipe.fit, facts.width, facts.height),
    )


def quick_feature_grids(images: ImageEncoder, squares: ByteArray, facts: Sequence[PhotoFacts]) -> list[FeatureGrid]:
    """Encode photos position by position with one look each, at the network's own side: quick, and coarse.

    Args:
        images: the network; its recipe says what side S it takes.
        squares: uint8 (N, S, S, 3), prepared by the recipe.
        facts: of the photos; width and height are used.
    """
    if not len(squares):
        return []
    _, vectors = images.encode_map(squares)
    vectors = np.nan_to_num(vectors, nan=0.0, posinf=0.0, neginf=0.0).astype(np.float32)
    none = np.empty((0, 0), np.float32)
    return [
        FeatureGrid(
            own,
            normalise(seen.mean(axis=(0, 1))),
            ((0.0, 0.0, 1.0, 1.0),),
            (seen,),
            none,
            seen.reshape(-1, seen.shape[-1]),
            photo_in_square(images.recipe.fit, own.width, own.height),
        )
        for seen, own in zip(vectors, facts, strict=True)
    ]


def cut(square: ByteArray, part: Region, recipe: ImageRecipe, width: int, height: int) -> ByteArray:
    """Return a part of a whole photo as the network's square, uint8 (S, S, 3).

    Args:
        square: uint8 (N, N, 3), the whole photo squeezed to a square.
        part: within the photo, as ``clamped`` returns it.
        recipe: how the network wants pictures.
        width: of the upright photo in pixels, for its aspect; 0 if not known.
        height: likewise.
    """
    n = square.shape[0]
    box = photo_in_square(recipe.fit, round(width * part[2] * 1000), round(height * part[3] * 1000))
    # Where the square's own edges lie in the part: beyond it for a letterbox, within it for a centre crop.
    across, down = box[2] - box[0], box[3] - box[1]
    left, right = -box[0] / across, (1 - box[0]) / across
    top, bottom = -box[1] / down, (1 - box[1]) / down
    wanted = (part[0] + left * part[2], part[1] + top * part[3], (right - left) * part[2], (bottom - top) * part[3])
    edges = (wanted[0], wanted[1], wanted[0] + wanted[2], wanted[1] + wanted[3])
    pixels = resized(square, recipe.side, recipe.side, box=(n * edges[0], n * edges[1], n * edges[2], n * edges[3]))
    out: ByteArray = np.clip(pixels + 0.5, 0, 255).astype(np.uint8)
    inside = overlap(wanted, part)
    if recipe.fit == "pad" and inside is not None:
        grey: ByteArray = np.full_like(out, 128)
        x0, x1 = (round((edge - wanted[0]) / wanted[2] * recipe.side) for edge in (inside[0], inside[0] + inside[2]))
        y0, y1 = (round((edge - wanted[1]) / wanted[3] * recipe.side) for edge in (inside[1], inside[1] + inside[3]))
        grey[y0:y1, x0:x1] = out[y0:y1, x0:x1]
        return grey
    return out


def checked(vector: FloatArray) -> FloatArray:
    """Return a vector that has a direction.

    Raises:
        PhotoError: it has none.
    """
    if not (np.isfinite(vector).all() and vector.any()):
        raise PhotoError(Message("The image encoder returned no usable vector."), code="photo.bad-embedding")
    return vector


def stamp_of(path: Path) -> FileStamp | None:
    """Return a cheap stamp that changes with a file, or None while it cannot be reached."""
    try:
        found = path.stat()
    except OSError:
        return None
    return FileStamp(found.st_size, found.st_mtime_ns)
