# SPDX-License-Identifier: GPL-3.0-or-later
"""Vectors of single words, trained on the photos: rows of the table move while photos stay fixed.

One map shared by all words (`goals`) cannot know that "mouse" is rarely the animal here. Each row moves towards the
photos whose captions, labels or detected objects name it, held back by a pull to where it was, and in the end half way
at the most: a word must keep its neighbours. The photos stand at their cross-fitted goals, for photos whose head knows
the captions by heart give nothing to train on. Words that nothing names stay where they are.

Command: ``python -m semantic_photos.training.word_rows --config FILE --data DIR --material DIR --words DIR
--goals FILE --out DIR``
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from semantic_photos.training import progress
from semantic_photos.training.dataset import INDEX_NAME, read_index
from semantic_photos.training.goals import GOALS_NAME
from semantic_photos.training.head import RowSampler
from semantic_photos.training.targets import Goals, Places, Scales, Targets, load_goals
from semantic_photos.training.text_side import TextSide
from semantic_photos.training.texts import Bags, WordVectorTable
from semantic_photos.training.words import load_words

log = logging.getLogger(__name__)


def move_rows(config: dict[str, Any], targets: Targets, goals: Goals, side: TextSide) -> torch.Tensor:
    """Return the table, float32 (V, D) with unit rows, after the moves.

    Args:
        config: table ``rows``.
        targets: of the index.
        goals: where the photos stand.
        side: the text side with its folded table.
    """
    run = config["rows"]
    torch.manual_seed(int(run["seed"]))
    rng = np.random.default_rng(int(run["seed"]))
    start = side.folded()
    moves = nn.Embedding(*start.shape, sparse=True)
    nn.init.zeros_(moves.weight)
    scales = Scales(len(targets.objects.names))

    def words(bags: Bags) -> torch.Tensor:
        rows = functional.normalize(start[bags.words] + moves(bags.words), dim=2)
        return functional.normalize((rows * bags.weights[:, :, None]).sum(dim=1), dim=1)

    def of(which: torch.Tensor) -> torch.Tensor:
        bags = targets.texts.bags.pick(which)
        longest = int((bags.weights > 0).sum(dim=1).max())
        return words(Bags(bags.words[:, :longest], bags.weights[:, :longest]))

    places = Places(of, lambda bags: words(Bags(bags.words[:, :3], bags.weights[:, :3])))
    train = np.flatnonzero(goals.there.numpy())
    sampler = RowSampler(targets, train, config.get("sources", {}))
    rate = float(run["rate"])
    quick = torch.optim.SparseAdam(list(moves.parameters()), lr=rate)
    plain = torch.optim.Adam(scales.parameters(), lr=3e-3)
    steps = int(run["steps"])
    for step in range(steps):
        for group in quick.param_groups:
            group["lr"] = rate * (1.0 - step / steps)
        batch = sampler.next(int(run["captioned"]), int(run["others"]), rng)
        vectors = goals.vectors[torch.from_numpy(batch)].float()
        loss, parts = targets.loss(vectors, batch, places, scales, run["weights"], rng)
        # Rows of this batch alone are pulled: the others have no gradient to answer for.
        touched = torch.unique(targets.texts.bags.words[targets.label_texts])
        loss = loss + float(run["pull"]) * moves(touched).square().sum()
        quick.zero_grad(set_to_none=True)
        plain.zero_grad(set_to_none=True)
        loss.backward()
        quick.step()
        plain.step()
        if step % 50 == 0:
            log.info("step %d of %d: %s", step, steps, {k: round(v, 3) for k, v in parts.items()})
    with torch.no_grad():
        # No word goes farther than its share allows: a long move shrinks to it.
        size = moves.weight.norm(dim=1, keepdim=True)
        most = float(run["most"])
        kept = moves.weight * (most / size.clamp(min=most)) * float(run["share"])
        return functional.normalize(start + kept, dim=1)


def main(argv: Sequence[str] | None = None) -> int:
    """Move the rows and write the goals anew, with the moved table."""
    parser = argparse.ArgumentParser(description="Move single words towards the photos that show them.")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--material", type=Path, required=True, help="folder with objects.jsonl.gz")
    parser.add_argument("--words", type=Path, required=True)
    parser.add_argument("--goals", type=Path, required=True, help="goals.pt of training.goals")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    config = progress.read_config(args.config)
    progress.prepare(int(config["rows"]["seed"]), int(config["rows"]["threads"]))
    words, table, weights = load_words(args.words)
    records = read_index(args.data / INDEX_NAME)
    targets = Targets(records, WordVectorTable(words, weights), args.material, args.goals.parent, table)
    goals, side = load_goals(args.goals)
    side.moved = move_rows(config, targets, goals, side)
    args.out.mkdir(parents=True, exist_ok=True)
    state = progress.load_checkpoint(args.goals)
    progress.save_atomically({**state, "side": side.state_dict()}, args.out / GOALS_NAME)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
