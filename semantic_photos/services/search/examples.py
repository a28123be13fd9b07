# SPDX-License-Identifier: GPL-3.0-or-later
"""Vectors of example photos: stored or encoded now; of the whole, a region, or the parts in focus."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from semantic_photos.domain import result_cutoff
from semantic_photos.domain.errors import PhotoError, QueryError, UserFacingError
from semantic_photos.domain.example_focus import Focus, focused_vector, position_weights
from semantic_photos.domain.heat_map import standard_scores
from semantic_photos.domain.messages import CancelToken
from semantic_photos.domain.photo import FileStamp, Photo, PhotoId
from semantic_photos.domain.ports import FloatArray, ImageEncoder, TextEncoder
from semantic_photos.domain.query import Example, Query
from semantic_photos.domain.translatable import Message
from semantic_photos.media.decoder_pool import DecoderPool
from semantic_photos.services.search.dense_features import DenseFeatures, checked, stamp_of
from semantic_photos.storage.catalog import Catalog

#: Of each example photo what the catalog knows of it, if anything, and its file's stamp, if that can be reached.
ExampleFiles = tuple[tuple[Photo | None, FileStamp | None], ...]


class ExampleVectors:
    """Turns example photos into unit vectors.

    Thread: any; blocking (catalog, decoders, network).
    """

    def __init__(
        self,
        catalog: Catalog,
        text: TextEncoder | None,
        images: ImageEncoder | None,
        decoders: DecoderPool,
        sample: Callable[[], FloatArray | None] = lambda: None,
    ) -> None:
        """Take the parts; ``sample`` gives unit vectors of ordinary photos (B, D), or None."""
        self._catalog, self._text, self._images, self._sample = catalog, text, images, sample
        self.look = DenseFeatures(images, decoders) if images is not None else None

    def vector(self, example: Example, focuses: Sequence[Focus] = ()) -> FloatArray:
        """Return the unit vector (D,) of an example photo.

        Args:
            example: the photo. Its region is cut out, whatever the focus.
            focuses: it is compared by the parts that show these words, or that do not, for negative ones.

        Raises:
            QueryError: no pack, an unknown focus, a region that is none, an example that is gone.
            PhotoError: the file cannot be read, or the network gives nothing usable for it.
            CatalogError: the catalog cannot be read.
        """
        if self._images is None or self.look is None:
            raise QueryError(Message("No usable model pack: photos cannot be compared."), code="query.no-pack")
        directions = [(focus.weight, self._direction(focus.word)) for focus in focuses]
        if example.region is not None:
            part = self.look.region(self.path_of(example), example.region)
            return focused_vector(part, directions)
        stored = self.stored_vector(example.photo_id) if example.photo_id is not None else None
        if not directions and stored is not None:
            return stored
        path = self.path_of(example)
        try:
            return self._focused(path, directions) if directions else self.look.vector(path)
        except PhotoError:
            # The file is on a drive that is not plugged in, say: its vector still tells most.
            if stored is None:
                raise
            return focused_vector(stored, directions)

    def usable(
        self, query: Query, token: CancelToken | None = None
    ) -> tuple[list[tuple[Example, FloatArray]], list[UserFacingError]]:
        """Return the unit vector (D,) of each example photo that there still is, and what is wrong with the others.

        A photo that left the library, or a file that can no longer be read, must not take the rest with it.

        Raises:
            QueryError: no pack, an unknown focus, a region that is none.
            CatalogError: the catalog cannot be read.
            CancelledError: when the token says so.
        """
        found, troubles = [], []
        for example in query.examples:
            if token is not None:
                token.raise_if_cancelled()
            try:
                # What is looked at are parts of the photo to be like, not of one to be unlike.
                found.append((example, self.vector(example, query.focuses if example.weight > 0 else ())))
            except (QueryError, PhotoError) as error:
                if isinstance(error, QueryError) and error.code != "query.no-example":
                    raise
                troubles.append(self._named(example, error))
        return found, troubles

    def standing(self, query: Query) -> ExampleFiles:
        """Return, for each example photo, what is the same as long as its vector is.

        Raises:
            CatalogError: the catalog cannot be read.
        """
        known = self._catalog.photos.get([one.photo_id for one in query.examples if one.photo_id is not None])
        photos = [known.get(one.photo_id) if one.photo_id is not None else None for one in query.examples]
        paths = [
            photo.path if photo is not None else one.path for one, photo in zip(query.examples, photos, strict=True)
        ]
        return tuple(
            (photo, stamp_of(path) if path is not None else None) for photo, path in zip(photos, paths, strict=True)
        )

    def _named(self, example: Example, error: UserFacingError) -> UserFacingError:
        """Return an error about a file as one that names it: it stands beside a query, not beside the photo."""
        if not isinstance(error, PhotoError):
            return error
        name = self.path_of(example).name.encode("utf-8", "replace").decode()
        return PhotoError(Message("{name}: {reason}", name=name, reason=error), code=error.code, retry=error.retry)

    def stored_vector(self, photo_id: PhotoId) -> FloatArray | None:
        """Return the vector (D,) of a photo of the library, or None if it has none."""
        if self._images is None:
            return None
        ids, vectors = self._catalog.vectors.get(self._images.fingerprint, [photo_id])
        return vectors[0] if len(ids) else None

    def path_of(self, example: Example) -> Path:
        """Return the file of an example.

        Raises:
            QueryError: it is no longer in the library.
        """
        if example.path is not None:
            return example.path
        if example.photo_id is not None:
            photo = self._catalog.photos.get([example.photo_id]).get(example.photo_id)
            if photo is not None:
                return photo.path
        raise QueryError(Message("The example photo is no longer in the library."), code="query.no-example")

    def _direction(self, word: str) -> FloatArray:
        direction = self._text.encode(word) if self._text is not None else None
        if direction is None:
            raise QueryError(Message("The focus “{word}” is an unknown word.", word=word), code="query.unknown-focus")
        return direction

    def _focused(self, path: Path, directions: Sequence[tuple[float, FloatArray]]) -> FloatArray:
        """Pool the activations with weights by how much each position shows what is in focus.

        Class activation mapping (Zhou et al. 2016, "Learning Deep Features for Discriminative Localization") with
        the projection head in place of the classifier and any word in place of a class.
        """
        assert self._images is not None
        assert self.look is not None
        seen = self.look.positions(path)
        sample = self._sample()
        scores = []
        for _, direction in directions:
            cosines = seen.flat @ direction
            # Without a background the photo is its own: only the order within it is known then.
            mean, std = result_cutoff.background((sample if sample is not None else seen.flat) @ direction)
            scores.append(standard_scores(cosines, mean, std))
        weights = position_weights(np.stack(scores), [weight for weight, _ in directions])
        part = checked(self._images.project((weights @ seen.features)[None])[0])
        return focused_vector(part, directions)
