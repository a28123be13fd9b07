# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts of the training photos and their vectors: the weighted sum of words beside sentence embeddings.

Single words are placed by the word table alone, as in the program; of longer texts the sentence encoder says what the
order and the company of words change.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from semantic_photos.training.sentences import SENTENCE_DIM, sentence_vectors
from semantic_photos.training.texts import Bags, WordVectorTable


class Texts:
    """Texts as words and as sentences.

    Attributes:
        texts: T different texts.
        bags: their words.
        sentences: float32 (T, 384), zero for texts of one word that counts.
    """

    def __init__(self, texts: Sequence[str], word_table: WordVectorTable, cache: Path) -> None:
        self.texts = list(dict.fromkeys(texts))
        self.number = {text: place for place, text in enumerate(self.texts)}
        content = [word_table.content(text) for text in self.texts]
        self.bags = word_table.bags(content)
        several = torch.tensor([len(words) > 1 for words in content])
        self.sentences = sentence_vectors(self.texts, cache) * several[:, None]

    def __len__(self) -> int:
        return len(self.texts)


class TextSide(nn.Module):
    """The word table turned by one shared map, plus a linear map of the sentence encoder's vector.

    Args:
        table: float32 (V, D), unit rows.
    """

    def __init__(self, table: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("base", table)
        dim = table.shape[1]
        self.turn = nn.Parameter(torch.zeros(dim, dim))
        self.sentence = nn.Linear(SENTENCE_DIM, dim, bias=False)
        nn.init.zeros_(self.sentence.weight)
        #: The table for the pack once its rows were moved one by one (`word_rows`); empty before.
        self.register_buffer("moved", torch.zeros(0, dim))

    def words(self, bags: Bags) -> torch.Tensor:
        """Unit vectors (N, D) of texts by their words alone."""
        if len(self.moved):
            return functional.normalize(bags.vectors(self.moved), dim=1)
        sums = functional.normalize(bags.vectors(self.base), dim=1)
        return functional.normalize(sums + sums @ self.turn, dim=1)

    def forward(self, texts: Texts, which: torch.Tensor) -> torch.Tensor:
        """Unit vectors (N, D) of texts number ``which``."""
        sums = functional.normalize(texts.bags.pick(which).vectors(self.base), dim=1)
        made = functional.normalize(sums + sums @ self.turn + self.sentence(texts.sentences[which]), dim=1)
        if len(self.moved):
            alone = (texts.sentences[which] == 0).all(dim=1, keepdim=True)
            made = torch.where(alone, self.words(texts.bags.pick(which)), made)
        return made

    @torch.no_grad()
    def folded(self) -> torch.Tensor:
        """The table for the pack: shared map and moves worked in, unit rows."""
        if len(self.moved):
            return self.moved
        return functional.normalize(self.base + self.base @ self.turn, dim=1)

    @torch.no_grad()
    def all(self, texts: Texts) -> torch.Tensor:
        """Unit vectors (T, D) of all texts."""
        return torch.cat([self(texts, part) for part in torch.arange(len(texts)).split(4096)])
