# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage four: all weights free. Encoder, head and word map together, by contrast and still beside the teacher.

Starts from the frozen-encoder stage. Batches are small on a CPU, so photo vectors of earlier batches are remembered
as further wrong answers (He et al., "Momentum contrast", CVPR 2020); texts cost next to nothing and are made afresh.

Command: ``python -m semantic_photos.training.finetune --config FILE --data DIR --words DIR --teacher FILE
--encoder CHECKPOINT --head FILE --out DIR [--resume]``
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from semantic_photos.training import progress
from semantic_photos.training.dataset import Augmentation, EpochSampler, PhotoArray
from semantic_photos.training.distil import MapScale, shape_from
from semantic_photos.training.features import pooled_features
from semantic_photos.training.head import HEAD_NAME, Goals, Head, HeadTraining, contrast, fold
from semantic_photos.training.student import Student
from semantic_photos.training.teacher import load_teacher
from semantic_photos.training.texts import Bags

log = logging.getLogger(__name__)


def grown(encoder: dict[str, Any], more: int) -> Student:
    """The averaged student of a checkpoint, with ``more`` residual blocks at the end of its last stage.

    A fresh block is the identity, so the student says at first what it said before (Chen et al., "Net2Net", ICLR 2016).
    """
    shape = shape_from(encoder["student_shape"])
    blocks = (*shape.blocks[:-1], shape.blocks[-1] + more)
    student = Student(dataclasses.replace(shape, blocks=blocks))
    fresh = student.load_state_dict(encoder["average"], strict=False)
    if fresh.unexpected_keys or (fresh.missing_keys and not more):
        raise KeyError(f"the checkpoint's encoder is of another shape: {fresh}")
    return student


class Whole(nn.Module):
    """Everything that is trained: encoder, head, the shared map of the words, temperature."""

    def __init__(self, student: Student, head: Head, dim: int) -> None:
        super().__init__()
        self.student = student
        self.head = head
        self.turn = nn.Parameter(torch.zeros(dim, dim))
        self.scale = nn.Parameter(torch.tensor(math.log(1.0 / 0.05)))

    def texts(self, bags: Bags, base: torch.Tensor) -> torch.Tensor:
        """Unit vectors (N, D) of texts over a word table turned by the map."""
        sums = bags.vectors(base)
        return functional.normalize(sums + sums @ self.turn, dim=1)


