# SPDX-License-Identifier: GPL-3.0-or-later
"""A decoder pool without processes: pictures from memory, prepared as the real one prepares them."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path

from PIL import Image

from semantic_photos.domain.errors import PhotoError
from semantic_photos.domain.photo import PhotoFacts
from semantic_photos.domain.translatable import Message
from semantic_photos.media.decode_request import DecodedPhoto, DecodeRequest
from semantic_photos.media.preprocess import square


class FakeDecoders:
    """Answers at once. A path without a picture cannot be read.

    Attributes:
        pictures: the pictures by path.
        asked: what was asked for, in order.
    """

    def __init__(self) -> None:
        self.pictures: dict[Path, Image.Image] = {}
        self.asked: list[DecodeRequest] = []

    def submit(self, request: DecodeRequest, *, urgent: bool | None = None) -> Future[DecodedPhoto]:
        self.asked.append(request)
        future: Future[DecodedPhoto] = Future()
        picture = self.pictures.get(request.path)
        if picture is None:
            future.set_exception(PhotoError(Message.as_is(f"There is no file {request.path}.")))
            return future
        facts = PhotoFacts(width=picture.width, height=picture.height)
        future.set_result(DecodedPhoto(facts, square(picture, request.recipe) if request.recipe is not None else None))
        return future

    def close(self) -> None:
        pass
