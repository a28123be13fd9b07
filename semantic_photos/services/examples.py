# SPDX-License-Identifier: GPL-3.0-or-later
"""Example photos of a question become vectors: stored or encoded on the spot, whole or judged by the parts in focus."""

from __future__ import annotations

from pathlib import Path

from semantic_photos.domain.errors import PhotoError, QueryError
from semantic_photos.domain.photo import ImageRecipe, PhotoId
from semantic_photos.domain.ports import ByteArray, FloatArray, ImageEncoder, TextEncoder
from semantic_photos.domain.query import Example
from semantic_photos.domain.vectors import normalise, softmax_weights, usable_rows
from semantic_photos.media.decode import DecodeRequest
from semantic_photos.media.decoder_pool import DecoderPool
from semantic_photos.storage.catalog import Catalog

#: Sharpness of the focus: cosines of positions with the focus word are divided by this before the soft maximum.
FOCUS_TEMPERATURE = 0.05
#: Share of the focus word itself in a focused question; the rest is the photo's part that shows it.
FOCUS_WORD = 0.35


class ExampleVectors:
    """Turns example photos into unit vectors.

    Thread: any; blocking (catalog, decoders, network).
    """

    def __init__(
        self, catalog: Catalog, text: TextEncoder | None, images: ImageEncoder | None, decoders: DecoderPool
    ) -> None:
        self._catalog, self._text, self._images, self._decoders = catalog, text, images, decoders

    def vector(self, example: Example, focus: str) -> FloatArray:
        """Return the unit vector (D,) of an example photo, judged by the parts that show ``focus`` if it is not empty.

        Raises:
            QueryError: no pack, an unknown focus, an example that is gone.
            PhotoError: the file cannot be read, or the network gives nothing usable for it.
            CatalogError: the catalog cannot be read.
        """
        if self._images is None:
            raise QueryError("Without a model pack photos cannot be compared.", code="query.no-pack")
        direction = self._focus_direction(focus)
        stored = self._stored_vector(example.photo_id) if example.photo_id is not None else None
        if direction is None and stored is not None:
            return stored
        path = self._example_path(example)
        try:
            square = self._square(path, self._images.recipe)
        except PhotoError:
            # The file is on a drive that is not plugged in, say: its vector still tells most.
            if stored is None:
                raise
            assert direction is not None
            return normalise(stored + direction)
        if direction is None:
            return _checked(self._images.encode(square[None])[0])
        return self._focused(square, direction)

    def _focus_direction(self, focus: str) -> FloatArray | None:
        if not focus:
            return None
        direction = self._text.encode(focus) if self._text is not None else None
        if direction is None:
            raise QueryError(f"The focus “{focus}” is not a known word.", code="query.unknown-focus")
        return direction

    def _stored_vector(self, photo_id: PhotoId) -> FloatArray | None:
        assert self._images is not None
        ids, vectors = self._catalog.vectors_for(self._images.fingerprint, [photo_id])
        return vectors[0] if len(ids) else None

    def _example_path(self, example: Example) -> Path:
        if example.path is not None:
            return example.path
        if example.photo_id is not None:
            photo = self._catalog.photos([example.photo_id]).get(example.photo_id)
            if photo is not None:
                return photo.path
        raise QueryError("The example photo is no longer in the library.", code="query.no-example")

    def _square(self, path: Path, recipe: ImageRecipe) -> ByteArray:
        decoded = self._decoders.submit(DecodeRequest(path, recipe=recipe, thumbnail_side=None), urgent=True).result(
            timeout=120
        )
        assert decoded.square is not None
        return decoded.square

    def _focused(self, square: ByteArray, direction: FloatArray) -> FloatArray:
        """Pool the activations with weights by how much each position shows the focus.

        Class activation mapping (Zhou et al. 2016, "Learning Deep Features for Discriminative Localization") with
        the projection head in place of the classifier and any word in place of a class.
        """
        assert self._images is not None
        activations, positions = self._images.encode_map(square[None])
        cosines = positions[0].reshape(-1, positions.shape[-1]) @ direction
        weights = softmax_weights(cosines, FOCUS_TEMPERATURE)
        channels = activations[0].reshape(activations.shape[1], -1)
        focused = _checked(self._images.project((channels @ weights)[None])[0])
        return normalise((1 - FOCUS_WORD) * focused + FOCUS_WORD * direction)


def _checked(vector: FloatArray) -> FloatArray:
    if not usable_rows(vector[None])[0]:
        raise PhotoError("The network gave no usable vector for this picture.", code="photo.bad-embedding")
    return vector
