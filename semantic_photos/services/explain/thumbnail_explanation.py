# SPDX-License-Identifier: GPL-3.0-or-later
"""Explanations of many results from their thumbnails, cached for the next query."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from semantic_photos.domain.errors import PhotoError
from semantic_photos.domain.messages import CancelToken
from semantic_photos.domain.photo import ContentKey, Photo, PhotoFacts, PhotoId
from semantic_photos.domain.ports import ImageEncoder
from semantic_photos.domain.query import Example, Query
from semantic_photos.media.thumbnail_squares import square_of
from semantic_photos.services.explain.explanation import Explainer, Explanation
from semantic_photos.services.search.dense_features import FeatureGrid, quick_feature_grids

#: Longer side of a heat map over a thumbnail.
SIDE = 48
#: Photos whose positions are remembered: 25 KB each with the shipped pack, some screens full.
REMEMBERED = 600


class ThumbnailExplainer:
    """Explains thumbnails.

    The network looks once at each, at its own side: coarser than ``Explainer.why`` and some ten times as quick.
    Thumbnails are read, not photos, so that photos on a drive that is not plugged in are explained as well.

    Thread: any, several at once; blocking (thumbnails, network): some 8 ms a photo; the network is loaded once.

    Args:
        explainer: knows what a query looks for.
        images: the network, or None without a pack.
        thumbnail: JPEG of a photo, or None if it has no picture.
    """

    def __init__(
        self, explainer: Explainer, images: ImageEncoder | None, thumbnail: Callable[[Photo], bytes | None]
    ) -> None:
        self._explainer, self._images, self._thumbnail = explainer, images, thumbnail
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[PhotoId, ContentKey | None], FeatureGrid] = OrderedDict()
        self._ready = images is None

    def prepare(self) -> None:
        """Load the network, so that the first look does not wait for it; without a pack there is none.

        It takes some tenths of a second and 160 MB: for those who are about to ask, and not for everybody.

        Raises:
            PackError: the network cannot be loaded.
            InternalError: the network fails.
        """
        if self._ready or self._images is None:
            return
        side = self._images.recipe.side
        self._images.encode_map(np.zeros((1, side, side, 3), np.uint8))
        self._ready = True

    def explain(
        self, photos: Sequence[Photo], query: Query, token: CancelToken | None = None
    ) -> Mapping[PhotoId, Explanation]:
        """Explain photos before a query; those whose thumbnail cannot be read are left out.

        Raises:
            QueryError: no pack, nothing known in the query, examples that are gone.
            PhotoError: none of the query's example photos can be read.
            CatalogError: the catalog cannot be read.
            CancelledError: when the token says so.
        """
        asked = self._explainer.asked(query)
        seen = self._look(photos, token or CancelToken())
        return {
            photo.id: self._explainer.told(asked, Example(photo_id=photo.id), photo.path, seen[photo.id], SIDE)
            for photo in photos
            if photo.id in seen
        }

    def _look(self, photos: Sequence[Photo], token: CancelToken) -> dict[PhotoId, FeatureGrid]:
        found: dict[PhotoId, FeatureGrid] = {}
        new, squares, facts = [], [], []
        for photo in photos:
            with self._lock:
                known = self._known.get((photo.id, photo.content_key))
                if known is not None:
                    self._known.move_to_end((photo.id, photo.content_key))
            if known is not None:
                found[photo.id] = known
                continue
            token.raise_if_cancelled()
            assert self._images is not None  # without a pack nothing could be asked
            try:
                jpeg = self._thumbnail(photo)
                if jpeg is None:
                    continue
                square, width, height = square_of(jpeg, self._images.recipe)
            except PhotoError:
                continue
            new.append(photo)
            squares.append(square)
            facts.append(PhotoFacts(width, height))
        token.raise_if_cancelled()
        if new and self._images is not None:
            example_chips = quick_feature_grids(self._images, np.stack(squares), facts)
            self._ready = True
            for photo, seen in zip(new, example_chips, strict=True):
                found[photo.id] = seen
                with self._lock:
                    self._known[photo.id, photo.content_key] = seen
                    while len(self._known) > REMEMBERED:
                        self._known.popitem(last=False)
        return found
