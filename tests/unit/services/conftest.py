# SPDX-License-Identifier: GPL-3.0-or-later
"""What several tests of services stand on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from semantic_photos.media.decoder_pool import DecoderPool
from tests.fakes.keyword_world import World


@pytest.fixture(scope="module")
def decoders() -> Iterator[DecoderPool]:
    pool = DecoderPool(1)
    yield pool
    pool.close()


@pytest.fixture
def world(tmp_path: Path, decoders: DecoderPool) -> Iterator[World]:
    made = World(tmp_path, decoders)
    yield made
    made.files.close()
    made.database.close()
