# SPDX-License-Identifier: GPL-3.0-or-later
"""Each fake as the code under test sees it: mypy compares it with the protocol here. Never called."""

from __future__ import annotations

from semantic_photos.domain.ports import ImageEncoder, TextEncoder
from semantic_photos.services.library.facade import PhotoLibrary
from tests.fakes.encoders import FakeImageEncoder, FakeTextEncoder
from tests.fakes.library import FakeLibrary


def as_library(fake: FakeLibrary) -> PhotoLibrary:
    return fake


def as_text_encoder(fake: FakeTextEncoder) -> TextEncoder:
    return fake


def as_image_encoder(fake: FakeImageEncoder) -> ImageEncoder:
    return fake
