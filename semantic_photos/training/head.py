# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage three: the projection head and the tuned word table, by contrast of photos with captions, words and labels.

The encoder stands still and its features are computed once, so this stage takes minutes. The loss is the symmetric
contrastive one of Radford et al. (CLIP, ICML 2021) with several right answers allowed. Words are tuned by one linear
map shared by all of them: it turns the whole table, so words that no caption holds move along with those that do.
(`row_rate` > 0 moves single rows as well, held back by their target; which is better is measured, see the README.)

Command: ``python -m semantic_photos.training.head --config FILE --data DIR --words DIR --encoder CHECKPOINT
--out DIR``
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import math
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from semantic_photos.training import progress
from semantic_photos.training.dataset import Augmentation, PhotoArray
from semantic_photos.training.features import load_student, pooled_features
from semantic_photos.training.judge import Judge
from semantic_photos.training.texts import Bags, CaptionBank, LabelBank, WordVectorTable
from semantic_photos.training.words import load_words

log = logging.getLogger(__name__)

HEAD_NAME = "head.pt"


class Head(nn.Module):
    """Standardise, one hidden layer beside a straight linear path, unit length."""

    def __init__(self, inputs: int, hidden: int, dim: int, dropout: float) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("std", torch.ones(inputs))
        self.straight = nn.Linear(inputs, dim)
        self.first = nn.Linear(inputs, hidden)
        self.second = nn.Linear(hidden, dim)
        self.dropout = nn.Dropout(dropout)

    def standardise(self, features: torch.Tensor) -> None:
        """Take mean and deviation from training features (N, inputs)."""
        self.mean.copy_(features.mean(dim=0))
        std = features.std(dim=0)
        self.std.copy_(std + 0.1 * std.mean())

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(N, inputs) to unit vectors (N, dim)."""
        # Single positions of a map lie much farther out than means over a map: bounded before anything is multiplied.
        x = ((features - self.mean) / self.std).clamp(-8.0, 8.0)
        y = self.straight(x) + self.second(self.dropout(functional.relu(self.first(x))))
        return functional.normalize(y, dim=1)


class TunedTable(nn.Module):
    """The word table turned by one shared map, and optionally moved row by row."""

    def __init__(self, table: torch.Tensor, *, rows: bool) -> None:
        super().__init__()
        self.register_buffer("base", table)
        self.turn = nn.Parameter(torch.zeros(table.shape[1], table.shape[1]))
        self.rows = nn.Parameter(torch.zeros_like(table)) if rows else None

    def forward(self, bags: Bags) -> torch.Tensor:
        """Unit vectors (N, D) of texts. The map is linear, so it may turn a few sums instead of all the words."""
        sums = bags.vectors(self.base if self.rows is None else self.base + self.rows)
        return functional.normalize(sums + sums @ self.turn, dim=1)

    def folded(self) -> torch.Tensor:
        """The table for the pack: the map worked in, unit rows."""
        return fold(self.base if self.rows is None else self.base + self.rows, self.turn)

    def pull(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Squared size of the map and of the moved rows."""
        zero = torch.zeros((), device=self.turn.device)
        return self.turn.square().sum(), zero if self.rows is None else self.rows.square().sum()


@torch.no_grad()
def fold(table: torch.Tensor, turn: torch.Tensor) -> torch.Tensor:
    """Work the shared map into a table (V, D); unit rows."""
    return functional.normalize(table + table @ turn, dim=1)


class Goals:
    """Where photos ought to lie (see `goals`), and the words of that space."""

    def __init__(self, path: Path, device: str = "cpu") -> None:
        kept = progress.load_checkpoint(path)
        self.table: torch.Tensor = kept["table"].to(device)
        self.vectors: torch.Tensor = kept["vectors"].to(device)
        there = self.vectors.abs().sum(dim=1) > 0
        self.middle = self.vectors[there].float().mean(dim=0)

    def miss(self, vectors: torch.Tensor, rows: np.ndarray) -> torch.Tensor:
        """One minus the mean cosine of unit vectors (N, D) with the goals of photos ``rows``, of those that have one.

        Seen from the middle of all photos: they lie in a narrow cone, and what sets them apart is small beside what
        they have in common.
        """
        goal = self.vectors[torch.from_numpy(rows)].float()
        there = (goal.abs().sum(dim=1) > 0).float()
        misses = 1.0 - functional.cosine_similarity(vectors - self.middle, goal - self.middle, dim=1)
        return (misses * there).sum() / there.sum().clamp(min=1.0)


@dataclasses.dataclass(frozen=True, slots=True)
class Material:
    """Banks of one split and the words behind them."""

    word_table: WordVectorTable
    captions: CaptionBank
    labels: LabelBank


