# SPDX-License-Identifier: GPL-3.0-or-later
"""Training losses in the space shared with words, from all annotations of the photos.

Captions, short queries made from captions, labels, detectors' scores, and the places a stronger teacher gives: one
class for all stages, so that teacher heads, student and final head learn the same thing.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from semantic_photos.ml.word_forms import folded
from semantic_photos.training import progress
from semantic_photos.training.dataset import PhotoRecord
from semantic_photos.training.objects import OBJECTS_FILE, ObjectBank
from semantic_photos.training.text_side import Texts, TextSide
from semantic_photos.training.texts import UNSEEN_LABEL_SOURCES, Bags, WordVectorTable

#: Labels this near to a true one are no counter-examples: "German shepherd" and "dog".
_NEAR = 0.5
#: Wrong captions that every captioned photo is held against, where all texts have a fixed place.
WRONG_TEXTS = 4096


class Scales(nn.Module):
    """Temperatures, and what speaks for each kind of object from the start."""

    def __init__(self, kinds: int) -> None:
        super().__init__()
        self.contrast = nn.Parameter(torch.tensor(math.log(1.0 / 0.06)))
        self.object_scale = nn.Parameter(torch.tensor(math.log(20.0)))
        self.object_bias = nn.Parameter(torch.full((kinds,), -5.0))

    @property
    def inverse_temperature(self) -> torch.Tensor:
        """Factor of cosines in the contrast, at most 100."""
        return self.contrast.exp().clamp(max=100.0)


@dataclasses.dataclass(frozen=True, slots=True)
class Places:
    """Unit vectors of the texts: of all, of the labels and of the object kinds; ``fixed`` where they do not move."""

    of: Callable[[torch.Tensor], torch.Tensor]
    words: Callable[[Bags], torch.Tensor]
    fixed: torch.Tensor | None = None


def several_right(logits: torch.Tensor, right: torch.Tensor, ignored: torch.Tensor | None = None) -> torch.Tensor:
    """Cross-entropy with the right answers sharing the probability; rows without any are left out."""
    if ignored is not None:
        logits = logits.masked_fill(ignored > 0, -1e4)
    share = right / right.sum(dim=1, keepdim=True).clamp(min=1.0)
    losses = -(share * functional.log_softmax(logits, dim=1)).sum(dim=1)
    present = (right.sum(dim=1) > 0).float()
    return (losses * present).sum() / present.sum().clamp(min=1.0)


class Goals:
    """Target embeddings by a stronger teacher: half (N, D), zero where there is none."""

    def __init__(self, vectors: torch.Tensor) -> None:
        self.vectors = vectors
        self.there = vectors.abs().sum(dim=1) > 0
        self.middle = vectors[self.there].float().mean(dim=0)

    def loss(
        self, vectors: torch.Tensor, rows: torch.Tensor, bank: torch.Tensor, scale: float = 20.0
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return how far photos are from their goals, and how differently they answer ``bank``.

        Args:
            vectors: unit (n, D).
            rows: of the photos.
            bank: unit (T, D), some texts. What a photo answers is a softmax over them (Tian et al., "Contrastive
                representation distillation", ICLR 2020, in the form of TinyCLIP, ICCV 2023).
            scale: inverse temperature of that.

        Returns:
            One minus the mean cosine, seen from the middle of all photos, and the mean divergence.
        """
        there = self.there[rows].float()
        count = there.sum().clamp(min=1.0)
        goal = self.vectors[rows].float()
        apart = 1.0 - functional.cosine_similarity(vectors - self.middle, goal - self.middle, dim=1)
        wanted = functional.softmax(scale * goal @ bank.T, dim=1)
        said = functional.log_softmax(scale * vectors @ bank.T, dim=1)
        differ = functional.kl_div(said, wanted, reduction="none").sum(dim=1)
        return (apart * there).sum() / count, (differ * there).sum() / count


