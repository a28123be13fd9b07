# SPDX-License-Identifier: GPL-3.0-or-later
"""Unpacks a released pack into what the training stages read, so that it can be trained further.

A pack holds convolutions with their normalisation folded in. To train on, each convolution needs a normalisation
again: its statistics are measured on training photos, and gain and shift are set so that nothing changes.

Command: ``python -m semantic_photos.training.unpack --pack DIR --data DIR --teacher FILE --out DIR``
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from semantic_photos.training import progress
from semantic_photos.training.dataset import Augmentation, PhotoArray
from semantic_photos.training.distil import MapScale
from semantic_photos.training.head import HEAD_NAME, Head
from semantic_photos.training.student import ResidualBlock, Student, StudentShape
from semantic_photos.training.teacher import load_teacher
from semantic_photos.training.words import save_words

log = logging.getLogger(__name__)

SCALE_PHOTOS = 2048
STATISTICS_PHOTOS = 1024


def constants_of(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    """Every value of a graph that does not depend on its input: initialisers, and what Cast and Mul make of them."""
    known = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    for node in model.graph.node:
        if all(name in known for name in node.input) and node.op_type in {"Cast", "Mul"}:
            values = [known[name].astype(np.float32) for name in node.input]
            known[node.output[0]] = values[0] if node.op_type == "Cast" else values[0] * values[1]
    return known


def layers_of(model: onnx.ModelProto, kind: str) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Weight and bias of all nodes of one kind, in the order of the graph."""
    known = constants_of(model)
    return [
        (torch.from_numpy(known[node.input[1]].copy()), torch.from_numpy(known[node.input[2]].copy()))
        for node in model.graph.node
        if node.op_type == kind
    ]


def convolutions_of(student: Student) -> list[tuple[nn.Conv2d, nn.BatchNorm2d | None]]:
    """The student's convolutions in the order in which `onnx_graph` writes them, each with its normalisation."""
    found: list[tuple[nn.Conv2d, nn.BatchNorm2d | None]] = []
    for stage in student.stages:
        layers = list(stage.body)
        for index, layer in enumerate(layers):
            if isinstance(layer, ResidualBlock):
                found += [(layer.first[0], layer.first[1]), (layer.second[0], layer.second[1])]
            elif isinstance(layer, nn.Conv2d):
                norm = layers[index + 1]
                assert isinstance(norm, nn.BatchNorm2d)
                found.append((layer, norm))
        found.append((stage.out, None))
    return found


