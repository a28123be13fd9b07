# SPDX-License-Identifier: GPL-3.0-or-later
"""Two references that a pack is measured against, both on the frozen teacher: the original recipe, and our own head.

The original recipe is one dense layer from the teacher's features at 224 pixels to the vector of a photo's label, by
cosine regression (Frome et al., "DeViSE", NeurIPS 2013, without its ranking loss). The other is stage three as it is,
on the teacher's features instead of the student's. `evaluation` reads what is written here; it has no torch.

Command: ``python -m semantic_photos.training.reference --teacher FILE --data DIR --words DIR --pack DIR --keep DIR
--out FILE.npz``
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from semantic_photos.ml.model_pack import load_pack
from semantic_photos.ml.text_encoder import WordTableEncoder
from semantic_photos.training import progress
from semantic_photos.training.dataset import PhotoArray
from semantic_photos.training.export import quantise_rows
from semantic_photos.training.features import pooled_features
from semantic_photos.training.head import HeadTraining
from semantic_photos.training.teacher import load_teacher
from semantic_photos.training.texts import UNSEEN_LABEL_SOURCES

log = logging.getLogger(__name__)

RECIPE_SIDE = 224
EPOCHS, PATIENCE, BATCH, RATE, DECAY = 500, 25, 128, 1e-3, 1e-4
HELD_OUT = 0.1
HEAD_CONFIG = Path(__file__).with_name("configs") / "head-160.toml"


class Resized(nn.Module):
    """A network that is shown its pictures at another size."""

    def __init__(self, network: nn.Module, side: int) -> None:
        super().__init__()
        self.network = network
        self.side = side

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        """Maps of ``image`` (N, 3, H, W), 0..255, scaled to the side first."""
        if image.shape[-1] != self.side:
            image = functional.interpolate(image, size=(self.side, self.side), mode="bicubic", align_corners=False)
        maps: list[torch.Tensor] = self.network(image.clamp(0.0, 255.0))
        return maps


def train_dense(features: torch.Tensor, targets: torch.Tensor, seed: int = 1) -> tuple[nn.Linear, float]:
    """Train the original recipe's one dense layer by cosine regression.

    A tenth of the photos is held out; when they have not come nearer for `PATIENCE` epochs the training ends, and the
    best epoch counts. So the reference is neither under- nor overtrained, without a look at the val split.

    Args:
        features: float32 (N, C), the frozen features.
        targets: float32 (N, D), unit vectors of the photos' labels.
        seed: Of the order, the start and what is held out.

    Returns:
        The layer of the best epoch, and its mean cosine on the photos held out.
    """
    rng = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    order = torch.randperm(len(features), generator=rng)
    held, used = order[: max(1, int(HELD_OUT * len(order)))], order[max(1, int(HELD_OUT * len(order))) :]
    layer = nn.Linear(features.shape[1], targets.shape[1])
    optimiser = torch.optim.AdamW(layer.parameters(), lr=RATE, weight_decay=DECAY)
    best, best_state = -2.0, {name: value.clone() for name, value in layer.state_dict().items()}
    since = 0
    for _epoch in range(EPOCHS):
        shuffled = used[torch.randperm(len(used), generator=rng)]
        for rows in shuffled.split(BATCH):
            cosine = functional.cosine_similarity(layer(features[rows]), targets[rows])
            loss = (1.0 - cosine).mean()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
        with torch.no_grad():
            now = float(functional.cosine_similarity(layer(features[held]), targets[held]).mean())
        since += 1
        if now > best:
            since = 0
            best, best_state = now, {name: value.clone() for name, value in layer.state_dict().items()}
        if since > PATIENCE:
            break
    layer.load_state_dict(best_state)
    return layer.eval(), best


def label_targets(
    photos: PhotoArray, rows: np.ndarray, encode: Callable[[str], np.ndarray | None]
) -> tuple[np.ndarray, torch.Tensor]:
    """Rows whose labels are known words, and the unit mean of their labels' vectors: int64 (M,), float32 (M, D)."""
    usable, targets = [], []
    for row in rows:
        vectors = [vector for vector in map(encode, photos.records[row].labels) if vector is not None]
        if vectors:
            usable.append(int(row))
            targets.append(np.mean(vectors, axis=0))
    return np.array(usable, dtype=np.int64), functional.normalize(torch.from_numpy(np.stack(targets)), dim=1)


