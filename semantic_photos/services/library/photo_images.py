# SPDX-License-Identifier: GPL-3.0-or-later
"""Images for display: cached thumbnails, and larger pictures made on demand."""

from __future__ import annotations

import logging
from pathlib import Path

from semantic_photos.domain.errors import InternalError
from semantic_photos.domain.photo import Photo
from semantic_photos.domain.ports import ByteArray
from semantic_photos.media.decode_request import DecodeRequest
from semantic_photos.media.decoder_pool import DecoderPool
from semantic_photos.media.fingerprint import content_key
from semantic_photos.media.thumbnails import THUMBNAIL_SIDE, ThumbnailStore

_log = logging.getLogger(__name__)


class PhotoImages:
    """Makes pictures of photos in the decoder processes.

    Thread: any; blocking.
    """

    def __init__(self, decoders: DecoderPool, thumbnails: ThumbnailStore, *, keep: bool) -> None:
        self._decoders, self._thumbnails, self._keep = decoders, thumbnails, keep

    def thumbnail(self, photo: Photo) -> bytes | None:
        """Return the thumbnail of a photo as JPEG, made and kept if there is none; None if it has no picture.

        Raises:
            PhotoError: when the photo cannot be read.
        """
        key = photo.content_key or content_key(photo.path)
        stored = self._thumbnails.find(key)
        if stored is not None:
            try:
                return stored.read_bytes()
            except OSError as error:
                _log.info("a thumbnail vanished: %s", error)
        request = DecodeRequest(photo.path, recipe=None, thumbnail_side=THUMBNAIL_SIDE)
        decoded = self._decoders.submit(request).result(timeout=120)
        if decoded.thumbnail is not None and self._keep:
            self._thumbnails.put(key, decoded.thumbnail)
        return decoded.thumbnail

    def preview(self, path: Path, side: int) -> ByteArray:
        """Return a photo as upright sRGB pixels, uint8 (H, W, 3), its longer side at most ``side`` pixels.

        Raises:
            PhotoError: when the photo cannot be read.
        """
        request = DecodeRequest(path, recipe=None, thumbnail_side=None, preview_side=side)
        decoded = self._decoders.submit(request).result(timeout=120)
        if decoded.preview is None:
            raise InternalError("a decoder forgot the preview")
        return decoded.preview