class Targets:
    """Captions, labels and objects of the photos of one index.

    Args:
        records: the index.
        word_table: words.
        material: folder with ``objects.jsonl.gz``.
        cache: folder for what the sentence encoder said.
        table: float32 (V, D), to tell which labels are near each other.
    """

    def __init__(
        self,
        records: Sequence[PhotoRecord],
        word_table: WordVectorTable,
        material: Path,
        cache: Path,
        table: torch.Tensor,
    ) -> None:
        self.records, self.word_table = records, word_table
        self.objects = ObjectBank(material / OBJECTS_FILE, records)
        usable = [record.source not in UNSEEN_LABEL_SOURCES for record in records]
        captions = [tuple(c for c in record.captions if word_table.content(c)) for record in records]
        labels = [
            tuple(dict.fromkeys(label.lower() for label in record.labels if word_table.content(label))) if use else ()
            for record, use in zip(records, usable, strict=True)
        ]
        self.label_names = sorted({label for some in labels for label in some})
        every = [*(c for some in captions for c in some), *self.label_names, *self.objects.names]
        self.texts = Texts(every, word_table, cache / "sentences.npz")
        number = self.texts.number
        self.captions = [[number[c] for c in some] for some in captions]
        place = {name: i for i, name in enumerate(self.label_names)}
        self.labels = [[place[label] for label in some] for some in labels]
        self.label_texts = torch.tensor([number[name] for name in self.label_names])
        self.object_texts = torch.tensor([number[name] for name in self.objects.names])
        self.has_caption = torch.tensor([bool(some) for some in self.captions])
        self.has_label = torch.tensor([bool(some) for some in self.labels])
        bags = self.texts.bags.pick(self.label_texts)
        vectors = functional.normalize(bags.vectors(table), dim=1)
        self.near = ((vectors @ vectors.T) > _NEAR).float()
        train = [i for i, record in enumerate(records) if record.split == "train"]
        weights = self.texts.bags.weights > 0
        self._words = [w[m].tolist() for w, m in zip(self.texts.bags.words, weights, strict=True)]
        names: dict[str, int] = {}
        stems = [folded(word) for word in word_table.words]
        self._stem = {n: names.setdefault(stems[n], len(names)) for some in self._words for n in some}
        self._stems = len(names)
        self.train_captions = torch.tensor([c for i in train for c in self.captions[i]])

    def fixed(self, side: TextSide) -> Places:
        """Texts that stand where a trained text side puts them."""
        every = side.all(self.texts)
        return Places(lambda which: every[which], lambda bags: side.words(bags).detach(), every)

    def moving(self, side: TextSide) -> Places:
        """Texts that are trained along."""
        return Places(lambda which: side(self.texts, which), side.words)

    def caption_loss(
        self, vectors: torch.Tensor, rows: np.ndarray, places: Places, scale: torch.Tensor, rng: np.random.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the contrast of captioned photos with captions, and with one to three of their words."""
        picked = [int(rng.choice(self.captions[row])) for row in rows]
        same = torch.from_numpy(rows[:, None] == rows[None, :]).float()
        texts = places.of(torch.tensor(picked))
        logits = scale * vectors @ texts.T
        loss = several_right(logits.T, same)
        if places.fixed is None:
            loss = loss + several_right(logits, same)
        else:
            # Texts that stand still cost nothing, so thousands of wrong ones can be shown.
            some = self.train_captions[torch.from_numpy(rng.integers(len(self.train_captions), size=WRONG_TEXTS))]
            mine = torch.nn.utils.rnn.pad_sequence(
                [torch.tensor(self.captions[row]) for row in rows], batch_first=True, padding_value=-1.0
            )
            own = (some[None, :, None] == mine[:, None, :]).any(dim=2).float()
            wide = torch.cat([logits, scale * vectors @ places.fixed[some].T], dim=1)
            ignored = torch.cat([torch.zeros_like(same), own], dim=1)
            loss = loss + several_right(wide, torch.cat([same, torch.zeros_like(own)], dim=1), ignored)
        queries, asked = [], np.zeros((len(rows), self._stems), np.float32)
        for place, number in enumerate(picked):
            words = self._words[number]
            count = min(len(words), int(rng.choice([1, 1, 2, 2, 3])))
            queries.append([words[k] for k in rng.permutation(len(words))[:count]])
            asked[place, [self._stem[word] for word in queries[-1]]] = 1.0
        # A photo fits the words of another's caption if its own captions hold them all, in singular or plural.
        held = np.zeros_like(asked)
        for place, row in enumerate(rows):
            held[place, [self._stem[word] for c in self.captions[row] for word in self._words[c]]] = 1.0
        columns = np.flatnonzero(asked.any(axis=0))
        asked, held = asked[:, columns], held[:, columns]
        fits = torch.from_numpy((held @ asked.T >= asked.sum(axis=1)[None, :] - 0.5).astype(np.float32))
        logits = scale * vectors @ places.words(self.word_table.bags(queries)).T
        return loss, several_right(logits, fits) + several_right(logits.T, fits.T)

    def label_loss(self, vectors: torch.Tensor, rows: np.ndarray, places: Places, scale: torch.Tensor) -> torch.Tensor:
        """Return the contrast of labelled photos with all labels."""
        has = torch.zeros(len(rows), len(self.label_names))
        for place, row in enumerate(rows):
            has[place, self.labels[row]] = 1.0
        near = ((has @ self.near) > 0).float() * (1.0 - has)
        logits = scale * vectors @ places.of(self.label_texts).T
        asked = torch.nonzero(has.sum(dim=0) > 0).squeeze(1)
        back = several_right(logits.T[asked], has.T[asked], near.T[asked])
        return several_right(logits, has, near) + back

    def object_loss(self, vectors: torch.Tensor, rows: np.ndarray, places: Places, scales: Scales) -> torch.Tensor:
        """Return the cross-entropy of kinds seen by detectors; each kind stands or falls by itself."""
        wanted, weight = self.objects.targets(torch.from_numpy(rows))
        logits = scales.object_scale.exp() * vectors @ places.of(self.object_texts).T + scales.object_bias
        losses = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
        # The best that can be said of soft targets is their own entropy: taken off, so that 0 is perfect.
        losses = losses - functional.binary_cross_entropy(wanted, wanted, reduction="none")
        return (losses * weight).sum() / (weight.sum() / len(self.objects.names)).clamp(min=1.0)

    def loss(
        self,
        vectors: torch.Tensor,
        rows: np.ndarray,
        places: Places,
        scales: Scales,
        weights: dict[str, float],
        rng: np.random.Generator,
        goals: Goals | None = None,
    ) -> tuple[torch.Tensor, dict[str, float]]:
        """Return the loss of unit photo vectors (n, D) of photos ``rows``, and its parts."""
        parts: dict[str, torch.Tensor] = {}
        scale = scales.inverse_temperature
        which = np.flatnonzero(self.has_caption[torch.from_numpy(rows)].numpy())
        if len(which) > 1:
            parts["caption"], parts["query"] = self.caption_loss(vectors[which], rows[which], places, scale, rng)
        which = np.flatnonzero(self.has_label[torch.from_numpy(rows)].numpy())
        if len(which):
            parts["label"] = self.label_loss(vectors[which], rows[which], places, scale)
        parts["object"] = self.object_loss(vectors, rows, places, scales)
        if goals is not None:
            assert places.fixed is not None
            bank = places.fixed[torch.from_numpy(rng.integers(len(places.fixed), size=WRONG_TEXTS))]
            parts["goal"], parts["answer"] = goals.loss(vectors, torch.from_numpy(rows), bank)
        total = sum((weights[name] * part for name, part in parts.items()), torch.zeros(()))
        return total, {name: float(part.detach()) for name, part in parts.items()}


def save_goals(path: Path, vectors: torch.Tensor, side: TextSide, extra: dict[str, object]) -> None:
    """Keep goals with the text side of their space and whatever else belongs to them."""
    progress.save_atomically({"vectors": vectors.half(), "side": side.state_dict(), **extra}, path)


def load_goals(path: Path) -> tuple[Goals, TextSide]:
    """Read what `save_goals` kept."""
    state = progress.load_checkpoint(path)
    side = TextSide(state["side"]["base"])
    side.moved = torch.zeros_like(state["side"].get("moved", side.moved))
    side.load_state_dict(state["side"], strict="moved" in state["side"])
    return Goals(state["vectors"]), side.requires_grad_(requires_grad=False).eval()
