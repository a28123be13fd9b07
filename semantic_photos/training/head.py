# SPDX-License-Identifier: GPL-3.0-or-later
"""Training of the projection head on frozen features, with all that is known of the photos (see `targets`).

The encoder is asked once for each view of a photo, so this stage takes minutes. It runs twice: for the teachers, with
the text side trained along (`goals`), and for the finished student, towards the goals, with the texts standing still.

Command: ``python -m semantic_photos.training.head --config FILE --data DIR --material DIR --words DIR --goals FILE
--encoder CHECKPOINT --out DIR [--resume]``
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
from semantic_photos.training.dataset import Augmentation, PhotoArray
from semantic_photos.training.features import load_student, pooled_features
from semantic_photos.training.judge import Judge
from semantic_photos.training.targets import Goals, Scales, Targets, load_goals
from semantic_photos.training.text_side import TextSide
from semantic_photos.training.texts import WordVectorTable
from semantic_photos.training.words import load_words

log = logging.getLogger(__name__)

HEAD_NAME = "head.pt"


class Head(nn.Module):
    """Standardise, one hidden layer beside a straight linear path, unit length."""

    def __init__(self, inputs: int, hidden: int, dim: int, dropout: float) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("std", torch.ones(inputs))
        self.straight = nn.Linear(inputs, dim)
        self.first = nn.Linear(inputs, hidden)
        self.second = nn.Linear(hidden, dim)
        self.dropout = nn.Dropout(dropout)

    def standardise(self, features: torch.Tensor) -> None:
        """Take mean and deviation from training features (N, inputs)."""
        self.mean.copy_(features.mean(dim=0))
        std = features.std(dim=0)
        self.std.copy_(std + 0.1 * std.mean())

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(N, inputs) to unit vectors (N, dim)."""
        # Single positions of a map lie much farther out than means over a map: bounded before anything is multiplied.
        x = ((features - self.mean) / self.std).clamp(-8.0, 8.0)
        y = self.straight(x) + self.second(self.dropout(functional.relu(self.first(x))))
        return functional.normalize(y, dim=1)


class RowSampler:
    """Batches with as many captioned photos as asked for, the rest drawn by the weight of their source.

    Args:
        targets: of the index.
        rows: int64, the photos that may be drawn.
        shares: weight of a source's photos, 1 where it is not named.
    """

    def __init__(self, targets: Targets, rows: np.ndarray, shares: dict[str, float]) -> None:
        captioned = targets.has_caption[torch.from_numpy(rows)].numpy()
        self.captioned, self.others = rows[captioned], rows[~captioned]
        chances = np.array([shares.get(targets.records[row].source, 1.0) for row in self.others])
        # Kinds of things that few photos show are drawn more often than people and cars.
        seen = targets.objects.scores[torch.from_numpy(self.others)].float().clamp(max=1.0)
        rare = 1.0 / (seen.sum(dim=0) + 50.0)
        boost = (seen * rare).sum(dim=1).numpy()
        self._chances = chances * (1.0 + 2.0 * boost / max(1e-9, boost.mean()) / 3.0)
        self._chances /= self._chances.sum()
        self._order = np.empty(0, np.int64)

    def next(self, captioned: int, others: int, rng: np.random.Generator) -> np.ndarray:
        """Return int64 (captioned + others,) row numbers."""
        while len(self._order) < captioned:
            self._order = np.concatenate([self._order, rng.permutation(self.captioned)])
        first, self._order = self._order[:captioned], self._order[captioned:]
        return np.concatenate([first, rng.choice(self.others, others, p=self._chances)])


