# SPDX-License-Identifier: GPL-3.0-or-later
"""Pooled features of the student, computed once and cached: the head then trains in minutes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from semantic_photos.training import progress
from semantic_photos.training.dataset import Augmentation, PhotoArray
from semantic_photos.training.distil import shape_from
from semantic_photos.training.student import Student


def load_student(checkpoint: Path, device: str) -> Student:
    """The averaged student of a checkpoint, ready to judge."""
    state = progress.load_checkpoint(checkpoint)
    student = Student(shape_from(state["student_shape"]))
    student.load_state_dict(state["average"])
    return student.to(device=device, memory_format=torch.channels_last).eval()


@torch.no_grad()
def pooled_features(
    student: torch.nn.Module,
    photos: PhotoArray,
    rows: np.ndarray,
    device: str,
    augmentation: Augmentation | None = None,
    seed: int = 0,
    batch: int = 128,
) -> torch.Tensor:
    """Mean of the last map for every photo.

    Args:
        student: A network that returns a list of maps, the student or the teacher.
        photos: The decoded photos.
        rows: Which of them.
        device: Where to compute.
        augmentation: None for the photos as they are.
        seed: Of the augmentation.
        batch: Photos at a time.

    Returns:
        float32 (len(rows), C) on the CPU.
    """
    rng = torch.Generator().manual_seed(seed)
    out = []
    for start in range(0, len(rows), batch):
        some = rows[start : start + batch]
        image = (
            photos.clean(some).to(device) if augmentation is None else photos.augmented(some, rng, augmentation, device)
        )
        image = image.contiguous(memory_format=torch.channels_last)
        with progress.half_precision(device):
            last = student(image)[-1]
        out.append(last.float().mean(dim=(2, 3)).cpu())
    return torch.cat(out)
