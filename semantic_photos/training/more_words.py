# SPDX-License-Identifier: GPL-3.0-or-later
"""More words for a table that is already trained: rarer things that people photograph ("walrus", "pergola").

The words that are there say how the sentence encoder's vectors became rows of the table: a linear map, fitted by ridge
regression, places the new ones (as Mikolov, Le and Sutskever, "Exploiting similarities among languages for machine
translation", 2013, carry words from one space to another). Which words come in is decided by what they mean, because
frequency would bring surnames and verbs: those that the sentence encoder finds closest to words for visible things, our
tags and the words of captions, by a linear classifier.

Command: ``python -m semantic_photos.training.more_words --data DIR --words DIR --head FILE --count 12000 --out DIR``
writes ``words.json``, ``vectors.npy``, ``weights.npy`` and a ``head.pt`` with the longer table.
"""

from __future__ import annotations

import argparse
import json
import logging
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import wordfreq
from torch.nn import functional

from semantic_photos.ml.word_forms import forms
from semantic_photos.training import progress
from semantic_photos.training.dataset import INDEX_NAME, PhotoRecord, read_index
from semantic_photos.training.head import HEAD_NAME
from semantic_photos.training.words import (
    load_words,
    phrase_weights,
    read_list,
    read_tags,
    save_words,
    teacher_vectors,
    words_of,
)

log = logging.getLogger(__name__)

TEMPLATES = ("{}", "a photo of {}")
MOST_CANDIDATES = 120_000
MIN_ZIPF = 2.0
#: In so many captions at least, a word is taken for something that can be seen.
MIN_CAPTIONS = 8
_LETTERS = re.compile(r"[a-z]{3,}")
_RIDGE = 1.0
_HELD_OUT = 1000


def candidates(known: Sequence[str], most: int = MOST_CANDIDATES) -> list[str]:
    """Frequent English words that the table lacks, other forms of known words left out: the program finds these."""
    have, blocked = set(known), set(read_list("blocked_words.txt"))
    found: list[str] = []
    for word in wordfreq.top_n_list("en", most):
        if word in have or word in blocked or not _LETTERS.fullmatch(word):
            continue
        if wordfreq.zipf_frequency(word, "en") < MIN_ZIPF:
            break
        if not any(form in have for form in forms(word)):
            found.append(word)
    return found


def visible(records: Sequence[PhotoRecord]) -> set[str]:
    """Words for what can be seen: of our tags, of labels, and of several training captions."""
    counts: Counter[str] = Counter()
    for record in records:
        if record.split == "train":
            for caption in record.captions:
                counts.update(set(words_of(caption)))
    words = {word for tag, _category in read_tags() for word in words_of(tag)}
    words.update(word for record in records for label in record.labels for word in words_of(label))
    words.update(word for word, count in counts.items() if count >= MIN_CAPTIONS)
    return words - set(read_list("stop_words.txt"))


def ridge(inputs: torch.Tensor, targets: torch.Tensor, strength: float = _RIDGE) -> torch.Tensor:
    """The map (I, O) with the least squared error from (N, I) to (N, O)."""
    square = inputs.T @ inputs + strength * torch.eye(inputs.shape[1])
    return torch.linalg.solve(square, inputs.T @ targets)


def choose(known: torch.Tensor, seen: np.ndarray, new: torch.Tensor, count: int) -> np.ndarray:
    """Rows of ``new`` (M, W) that lie most on the side of visible things.

    Args:
        known: (V, W), sentence encoder's vectors of the words in the table.
        seen: bool (V,), which of them name what can be seen.
        new: (M, W), vectors of the candidates.
        count: how many to choose.
    """
    wanted = torch.from_numpy(np.where(seen, 1.0, -1.0)).float()
    # Both kinds count alike, however many there are of each.
    share = torch.from_numpy(np.where(seen, 0.5 / max(1, seen.sum()), 0.5 / max(1, (~seen).sum()))).float()
    root = share.sqrt()[:, None] * len(wanted) ** 0.5
    direction = ridge(known * root, wanted[:, None] * root)[:, 0]
    scores = (new @ direction).numpy()
    return np.sort(np.argsort(-scores, kind="stable")[:count])


def extend(known: torch.Tensor, table: torch.Tensor, new: torch.Tensor) -> torch.Tensor:
    """Unit rows (M, D) for new words: the map from ``known`` (V, W) to ``table`` (V, D), at ``new`` (M, W)."""
    return functional.normalize(new @ ridge(known, table), dim=1)


def agreement(known: torch.Tensor, table: torch.Tensor, seed: int = 0) -> tuple[float, float]:
    """How well words kept out of the fit are placed: mean cosine with their row, share whose nearest row is theirs."""
    order = torch.randperm(len(known), generator=torch.Generator().manual_seed(seed))
    out, fitted = order[:_HELD_OUT], order[_HELD_OUT:]
    placed = extend(known[fitted], table[fitted], known[out])
    nearest = (placed @ table.T).argmax(dim=1)
    return float((placed * table[out]).sum(dim=1).mean()), float((nearest == out).float().mean())


def main(argv: Sequence[str] | None = None) -> int:
    """Read, choose, place, write."""
    parser = argparse.ArgumentParser(description="Give a trained word table more words.")
    parser.add_argument("--data", type=Path, required=True, help="folder made by training.dataset")
    parser.add_argument("--words", type=Path, required=True, help="folder made by training.words or unpack")
    parser.add_argument("--head", type=Path, required=True, help="head.pt with the table to be extended")
    parser.add_argument("--count", type=int, default=12_000)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    progress.prepare(1, 2)
    words, base, _weights = load_words(args.words)
    head = progress.load_checkpoint(args.head)
    more = candidates(words)
    log.info("%d words, %d candidates", len(words), len(more))
    args.out.mkdir(parents=True, exist_ok=True)
    read = read_both(words, more, args.out / "read-more.npz")
    known, new = read[: len(words)], read[len(words) :]
    seen = visible(read_index(args.data / INDEX_NAME))
    chosen = choose(known, np.array([word in seen for word in words]), new, args.count)
    cosine, nearest = agreement(known, head["table"])
    log.info("words kept out of the fit: cosine %.3f with their row, nearest to it %.1f %%", cosine, 100 * nearest)
    placed = new[torch.from_numpy(chosen)]
    tables = [torch.cat([old, extend(known, old, placed)]) for old in (base, head["table"])]
    both = [*words, *(more[i] for i in chosen)]
    order = sorted(range(len(both)), key=lambda i: (-wordfreq.word_frequency(both[i], "en"), both[i]))
    both = [both[i] for i in order]
    save_words(args.out, both, tables[0][order].numpy(), phrase_weights(both))
    progress.save_atomically({**head, "table": tables[1][order]}, args.out / HEAD_NAME)
    return 0


def read_both(words: Sequence[str], more: Sequence[str], cache: Path) -> torch.Tensor:
    """What the sentence encoder says of both lists together (V + M, W), kept in a file."""
    every = [*words, *more]
    if cache.exists():
        with np.load(cache) as kept:
            if json.loads(str(kept["words"])) == every:
                return torch.from_numpy(kept["vectors"])
    vectors = teacher_vectors(every, templates=TEMPLATES)
    np.savez(cache, words=json.dumps(every), vectors=vectors.numpy())
    return vectors


if __name__ == "__main__":
    raise SystemExit(main())
