# SPDX-License-Identifier: GPL-3.0-or-later
"""Validation figures during training, to choose between runs (the public figures come from `evaluation`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from semantic_photos.ml.word_forms import folded
from semantic_photos.training.dataset import FLICKR, PhotoRecord
from semantic_photos.training.objects import CLEAR, FLOOR, ObjectBank
from semantic_photos.training.targets import Places, Targets
from semantic_photos.training.texts import Bags

#: Kinds of objects are measured from so many val photos that clearly show them.
_ENOUGH = 5


class CaptionSet:
    """Captions, single words and pairs of words as queries for some captioned photos.

    Attributes:
        rows: int64 (N,), the photos.
    """

    def __init__(self, records: Sequence[PhotoRecord], rows: np.ndarray, targets: Targets) -> None:
        word_table = targets.word_table
        self.rows = rows
        owners = [(i, number) for i, row in enumerate(rows) for number in targets.captions[row]]
        self.owner = torch.tensor([i for i, _ in owners])
        self.captions = torch.tensor([number for _, number in owners])
        names = [folded(word) for word in word_table.words]
        has: list[set[str]] = []
        seen: dict[str, int] = {}
        counts: dict[str, int] = {}
        for row in rows:
            mine = {number for caption in records[row].captions for number in word_table.content(caption)}
            for number in sorted(mine):
                seen.setdefault(names[number], number)
            has.append({names[number] for number in mine})
            for word in has[-1]:
                counts[word] = counts.get(word, 0) + 1
        single = sorted((w for w, c in counts.items() if 8 <= c <= 400), key=lambda w: (-counts[w], w))[:300]
        self.single = word_table.bags([[seen[word]] for word in single])
        self.fits = torch.tensor([[float(w in mine) for w in single] for mine in has])
        rng = np.random.default_rng(0)
        pairs: set[tuple[int, int]] = set()
        for mine in has:
            known = [i for i, w in enumerate(single) if w in mine]
            if len(known) >= 2:
                a, b = rng.choice(known, 2, replace=False)
                pairs.add((min(a, b), max(a, b)))
        both = [(a, b) for a, b in sorted(pairs) if (self.fits[:, a] * self.fits[:, b]).sum() >= 5][:400]
        self.pairs = word_table.bags([[seen[single[a]], seen[single[b]]] for a, b in both])
        self.pair_fits = torch.stack([self.fits[:, a] * self.fits[:, b] for a, b in both], dim=1)

    def score(
        self, photos: torch.Tensor, captions: torch.Tensor, words: Callable[[Bags], torch.Tensor]
    ) -> dict[str, float]:
        """Figures for unit vectors of the photos (N, D) and of their captions."""
        scores = captions @ photos.T
        own = scores[torch.arange(len(scores)), self.owner]
        rank = (scores > own[:, None]).sum(dim=1) + 1
        return {
            "r1": float((rank <= 1).float().mean()),
            "r10": float((rank <= 10).float().mean()),
            "word_p10": float(_precision(words(self.single) @ photos.T, self.fits.T, 10).mean()),
            "pair_p10": float(_precision(words(self.pairs) @ photos.T, self.pair_fits.T, 10).mean()),
        }


class Judge:
    """Both caption sets, kinds of objects, and labels of the val photos."""

    def __init__(self, targets: Targets) -> None:
        records = targets.records
        val = np.array([i for i, record in enumerate(records) if record.split == "val"], dtype=np.int64)
        self.targets, self.rows = targets, val
        captioned = [i for i in val if targets.captions[i] and records[i].source != "based_cooking"]
        old = np.array([i for i in captioned if records[i].source == FLICKR], dtype=np.int64)
        web = np.array([i for i in captioned if records[i].source != FLICKR], dtype=np.int64)
        self.sets = {"old": CaptionSet(records, old, targets), "web": CaptionSet(records, web, targets)}
        self._place = {int(row): place for place, row in enumerate(val)}
        self._labelled = np.array([i for i in val if targets.labels[i]], dtype=np.int64)
        bank: ObjectBank = targets.objects
        scores, asked = bank.scores[torch.from_numpy(val)].float(), bank.asked[torch.from_numpy(val)]
        self._clear = (scores >= CLEAR) & asked
        self._open = (scores >= FLOOR) & (scores < CLEAR) | ~asked
        self._kinds = torch.nonzero(self._clear.sum(dim=0) >= _ENOUGH).squeeze(1)

    def _of(self, rows: np.ndarray, vectors: torch.Tensor) -> torch.Tensor:
        return vectors[torch.tensor([self._place[int(row)] for row in rows])]

    @torch.no_grad()
    def score(
        self, vectors: torch.Tensor, places: Places, pairs: Callable[[Bags], torch.Tensor] | None = None
    ) -> dict[str, float]:
        """All figures for unit vectors (val photos, D) in the order of `rows`, and places of the texts."""
        figures: dict[str, float] = {}
        for name, some in self.sets.items():
            made = some.score(self._of(some.rows, vectors), places.of(some.captions), pairs or places.words)
            figures |= {f"{name}_{key}": value for key, value in made.items()}
        texts = places.of(self.targets.object_texts)
        precisions, averages = [], []
        for kind in self._kinds.tolist():
            kept = ~self._open[:, kind]
            right = self._clear[kept, kind].float()
            order = right[(vectors[kept] @ texts[kind]).argsort(descending=True)]
            count = int(right.sum())
            precisions.append(float(order[:count].mean()))
            hits = torch.nonzero(order).squeeze(1)
            averages.append(float((torch.arange(1, count + 1) / (hits + 1)).mean()))
        figures |= {"object_rp": float(np.mean(precisions)), "object_ap": float(np.mean(averages))}
        names = places.of(self.targets.label_texts)
        has = torch.zeros(len(self._labelled), len(names))
        for place, row in enumerate(self._labelled):
            has[place, self.targets.labels[row]] = 1.0
        hits = has.gather(1, (self._of(self._labelled, vectors) @ names.T).topk(5, dim=1).indices)
        return figures | {"label_top1": float(hits[:, 0].mean()), "label_top5": float(hits.amax(dim=1).mean())}


def _precision(scores: torch.Tensor, fits: torch.Tensor, k: int) -> torch.Tensor:
    """Share of fitting photos among the first k, per query; (Q, N) and (Q, N) to (Q,)."""
    return fits.gather(1, scores.topk(k, dim=1).indices).mean(dim=1)