def kept(path: Path, make: Callable[[], dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Features from ``path``, or made now and written there."""
    if path.exists():
        return progress.load_checkpoint(path)
    features = make()
    progress.save_atomically(features, path)
    return features


def main(argv: Sequence[str] | None = None) -> int:
    """Train both references and write their vectors of the val photos."""
    parser = argparse.ArgumentParser(description="Train the references that a pack is measured against.")
    parser.add_argument("--teacher", type=Path, required=True, help="mobilenet_v2_float.onnx")
    parser.add_argument("--data", type=Path, required=True, help="folder made by training.dataset")
    parser.add_argument("--words", type=Path, required=True, help="words that our head's training begins with")
    parser.add_argument("--pack", type=Path, required=True, help="pack whose word vectors the original recipe aims at")
    parser.add_argument("--config", type=Path, default=HEAD_CONFIG, help="of stage three")
    parser.add_argument("--labelled", type=int, default=5000, help="labelled photos of the original recipe at most")
    parser.add_argument("--keep", type=Path, required=True, help="folder where features are kept for the next time")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", default="auto")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    config = progress.read_config(args.config)
    seed = int(config["head"]["seed"])
    progress.prepare(seed, int(config["head"]["threads"]))
    device = progress.pick_device(args.device)
    args.keep.mkdir(parents=True, exist_ok=True)
    photos = PhotoArray(args.data, int(config["data"]["side"]))
    teacher = load_teacher(args.teacher).to(device=device, memory_format=torch.channels_last)
    pack = load_pack(args.pack)
    val = photos.rows("val")

    labelled = [
        int(row) for row in photos.rows("train")
        if photos.records[row].labels and photos.records[row].source not in UNSEEN_LABEL_SOURCES
    ]  # fmt: skip
    some = np.random.default_rng(0).permutation(np.array(labelled, dtype=np.int64))[: args.labelled]
    some, targets = label_targets(photos, some, WordTableEncoder(pack).encode)
    large = Resized(teacher, RECIPE_SIDE)
    seen = kept(
        args.keep / f"recipe-{RECIPE_SIDE}.pt",
        lambda: {
            "train": pooled_features(large, photos, some, device, batch=32),
            "val": pooled_features(large, photos, val, device, batch=32),
            "rows": torch.from_numpy(some),
        },
    )
    if not np.array_equal(seen["rows"].numpy(), some):
        raise SystemExit(f"The features in {args.keep} are of other photos: choose another folder.")
    layer, cosine = train_dense(seen["train"], targets, seed)
    log.info("original recipe: %d photos, cosine %.4f with the labels of photos held out", len(some), cosine)
    with torch.no_grad():
        recipe = functional.normalize(layer(seen["val"]), dim=1).numpy()

    work = HeadTraining(config, photos, args.words)
    features = kept(args.keep / f"head-{photos.side}.pt", lambda: work.cache(teacher, device))
    everyone = kept(
        args.keep / f"val-{photos.side}.pt", lambda: {"val": pooled_features(teacher, photos, val, device)}
    )["val"]
    head, tuned, figures = work.train(features, seed)
    log.info("our head on the teacher: %s", {name: round(value, 4) for name, value in figures.items()})
    with torch.no_grad():
        ours = head(everyone).numpy()
    vectors, scales = quantise_rows(tuned.folded().numpy())
    facts = {
        "recipe_photos": len(some),
        "recipe_side": RECIPE_SIDE,
        "recipe_cosine": round(cosine, 4),
        "head_side": photos.side,
        "head_labelled": len(features["labelled"]),
        "head_views": len(features["captioned"]),
    }
    np.savez_compressed(
        args.out,
        files=np.array([photos.records[row].file for row in val]),
        words_sha=np.array(pack.manifest.files[pack.manifest.text.vectors].sha256),
        facts=np.array(json.dumps(facts)),
        recipe_photos=recipe.astype(np.float32),
        head_photos=ours.astype(np.float32),
        head_words=np.array(work.material.word_table.words),
        head_vectors=vectors,
        head_scales=scales,
        head_weights=work.material.word_table.weights.numpy().astype(np.float32),
    )
    log.info("written: %s", args.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
