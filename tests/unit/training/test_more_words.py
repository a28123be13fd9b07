# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("wordfreq")

from semantic_photos.training.dataset import PhotoRecord  # noqa: E402
from semantic_photos.training.more_words import agreement, candidates, choose, extend, visible  # noqa: E402


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


def test_words_like_those_for_visible_things_are_chosen() -> None:
    rng = np.random.default_rng(0)
    things, others = rng.normal(size=24), rng.normal(size=24)

    def around(centre: np.ndarray, count: int) -> torch.Tensor:
        return torch.nn.functional.normalize(torch.from_numpy(centre + rng.normal(size=(count, 24))).float(), dim=1)

    known = torch.cat([around(things, 200), around(others, 1500)])
    new = torch.cat([around(others, 100), around(things, 50)])
    chosen = choose(known, np.arange(1700) < 200, new, 50)
    assert len(chosen) == 50
    assert (chosen >= 100).mean() > 0.9


def test_candidates_are_neither_known_nor_forms_of_known_words() -> None:
    found = candidates(["walrus", "the"], most=60_000)
    assert "croissant" in found
    assert "walrus" not in found
    assert "walruses" not in found
    assert all(word.isalpha() for word in found)


def test_a_word_of_several_captions_is_visible_and_a_stop_word_is_not() -> None:
    records = [PhotoRecord("a.webp", 1, "made", "train", (), ("the zebroid walks",)) for _ in range(8)]
    records += [PhotoRecord("b.webp", 1, "made", "train", ("okapi",), ("a quagga",))]
    seen = visible(records)
    assert {"zebroid", "okapi"} <= seen
    assert not {"the", "quagga"} & seen
