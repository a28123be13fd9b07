# SPDX-License-Identifier: GPL-3.0-or-later
"""Goals for the student: where a stronger teacher with a head of its own would put every training photo.

Distilling into the space shared with words, instead of into a teacher's features, gives every photo a target there,
also the many without a caption (Hinton et al., "Distilling the knowledge in a neural network", 2015; in an embedding
space: Wu et al., "TinyCLIP", ICCV 2023). A head that was trained on a photo's captions puts it there from memory; what
can be learned from is where it would have put it. So captioned photos get their goals from heads that have not seen
them (cross-fitting).

The student itself may stand beside the teacher: a head over the features of both puts photos better than either, and
the student then learns from that (Furlanello et al., "Born-again neural networks", ICML 2018).

Command: ``python -m semantic_photos.training.goals --config FILE --data DIR --words DIR --out DIR
[--encoder CHECKPOINT]``
"""

from __future__ import annotations

import argparse
import copy
import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from semantic_photos.training import progress
from semantic_photos.training.dataset import Augmentation, PhotoArray
from semantic_photos.training.features import load_student, pooled_features
from semantic_photos.training.head import Head, HeadTraining
from semantic_photos.training.lite import Lite

log = logging.getLogger(__name__)

GOALS_NAME = "goals.pt"
#: Photos between two writes of the features: what is lost at most when the run is stopped.
_AT_ONCE = 2048


def wanted_rows(work: HeadTraining, others: int) -> np.ndarray:
    """Rows whose features are computed: photos with captions, those that are judged, and some ``others`` (0: all)."""
    captioned = work.material.captions.rows
    rest = np.setdiff1d(work.photos.rows("train"), captioned)
    rest = np.random.default_rng(0).permutation(rest)[: others or len(rest)]
    return np.unique(np.concatenate([captioned, work.judge.captioned, work.judge.labelled, rest]))


def kept_features(
    name: str, network: Callable[[], nn.Module], config: dict[str, Any], work: HeadTraining, out: Path, device: str
) -> dict[str, torch.Tensor]:
    """Compute the pooled features of one network, or read those that are kept in ``out``; only missing ones are made.

    Returns:
        ``all``: half (N, C), photos as they are, zero where not computed;
        ``view``: half (captioned, C), augmented as in training.
    """
    kept = out / f"features-{name}.pt"
    chosen = wanted_rows(work, int(config["goals"]["photos"]))
    features: dict[str, torch.Tensor] = progress.load_checkpoint(kept) if kept.exists() else {}
    if features:
        chosen = chosen[(features["all"][torch.from_numpy(chosen)].abs().sum(dim=1) == 0).numpy()]
    if not len(chosen):
        return features
    log.info("%s: features of %d photos", name, len(chosen))
    asked = network().to(device=device, memory_format=torch.channels_last)
    if not features:
        how = Augmentation(**config["augmentation"])
        view = pooled_features(asked, work.photos, work.material.captions.rows, device, how, seed=1).half()
        features = {"all": torch.zeros(len(work.photos.records), view.shape[1], dtype=torch.half), "view": view}
    for start in range(0, len(chosen), _AT_ONCE):
        some = chosen[start : start + _AT_ONCE]
        features["all"][torch.from_numpy(some)] = pooled_features(asked, work.photos, some, device).half()
        progress.save_atomically(features, kept)
    return features


def beside(parts: Sequence[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Features of several networks side by side; zero where one of them is missing."""
    there = torch.stack([(part["all"].abs().sum(dim=1) > 0) for part in parts]).all(dim=0)
    joined = torch.cat([part["all"] for part in parts], dim=1)
    return {"all": joined * there[:, None].half(), "view": torch.cat([part["view"] for part in parts], dim=1)}


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
    parser.add_argument("--encoder", type=Path, default=None, help="checkpoint of a student that helps the teacher")
    parser.add_argument("--device", default="auto")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    config = progress.read_config(args.config)
    seed = int(config["head"]["seed"])
    progress.prepare(seed, int(config["head"]["threads"]))
    args.out.mkdir(parents=True, exist_ok=True)
    work = HeadTraining(config, PhotoArray(args.data, int(config["data"]["side"])), args.words)
    device = progress.pick_device(args.device)
    size, side = int(config["teacher"]["size"]), int(config["teacher"]["side"])
    parts = [kept_features(f"lite{size}", partial(Lite, size, side), config, work, args.out, device)]
    if args.encoder is not None:
        parts.append(
            kept_features("student", lambda: load_student(args.encoder, device), config, work, args.out, device)
        )
    features = beside(parts)
    goals = make_goals(work, features, int(config["goals"]["folds"]), seed)
    progress.save_atomically(goals, args.out / GOALS_NAME)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
