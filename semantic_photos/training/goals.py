# SPDX-License-Identifier: GPL-3.0-or-later
"""Goals for the student: where a stronger teacher with a head of its own would put every training photo.

Distilling into the space shared with words, instead of into a teacher's features, gives every photo a target there,
also the many without a caption (Hinton et al., "Distilling the knowledge in a neural network", 2015; in an embedding
space: Wu et al., "TinyCLIP", ICCV 2023). A head that was trained on a photo's captions puts it there from memory; what
can be learned from is where it would have put it. So captioned photos get their goals from heads that have not seen
them (cross-fitting).

Command: ``python -m semantic_photos.training.goals --config FILE --data DIR --words DIR --out DIR``
"""

from __future__ import annotations

import argparse
import copy
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from semantic_photos.training import progress
from semantic_photos.training.dataset import Augmentation, PhotoArray
from semantic_photos.training.features import pooled_features
from semantic_photos.training.head import Head, HeadTraining
from semantic_photos.training.lite import LITE_CHANNELS, Lite

log = logging.getLogger(__name__)

GOALS_NAME = "goals.pt"


def wanted_rows(work: HeadTraining, others: int) -> np.ndarray:
    """Rows whose features are computed: photos with captions, those that are judged, and some ``others`` (0: all)."""
    captioned = work.material.captions.rows
    rest = np.setdiff1d(work.photos.rows("train"), captioned)
    rest = np.random.default_rng(0).permutation(rest)[: others or len(rest)]
    return np.unique(np.concatenate([captioned, work.judge.captioned, work.judge.labelled, rest]))


def teacher_features(config: dict[str, Any], work: HeadTraining, out: Path, device: str) -> dict[str, torch.Tensor]:
    """Compute pooled features, or read those that are kept in ``out``.

    Returns:
        ``all``: half (N, C), photos as they are, zero where not computed;
        ``view``: half (captioned, C), augmented as in training.
    """
    kept = out / "features.pt"
    if kept.exists():
        return progress.load_checkpoint(kept)  # type: ignore[no-any-return]
    teacher = Lite(int(config["teacher"]["size"]), int(config["teacher"]["side"]))
    teacher = teacher.to(device=device, memory_format=torch.channels_last)
    rows = work.material.captions.rows
    how = Augmentation(**config["augmentation"])
    chosen = wanted_rows(work, int(config["goals"]["photos"]))
    found = torch.zeros(len(work.photos.records), LITE_CHANNELS, dtype=torch.half)
    found[torch.from_numpy(chosen)] = pooled_features(teacher, work.photos, chosen, device).half()
    features = {
        "all": found,
        "view": pooled_features(teacher, work.photos, rows, device, how, seed=1).half(),
    }
    progress.save_atomically(features, kept)
    return features


@torch.no_grad()
def placed(head: Head, features: torch.Tensor) -> torch.Tensor:
    """Unit vectors (N, D) of features (N, C)."""
    return torch.cat([head(some.float()) for some in features.split(4096)])


def make_goals(work: HeadTraining, features: dict[str, torch.Tensor], folds: int, seed: int) -> dict[str, object]:
    """Train the heads and place every photo.

    Args:
        work: Banks and photos.
        features: ``all`` (N, C) and ``view`` (captioned, C) of the teacher.
        folds: Parts of the captioned photos; each is placed by a head trained on the others.
        seed: Of the training and of the parts.

    Returns:
        ``vectors`` half (N, D), zero for photos without features or not of the split train; ``table`` float32 (V, D),
        the words turned with the first head; ``figures`` on val.
    """
    rows = work.material.captions.rows
    known = (features["all"].abs().sum(dim=1) > 0).numpy()
    places = np.flatnonzero(known[work.material.labels.rows])
    labelled = work.material.labels.rows[places]
    banks = {
        "captioned": torch.stack([features["all"][torch.from_numpy(rows)], features["view"]]).float(),
        "labelled": features["all"][torch.from_numpy(labelled)].float(),
        "labelled_positions": torch.from_numpy(places),
        "val_captioned": features["all"][torch.from_numpy(work.judge.captioned)].float(),
        "val_labelled": features["all"][torch.from_numpy(work.judge.labelled)].float(),
    }
    head, tuned, figures = work.train(banks, seed)
    log.info("teacher with a head, val: %s", {name: round(value, 4) for name, value in figures.items()})
    train = work.photos.rows("train")
    train = torch.from_numpy(train[known[train]])
    table = tuned.folded()
    vectors = torch.zeros(len(work.photos.records), table.shape[1])
    vectors[train] = placed(head, features["all"][train])
    # One space for all heads: the words stand still from here on.
    work.table = table
    work.config = copy.deepcopy(work.config)
    work.config["head"]["turn_rate"] = 0.0
    part = np.random.default_rng(seed).integers(0, folds, size=len(rows))
    for fold in range(folds):
        others = torch.from_numpy(np.flatnonzero(part != fold))
        apart, _words, judged = work.train({**banks, "captioned_positions": others}, seed + 1 + fold)
        log.info("without part %d, val R@10 %.4f", fold, judged["r10"])
        mine = torch.from_numpy(rows[part == fold])
        vectors[mine] = placed(apart, features["all"][mine])
    return {"vectors": vectors.half(), "table": table, "figures": figures}


def main(argv: Sequence[str] | None = None) -> int:
    """Compute the teacher's features (once), train its heads, write the goals."""
    parser = argparse.ArgumentParser(description="Place all training photos with a stronger teacher.")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--words", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", default="auto")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    config = progress.read_config(args.config)
    seed = int(config["head"]["seed"])
    progress.prepare(seed, int(config["head"]["threads"]))
    args.out.mkdir(parents=True, exist_ok=True)
    work = HeadTraining(config, PhotoArray(args.data, int(config["data"]["side"])), args.words)
    features = teacher_features(config, work, args.out, progress.pick_device(args.device))
    goals = make_goals(work, features, int(config["goals"]["folds"]), seed)
    progress.save_atomically(goals, args.out / GOALS_NAME)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
