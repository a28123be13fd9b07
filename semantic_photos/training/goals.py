# SPDX-License-Identifier: GPL-3.0-or-later
"""Target embeddings of every photo: frozen teachers side by side, with a head of their own.

The student later learns these places photo by photo (Hinton et al., "Distilling the knowledge in a neural network",
2015; in a space shared with text: Wu et al., "TinyCLIP", ICCV 2023). A head that was trained on a photo's captions puts
it there from memory; what can be learned from is where it would have put it. So captioned photos get their goals from
heads that have not seen them (cross-fitting).

Command: ``python -m semantic_photos.training.goals --config FILE --data DIR --material DIR --words DIR
--features FILE… --out DIR``
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from semantic_photos.training import progress
from semantic_photos.training.dataset import INDEX_NAME, read_index
from semantic_photos.training.head import Head, HeadTraining
from semantic_photos.training.judge import Judge
from semantic_photos.training.targets import Targets, save_goals
from semantic_photos.training.text_side import TextSide
from semantic_photos.training.texts import WordVectorTable
from semantic_photos.training.words import load_words

log = logging.getLogger(__name__)

GOALS_NAME = "goals.pt"


def beside(files: Sequence[Path]) -> torch.Tensor:
    """Return the features of several networks side by side, float16 (N, C), for as many photos as all of them have."""
    parts = [np.load(file, mmap_mode="r") for file in files]
    count = min(len(part) for part in parts)
    return torch.cat([torch.from_numpy(np.array(part[:count])) for part in parts], dim=1)


def make_goals(
    config: dict[str, Any], targets: Targets, views: list[torch.Tensor], table: torch.Tensor, out: Path
) -> dict[str, float]:
    """Train the heads, place every training photo, keep goals and text side in ``out``; returns figures on val."""
    folds, seed = int(config["goals"]["folds"]), int(config["head"]["seed"])
    judge = Judge(targets)
    side = TextSide(table)
    work = HeadTraining(config, targets, views, judge)
    head, _scales, figures = work.train(seed, side)
    log.info("teachers with a head, val: %s", {name: round(value, 4) for name, value in figures.items()})
    # One space for all heads: the texts stand still from here on.
    side.requires_grad_(requires_grad=False)
    vectors = work.placed(head)
    train = torch.tensor([record.split == "train" for record in targets.records[: len(vectors)]])
    part = np.random.default_rng(seed).integers(0, folds, size=len(vectors))
    captioned = targets.has_caption[: len(vectors)].numpy()
    for fold in range(folds):
        left_out = captioned & (part == fold)
        apart, _scales, judged = work.train(seed + 1 + fold, side, left_out=left_out)
        log.info("without part %d, val R@10 %.4f %.4f", fold, judged["old_r10"], judged["web_r10"])
        mine = torch.from_numpy(np.flatnonzero(left_out))
        vectors[mine] = work.placed(apart, mine)
    vectors[~train] = 0.0
    whole = torch.zeros(len(targets.records), vectors.shape[1])
    whole[: len(vectors)] = vectors
    out.mkdir(parents=True, exist_ok=True)
    kept = {"head": head.state_dict(), "hidden": int(config["head"]["hidden"]), "figures": figures}
    save_goals(out / GOALS_NAME, whole, side, kept)
    return figures


@torch.no_grad()
def add_photos(kept: Path, features: torch.Tensor, count: int, out: Path) -> int:
    """Give photos that came later their goals, by the head of those before.

    Args:
        kept: ``goals.pt`` of the earlier photos.
        features: float16 (N, C) of all photos, the later ones behind.
        count: photos in the index; those without features get no goal.
        out: the new ``goals.pt``.

    Returns:
        How many photos were added.
    """
    state = progress.load_checkpoint(kept)
    before = len(state["vectors"])
    head = Head(features.shape[1], int(state["hidden"]), state["vectors"].shape[1], 0.0)
    head.load_state_dict(state["head"])
    fresh = [head.eval()(some.float()) for some in features[before:].split(4096)]
    vectors = torch.zeros(count, state["vectors"].shape[1], dtype=torch.half)
    vectors[:before] = state["vectors"]
    if fresh:
        vectors[before : len(features)] = torch.cat(fresh).half()
    progress.save_atomically({**state, "vectors": vectors}, out)
    return len(features) - before


def main(argv: Sequence[str] | None = None) -> int:
    """Train the teachers' heads and write the goals."""
    parser = argparse.ArgumentParser(description="Place all training photos with frozen teachers.")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="folder made by training.dataset")
    parser.add_argument("--material", type=Path, required=True, help="folder with objects.jsonl.gz")
    parser.add_argument("--words", type=Path, required=True)
    parser.add_argument("--features", type=Path, nargs="+", required=True, help="of training.teacher_features")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--add-to", type=Path, default=None, help="goals.pt of fewer photos: only place the later ones")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    config = progress.read_config(args.config)
    progress.prepare(int(config["head"]["seed"]), int(config["head"]["threads"]))
    args.out.mkdir(parents=True, exist_ok=True)
    words, table, weights = load_words(args.words)
    records = read_index(args.data / INDEX_NAME)
    if args.add_to is not None:
        added = add_photos(args.add_to, beside(args.features), len(records), args.out / GOALS_NAME)
        log.info("%d photos more have goals", added)
        return 0
    targets = Targets(records, WordVectorTable(words, weights), args.material, args.out, table)
    figures = make_goals(config, targets, [beside(args.features)], table, args.out)
    progress.RunLog(args.out).write(event="goals", **figures)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