class HeadTraining:
    """A head on cached features.

    Args:
        config: tables ``head``, ``head.weights`` and ``sources``.
        targets: of the index.
        views: float16 (N, C) each, features of the photos as they are first; further views may be mirrored or cropped.
        judge: of the val splits.
        goals: where photos ought to lie, once the texts stand still.
    """

    def __init__(
        self,
        config: dict[str, Any],
        targets: Targets,
        views: list[torch.Tensor],
        judge: Judge,
        goals: Goals | None = None,
    ) -> None:
        self.config, self.targets, self.views, self.judge, self.goals = config, targets, views, judge, goals
        known = (views[0].abs().sum(dim=1) > 0).numpy()
        train = [i for i, record in enumerate(targets.records[: len(known)]) if known[i] and record.split == "train"]
        self.rows = np.array(train, dtype=np.int64)

    @torch.no_grad()
    def placed(self, head: Head, rows: torch.Tensor | None = None) -> torch.Tensor:
        """Unit vectors (n, D) of photos as they are, of all that have features if ``rows`` is None."""
        rows = torch.arange(len(self.views[0])) if rows is None else rows
        return torch.cat([head(self.views[0][some].float()) for some in rows.split(4096)])

    def train(
        self, seed: int, side: TextSide, left_out: np.ndarray | None = None
    ) -> tuple[Head, Scales, dict[str, float]]:
        """Train a head, and the text side where it takes gradients.

        Args:
            seed: of weights, batches and dropout.
            side: texts.
            left_out: bool (N,), photos that are not shown.

        Returns:
            Head, temperatures, figures on val.
        """
        run = self.config["head"]
        torch.manual_seed(seed)
        rng = np.random.default_rng(seed)
        rows = self.rows if left_out is None else self.rows[~left_out[self.rows]]
        sampler = RowSampler(self.targets, rows, self.config.get("sources", {}))
        views = torch.stack(self.views)
        head = Head(views.shape[2], int(run["hidden"]), side.base.shape[1], float(run["dropout"]))
        some = rng.choice(rows, min(len(rows), 16384), replace=False)
        head.standardise(views[0][torch.from_numpy(some)].float())
        scales = Scales(len(self.targets.objects.names))
        moving = side.turn.requires_grad
        groups: list[dict[str, Any]] = [
            {"params": head.parameters(), "lr": float(run["lr"]), "weight_decay": float(run["weight_decay"])},
            {"params": scales.parameters(), "lr": 3e-3, "weight_decay": 0.0},
        ]
        if moving:
            groups.append({"params": [side.turn], "lr": float(run["turn_rate"]), "weight_decay": 0.0})
            groups.append({"params": side.sentence.parameters(), "lr": float(run["turn_rate"]), "weight_decay": 0.0})
        optimiser = torch.optim.AdamW(groups)
        places = self.targets.moving(side) if moving else self.targets.fixed(side)
        captioned, others = int(run["captioned"]), int(run["others"])
        steps = int(run["epochs"]) * max(1, len(sampler.captioned) // captioned)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, [group["lr"] for group in groups], steps, pct_start=0.1, cycle_momentum=False
        )
        head.train()
        for step in range(steps):
            batch = sampler.next(captioned, others, rng)
            view = torch.from_numpy(rng.integers(len(views), size=len(batch)))
            with progress.half_precision("cpu"):
                vectors = head(views[view, torch.from_numpy(batch)].float())
            loss, parts = self.targets.loss(
                vectors.float(), batch, places, scales, run["weights"], rng, None if moving else self.goals
            )
            if moving:
                loss = loss + float(run["turn_pull"]) * side.turn.square().sum()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
            if step % 100 == 0:
                log.info("step %d of %d: %s", step, steps, {k: round(v, 3) for k, v in parts.items()})
        head.eval()
        vectors = self.placed(head, torch.from_numpy(self.judge.rows))
        return head, scales, self.judge.score(vectors, self.targets.fixed(side))


def wanted_rows(targets: Targets, others: int) -> np.ndarray:
    """Rows whose features are computed: photos with captions, those that are judged, and some ``others`` (0: all)."""
    records = targets.records
    named = targets.has_caption.numpy() | np.array([record.split != "train" for record in records])
    rest = np.random.default_rng(0).permutation(np.flatnonzero(~named))
    return np.sort(np.concatenate([np.flatnonzero(named), rest[: others or len(rest)]]))


def cached_views(
    encoder: Path, photos: PhotoArray, targets: Targets, config: dict[str, Any], out: Path, *, resume: bool
) -> list[torch.Tensor]:
    """Return float16 (N, C) features of the photos as they are and of augmented ones, zero where none were computed."""
    device = progress.pick_device("auto")
    student = load_student(encoder, device)
    rows = wanted_rows(targets, int(config["features"]["others"]))
    how = Augmentation(**config["augmentation"])
    views = []
    for number in range(1 + int(config["features"]["views"])):
        kept = out / f"view-{number}.npy"
        if not (resume and kept.exists()):
            made = np.zeros((len(photos.records), student.stages[-1].out.out_channels), np.float16)
            looks = how if number else None
            made[rows] = pooled_features(student, photos, rows, device, looks, seed=number).half().numpy()
            np.save(kept, made)
        views.append(torch.from_numpy(np.load(kept)))
    return views


def main(argv: Sequence[str] | None = None) -> int:
    """Cache features (once) and train the head."""
    parser = argparse.ArgumentParser(description="Train the projection head of a finished encoder.")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--material", type=Path, required=True, help="folder with objects.jsonl.gz")
    parser.add_argument("--words", type=Path, required=True, help="folder made by training.words")
    parser.add_argument("--goals", type=Path, required=True, help="goals.pt of training.goals")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--encoder", type=Path, help="checkpoint of the student")
    source.add_argument("--features", type=Path, help="its features, of training.teacher_features")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--resume", action="store_true", help="use the features already in --out")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    config = progress.read_config(args.config)
    seed = int(config["head"]["seed"])
    progress.prepare(seed, int(config["head"]["threads"]))
    args.out.mkdir(parents=True, exist_ok=True)
    words, table, weights = load_words(args.words)
    photos = PhotoArray(args.data, int(config["data"]["side"]))
    targets = Targets(photos.records, WordVectorTable(words, weights), args.material, args.goals.parent, table)
    goals, side = load_goals(args.goals)
    if args.features is not None:
        views = [torch.from_numpy(np.load(args.features))]
    else:
        views = cached_views(args.encoder, photos, targets, config, args.out, resume=args.resume)
    work = HeadTraining(config, targets, views, Judge(targets), goals)
    head, scales, figures = work.train(seed, side)
    progress.RunLog(args.out).write(event="head", seed=seed, **figures)
    log.info("val: %s", {name: round(value, 4) for name, value in figures.items()})
    state = {"head": head.state_dict(), "hidden": int(config["head"]["hidden"]), "table": side.folded()}
    progress.save_atomically(
        {**state, "scales": scales.state_dict(), "figures": figures, "seed": seed}, args.out / HEAD_NAME
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
