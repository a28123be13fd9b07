# SPDX-License-Identifier: GPL-3.0-or-later
"""Training of the phrase encoder: a small contextual text encoder over the word table, below a millisecond.

Two layers of a transformer (Vaswani et al., NeurIPS 2017) see the rows of a phrase as the table has them. What they say
is added to the weighted sum of the words, so an untrained encoder is the plain sum. It learns where the training's text
side puts texts, sentence encoder included (distillation), and from the photos themselves: captions of photos whose
goals no head has seen their captions for.

Command: ``python -m semantic_photos.training.phrase_encoder --config FILE --data DIR --material DIR --words DIR
--goals FILE --out DIR``
"""

from __future__ import annotations

import argparse
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
from semantic_photos.training.dataset import INDEX_NAME, read_index
from semantic_photos.training.targets import Targets, load_goals, several_right
from semantic_photos.training.texts import WordVectorTable
from semantic_photos.training.words import load_words, words_of

log = logging.getLogger(__name__)

PHRASES_NAME = "phrases.pt"
#: Words of a phrase that are read; what comes behind only counts in the sum.
MOST_WORDS = 16


class Block(nn.Module):
    """Self-attention and a hidden layer, each normalised first and added."""

    def __init__(self, dim: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention = nn.LayerNorm(dim)
        self.ask = nn.Linear(dim, 3 * dim)
        self.answer = nn.Linear(dim, dim)
        self.before_hidden = nn.LayerNorm(dim)
        self.first = nn.Linear(dim, hidden)
        self.second = nn.Linear(hidden, dim)
        self.dropout = nn.Dropout(dropout)
        nn.init.zeros_(self.answer.weight)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(N, L, dim) and 0 or a large negative number (N, 1, 1, L) to (N, L, dim)."""
        count, length, dim = x.shape
        shape = (count, length, self.heads, dim // self.heads)
        query, key, value = (p.view(shape).transpose(1, 2) for p in self.ask(self.before_attention(x)).chunk(3, dim=2))
        share = functional.softmax(query @ key.transpose(2, 3) / math.sqrt(dim // self.heads) + mask, dim=3)
        x = x + self.dropout(self.answer((share @ value).transpose(1, 2).reshape(count, length, dim)))
        return x + self.dropout(self.second(functional.relu(self.first(self.before_hidden(x)))))


class PhraseEncoder(nn.Module):
    """Rows of a phrase to a unit vector.

    Args:
        dim: D, of words and photos.
        layers: blocks.
        width: of the states inside.
        heads: of attention.
        dropout: while training.
    """

    def __init__(self, dim: int, layers: int = 2, width: int = 256, heads: int = 4, dropout: float = 0.1) -> None:
        super().__init__()
        self.enter = nn.Linear(dim, width)
        self.places = nn.Parameter(torch.randn(MOST_WORDS, width) * 0.02)
        # Stop words lie in the table as well, but carry no weight: the encoder is told which ones count.
        self.counts = nn.Parameter(torch.randn(width) * 0.02)
        self.blocks = nn.ModuleList(Block(width, heads, 4 * width, dropout) for _ in range(layers))
        self.last = nn.LayerNorm(width)
        self.leave = nn.Linear(width, dim)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def forward(self, words: torch.Tensor, weights: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        """Unit vectors (N, D).

        Args:
            words: float32 (N, L, D), rows of the table, L at most `MOST_WORDS`.
            weights: float32 (N, L), what each word weighs in a phrase, 0 for stop words.
            there: float32 (N, L), 1 where there is a word, 0 behind the last.
        """
        total = functional.normalize((words * weights[:, :, None]).sum(dim=1), dim=1)
        x = self.enter(words) * math.sqrt(words.shape[2]) ** 0.5 + self.places[: words.shape[1]]
        x = x + (weights > 0).float()[:, :, None] * self.counts
        mask = ((1.0 - there) * -1e4)[:, None, None, :]
        for block in self.blocks:
            x = block(x, mask)
        x = self.last(x) * there[:, :, None]
        pooled = x.sum(dim=1) / there.sum(dim=1, keepdim=True).clamp(min=1.0)
        return functional.normalize(total + self.leave(pooled), dim=1)


class Phrases:
    """Texts as rows of the table, in order, stop words among them.

    Args:
        words: of the table.
        weights: float32 (V,).
    """

    def __init__(self, words: Sequence[str], weights: torch.Tensor) -> None:
        self._number = {word: row for row, word in enumerate(words)}
        self._weights = weights

    def rows(self, text: str) -> list[int]:
        """Return the rows of the known words of a text, at most `MOST_WORDS`."""
        return [self._number[word] for word in words_of(text) if word in self._number][:MOST_WORDS]

    @torch.no_grad()
    def vectors(self, encoder: PhraseEncoder, texts: Sequence[str], table: torch.Tensor) -> torch.Tensor:
        """Unit vectors (N, D) of texts as the program makes them: a single word that counts keeps its row."""
        made = []
        for text in texts:
            rows = self.rows(text)
            counting = [row for row in dict.fromkeys(rows) if self._weights[row] > 0]
            if len(counting) == 1:
                made.append(functional.normalize(table[counting[0]], dim=0))
            else:
                made.append(encoder(*self.batch([rows], table))[0])
        return torch.stack(made)

    def batch(
        self, rows: Sequence[Sequence[int]], table: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return what `PhraseEncoder` takes, for texts given as rows."""
        length = max(1, max(len(some) for some in rows))
        index = torch.zeros(len(rows), length, dtype=torch.int64)
        there = torch.zeros(len(rows), length)
        for place, some in enumerate(rows):
            index[place, : len(some)] = torch.tensor(some, dtype=torch.int64)
            there[place, : len(some)] = 1.0
        return table[index], self._weights[index] * there, there


class PhraseTraining:
    """Distillation towards the text side, and contrast with the photos' goals."""

    def __init__(self, config: dict[str, Any], args: argparse.Namespace) -> None:
        self.config = config
        words, table, weights = load_words(args.words)
        records = read_index(args.data / INDEX_NAME)
        self.goals, side = load_goals(args.goals)
        self.targets = Targets(records, WordVectorTable(words, weights), args.material, args.goals.parent, table)
        self.side, self.table = side, side.folded()
        self.phrases = Phrases(words, weights)
        self.wanted = side.all(self.targets.texts)
        self.rows = [self.phrases.rows(text) for text in self.targets.texts.texts]
        known = torch.tensor([len(some) > 1 for some in self.rows])
        captions = set(self.targets.train_captions.tolist())
        val = {c for r, mine in zip(records, self.targets.captions, strict=True) if r.split != "train" for c in mine}
        self.learned = [n for n in range(len(self.rows)) if known[n] and n not in val]
        owner = [(n, row) for row, mine in enumerate(self.targets.captions) for n in mine if n in captions]
        self.pairs = [(n, row) for n, row in owner if known[n] and bool(self.goals.there[row])]

    def encode(self, encoder: PhraseEncoder, rows: Sequence[Sequence[int]]) -> torch.Tensor:
        """Return unit vectors of texts given as rows; a single word keeps its place in the table."""
        with progress.half_precision("cpu"):
            made = encoder(*self.phrases.batch(rows, self.table))
        return made.float()

    @torch.no_grad()
    def all(self, encoder: PhraseEncoder, which: Sequence[int]) -> torch.Tensor:
        """Return unit vectors of texts number ``which``."""
        made = [self.encode(encoder, [self.rows[n] for n in which[i : i + 1024]]) for i in range(0, len(which), 1024)]
        return torch.cat(made)

    def fragment(self, rows: Sequence[int], rng: np.random.Generator) -> list[int]:
        """Return some neighbouring words of a text, as a user would type them in a query."""
        length = int(rng.integers(2, min(8, len(rows)) + 1))
        start = int(rng.integers(0, len(rows) - length + 1))
        return list(rows[start : start + length])

    def loss(
        self, encoder: PhraseEncoder, rng: np.random.Generator, scale: float
    ) -> tuple[torch.Tensor, dict[str, float]]:
        """Loss of one batch."""
        run = self.config["run"]
        some = rng.choice(len(self.learned), int(run["texts"]))
        which = [self.learned[i] for i in some]
        made = self.encode(encoder, [self.rows[n] for n in which])
        like = 1.0 - (made * self.wanted[torch.tensor(which)]).sum(dim=1).mean()
        # What a text says of photos matters more than where it lies.
        bank = self.goals.vectors[self._photos(rng, 2048)].float()
        wanted = functional.softmax(20.0 * self.wanted[torch.tensor(which)] @ bank.T, dim=1)
        said = functional.log_softmax(20.0 * made @ bank.T, dim=1)
        answer = functional.kl_div(said, wanted, reduction="batchmean")
        pairs = [self.pairs[i] for i in rng.choice(len(self.pairs), int(run["pairs"]))]
        rows = [self.rows[n] for n, _ in pairs]
        rows = [self.fragment(r, rng) if len(r) > 2 and rng.random() < float(run["fragments"]) else r for r in rows]
        texts = self.encode(encoder, rows)
        photos = torch.tensor([row for _, row in pairs])
        logits = scale * texts @ self.goals.vectors[photos].float().T
        same = (photos[:, None] == photos[None, :]).float()
        contrast = several_right(logits, same) + several_right(logits.T, same)
        weights = run["weights"]
        total = weights["like"] * like + weights["answer"] * answer + weights["contrast"] * contrast
        parts = {"like": like, "answer": answer, "contrast": contrast}
        return total, {name: float(part.detach()) for name, part in parts.items()}

    def _photos(self, rng: np.random.Generator, count: int) -> torch.Tensor:
        there = torch.nonzero(self.goals.there).squeeze(1)
        return there[torch.from_numpy(rng.integers(len(there), size=count))]

    def train(self, out: Path) -> PhraseEncoder:
        """Train by the clock; writes a log."""
        run = self.config["run"]
        torch.manual_seed(int(run["seed"]))
        rng = np.random.default_rng(int(run["seed"]))
        encoder = PhraseEncoder(
            self.table.shape[1], int(run["layers"]), int(run["width"]), int(run["heads"]), float(run["dropout"])
        )
        average = progress.MovingAverage(encoder, float(run["ema"]))
        optimiser = torch.optim.AdamW(encoder.parameters(), lr=float(run["lr"]), weight_decay=0.05)
        clock = progress.ClockSchedule(float(run["minutes"]) * 60.0, warmup=int(run["warmup"]))
        journal = progress.RunLog(out)
        step = 0
        while not clock.done:
            for group in optimiser.param_groups:
                group["lr"] = float(run["lr"]) * clock.factor(step)
            loss, parts = self.loss(encoder, rng, float(run["scale"]))
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(encoder.parameters(), 1.0)
            optimiser.step()
            step += 1
            average.update(encoder, step)
            if step % 50 == 0:
                journal.write(step=step, spent=clock.spent, **parts)
        encoder.load_state_dict(average.shadow)
        return encoder.eval()


def main(argv: Sequence[str] | None = None) -> int:
    """Train the phrase encoder."""
    parser = argparse.ArgumentParser(description="Train the small contextual text encoder.")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--material", type=Path, required=True, help="folder with objects.jsonl.gz")
    parser.add_argument("--words", type=Path, required=True)
    parser.add_argument("--goals", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    config = progress.read_config(args.config)
    progress.prepare(int(config["run"]["seed"]), int(config["run"]["threads"]))
    work = PhraseTraining(config, args)
    encoder = work.train(args.out)
    shape = {name: int(config["run"][name]) for name in ("layers", "width", "heads")}
    progress.save_atomically(
        {"encoder": encoder.state_dict(), "shape": shape, "dim": work.table.shape[1]}, args.out / PHRASES_NAME
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
