# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentence embeddings of whole texts by all-MiniLM-L6-v2, computed once and cached.

all-MiniLM-L6-v2 (Apache-2.0; Wang et al., "MiniLM", NeurIPS 2020) is only asked while training: the phrase encoder of
the pack learns from it and ships in its place.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from semantic_photos.training import progress
from semantic_photos.training.words import sentence_encoder_folder

log = logging.getLogger(__name__)

SENTENCE_DIM = 384


@torch.no_grad()
def read_sentences(texts: Sequence[str], batch: int = 256) -> torch.Tensor:
    """Return unit vectors float32 (N, 384) of texts: mean over the states of all word pieces."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    from transformers import AutoModel, AutoTokenizer

    folder = sentence_encoder_folder()
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = AutoModel.from_pretrained(folder, local_files_only=True).eval()
    vectors = torch.zeros(len(texts), model.config.hidden_size)
    # Texts of like length together: little is spent on padding.
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    for start in range(0, len(order), batch):
        rows = order[start : start + batch]
        tokens = tokenizer([texts[i] for i in rows], padding=True, truncation=True, max_length=48, return_tensors="pt")
        with progress.half_precision("cpu"):
            states = model(**tokens).last_hidden_state.float()
        mask = tokens["attention_mask"].unsqueeze(-1).float()
        vectors[torch.tensor(rows)] = functional.normalize((states * mask).sum(dim=1) / mask.sum(dim=1), dim=1)
    return vectors


def sentence_vectors(texts: Sequence[str], cache: Path) -> torch.Tensor:
    """Return `read_sentences` of texts, of which only those that ``cache`` (a ``.npz``) does not hold are read."""
    known: dict[str, np.ndarray] = {}
    if cache.exists():
        with np.load(cache) as kept:
            known = dict(zip(kept["texts"].tolist(), kept["vectors"], strict=True))
    fresh = [text for text in dict.fromkeys(texts) if text not in known]
    if fresh:
        log.info("sentence encoder reads %d texts", len(fresh))
        known |= dict(zip(fresh, read_sentences(fresh).numpy().astype(np.float16), strict=True))
        part = cache.with_suffix(".part.npz")
        np.savez(part, texts=np.array(list(known)), vectors=np.stack(list(known.values())))
        part.replace(cache)
    return torch.from_numpy(np.stack([known[text] for text in texts]).astype(np.float32))