def several_right(logits: torch.Tensor, right: torch.Tensor, ignored: torch.Tensor | None = None) -> torch.Tensor:
    """Cross-entropy with the right answers sharing the probability; rows without any are left out."""
    if ignored is not None:
        logits = logits.masked_fill(ignored > 0, -1e4)
    share = right / right.sum(dim=1, keepdim=True).clamp(min=1.0)
    losses = -(share * functional.log_softmax(logits, dim=1)).sum(dim=1)
    present = (right.sum(dim=1) > 0).float()
    return (losses * present).sum() / present.sum().clamp(min=1.0)


def contrast(
    material: Material,
    embed: Callable[[Bags], torch.Tensor],
    scale: torch.Tensor,
    captioned: tuple[torch.Tensor, np.ndarray],
    labelled: tuple[torch.Tensor, np.ndarray],
    weights: dict[str, float],
    rng: np.random.Generator,
    live: tuple[int, int] | None = None,
) -> tuple[torch.Tensor, dict[str, float]]:
    """The loss of one batch.

    Args:
        material: Banks of texts.
        embed: Texts to unit vectors (N, D).
        scale: Inverse temperature.
        captioned: Unit photo vectors (N, D) and their positions in the caption bank.
        labelled: The same for the label bank.
        weights: Of the parts ``caption``, ``query`` and ``label``.
        rng: Picks captions and words.
        live: How many of the first captioned and labelled photos ask and are asked for; the others, remembered from
            earlier batches, only stand among the wrong answers. None: all.

    Returns:
        The loss and its parts.
    """
    photos, which = captioned
    pictures, where = labelled
    first, second = live or (len(which), len(where))
    texts = embed(material.captions.captions(which, rng))
    same = torch.from_numpy(which[:first, None] == which[None, :]).float()
    caption = several_right(scale * photos[:first] @ texts.T, same)
    caption = caption + several_right(scale * texts[:first] @ photos.T, same)
    bags, fits = material.captions.queries(which, rng)
    texts = embed(bags)
    query = several_right(scale * photos[:first] @ texts.T, fits[:first])
    query = query + several_right(scale * texts[:first] @ photos.T, fits.T[:first])
    has, near = material.labels.batch(where)
    texts = embed(material.labels.bags)
    label = several_right(scale * pictures[:second] @ texts.T, has[:second], near[:second])
    asked = torch.nonzero(has[:second].sum(dim=0) > 0).squeeze(1)
    back = scale * texts[asked] @ pictures.T
    label = label + several_right(back, has.T[asked], near.T[asked])
    loss = weights["caption"] * caption + weights["query"] * query + weights["label"] * label
    return loss, {"caption": float(caption.detach()), "query": float(query.detach()), "label": float(label.detach())}


