# SPDX-License-Identifier: GPL-3.0-or-later
"""Does tuning on captions break words that no caption holds? Frequent caption words are hidden, then asked for.

Command: ``python -m semantic_photos.training.heldout --config configs/head.toml --data DIR --words DIR
--features FILE --out DIR``
"""

from __future__ import annotations

import argparse
import copy
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from semantic_photos.ml.word_forms import folded
from semantic_photos.training import progress
from semantic_photos.training.dataset import PhotoArray
from semantic_photos.training.head import HeadTraining

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Train with and without some words, with the ways to move the table; report precision on exactly these words."""
    parser = argparse.ArgumentParser(description="Precision of one-word queries for words hidden from the training.")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--words", type=Path, required=True)
    parser.add_argument("--features", type=Path, required=True, help="features.pt of the head stage")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--hide", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=1)
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    config = progress.read_config(args.config)
    progress.prepare(0, int(config["head"]["threads"]))
    photos = PhotoArray(args.data, int(config["data"]["side"]))
    features = progress.load_checkpoint(args.features)
    full = HeadTraining(config, photos, args.words)
    picked = np.random.default_rng(7).permutation(len(full.judge.single))[: args.hide]
    hidden_stems = {full.judge.single[i] for i in picked}
    hidden = {word for word in full.material.word_table.words if folded(word) in hidden_stems}
    journal = progress.RunLog(args.out)
    ways = {"frozen": (0.0, 0.0), "map": (config["head"]["turn_rate"], 0.0), "rows": (0.0, 3e-4)}
    for seen in (True, False):
        work = full if seen else HeadTraining(config, photos, args.words, hidden_words=hidden)
        if not seen:
            # The cached features belong to the full banks; the smaller banks hold a subset of those photos.
            keep = np.isin(full.material.captions.rows, work.material.captions.rows)
            views = features["captioned"][:, torch.from_numpy(keep)]
            rows = full.material.labels.rows[features["labelled_positions"].numpy()]
            place = {int(row): i for i, row in enumerate(work.material.labels.rows)}
            kept = np.array([int(row) in place for row in rows])
            positions = torch.tensor([place[int(row)] for row in rows[kept]])
            labelled = features["labelled"][torch.from_numpy(kept)]
            used = {**features, "captioned": views, "labelled": labelled, "labelled_positions": positions}
        else:
            used = features
        for way, (turn, row) in ways.items():
            for seed in range(1, args.seeds + 1):
                work.config = copy.deepcopy(config)
                work.config["head"] |= {"turn_rate": turn, "row_rate": row, "row_pull": 1e-4}
                head, tuned, figures = work.train(used, seed)
                with torch.no_grad():
                    scores = full.judge.word_scores(head(features["val_captioned"]), tuned.folded())
                asked = float(np.mean([scores[word] for word in sorted(hidden_stems)]))
                journal.write(seen=seen, way=way, seed=seed, these_words_p10=asked, **figures)
                log.info("%s, %s, seed %d: %.4f", "seen" if seen else "hidden", way, seed, asked)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
