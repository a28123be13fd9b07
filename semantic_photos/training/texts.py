# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts as bags of words, summed as the program sums the words of a query.

A text's vector is the weighted sum of its words' vectors, exactly what the program computes for a query. So a text is
kept as a row of word numbers and a row of weights, and a batch of texts is one `embedding_bag`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence

import numpy as np
import torch
from torch.nn import functional

from semantic_photos.training.words import words_of

BAG = 20
# Sources whose labels say what is in a recipe or a shop, not what is to be seen.
UNSEEN_LABEL_SOURCES = frozenset({"based_cooking"})


@dataclasses.dataclass(frozen=True, slots=True)
class Bags:
    """Word numbers int64 (N, BAG) and weights float32 (N, BAG), 0 where the text has no more words."""

    words: torch.Tensor
    weights: torch.Tensor

    def __len__(self) -> int:
        return len(self.words)

    def pick(self, rows: torch.Tensor | np.ndarray) -> Bags:
        """Some rows."""
        index = torch.as_tensor(rows, dtype=torch.int64)
        return Bags(self.words[index], self.weights[index])

    def vectors(self, table: torch.Tensor) -> torch.Tensor:
        """Unnormalised sums (N, D) over a word table (V, D)."""
        return functional.embedding_bag(self.words, table, mode="sum", per_sample_weights=self.weights)


class WordVectorTable:
    """Words to numbers and weights."""

    def __init__(self, words: Sequence[str], weights: torch.Tensor, hidden: Collection[str] = ()) -> None:
        self.words = list(words)
        self.number = {word: row for row, word in enumerate(self.words)}
        self.weights = weights
        self.hidden = frozenset(hidden)

    def content(self, text: str) -> list[int]:
        """Numbers of the words that count: known, no stop word, not held out."""
        rows = [self.number[w] for w in words_of(text) if w in self.number and w not in self.hidden]
        return [row for row in rows if self.weights[row] > 0]

    def bags(self, texts: Sequence[Sequence[int]]) -> Bags:
        """Texts given as word numbers."""
        words = np.zeros((len(texts), BAG), dtype=np.int64)
        for i, text in enumerate(texts):
            words[i, : min(BAG, len(text))] = text[:BAG]
        lengths = np.array([min(BAG, len(text)) for text in texts])
        index = torch.from_numpy(words)
        mask = torch.from_numpy(np.arange(BAG)[None, :] < lengths[:, None])
        return Bags(index, self.weights[index] * mask)

    def text_bags(self, texts: Sequence[str]) -> Bags:
        """Texts as written."""
        return self.bags([self.content(text) for text in texts])
