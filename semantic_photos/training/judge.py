# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures on the val split during training, for choices between runs (the public figures come from `evaluation`)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional

from semantic_photos.ml.word_forms import folded
from semantic_photos.training.dataset import PhotoRecord
from semantic_photos.training.texts import WordVectorTable


class Judge:
    """Caption, word and label questions about some photos."""

    def __init__(
        self, records: Sequence[PhotoRecord], captioned: np.ndarray, labelled: np.ndarray, word_table: WordVectorTable
    ):
        self.captioned = captioned
        self.labelled = labelled
        captions = [(i, caption) for i, row in enumerate(captioned) for caption in records[row].captions]
        self._owner = torch.tensor([i for i, _ in captions])
        self._captions = word_table.text_bags([caption for _, caption in captions])
        names = [folded(word) for word in word_table.words]
        has: list[set[str]] = []
        seen: dict[str, int] = {}
        counts: dict[str, int] = {}
        for row in captioned:
            mine = {number for caption in records[row].captions for number in word_table.content(caption)}
            for number in mine:
                seen.setdefault(names[number], number)
            has.append({names[number] for number in mine})
            for word in has[-1]:
                counts[word] = counts.get(word, 0) + 1
        frequent = sorted((w for w, c in counts.items() if 8 <= c <= 400), key=lambda w: (-counts[w], w))
        self.single = frequent[:300]
        self._single = word_table.bags([[seen[word]] for word in self.single])
        self._fits = torch.tensor([[float(w in mine) for w in self.single] for mine in has])
        rng = np.random.default_rng(0)
        pairs: set[tuple[int, int]] = set()
        for mine in has:
            known = [i for i, w in enumerate(self.single) if w in mine]
            if len(known) >= 2:
                a, b = rng.choice(known, 2, replace=False)
                pairs.add((min(a, b), max(a, b)))
        both = [(a, b) for a, b in sorted(pairs) if (self._fits[:, a] * self._fits[:, b]).sum() >= 5][:400]
        self._pairs = word_table.bags([[seen[self.single[a]], seen[self.single[b]]] for a, b in both])
        self._pair_fits = torch.stack([self._fits[:, a] * self._fits[:, b] for a, b in both], dim=1)
        labels: dict[str, int] = {}
        rows = []
        for row in labelled:
            known = [label.lower() for label in records[row].labels if word_table.content(label)]
            rows.append({labels.setdefault(label, len(labels)) for label in known})
        self._labels = word_table.text_bags(list(labels))
        self._has = torch.zeros(len(labelled), len(labels))
        for i, mine_labels in enumerate(rows):
            self._has[i, sorted(mine_labels)] = 1.0

    def word_scores(self, captioned: torch.Tensor, table: torch.Tensor) -> dict[str, float]:
        """P@10 of every single-word query."""
        texts = functional.normalize(self._single.vectors(table), dim=1)
        return dict(zip(self.single, _precision(texts @ captioned.T, self._fits.T, 10).tolist(), strict=True))

    def score(self, captioned: torch.Tensor, labelled: torch.Tensor, table: torch.Tensor) -> dict[str, float]:
        """All figures for unit photo vectors (N, D) of both photo sets and a word table (V, D)."""
        texts = functional.normalize(self._captions.vectors(table), dim=1)
        scores = texts @ captioned.T
        own = scores[torch.arange(len(scores)), self._owner]
        rank = (scores > own[:, None]).sum(dim=1) + 1
        singles = _precision(functional.normalize(self._single.vectors(table), dim=1) @ captioned.T, self._fits.T, 10)
        pairs = functional.normalize(self._pairs.vectors(table), dim=1) @ captioned.T
        names = functional.normalize(self._labels.vectors(table), dim=1)
        order = (labelled @ names.T).argsort(dim=1, descending=True)
        hits = self._has.gather(1, order[:, :5])
        return {
            "r1": float((rank <= 1).float().mean()),
            "r5": float((rank <= 5).float().mean()),
            "r10": float((rank <= 10).float().mean()),
            "median": float(rank.median()),
            "word_p10": float(singles.mean()),
            "pair_p10": float(_precision(pairs, self._pair_fits.T, 10).mean()),
            "label_top1": float(hits[:, 0].mean()),
            "label_top5": float(hits.amax(dim=1).mean()),
        }


def _precision(scores: torch.Tensor, fits: torch.Tensor, k: int) -> torch.Tensor:
    """Share of fitting photos among the first k, per query; (Q, N) and (Q, N) to (Q,)."""
    return fits.gather(1, scores.topk(k, dim=1).indices).mean(dim=1)
