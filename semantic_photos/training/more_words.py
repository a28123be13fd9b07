# SPDX-License-Identifier: GPL-3.0-or-later
"""More words for a table that is already trained: rarer things that people photograph ("walrus", "pergola").

``lists/rare_things.txt`` names them. Frequency would not bring them: it brings surnames and verbs, and a classifier on
the sentence encoder's vectors of lone words does hardly better, because it reads rare words by their letters. The words
that are there say how the sentence encoder's vectors became rows of the table: a linear map, fitted by ridge
regression, places the new ones (as Mikolov, Le and Sutskever, "Exploiting similarities among languages for machine
translation", 2013, carry words from one space to another).

Command: ``python -m semantic_photos.training.more_words --words DIR --head FILE --out DIR`` writes ``words.json``,
``vectors.npy``, ``weights.npy`` and a ``head.pt`` with the longer table.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import wordfreq
from torch.nn import functional

from semantic_photos.training import progress
from semantic_photos.training.head import HEAD_NAME
from semantic_photos.training.words import load_words, phrase_weights, read_list, save_words, teacher_vectors

log = logging.getLogger(__name__)

TEMPLATES = ("{}", "a photo of {}")
LIST = "rare_things.txt"
_RIDGE = 1.0
_HELD_OUT = 1000


def lacking(known: Sequence[str]) -> list[str]:
    """Words of the list that the table does not have."""
    have = set(known)
    return [word for word in read_list(LIST) if word not in have]


def ridge(inputs: torch.Tensor, targets: torch.Tensor, strength: float = _RIDGE) -> torch.Tensor:
    """The map (I, O) with the least squared error from (N, I) to (N, O)."""
    square = inputs.T @ inputs + strength * torch.eye(inputs.shape[1])
    return torch.linalg.solve(square, inputs.T @ targets)


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
    """Read, place, write."""
    parser = argparse.ArgumentParser(description="Give a trained word table more words.")
    parser.add_argument("--words", type=Path, required=True, help="folder made by training.words or unpack")
    parser.add_argument("--head", type=Path, required=True, help="head.pt with the table to be extended")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    progress.prepare(1, 2)
    words, base, _weights = load_words(args.words)
    head = progress.load_checkpoint(args.head)
    more = lacking(words)
    log.info("%d words, %d more", len(words), len(more))
    args.out.mkdir(parents=True, exist_ok=True)
    read = read_both(words, more, args.out / "read-more.npz")
    known, new = read[: len(words)], read[len(words) :]
    cosine, nearest = agreement(known, head["table"])
    log.info("words kept out of the fit: cosine %.3f with their row, nearest to it %.1f %%", cosine, 100 * nearest)
    tables = [torch.cat([old, extend(known, old, new)]) for old in (base, head["table"])]
    both = [*words, *more]
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
