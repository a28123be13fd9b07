# SPDX-License-Identifier: GPL-3.0-or-later
"""What the text encoder is asked for, and what becomes of words with weights and minus words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from semantic_photos.domain.query import Query
from semantic_photos.domain.vectors import normalise
from tests.fakes.encoders import FakeTextEncoder, word_vector
from tests.unit.services.search.test_search_service import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("typed", "encoded"),
    [
        ("dog on beach", {"dog on beach"}),
        ("dog -red beach", {"dog beach", "red"}),
        ("dog red^2 beach", {"dog beach", "red"}),
        ("dog beach OR red sea", {"dog beach", "red sea"}),
        ('dog "my file" beach', {"dog beach"}),
        ("-red", {"red"}),
    ],
)
def test_plain_words_are_one_phrase_and_all_others_count_by_themselves(
    world: World, typed: str, encoded: set[str]
) -> None:
    text = FakeTextEncoder()
    world.search = world.service(text)
    text.encoded.clear()
    world.search.run(Query.parse(typed))
    assert set(text.encoded) == encoded


def test_a_word_of_twice_the_weight_counts_twice(world: World) -> None:
    vector = world.search.vector(Query.parse("red blue^2"))
    assert vector is not None
    assert np.allclose(vector, normalise(word_vector("red") + 2 * word_vector("blue")), atol=1e-5)
    vector = world.search.vector(Query.parse("red^0.5 blue"))
    assert vector is not None
    assert np.allclose(vector, normalise(0.5 * word_vector("red") + word_vector("blue")), atol=1e-5)