class Memory:
    """Unit vectors of the last photos, with their positions in a bank."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.vectors: torch.Tensor | None = None
        self.positions = np.empty(0, dtype=np.int64)

    def with_live(self, vectors: torch.Tensor, positions: np.ndarray) -> tuple[torch.Tensor, np.ndarray]:
        """Live photos first, remembered ones behind."""
        if self.vectors is None:
            return vectors, positions
        return torch.cat([vectors, self.vectors]), np.concatenate([positions, self.positions])

    def remember(self, vectors: torch.Tensor, positions: np.ndarray) -> None:
        """Push the newest, forget the oldest."""
        joined, places = self.with_live(vectors.detach(), positions)
        self.vectors, self.positions = joined[: self.size], places[: self.size]


class FineTuning:
    """The stage with everything that must survive an interruption."""

    def __init__(self, config: dict[str, Any], photos: PhotoArray, args: argparse.Namespace, device: str) -> None:
        run = config["run"]
        self.config = config
        self.device = device
        self.photos = photos
        self.banks = HeadTraining(config, photos, args.words)
        layout = torch.channels_last
        self.goals = Goals(args.goals, device) if args.goals is not None else None
        teacher = load_teacher(args.teacher) if float(run["teacher_weight"]) > 0 else None
        self.teacher = teacher.to(device=device, memory_format=layout) if teacher is not None else None
        encoder = progress.load_checkpoint(args.encoder)
        self.map_scale = MapScale.restore(encoder["scale"], device)
        student = grown(encoder, int(run.get("more_blocks", 0)))
        start = progress.load_checkpoint(args.head)
        self.base = start["table"].to(device)
        dim = self.base.shape[1]
        head = Head(start["head"]["mean"].shape[0], int(start["hidden"]), dim, float(run["dropout"]))
        head.load_state_dict(start["head"])
        self.hidden = int(start["hidden"])
        self.frozen = int(run.get("frozen_stages", 0))
        student.stages[: self.frozen].requires_grad_(requires_grad=False)
        self.whole = Whole(student, head, dim).to(device=device, memory_format=layout)
        self.average = progress.MovingAverage(self.whole, float(run["ema"]))
        rates = {"student": float(run["lr"]), "head": float(run["head_lr"]), "turn": float(run["turn_lr"])}
        trained = [weight for weight in student.parameters() if weight.requires_grad]
        self.optimiser = torch.optim.AdamW(
            [
                {"params": trained, "peak": rates["student"], "weight_decay": float(run["weight_decay"])},
                {"params": head.parameters(), "peak": rates["head"], "weight_decay": 0.1},
                {"params": [self.whole.turn, self.whole.scale], "peak": rates["turn"], "weight_decay": 0.0},
            ],
            lr=rates["student"],
            betas=(0.9, 0.99),
        )
        seed = int(run["seed"])
        material = self.banks.material
        self.captioned = EpochSampler(np.arange(len(material.captions.rows)), int(run["captioned"]), seed)
        self.labelled = EpochSampler(np.arange(len(material.labels.rows)), int(run["labelled"]), seed + 1)
        self.caption_memory = Memory(int(run["memory"]))
        self.label_memory = Memory(int(run["memory"]))
        self.rng = torch.Generator().manual_seed(seed)
        self.picks = np.random.default_rng(seed)
        self.augmentation = Augmentation(**config["augmentation"])
        self.step = 0
        self.spent = 0.0

    def loss(self) -> tuple[torch.Tensor, dict[str, float]]:
        """Loss of one fresh batch, with its parts for the log."""
        run = self.config["run"]
        which, where = self.captioned.next(), self.labelled.next()
        material = self.banks.material
        rows = np.concatenate([material.captions.rows[which], material.labels.rows[where]])
        image = self.photos.augmented(rows, self.rng, self.augmentation, self.device)
        image = image.contiguous(memory_format=torch.channels_last)
        with progress.half_precision(self.device):
            made = self.whole.student(image, self.frozen)[-1].float()
        vectors = self.whole.head(made.mean(dim=(2, 3)))
        photos, positions = self.caption_memory.with_live(vectors[: len(which)], which)
        pictures, places = self.label_memory.with_live(vectors[len(which) :], where)
        loss, parts = contrast(
            material,
            lambda bags: self.whole.texts(bags, self.base),
            self.whole.scale.exp().clamp(max=100.0),
            (photos, positions),
            (pictures, places),
            run["weights"],
            self.picks,
            (len(which), len(where)),
        )
        self.caption_memory.remember(vectors[: len(which)], which)
        self.label_memory.remember(vectors[len(which) :], where)
        if self.goals is not None:
            miss = self.goals.miss(vectors, rows)
            loss = loss + float(run["weights"]["goal"]) * miss
            parts["goal"] = float(miss.detach())
        if self.teacher is not None:
            with torch.no_grad(), progress.half_precision(self.device):
                goal = self.teacher(image)[-1]
            error = self.map_scale.error(3, made, goal)
            cosine = self.map_scale.pooled_cosine(made, goal)
            loss = loss + float(run["teacher_weight"]) * (error + 2.0 * (1.0 - cosine))
            parts |= {"map4": float(error.detach()), "cosine": float(cosine.detach())}
        pull = self.whole.turn.square().sum()
        return loss + float(self.config["head"]["turn_pull"]) * pull, parts

    def averaged(self) -> Whole:
        """A copy with averaged weights, for judging and for the pack."""
        copy = Whole(
            Student(self.whole.student.shape),
            Head(self.whole.head.mean.shape[0], self.hidden, self.base.shape[1], 0.0),
            self.base.shape[1],
        )
        copy.load_state_dict(self.average.shadow)
        return copy.to(device=self.device, memory_format=torch.channels_last).eval()

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Val figures of the averaged weights."""
        whole = self.averaged()
        judge = self.banks.judge
        table = fold(self.base, whole.turn).cpu()
        head = whole.head.cpu()
        captioned = head(pooled_features(whole.student, self.photos, judge.captioned, self.device))
        labelled = head(pooled_features(whole.student, self.photos, judge.labelled, self.device))
        return judge.score(captioned, labelled, table)

    def save(self, out: Path, spent: float) -> None:
        """Checkpoint to go on from; its ``average`` and ``student_shape`` are what `features` and `export` read."""
        whole = self.averaged()
        table = fold(self.base, whole.turn).cpu()
        progress.save_atomically(
            {
                "student_shape": self.whole.student.shape.as_dict(),
                "average": whole.student.state_dict(),
                "scale": self.map_scale.state(),
                "whole": self.whole.state_dict(),
                "whole_average": self.average.shadow,
                "optimiser": self.optimiser.state_dict(),
                "samplers": [self.captioned.state(), self.labelled.state()],
                "rng": self.rng.get_state(),
                "picks": self.picks.bit_generator.state,
                "torch_rng": torch.get_rng_state(),
                "step": self.step,
                "spent": spent,
            },
            out / progress.CHECKPOINT_NAME,
        )
        head = {"head": whole.head.cpu().state_dict(), "hidden": self.hidden, "table": table}
        progress.save_atomically(head, out / HEAD_NAME)

    def resume(self, path: Path) -> None:
        """Go on where `save` left off; the memory of earlier photos fills again within a few steps."""
        state = progress.load_checkpoint(path)
        self.whole.load_state_dict(state["whole"])
        self.average.shadow = {k: v.to(self.device) for k, v in state["whole_average"].items()}
        self.optimiser.load_state_dict(state["optimiser"])
        self.captioned.restore(state["samplers"][0])
        self.labelled.restore(state["samplers"][1])
        self.rng.set_state(state["rng"])
        self.picks.bit_generator.state = state["picks"]
        torch.set_rng_state(state["torch_rng"])
        self.step, self.spent = state["step"], state["spent"]

    def train(self, out: Path) -> None:
        """Run until the time budget is spent."""
        run = self.config["run"]
        journal = progress.RunLog(out)
        journal.write(event="start", step=self.step, **self.validate())
        clock = progress.ClockSchedule(float(run["minutes"]) * 60.0, warmup=int(run["warmup"]), spent=self.spent)
        self.whole.train()
        self.whole.student.stages[: self.frozen].eval()
        saved = checked = since_time = clock.spent
        since = self.step
        sums: dict[str, float] = {}
        while not clock.done:
            factor = clock.factor(self.step)
            for group in self.optimiser.param_groups:
                group["lr"] = group["peak"] * factor
            loss, parts = self.loss()
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            norm = nn.utils.clip_grad_norm_(self.whole.student.parameters(), float(run["clip"]))
            self.optimiser.step()
            self.step += 1
            self.average.update(self.whole, self.step)
            for name, value in {**parts, "loss": float(loss.detach()), "grad": float(norm)}.items():
                sums[name] = sums.get(name, 0.0) + value
            if self.step % 50 == 0:
                steps = self.step - since
                speed = steps * (int(run["captioned"]) + int(run["labelled"])) / (clock.spent - since_time)
                means = {name: value / steps for name, value in sums.items()}
                journal.write(step=self.step, spent=clock.spent, photos_per_second=speed, **means)
                sums, since, since_time = {}, self.step, clock.spent
            if clock.spent - checked > float(run["validate_seconds"]):
                journal.write(step=self.step, spent=clock.spent, **self.validate())
                checked = clock.spent
            if clock.spent - saved > float(run["save_seconds"]):
                self.save(out, clock.spent)
                saved = clock.spent
        self.save(out, clock.spent)
        journal.write(event="end", step=self.step, spent=clock.spent, **self.validate())


def main(argv: Sequence[str] | None = None) -> int:
    """Run the stage."""
    parser = argparse.ArgumentParser(description="Train encoder, head and word map together.")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--words", type=Path, required=True)
    parser.add_argument("--teacher", type=Path, help="needed where teacher_weight is above 0")
    parser.add_argument("--goals", type=Path, default=None, help="goals.pt of training.goals")
    parser.add_argument("--encoder", type=Path, required=True, help="checkpoint of the distillation")
    parser.add_argument("--head", type=Path, required=True, help="head.pt of the head stage")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--device", default="auto")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    config = progress.read_config(args.config)
    progress.prepare(int(config["run"]["seed"]), int(config["run"]["threads"]))
    photos = PhotoArray(args.data, int(config["data"]["side"]))
    work = FineTuning(config, photos, args, progress.pick_device(args.device))
    checkpoint = args.out / progress.CHECKPOINT_NAME
    if args.resume and checkpoint.exists():
        work.resume(checkpoint)
    work.train(args.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
