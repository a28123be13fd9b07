# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("wordfreq")

from semantic_photos.training.more_words import LIST, agreement, extend, lacking  # noqa: E402
from semantic_photos.training.words import read_list  # noqa: E402


def _space(words: int, wide: int = 24, dim: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
    """Vectors of words, and the table that a hidden linear map makes of them."""
    torch.manual_seed(0)
    known = torch.nn.functional.normalize(torch.randn(words, wide), dim=1)
    return known, torch.nn.functional.normalize(known @ torch.randn(wide, dim), dim=1)


def test_new_words_lie_where_the_known_ones_would() -> None:
    known, table = _space(3000)
    placed = extend(known[:2000], table[:2000], known[2000:])
    assert float((placed * table[2000:]).sum(dim=1).mean()) > 0.98
    cosine, nearest = agreement(known, table)
    assert cosine > 0.98
    assert nearest > 0.9


def test_the_list_names_things_once_and_only_those_that_lack_are_placed() -> None:
    words = read_list(LIST)
    assert len(words) == len(set(words)) > 1000
    assert all(word.isalpha() and word.islower() for word in words)
    assert "croissant" in lacking(["walrus"])
    assert "walrus" not in lacking(["walrus"])