class HeadTraining:
    """Head and table on cached features."""

    def __init__(
        self,
        config: dict[str, Any],
        photos: PhotoArray,
        words_folder: Path,
        *,
        hidden_words: Collection[str] = (),
        goals: Goals | None = None,
    ) -> None:
        words, table, weights = load_words(words_folder)
        self.goals = goals
        self.config = config
        self.photos = photos
        self.table = table if goals is None else goals.table
        word_table = WordVectorTable(words, weights, hidden_words)
        train = photos.rows("train")
        self.material = Material(
            word_table,
            CaptionBank(photos.records, train, word_table),
            LabelBank(photos.records, train, word_table, table),
        )
        val = photos.rows("val")
        labelled = np.array([row for row in val if photos.records[row].labels], dtype=np.int64)
        self.judge = Judge(photos.records, photos.rows("val", "flickr8k"), labelled, WordVectorTable(words, weights))

    def cache(self, student: nn.Module, device: str) -> dict[str, Any]:
        """Features of everything this stage looks at: captioned photos in several views, the rest as they are."""
        views = int(self.config["features"]["views"])
        how = Augmentation(**self.config["augmentation"])
        rows = self.material.captions.rows
        limit = int(self.config["features"].get("labelled", 0)) or len(self.material.labels.rows)
        some = np.random.default_rng(0).permutation(len(self.material.labels.rows))[:limit]
        captioned = [pooled_features(student, self.photos, rows, device)]
        captioned += [pooled_features(student, self.photos, rows, device, how, seed=v + 1) for v in range(views)]
        return {
            "captioned": torch.stack(captioned),
            "labelled": pooled_features(student, self.photos, self.material.labels.rows[some], device),
            "labelled_positions": torch.from_numpy(some),
            "val_captioned": pooled_features(student, self.photos, self.judge.captioned, device),
            "val_labelled": pooled_features(student, self.photos, self.judge.labelled, device),
        }

    def train(self, features: dict[str, torch.Tensor], seed: int) -> tuple[Head, TunedTable, dict[str, float]]:
        """Train once; returns the parts and their figures on val."""
        run = self.config["head"]
        rng = np.random.default_rng(seed)
        torch.manual_seed(seed)
        views, captioned, labelled = features["captioned"], features["captioned"].flatten(0, 1), features["labelled"]
        shown = features.get("captioned_positions", torch.arange(views.shape[1])).numpy()
        positions = features["labelled_positions"].numpy()
        per_view = views.shape[1]
        head = Head(captioned.shape[1], int(run["hidden"]), self.table.shape[1], float(run["dropout"]))
        head.standardise(torch.cat([views[0], labelled]))
        tuned = TunedTable(self.table, rows=float(run["row_rate"]) > 0)
        scale = nn.Parameter(torch.tensor(math.log(1.0 / 0.07)))
        groups: list[dict[str, Any]] = [
            {"params": head.parameters(), "lr": float(run["lr"]), "weight_decay": float(run["weight_decay"])},
            {"params": [tuned.turn], "lr": float(run["turn_rate"]), "weight_decay": 0.0},
            {"params": [scale], "lr": 1e-3, "weight_decay": 0.0},
        ]
        if tuned.rows is not None:
            groups.append({"params": [tuned.rows], "lr": float(run["row_rate"]), "weight_decay": 0.0})
        optimiser = torch.optim.AdamW(groups)
        batch = int(run["batch"])
        steps = int(run["epochs"]) * (len(shown) // batch)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, [group["lr"] for group in groups], steps, pct_start=0.1, cycle_momentum=False
        )
        order = np.empty(0, dtype=np.int64)
        head.train()
        for _step in range(steps):
            if len(order) < batch:
                order = rng.permutation(shown)
            which, order = order[:batch], order[batch:]
            view = rng.integers(len(views), size=batch)
            where = rng.choice(len(labelled), int(run["label_batch"]), replace=False)
            vectors = head(torch.cat([captioned[torch.from_numpy(view * per_view + which)], labelled[where]]))
            loss, _parts = contrast(
                self.material,
                tuned,
                scale.exp().clamp(max=100.0),
                (vectors[:batch], which),
                (vectors[batch:], positions[where]),
                run["weights"],
                rng,
            )
            if self.goals is not None:
                rows = np.concatenate([self.material.captions.rows[which], self.material.labels.rows[positions[where]]])
                loss = loss + float(run["weights"]["goal"]) * self.goals.miss(vectors, rows)
            turned, moved = tuned.pull()
            loss = loss + float(run["turn_pull"]) * turned + float(run["row_pull"]) * moved
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
        head.eval()
        return head, tuned, self.figures(head, tuned.folded(), features)

    @torch.no_grad()
    def figures(self, head: Head, table: torch.Tensor, features: dict[str, torch.Tensor]) -> dict[str, float]:
        """Val figures of a head and a table."""
        return self.judge.score(head(features["val_captioned"]), head(features["val_labelled"]), table)


def main(argv: Sequence[str] | None = None) -> int:
    """Cache features (once) and train the head."""
    parser = argparse.ArgumentParser(description="Train the projection head and tune the word table.")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--words", type=Path, required=True, help="folder made by training.words")
    parser.add_argument("--encoder", type=Path, required=True, help="checkpoint of the student")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--goals", type=Path, default=None, help="goals.pt of training.goals")
    parser.add_argument("--resume", action="store_true", help="use the features already in --out")
    parser.add_argument("--device", default="auto")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    config = progress.read_config(args.config)
    progress.prepare(int(config["head"]["seed"]), int(config["head"]["threads"]))
    goals = Goals(args.goals) if args.goals is not None else None
    work = HeadTraining(config, PhotoArray(args.data, int(config["data"]["side"])), args.words, goals=goals)
    args.out.mkdir(parents=True, exist_ok=True)
    cached = args.out / "features.pt"
    if args.resume and cached.exists():
        features = progress.load_checkpoint(cached)
    else:
        device = progress.pick_device(args.device)
        features = work.cache(load_student(args.encoder, device), device)
        progress.save_atomically(features, cached)
    seed = int(config["head"]["seed"])
    head, tuned, figures = work.train(features, seed)
    progress.RunLog(args.out).write(event="head", seed=seed, **figures)
    log.info("val: %s", {name: round(value, 4) for name, value in figures.items()})
    progress.save_atomically(
        {
            "head": head.state_dict(),
            "hidden": int(config["head"]["hidden"]),
            "table": tuned.folded(),
            "figures": figures,
            "seed": seed,
        },
        args.out / HEAD_NAME,
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
