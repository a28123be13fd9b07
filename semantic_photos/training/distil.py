# SPDX-License-Identifier: GPL-3.0-or-later
"""Stages one and two, distillation: the student learns the teacher's feature maps, by block, then as a whole.

Stage ``blocks``: every stage of the student learns, at once and from random initialisation, the teacher's map from the
teacher's own input map. Every position of every map is an example, and no stage waits for the one before it.
Stage ``chain``: the stages run one after the other, trained end to end on all maps and on the cosine of the
standardised pooled feature. The teacher always sees exactly the student's crop (Beyer et al., "Knowledge distillation:
A good teacher is patient and consistent", CVPR 2022).

Command: ``python -m semantic_photos.training.distil --config semantic_photos/training/configs/blocks.toml
--data DIR --teacher FILE --out DIR [--init CHECKPOINT] [--resume]``
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from semantic_photos.training import progress
from semantic_photos.training.dataset import Augmentation, EpochSampler, PhotoArray
from semantic_photos.training.student import Student, StudentShape, parameter_count
from semantic_photos.training.teacher import Teacher, load_teacher

log = logging.getLogger(__name__)

# Rare channels would otherwise be blown up by their tiny variance.
VARIANCE_FLOOR = 0.1


def shape_from(config: dict[str, Any]) -> StudentShape:
    """The ``[student]`` table of a config or of a checkpoint."""
    return StudentShape(tuple(config["widths"]), tuple(config["blocks"]), int(config["stem"]))


class MapScale:
    """Per-channel variance of the teacher's maps, and mean and deviation of its pooled feature."""

    def __init__(self, variances: list[torch.Tensor], mean: torch.Tensor, std: torch.Tensor) -> None:
        self.variances = variances
        self.mean = mean
        self.std = std

    @classmethod
    @torch.no_grad()
    def measure(cls, teacher: Teacher, photos: PhotoArray, rows: np.ndarray, device: str) -> MapScale:
        """Measure on some training photos, uncropped."""
        sums: list[torch.Tensor] = []
        squares: list[torch.Tensor] = []
        pooled = []
        batches = np.array_split(rows, max(1, len(rows) // 64))
        for batch in batches:
            maps = teacher(photos.clean(batch).to(device))
            means = [m.mean(dim=(0, 2, 3)) for m in maps]
            seconds = [m.square().mean(dim=(0, 2, 3)) for m in maps]
            sums = means if not sums else [a + b for a, b in zip(sums, means, strict=True)]
            squares = seconds if not squares else [a + b for a, b in zip(squares, seconds, strict=True)]
            pooled.append(maps[-1].mean(dim=(2, 3)))
        variances = []
        for total, square in zip(sums, squares, strict=True):
            variance = square / len(batches) - (total / len(batches)).square()
            variances.append(variance + VARIANCE_FLOOR * variance.mean())
        feature = torch.cat(pooled)
        std = feature.std(dim=0)
        return cls(variances, feature.mean(dim=0), std + VARIANCE_FLOOR * std.mean())

    def state(self) -> dict[str, Any]:
        """For the checkpoint."""
        return {"variances": self.variances, "mean": self.mean, "std": self.std}

    @classmethod
    def restore(cls, state: dict[str, Any], device: str) -> MapScale:
        """From the checkpoint."""
        return cls([v.to(device) for v in state["variances"]], state["mean"].to(device), state["std"].to(device))

    def error(self, index: int, student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
        """Squared error over the variance of map ``index``: 0 is perfect, 1 is the mean's own error."""
        difference = (student.float() - teacher.float()).square().mean(dim=(0, 2, 3))
        return (difference / self.variances[index]).mean()

    def pooled_cosine(self, student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
        """Mean cosine of the standardised pooled features of two last maps."""
        a = (student.float().mean(dim=(2, 3)) - self.mean) / self.std
        b = (teacher.float().mean(dim=(2, 3)) - self.mean) / self.std
        return functional.cosine_similarity(a, b).mean()


class Distillation:
    """One stage of the training with everything that must survive an interruption."""

    def __init__(self, config: dict[str, Any], photos: PhotoArray, teacher_file: Path, device: str) -> None:
        run = config["run"]
        self.config = config
        self.device = device
        self.photos = photos
        self.seed = int(run["seed"])
        self.batch = int(run["batch"])
        self.chain = run["stage"] == "chain"
        layout = torch.channels_last
        self.teacher = load_teacher(teacher_file).to(device=device, memory_format=layout)
        self.student = Student(shape_from(config["student"])).to(device=device, memory_format=layout)
        self.average = progress.MovingAverage(self.student, float(run["ema"]))
        decayed = [p for p in self.student.parameters() if p.ndim > 1]
        plain = [p for p in self.student.parameters() if p.ndim <= 1]
        self.optimiser = torch.optim.AdamW(
            [{"params": decayed, "weight_decay": float(run["weight_decay"])}, {"params": plain, "weight_decay": 0.0}],
            lr=float(run["lr"]),
            betas=(0.9, 0.99),
        )
        self.sampler = EpochSampler(photos.rows("train"), self.batch, self.seed)
        self.rng = torch.Generator().manual_seed(self.seed)
        self.augmentation = Augmentation(**config["augmentation"])
        self.step = 0
        self.spent = 0.0
        self.scale: MapScale | None = None

    def measure_scale(self) -> None:
        """Variances of the teacher on a fixed sample of training photos."""
        rows = np.random.default_rng(0).choice(self.photos.rows("train"), 2048, replace=False)
        self.scale = MapScale.measure(self.teacher, self.photos, rows, self.device)

    def start_from(self, path: Path) -> None:
        """Take averaged weights and scales from another stage's checkpoint; optimiser and clock start anew."""
        state = progress.load_checkpoint(path)
        self.student.load_state_dict(state["average"])
        self.average = progress.MovingAverage(self.student, self.average.decay)
        self.scale = MapScale.restore(state["scale"], self.device)

    def save(self, path: Path, spent: float) -> None:
        """Write everything needed to go on."""
        assert self.scale is not None
        progress.save_atomically(
            {
                "student_shape": self.student.shape.as_dict(),
                "student": self.student.state_dict(),
                "average": self.average.shadow,
                "optimiser": self.optimiser.state_dict(),
                "scale": self.scale.state(),
                "sampler": self.sampler.state(),
                "rng": self.rng.get_state(),
                "torch_rng": torch.get_rng_state(),
                "step": self.step,
                "spent": spent,
                "seed": self.seed,
                "photos_seen": self.step * self.batch,
            },
            path,
        )

    def resume(self, path: Path) -> None:
        """Go on exactly where `save` left off."""
        state = progress.load_checkpoint(path)
        self.student.load_state_dict(state["student"])
        self.average.shadow = {k: v.to(self.device) for k, v in state["average"].items()}
        self.optimiser.load_state_dict(state["optimiser"])
        self.scale = MapScale.restore(state["scale"], self.device)
        self.sampler.restore(state["sampler"])
        self.rng.set_state(state["rng"])
        torch.set_rng_state(state["torch_rng"])
        self.step = state["step"]
        self.spent = state["spent"]

    def loss(self) -> tuple[torch.Tensor, dict[str, float]]:
        """Loss of one fresh batch, with its parts for the log."""
        assert self.scale is not None
        weights = self.config["loss"]
        image = self.photos.augmented(self.sampler.next(), self.rng, self.augmentation, self.device)
        image = image.contiguous(memory_format=torch.channels_last)
        with torch.no_grad(), progress.half_precision(self.device):
            goal = self.teacher(image)
        with progress.half_precision(self.device):
            made = self.student(image) if self.chain else self.student.apart(image, goal)
        errors = [self.scale.error(i, made[i], goal[i]) for i in range(len(goal))]
        total = sum((w * e for w, e in zip(weights["maps"], errors, strict=True)), torch.zeros((), device=self.device))
        parts = {f"map{i + 1}": float(e.detach()) for i, e in enumerate(errors)}
        if weights["cosine"]:
            cosine = self.scale.pooled_cosine(made[-1], goal[-1])
            total = total + weights["cosine"] * (1.0 - cosine)
            parts["cosine"] = float(cosine.detach())
        return total, parts

    @torch.no_grad()
    def validate(self, count: int = 512) -> dict[str, float]:
        """Pooled cosine of the averaged student on val photos, and how often it finds its own photo's teacher."""
        assert self.scale is not None
        judge = Student(self.student.shape).to(device=self.device, memory_format=torch.channels_last)
        judge.load_state_dict(self.average.shadow)
        judge.eval()
        rows = self.photos.rows("val")
        rows = rows[np.random.default_rng(0).permutation(len(rows))[:count]]
        mine, theirs = [], []
        for batch in np.array_split(rows, max(1, len(rows) // 64)):
            image = self.photos.clean(batch).to(self.device).contiguous(memory_format=torch.channels_last)
            with progress.half_precision(self.device):
                a, b = judge(image)[-1], self.teacher(image)[-1]
            mine.append((a.float().mean(dim=(2, 3)) - self.scale.mean) / self.scale.std)
            theirs.append((b.float().mean(dim=(2, 3)) - self.scale.mean) / self.scale.std)
        a = functional.normalize(torch.cat(mine), dim=1)
        b = functional.normalize(torch.cat(theirs), dim=1)
        found = (a @ b.T).argmax(dim=1) == torch.arange(len(a), device=a.device)
        return {"val_cosine": float((a * b).sum(dim=1).mean()), "val_found": float(found.float().mean())}

    def train(self, out: Path) -> None:
        """Run until the time budget is spent."""
        run = self.config["run"]
        journal = progress.RunLog(out)
        checkpoint = out / progress.CHECKPOINT_NAME
        clock = progress.ClockSchedule(float(run["minutes"]) * 60.0, warmup=int(run["warmup"]), spent=self.spent)
        journal.write(event="start", stage=run["stage"], parameters=parameter_count(self.student), step=self.step)
        self.student.train()
        saved = checked = clock.spent
        sums: dict[str, float] = {}
        since, since_time = self.step, clock.spent
        while not clock.done:
            rate = float(run["lr"]) * clock.factor(self.step)
            for group in self.optimiser.param_groups:
                group["lr"] = rate
            loss, parts = self.loss()
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(self.student.parameters(), float(run["clip"]))
            self.optimiser.step()
            self.step += 1
            self.average.update(self.student, self.step)
            for name, value in {**parts, "loss": float(loss.detach()), "grad": float(norm)}.items():
                sums[name] = sums.get(name, 0.0) + value
            if self.step % 50 == 0:
                steps = self.step - since
                speed = steps * self.batch / (clock.spent - since_time)
                means = {name: value / steps for name, value in sums.items()}
                journal.write(step=self.step, spent=clock.spent, lr=rate, photos_per_second=speed, **means)
                sums, since, since_time = {}, self.step, clock.spent
            if clock.spent - checked > float(run["validate_seconds"]):
                journal.write(step=self.step, spent=clock.spent, **self.validate())
                checked = clock.spent
            if clock.spent - saved > float(run["save_seconds"]):
                self.save(checkpoint, clock.spent)
                saved = clock.spent
        self.save(checkpoint, clock.spent)
        journal.write(event="end", step=self.step, photos=self.step * self.batch, spent=clock.spent, **self.validate())


def main(argv: Sequence[str] | None = None) -> int:
    """Run one stage."""
    parser = argparse.ArgumentParser(description="Distil the teacher into the student (one stage).")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="folder made by training.dataset")
    parser.add_argument("--teacher", type=Path, required=True, help="mobilenet_v2_float.onnx")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--init", type=Path, help="checkpoint of the stage before")
    parser.add_argument("--resume", action="store_true", help="go on from --out if it has a checkpoint")
    parser.add_argument("--device", default="auto")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    config = progress.read_config(args.config)
    progress.prepare(int(config["run"]["seed"]), int(config["run"]["threads"]))
    photos = PhotoArray(args.data, int(config["data"]["side"]))
    work = Distillation(config, photos, args.teacher, progress.pick_device(args.device))
    checkpoint = args.out / progress.CHECKPOINT_NAME
    if args.resume and checkpoint.exists():
        work.resume(checkpoint)
    elif args.init is not None:
        work.start_from(args.init)
    else:
        work.measure_scale()
    work.train(args.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