def shape_of(layers: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> StudentShape:
    """Widths and depths from the shapes of the convolutions; a stage ends with its 1x1 convolution."""
    widths, blocks = [], []
    count = 0
    for weight, _bias in layers:
        if weight.shape[-1] == 1:
            widths.append(weight.shape[1])
            # Stage one has a stem in front of its entry; every block is two convolutions.
            blocks.append((count - (2 if len(widths) == 1 else 1)) // 2)
            count = 0
        else:
            count += 1
    return StudentShape(tuple(widths), tuple(blocks), layers[0][0].shape[0])


@torch.no_grad()
def student_of(model: onnx.ModelProto, photos: torch.Tensor) -> Student:
    """The trainable student of an encoder graph.

    Args:
        model: ``encoder.onnx`` of a pack.
        photos: float32 (N, 3, S, S), 0..255, training photos on which the normalisations' statistics are measured.

    Raises:
        ValueError: the graph is not one that `onnx_graph.encoder_model` writes.
    """
    layers = layers_of(model, "Conv")
    student = Student(shape_of(layers)).eval()
    places = convolutions_of(student)
    if len(places) != len(layers):
        raise ValueError(f"the graph has {len(layers)} convolutions, a student of its shape {len(places)}")
    seen: dict[nn.BatchNorm2d, list[tuple[torch.Tensor, torch.Tensor]]] = {}

    def look(norm: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        assert isinstance(norm, nn.BatchNorm2d)
        values = inputs[0]
        seen.setdefault(norm, []).append((values.mean(dim=(0, 2, 3)), values.square().mean(dim=(0, 2, 3))))

    hooks = []
    for (conv, norm), (weight, bias) in zip(places, layers, strict=True):
        if conv.weight.shape != weight.shape:
            raise ValueError(f"a convolution of shape {tuple(weight.shape)} where {tuple(conv.weight.shape)} belongs")
        conv.weight.copy_(weight)
        if norm is None:
            assert conv.bias is not None
            conv.bias.copy_(bias)
            continue
        norm.running_mean.zero_()
        norm.running_var.fill_(1.0)
        norm.weight.fill_((1.0 + norm.eps) ** 0.5)
        norm.bias.copy_(bias)
        hooks.append(norm.register_forward_pre_hook(look))
    for batch in photos.split(64):
        student(batch)
    for hook in hooks:
        hook.remove()
    for norm, parts in seen.items():
        mean = torch.stack([part[0] for part in parts]).mean(dim=0)
        variance = torch.stack([part[1] for part in parts]).mean(dim=0) - mean.square()
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance.clamp(min=1e-6))
        norm.weight.copy_((norm.running_var + norm.eps).sqrt())
        norm.bias.add_(mean)
    return student


@torch.no_grad()
def head_of(model: onnx.ModelProto) -> Head:
    """The head of a head graph: its three linear layers and the standardisation before them."""
    first, straight, second = layers_of(model, "Gemm")
    head = Head(first[0].shape[1], first[0].shape[0], second[0].shape[0], 0.0)
    for layer, (weight, bias) in ((head.first, first), (head.straight, straight), (head.second, second)):
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)
    known = constants_of(model)
    for node in model.graph.node:
        if node.op_type == "Sub" and "features" in node.input:
            head.mean.copy_(torch.from_numpy(known[node.input[1]][0]))
        elif node.op_type == "Mul" and node.input[1].startswith("inverse_std"):
            head.std.copy_(1.0 / torch.from_numpy(known[node.input[1]][0]))
    return head.eval()


def unpack_words(pack: Path, out: Path) -> torch.Tensor:
    """Write the folder that `training.words` would have made, with the pack's tuned table; returns the table."""
    words = (pack / "words.txt").read_text(encoding="utf-8").split("\n")[:-1]
    scales = np.load(pack / "word_scales.npy")
    table = np.load(pack / "words.npy").astype(np.float32) * scales[:, None]
    save_words(out, words, table, np.load(pack / "word_weights.npy"))
    return torch.from_numpy(table)


def main(argv: Sequence[str] | None = None) -> int:
    """Unpack one pack."""
    parser = argparse.ArgumentParser(description="Turn a pack back into checkpoints, to train it further.")
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="folder made by training.dataset")
    parser.add_argument("--teacher", type=Path, required=True, help="mobilenet_v2_float.onnx")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--side", type=int, default=128)
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    progress.prepare(0, 2)
    args.out.mkdir(parents=True, exist_ok=True)
    photos = PhotoArray(args.data, args.side)
    rows = np.random.default_rng(0).choice(photos.rows("train"), SCALE_PHOTOS, replace=False)
    looks = photos.augmented(rows[:STATISTICS_PHOTOS], torch.Generator().manual_seed(0), Augmentation())
    student = student_of(onnx.load(args.pack / "encoder.onnx"), looks)
    scale = MapScale.measure(load_teacher(args.teacher), photos, rows, "cpu")
    progress.save_atomically(
        {"student_shape": student.shape.as_dict(), "average": student.state_dict(), "scale": scale.state()},
        args.out / progress.CHECKPOINT_NAME,
    )
    head = head_of(onnx.load(args.pack / "head.onnx"))
    table = unpack_words(args.pack, args.out / "words")
    progress.save_atomically(
        {"head": head.state_dict(), "hidden": head.first.out_features, "table": table}, args.out / HEAD_NAME
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
