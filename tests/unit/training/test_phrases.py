# SPDX-License-Identifier: GPL-3.0-or-later
"""What words weigh: words that say nothing of the photos lose weight, and words never heard keep theirs."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from semantic_photos.training import phrases  # noqa: E402
from semantic_photos.training.dataset import PhotoRecord  # noqa: E402
from semantic_photos.training.head import Goals, Material  # noqa: E402
from semantic_photos.training.texts import CaptionBank, LabelBank, WordVectorTable  # noqa: E402


def unit(rows: int, dim: int, seed: int) -> torch.Tensor:
    drawn = torch.from_numpy(np.random.default_rng(seed).normal(size=(rows, dim))).float()
    return torch.nn.functional.normalize(drawn, dim=1)


THINGS = ("dog", "boat", "tree", "car")
#: Said of any photo.
IDLE = ("whilst", "nearby", "rather", "various")
WORDS = (*THINGS, *IDLE, "walrus")
#: Some things are on more photos than others.
SHOWN = np.repeat(np.arange(4), (24, 12, 8, 4))
CONFIG = {
    "phrases": {
        "epochs": 15,
        "batch": 16,
        "label_batch": 16,
        "weight_rate": 1e-1,
        "row_rate": 1e-3,
        "row_pull": 1e-2,
        "weight_pull": 1e-5,
        "row_share": 0.5,
        "silence": 0.2,
        "seed": 1,
        "weights": {"caption": 1.0, "query": 1.0, "label": 0.5},
    }
}


@pytest.fixture(scope="module")
def table() -> torch.Tensor:
    return unit(len(WORDS), 24, 0)


@pytest.fixture(scope="module")
def records() -> list[PhotoRecord]:
    rng = np.random.default_rng(1)
    made = []
    for number in range(48):
        thing = THINGS[SHOWN[number]]
        said = [f"{thing} {rng.choice(IDLE, p=(0.5, 0.25, 0.15, 0.1))}" for _ in "ab"]
        made.append(PhotoRecord(f"{number}.webp", "photos-1.zip", "own", "train", (thing,), tuple(said)))
    return made


@pytest.fixture(scope="module")
def photos(table: torch.Tensor) -> torch.Tensor:
    noise = torch.from_numpy(np.random.default_rng(2).normal(size=(48, 24))).float()
    things = table[torch.from_numpy(SHOWN)]
    return torch.nn.functional.normalize(things + 0.1 * noise, dim=1)


def material(records: list[PhotoRecord], table: torch.Tensor) -> Material:
    word_table = WordVectorTable(WORDS, torch.ones(len(WORDS)))
    rows = np.arange(len(records))
    return Material(word_table, CaptionBank(records, rows, word_table), LabelBank(records, rows, word_table, table))


def test_words_that_say_nothing_of_a_photo_come_to_weigh_less(
    records: list[PhotoRecord], photos: torch.Tensor, table: torch.Tensor
) -> None:
    rows, factors = phrases.tune(CONFIG, material(records, table), photos, table)
    assert float(factors[4:8].mean()) < 0.9 * float(factors[:4].mean())
    assert float(factors.max()) == 1.0, "none gains: what is typed is meant"
    assert float(factors[8]) == 1.0, "a word of no text keeps its weight"
    assert torch.allclose(rows[8], table[8], atol=1e-6), "and its place"
    assert torch.allclose(rows.norm(dim=1), torch.ones(len(WORDS)), atol=1e-5)


def test_a_frequent_word_loses_nothing_by_being_frequent() -> None:
    counts = torch.tensor([3.0, 9.0, 30.0, 100.0, 300.0, 1000.0, 50.0, 1.0])
    learned = -0.2 * (counts + 1).log()
    learned[6] -= 0.5
    learned[7] = -3.0
    kept = phrases.less_than_expected(learned, counts)
    assert kept[6] < -0.3
    assert kept[:6].min() > -0.15
    assert kept[7] == 0.0, "too rare to be judged"


def test_the_same_seed_gives_the_same_words(
    records: list[PhotoRecord], photos: torch.Tensor, table: torch.Tensor
) -> None:
    short = copy.deepcopy(CONFIG)
    short["phrases"]["epochs"] = 2
    first, second = (phrases.tune(short, material(records, table), photos, table) for _ in range(2))
    assert all(torch.equal(one, two) for one, two in zip(first, second, strict=True))


def kept_goals(folder: Path, table: torch.Tensor, vectors: torch.Tensor) -> Goals:
    torch.save({"table": table, "vectors": vectors.half(), "figures": {}}, folder / "goals.pt")
    return Goals(folder / "goals.pt")


def test_goals_are_brought_over_by_the_words_that_both_spaces_have(tmp_path: Path) -> None:
    words = torch.nn.functional.normalize(
        torch.from_numpy(np.random.default_rng(3).normal(size=(60, 8))).float(), dim=1
    )
    turn = torch.linalg.qr(torch.from_numpy(np.random.default_rng(4).normal(size=(8, 8))).float())[0]
    goals = kept_goals(tmp_path, words @ turn, torch.cat([words[:3] @ turn, torch.zeros(1, 8)]))
    brought = phrases.brought_over(goals, words)
    assert torch.allclose(brought[:3], words[:3], atol=1e-2)
    assert not brought[3].any(), "a photo without a goal has none"


def test_goals_of_other_words_are_refused(tmp_path: Path) -> None:
    one, two = unit(60, 8, 5), unit(60, 8, 6)
    with pytest.raises(ValueError, match="elsewhere"):
        phrases.brought_over(kept_goals(tmp_path, one, one[:2]), two)
    with pytest.raises(ValueError, match="words"):
        phrases.brought_over(kept_goals(tmp_path, one[:50], one[:2]), two)
