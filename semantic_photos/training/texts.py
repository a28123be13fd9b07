# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts of the contrastive stage as bags of words: captions, short queries made from captions, labels.

A text's vector is the weighted sum of its words' vectors, exactly what the program computes for a query. So a text is
kept as a row of word numbers and a row of weights, and a batch of texts is one `embedding_bag`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence

import numpy as np
import torch
from torch.nn import functional

from semantic_photos.ml.word_forms import folded
from semantic_photos.training.dataset import PhotoRecord
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


class CaptionBank:
    """Captioned photos: their captions, and which (plural-folded) words occur in any of them."""

    def __init__(self, records: Sequence[PhotoRecord], rows: np.ndarray, word_table: WordVectorTable) -> None:
        usable = [int(row) for row in rows if any(word_table.content(c) for c in records[row].captions)]
        self.rows = np.array(usable, dtype=np.int64)
        self._lexicon = word_table
        self._texts = [
            [content for content in (word_table.content(c) for c in records[row].captions) if content] for row in usable
        ]
        stems = [folded(word) for word in word_table.words]
        self._fold: dict[int, int] = {}
        names: dict[str, int] = {}
        for texts in self._texts:
            for text in texts:
                for number in text:
                    self._fold[number] = names.setdefault(stems[number], len(names))
        self.occurs = torch.zeros(len(usable), len(names))
        for i, texts in enumerate(self._texts):
            self.occurs[i, [self._fold[number] for text in texts for number in text]] = 1.0

    def counts(self, words: int) -> torch.Tensor:
        """In how many photos' captions each of so many words stands: float32 (words,)."""
        held = [number for texts in self._texts for number in {number for text in texts for number in text}]
        return torch.bincount(torch.tensor(held, dtype=torch.int64), minlength=words).float()

    def captions(self, which: np.ndarray, rng: np.random.Generator) -> Bags:
        """One caption of each photo in ``which`` (positions in `rows`), some of its words dropped now and then."""
        picked = []
        for i in which:
            texts = self._texts[i]
            text = texts[rng.integers(len(texts))]
            if rng.random() < 0.3 and len(text) > 3:
                kept = rng.permutation(len(text))[: rng.integers(3, len(text) + 1)]
                text = [text[k] for k in kept]
            picked.append(text)
        return self._lexicon.bags(picked)

    def queries(self, which: np.ndarray, rng: np.random.Generator) -> tuple[Bags, torch.Tensor]:
        """One to three words of a caption of each photo, and which photos of ``which`` they fit: (N, N) 0/1."""
        picked = []
        asked = torch.zeros(len(which), self.occurs.shape[1])
        for j, i in enumerate(which):
            texts = self._texts[i]
            text = texts[rng.integers(len(texts))]
            count = min(len(text), int(rng.choice([1, 1, 2, 2, 3])))
            words = [text[k] for k in rng.permutation(len(text))[:count]]
            picked.append(words)
            asked[j, [self._fold[number] for number in words]] = 1.0
        here = self.occurs[torch.from_numpy(which)]
        fits = (here @ asked.T) >= asked.sum(dim=1)[None, :] - 0.5
        return self._lexicon.bags(picked), fits.float()


class LabelBank:
    """Labelled photos and all label texts as the classes of one large vocabulary."""

    def __init__(
        self, records: Sequence[PhotoRecord], rows: np.ndarray, word_table: WordVectorTable, table: torch.Tensor
    ) -> None:
        texts: dict[str, int] = {}
        usable, has = [], []
        for row in rows:
            record = records[row]
            if record.source in UNSEEN_LABEL_SOURCES:
                continue
            mine = {texts.setdefault(label.lower(), len(texts)) for label in record.labels if word_table.content(label)}
            if mine:
                usable.append(int(row))
                has.append(sorted(mine))
        self.rows = np.array(usable, dtype=np.int64)
        self.names = list(texts)
        self.bags = word_table.text_bags(self.names)
        self.has = torch.zeros(len(usable), len(texts))
        for i, mine in enumerate(has):
            self.has[i, mine] = 1.0
        vectors = functional.normalize(self.bags.vectors(table), dim=1)
        # A photo labelled "German shepherd" is no counter-example of "dog": near labels are left out, not pushed away.
        self.near = ((vectors @ vectors.T) > 0.5).float()

    def batch(self, which: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """For photos at positions ``which``: labels they have, labels that count neither way; both (N, L) 0/1."""
        has = self.has[torch.from_numpy(which)]
        near = ((has @ self.near) > 0).float()
        return has, near * (1.0 - has)
