# SPDX-License-Identifier: GPL-3.0-or-later
"""Last stage of the words: how much each weighs in a phrase, and a small move of its own, while the photos stand still.

A phrase is the weighted sum of its words, and so far the weights came from how rare a word is (smooth inverse
frequency). Rare is not the same as visible: "whilst" and "wearing" are rarer than "people" and say less about a
picture. Here every word that training texts hold gets a factor of its own, and its vector may move a little, by the
contrastive loss of the head against photos that lie where heads put them which never saw their captions (`goals`):
against photos that know their captions by heart every weight looks right. Words of no training text keep what they
have. Encoder and head stay byte for byte, so nothing that was indexed with the pack has to be indexed again.

Of what is learned not all is taken. Among photos full of dogs "dog" tells little apart and loses weight, but who types
"dog beach" means the dog: what the frequency among the captions explains is taken out, and no word gains. And of each
word's move a share is taken (a mean of weights before and after, Wortsman et al., "Model soups", ICML 2022), which is
better at short questions than either end.

Learned weights of words in a sum: Hill et al., "Learning distributed representations of sentences from unlabelled
data" (NAACL 2016) and Wieting et al., "Towards universal paraphrastic sentence embeddings" (ICLR 2016).

Command: ``python -m semantic_photos.training.phrases --config FILE --pack PACK --goals GOALS/goals.pt --data DIR
--out PACK``
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from semantic_photos.ml.model_pack import load_pack
from semantic_photos.ml.word_table import WordVectorTable as PackLexicon
from semantic_photos.training import progress
from semantic_photos.training.dataset import INDEX_NAME, PhotoRecord, read_index
from semantic_photos.training.export import known_answer, quantise_rows, seal
from semantic_photos.training.head import Goals, Material, contrast
from semantic_photos.training.texts import Bags, CaptionBank, LabelBank, WordVectorTable

log = logging.getLogger(__name__)

#: Cosine between words of the goals, brought over, and of the pack: below it they are not the same words.
_SAME_SPACE = 0.98
#: Photos in whose captions a word must stand for its weight to be judged.
_LEAST_HEARD = 3


class Phrases(nn.Module):
    """Words (V, D) with factors of their weights (V,), both movable."""

    def __init__(self, table: torch.Tensor, silence: float) -> None:
        super().__init__()
        self.register_buffer("base", table)
        self.rows = nn.Parameter(torch.zeros_like(table))
        self.factors = nn.Parameter(torch.zeros(len(table)))
        self.silence = silence

    def forward(self, bags: Bags) -> torch.Tensor:
        """Unit vectors (N, D) of texts."""
        weights = bags.weights * self.factors[bags.words].exp()
        if self.training and self.silence:
            # A text whose words are all silent keeps its direction.
            weights = weights * torch.where(torch.rand_like(weights) < self.silence, 1e-6, 1.0)
        return functional.normalize(Bags(bags.words, weights).vectors(self.base + self.rows), dim=1)


def brought_over(goals: Goals, table: torch.Tensor) -> torch.Tensor:
    """Photos (N, D) of the goals as unit vectors of the space of ``table`` (V, D); zero where there is no goal.

    Raises:
        ValueError: the words of the two spaces are not each other's image under a linear map.
    """
    if goals.table.shape != table.shape:
        raise ValueError(f"the goals have {tuple(goals.table.shape)} words, the pack {tuple(table.shape)}")
    theirs = functional.normalize(goals.table.float(), dim=1)
    turn = torch.linalg.lstsq(theirs, table).solution
    close = float(functional.cosine_similarity(theirs @ turn, table, dim=1).mean())
    if close < _SAME_SPACE:
        raise ValueError(f"the words of the goals lie elsewhere than the pack's (mean cosine {close:.2f})")
    return functional.normalize(goals.vectors.float() @ turn, dim=1)


def tune(
    config: dict[str, Any], material: Material, photos: torch.Tensor, table: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return unit rows (V, D) and the factors (V,) of the words' weights.

    Args:
        config: of `configs/phrases.toml`.
        material: texts of training photos.
        photos: unit vectors (N, D) of all photos; zero where none is known.
        table: unit rows (V, D) to start from.
    """
    run = config["phrases"]
    rng = np.random.default_rng(int(run["seed"]))
    torch.manual_seed(int(run["seed"]))
    there = (photos.abs().sum(dim=1) > 0).numpy()
    captioned = np.flatnonzero(there[material.captions.rows])
    labelled = np.flatnonzero(there[material.labels.rows])
    phrases = Phrases(table, float(run["silence"]))
    scale = nn.Parameter(torch.tensor(3.0))
    optimiser = torch.optim.Adam(
        [
            {"params": [phrases.factors], "lr": float(run["weight_rate"])},
            {"params": [phrases.rows], "lr": float(run["row_rate"])},
            {"params": [scale], "lr": float(run["weight_rate"])},
        ]
    )
    batch, label_batch = min(int(run["batch"]), len(captioned)), min(int(run["label_batch"]), len(labelled))
    # Every photo has some five captions: an epoch shows each photo five times.
    steps = max(1, 5 * int(run["epochs"]) * len(captioned) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, [group["lr"] for group in optimiser.param_groups], steps + 1, pct_start=0.1, cycle_momentum=False
    )
    order = np.empty(0, dtype=np.int64)
    for step in range(steps):
        if len(order) < batch:
            order = rng.permutation(captioned)
        which, order = order[:batch], order[batch:]
        where = rng.choice(labelled, label_batch, replace=False)
        loss, parts = contrast(
            material,
            phrases,
            scale.exp().clamp(max=100.0),
            (photos[torch.from_numpy(material.captions.rows[which])], which),
            (photos[torch.from_numpy(material.labels.rows[where])], where),
            run["weights"],
            rng,
        )
        loss = loss + float(run["row_pull"]) * phrases.rows.square().sum()
        loss = loss + float(run["weight_pull"]) * phrases.factors.square().sum()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 100 == 0:
            log.info("step %d of %d: %s", step, steps, {name: round(value, 3) for name, value in parts.items()})
    with torch.no_grad():
        rows = functional.normalize(table + phrases.rows.detach(), dim=1)
        rows = functional.normalize(table + float(run["row_share"]) * (rows - table), dim=1)
        return rows, less_than_expected(phrases.factors.detach(), material.captions.counts(len(table))).exp()


