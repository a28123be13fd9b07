# SPDX-License-Identifier: GPL-3.0-or-later
"""Detector scores of the training photos, as soft targets for the words of everyday objects.

Each line of ``objects.jsonl.gz`` holds the largest score of each kind over all boxes of a photo. Scores are guesses: a
low one is often right for something large, and a kind that is missing may still be there, only too small to be found.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import torch

from semantic_photos.ml.word_forms import folded
from semantic_photos.training.dataset import PhotoRecord
from semantic_photos.training.words import words_of

OBJECTS_FILE = "objects.jsonl.gz"
#: From this score on a kind counts as there, for figures.
CLEAR = 0.5
#: Below this score nothing was written.
FLOOR = 0.12
#: A kind is learned if so many training photos show it with a score of 0.3 or more.
_SUPPORT = 20
#: The chance that a kind is there although no detector saw it.
_MISSED = 0.01
#: Scores of what people's labels and captions name.
_LABELLED, _CAPTIONED = 0.7, 0.5
#: Kinds whose names are no words for what people look for.
_NAMES = {
    "tv": "television", "cell phone": "phone", "potted plant": "plant", "dining table": "table", "tie": "necktie",
    "mouse": "computer mouse", "remote": "remote control", "human face": "face", "mobile phone": "phone",
    "houseplant": "plant", "couch": "sofa", "studio couch": "sofa", "sofa bed": "sofa", "hot dog": "hotdog",
    "sports ball": "ball", "kitchen & dining room table": "table", "computer keyboard": "keyboard",
    "land vehicle": "vehicle", "cattle": "cow", "common sunflower": "sunflower", "tap": "faucet",
}  # fmt: skip
#: Kinds that no user searches for, or whose boundaries differ too much from the word's meaning.
_LEFT_OUT = frozenset({"human eye", "human nose", "human mouth", "human hair", "human arm", "human leg", "human hand",
                       "human head", "human body", "human ear", "human foot", "clothing", "auto part"})  # fmt: skip


def kind_name(kind: str) -> str:
    """Return the everyday word for a detector's kind, or an empty text for one that is not learned."""
    name = kind.lower()
    return "" if name in _LEFT_OUT else _NAMES.get(name, name)


class ObjectBank:
    """Soft targets of photos for the names of kinds.

    Attributes:
        names: the K kinds.
        scores: float16 (N, K), the largest score, 0 where nothing was seen.
        asked: bool (N, K), whether a detector that knows the kind has looked at the photo.
    """

    def __init__(self, file: Path, records: Sequence[PhotoRecord], support: int = _SUPPORT) -> None:
        row_of = {record.file: row for row, record in enumerate(records)}
        seen: list[tuple[int, dict[str, dict[str, float]]]] = []
        which: dict[str, set[str]] = {}
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            for line in lines:
                entry = json.loads(line)
                row = row_of.get(entry.pop("file"))
                if row is None:
                    continue
                seen.append((row, entry))
                for detector, found in entry.items():
                    for kind in found:
                        if name := kind_name(kind):
                            which.setdefault(name, set()).add(detector)
        names = sorted(which)
        column = {name: place for place, name in enumerate(names)}
        by = {d: torch.tensor([d in which[name] for name in names]) for d in ("coco", "oiv7")}
        scores = torch.zeros(len(records), len(names), dtype=torch.half)
        asked = torch.zeros(len(records), len(names), dtype=torch.bool)
        for row, entry in seen:
            for detector, found in entry.items():
                asked[row] |= by[detector]
                for kind, score in found.items():
                    if name := kind_name(kind):
                        scores[row, column[name]] = max(float(scores[row, column[name]]), score)
        train = torch.tensor([record.split == "train" for record in records])
        often = ((scores >= 0.3) & train[:, None]).sum(dim=0) >= support
        kept = torch.nonzero(often).squeeze(1)
        self.names = [names[int(place)] for place in kept]
        self.scores, self.asked = scores[:, kept].clone(), asked[:, kept].clone()
        self._hear(records)

    def _hear(self, records: Sequence[PhotoRecord]) -> None:
        """Take what labels and captions of training photos name as seen; what they leave out says nothing."""
        forms = {tuple(folded(word) for word in words_of(name)): place for place, name in enumerate(self.names)}
        longest = max((len(form) for form in forms), default=0)
        for row, record in enumerate(records):
            if record.split != "train":
                continue
            for score, texts in ((_LABELLED, record.labels), (_CAPTIONED, record.captions)):
                for text in texts:
                    words = [folded(word) for word in words_of(text)]
                    for start in range(len(words)):
                        for size in range(1, longest + 1):
                            place = forms.get(tuple(words[start : start + size]))
                            if place is not None and len(words) >= start + size:
                                self.scores[row, place] = max(float(self.scores[row, place]), score)
                                self.asked[row, place] = True

    def targets(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return probabilities (n, K) that the kinds are there, and weights (n, K), 0 where no detector ran."""
        score = self.scores[rows].float()
        # A score of 0.12 is right about every fourth time, one of 0.5 nearly always.
        chance = (1.25 * score.clamp(min=0.0) ** 0.75).clamp(max=0.97)
        return torch.where(score > 0, chance, torch.full_like(score, _MISSED)), self.asked[rows].float()
