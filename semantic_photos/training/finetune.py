# SPDX-License-Identifier: GPL-3.0-or-later
"""Fine-tuning of encoder and head, towards teachers' targets, captions, labels and detector scores.

No teacher runs along: each was asked once for every photo (`teacher_features`, `goals`), and the texts stand still.
Beside the place of a photo the student learns the teacher's pooled feature itself, through a linear map that is thrown
away afterwards. Small crops come first and larger ones later (Touvron et al., NeurIPS 2019; Tan and Le,
"EfficientNetV2", ICML 2021): most of what is learned costs less when it is small.

Command: ``python -m semantic_photos.training.finetune --config FILE --data DIR --material DIR --words DIR
--goals FILE --features FILE --encoder CHECKPOINT --out DIR [--resume]``
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from semantic_photos.training import progress
from semantic_photos.training.dataset import Augmentation, PhotoArray
from semantic_photos.training.distil import shape_from
from semantic_photos.training.features import pooled_features
from semantic_photos.training.head import HEAD_NAME, Head, RowSampler
from semantic_photos.training.judge import Judge
from semantic_photos.training.student import Student, parameter_count
from semantic_photos.training.targets import Scales, Targets, load_goals
from semantic_photos.training.texts import WordVectorTable
from semantic_photos.training.words import load_words

log = logging.getLogger(__name__)


def grown(encoder: dict[str, Any], more: Sequence[int]) -> Student:
    """The averaged student of a checkpoint, with ``more`` residual blocks at the end of each stage.

    A fresh block is the identity, so the student says at first what it said before (Chen et al., "Net2Net", ICLR 2016).
    """
    shape = shape_from(encoder["student_shape"])
    blocks = tuple(had + added for had, added in zip(shape.blocks, more, strict=True))
    student = Student(dataclasses.replace(shape, blocks=blocks))
    fresh = student.load_state_dict(encoder["average"], strict=False)
    if fresh.unexpected_keys or (fresh.missing_keys and not any(more)):
        raise KeyError(f"the checkpoint's encoder is of another shape: {fresh}")
    return student


class Whole(nn.Module):
    """Everything that is trained: encoder, head, temperatures, and the map to the teacher's feature."""

    def __init__(self, student: Student, head: Head, kinds: int, features: int) -> None:
        super().__init__()
        self.student = student
        self.head = head
        self.scales = Scales(kinds)
        self.feature = nn.Linear(head.mean.shape[0], features)