def less_than_expected(factors: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """Log factors (V,) of words that weigh less than a line through the logarithm of their counts; 0 for all others.

    Args:
        factors: log factors (V,) as learned.
        counts: photos (V,) whose captions hold each word.
    """
    heard = counts >= _LEAST_HEARD
    kept = torch.zeros_like(factors)
    if int(heard.sum()) < 3:
        return kept
    sure = counts[heard].sqrt().sqrt()[:, None]
    line = torch.stack([torch.ones(len(sure)), (counts[heard] + 1.0).log()], dim=1)
    fit = torch.linalg.lstsq(line * sure, factors[heard][:, None] * sure).solution[:, 0]
    kept[heard] = (factors[heard] - line @ fit).clamp(max=0.0)
    return kept


def write_words(source: Path, out: Path, table: torch.Tensor, weights: np.ndarray) -> None:
    """Write a copy of a pack with other words; its tags have to be calibrated anew (`training.calibration`)."""
    shutil.copytree(source, out, dirs_exist_ok=True)
    rows, scales = quantise_rows(table.numpy())
    np.save(out / "words.npy", rows)
    np.save(out / "word_scales.npy", scales)
    np.save(out / "word_weights.npy", weights.astype(np.float32))
    manifest = json.loads((out / "pack.json").read_text(encoding="utf-8"))
    word_table = WordVectorTable(
        (out / "words.txt").read_text(encoding="utf-8").split("\n")[:-1], torch.from_numpy(weights)
    )
    stored = torch.from_numpy(rows.astype(np.float32) * scales[:, None])
    manifest["known_answer"] = known_answer(out, int(manifest["image"]["side"]), word_table, stored)
    seal(out, manifest)


def material_of(words: PackLexicon, records: Sequence[PhotoRecord], table: torch.Tensor) -> Material:
    """Texts of the split train, in the words of a pack."""
    word_table = WordVectorTable(words.words, torch.from_numpy(np.array(words.weights)))
    train = np.array([row for row, record in enumerate(records) if record.split == "train"], dtype=np.int64)
    captioned = np.array([row for row in train if records[row].captions], dtype=np.int64)
    return Material(
        word_table, CaptionBank(records, captioned, word_table), LabelBank(records, train, word_table, table)
    )  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Tune the words of a pack and write it anew."""
    parser = argparse.ArgumentParser(description="Tune what words weigh and where they lie.")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--pack", type=Path, required=True, help="the pack to start from")
    parser.add_argument("--goals", type=Path, required=True, help="goals.pt of training.goals, in the pack's words")
    parser.add_argument("--data", type=Path, required=True, help="folder with photos.jsonl")
    parser.add_argument("--out", type=Path, required=True, help="folder of the new pack")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    config = progress.read_config(args.config)
    progress.prepare(int(config["phrases"]["seed"]), int(config["phrases"]["threads"]))
    words = load_pack(args.pack).word_table
    table = torch.from_numpy(words.matrix())
    records = read_index(args.data / INDEX_NAME)
    material = material_of(words, records, table)
    photos = brought_over(Goals(args.goals), table)
    rows, factors = tune(config, material, photos, table)
    log.info("words that lose weight: %d", int((factors < 1).sum()))
    write_words(args.pack, args.out, rows, np.array(words.weights) * factors.numpy())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