class FineTuning:
    """The stage with everything that must survive an interruption."""

    def __init__(self, config: dict[str, Any], photos: PhotoArray, args: argparse.Namespace, device: str) -> None:
        run = config["run"]
        self.config, self.device, self.photos = config, device, photos
        words, table, weights = load_words(args.words)
        self.goals, self.side = load_goals(args.goals)
        self.targets = Targets(photos.records, WordVectorTable(words, weights), args.material, args.goals.parent, table)
        self.places = self.targets.fixed(self.side)
        self.judge = Judge(self.targets)
        train = photos.rows("train")
        self.sampler = RowSampler(self.targets, train, config.get("sources", {}))
        made = np.load(args.features, mmap_mode="r")
        self.teacher = torch.zeros(len(photos.records), made.shape[1], dtype=torch.half)
        self.teacher[: len(made)] = torch.from_numpy(np.array(made))
        some = self.teacher[torch.from_numpy(train[train < len(made)][::7])].float()
        self.middle, deviation = some.mean(dim=0), some.std(dim=0)
        self.deviation = deviation + 0.1 * deviation.mean()
        student = grown(progress.load_checkpoint(args.encoder), run["more_blocks"])
        self.frozen = int(run["frozen_stages"])
        student.stages[: self.frozen].requires_grad_(requires_grad=False)
        channels = student.stages[-1].out.out_channels
        self.hidden = int(run["hidden"])
        head = Head(channels, self.hidden, table.shape[1], float(run["dropout"]))
        if args.head is not None:
            head.load_state_dict(progress.load_checkpoint(args.head)["head"])
        else:
            head.standardise(pooled_features(student.eval(), photos, train[::37], device))
        whole = Whole(student, head, len(self.targets.objects.names), made.shape[1])
        self.whole = whole.to(device=device, memory_format=torch.channels_last)
        self.average = progress.MovingAverage(self.whole, float(run["ema"]))
        trained = [weight for weight in student.parameters() if weight.requires_grad]
        self.optimiser = torch.optim.AdamW(
            [
                {"params": trained, "peak": float(run["lr"]), "weight_decay": float(run["weight_decay"])},
                {"params": head.parameters(), "peak": float(run["head_lr"]), "weight_decay": 0.1},
                {"params": whole.feature.parameters(), "peak": float(run["head_lr"]), "weight_decay": 0.05},
                {"params": whole.scales.parameters(), "peak": 3e-3, "weight_decay": 0.0},
            ],
            lr=float(run["lr"]),
            betas=(0.9, 0.99),
        )
        seed = int(run["seed"])
        self.rng = torch.Generator().manual_seed(seed)
        self.picks, self.draws = np.random.default_rng(seed), np.random.default_rng(seed + 1)
        self.augmentation = Augmentation(**config["augmentation"])
        self.step, self.spent = 0, 0.0

    def side_at(self, part: float) -> int:
        """Pixels of a crop when ``part`` of the time is over."""
        return next(int(side) for until, side in self.config["run"]["sides"] if part <= until)

    def batch(self, side: int) -> tuple[np.ndarray, torch.Tensor]:
        """Return row numbers of a fresh batch and its crops."""
        run = self.config["run"]
        rows = self.sampler.next(int(run["captioned"]), int(run["others"]), self.draws)
        image = self.photos.augmented(rows, self.rng, self.augmentation, self.device, side)
        return rows, image.contiguous(memory_format=torch.channels_last)

    def loss(self, rows: np.ndarray, image: torch.Tensor) -> tuple[torch.Tensor, dict[str, float]]:
        """Loss of one batch, with its parts for the log."""
        run = self.config["run"]
        with progress.half_precision(self.device):
            pooled = self.whole.student(image, self.frozen)[-1].float().mean(dim=(2, 3))
            vectors = self.whole.head(pooled).float()
            feature = self.whole.feature((pooled - self.whole.head.mean) / self.whole.head.std).float()
        loss, parts = self.targets.loss(
            vectors, rows, self.places, self.whole.scales, run["weights"], self.picks, self.goals
        )
        kept = self.teacher[torch.from_numpy(rows)].float()
        there = (kept.abs().sum(dim=1) > 0).float()
        wanted = (kept - self.middle) / self.deviation
        miss = ((1.0 - functional.cosine_similarity(feature, wanted, dim=1)) * there).sum() / there.sum().clamp(min=1.0)
        parts["feature"] = float(miss.detach())
        return loss + float(run["weights"]["feature"]) * miss, parts

    def averaged(self) -> Whole:
        """A copy with averaged weights, for judging and for the pack."""
        channels = self.whole.head.mean.shape[0]
        copy = Whole(
            Student(self.whole.student.shape),
            Head(channels, self.hidden, self.places_dim, 0.0),
            len(self.targets.objects.names),
            self.teacher.shape[1],
        )
        copy.load_state_dict(self.average.shadow)
        return copy.to(device=self.device, memory_format=torch.channels_last).eval()

    @property
    def places_dim(self) -> int:
        """Dimensions of the shared space."""
        return int(self.side.base.shape[1])

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Val figures of the averaged weights, photos as large as they are kept."""
        whole = self.averaged()
        made = whole.head(pooled_features(whole.student, self.photos, self.judge.rows, self.device))
        return self.judge.score(made, self.places)

    def save(self, out: Path, spent: float) -> None:
        """Checkpoint to go on from; its ``average`` and ``student_shape`` are what `features` and `export` read."""
        whole = self.averaged()
        progress.save_atomically(
            {
                "student_shape": self.whole.student.shape.as_dict(),
                "average": whole.student.state_dict(),
                "whole": self.whole.state_dict(),
                "whole_average": self.average.shadow,
                "optimiser": self.optimiser.state_dict(),
                "rng": self.rng.get_state(),
                "picks": self.picks.bit_generator.state,
                "draws": self.draws.bit_generator.state,
                "step": self.step,
                "spent": spent,
            },
            out / progress.CHECKPOINT_NAME,
        )
        state = {"head": whole.head.state_dict(), "hidden": self.hidden, "table": self.side.folded()}
        progress.save_atomically({**state, "scales": whole.scales.state_dict()}, out / HEAD_NAME)

    def resume(self, path: Path) -> None:
        """Go on where `save` left off; the order of the photos starts anew."""
        state = progress.load_checkpoint(path)
        self.whole.load_state_dict(state["whole"])
        self.average.shadow = {name: value.to(self.device) for name, value in state["whole_average"].items()}
        self.optimiser.load_state_dict(state["optimiser"])
        self.rng.set_state(state["rng"])
        self.picks.bit_generator.state, self.draws.bit_generator.state = state["picks"], state["draws"]
        self.step, self.spent = int(state["step"]), float(state["spent"])

    def train(self, out: Path) -> None:
        """Run until the time budget is spent."""
        run = self.config["run"]
        journal = progress.RunLog(out)
        seconds = float(run["minutes"]) * 60.0
        clock = progress.ClockSchedule(seconds, warmup=int(run["warmup"]), spent=self.spent)
        journal.write(event="start", parameters=parameter_count(self.whole.student), step=self.step)
        self.whole.train()
        self.whole.student.stages[: self.frozen].eval()
        saved = checked = since_time = clock.spent
        since = self.step
        size = int(run["captioned"]) + int(run["others"])
        sums: dict[str, float] = {}
        side = self.side_at(clock.spent / seconds)
        ahead = ThreadPoolExecutor(1, initializer=torch.set_num_threads, initargs=(1,))
        # The next batch is cropped beside the training of this one.
        coming = ahead.submit(self.batch, side)
        while not clock.done:
            factor = clock.factor(self.step)
            for group in self.optimiser.param_groups:
                group["lr"] = group["peak"] * factor
            rows, image = coming.result()
            side = self.side_at(clock.spent / seconds)
            coming = ahead.submit(self.batch, side)
            loss, parts = self.loss(rows, image)
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
                speed = steps * size / (clock.spent - since_time)
                means = {name: value / steps for name, value in sums.items()}
                journal.write(step=self.step, spent=clock.spent, side=side, photos_per_second=speed, **means)
                sums, since, since_time = {}, self.step, clock.spent
            if clock.spent - checked > float(run["validate_seconds"]):
                journal.write(step=self.step, spent=clock.spent, **self.validate())
                checked = clock.spent
            if clock.spent - saved > float(run["save_seconds"]):
                self.save(out, clock.spent)
                saved = clock.spent
        ahead.shutdown(cancel_futures=True)
        self.save(out, clock.spent)
        journal.write(event="end", step=self.step, photos=self.step * size, spent=clock.spent, **self.validate())


def main(argv: Sequence[str] | None = None) -> int:
    """Run the stage."""
    parser = argparse.ArgumentParser(description="Train encoder and head together, towards the goals.")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--material", type=Path, required=True, help="folder with objects.jsonl.gz")
    parser.add_argument("--words", type=Path, required=True)
    parser.add_argument("--goals", type=Path, required=True, help="goals.pt of training.goals")
    parser.add_argument("--features", type=Path, required=True, help="the teacher's, of training.teacher_features")
    parser.add_argument("--encoder", type=Path, required=True, help="checkpoint of the distillation, or of unpack")
    parser.add_argument("--head", type=Path, default=None, help="head.pt in the space of the goals")
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
