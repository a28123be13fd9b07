# SPDX-License-Identifier: GPL-3.0-or-later
"""One pack measured: its photo vectors, every figure, and how fast it is."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence

import numpy as np

from semantic_photos.domain.ports import ImageEncoder
from semantic_photos.evaluation.cutoff import cutoff_figures
from semantic_photos.evaluation.figure import Figures, Floats, Group, plain
from semantic_photos.evaluation.photos import Shown
from semantic_photos.evaluation.pictures import PhotoImages
from semantic_photos.evaluation.retrieval import EncodeText, Material, all_figures, usable
from semantic_photos.evaluation.tagging import caption_tag_figures, label_tag_figures
from semantic_photos.ml.manifest import MANIFEST
from semantic_photos.ml.model_pack import ModelPack
from semantic_photos.services.search.vocabulary import LEAST_CONFIDENCE

BATCH = 8


def encode_photos(photos: Sequence[Shown], pictures: PhotoImages, encoder: ImageEncoder) -> tuple[Floats, Group]:
    """Return unit vectors (N, D) of the photos, NaN where one could not be decoded, and how fast that went.

    ``encode_per_second`` is the network alone on whole batches of `BATCH`, the first one left out because it loads
    the network; ``photos_per_second`` has decoding in it.
    """
    vectors = np.full((len(photos), encoder.dim), np.nan, dtype=np.float32)
    times = []
    done = 0
    begun = time.perf_counter()
    for squares, real in pictures.batches(photos, encoder.recipe, BATCH):
        started = time.perf_counter()
        encoded = encoder.encode(squares)
        if len(squares) == BATCH:
            times.append(time.perf_counter() - started)
        here = np.flatnonzero(real)
        vectors[done + here] = encoded[here]
        done += len(squares)
    seconds = time.perf_counter() - begun
    warm = times[1:] or times
    speed = {"photos_per_second": plain(len(photos) / max(seconds, 1e-9), len(photos))}
    if warm:
        speed["encode_per_second"] = plain(BATCH / float(np.mean(warm)), len(warm) * BATCH)
        speed["encode_per_second_median"] = plain(BATCH / float(np.median(warm)), len(warm) * BATCH)
    return vectors, speed


def text_speed(texts: Sequence[str], encode: EncodeText) -> Group:
    """Return the milliseconds from a query's text to its vector, median and 95th percentile."""
    if not texts:
        return {}
    for text in texts[:20]:
        encode(text)
    times = []
    for text in texts:
        started = time.perf_counter()
        encode(text)
        times.append(1000.0 * (time.perf_counter() - started))
    return {
        "query_ms_p50": plain(float(np.quantile(times, 0.5)), len(times)),
        "query_ms_p95": plain(float(np.quantile(times, 0.95)), len(times)),
    }


def pack_figures(material: Material, pack: ModelPack, vectors: Floats, encode: EncodeText) -> Figures:
    """Return every figure of a pack but its speed."""
    figures = all_figures(material, vectors, encode)
    vectors = usable(vectors)
    if pack.tags:
        tags = [stat.tag for stat in pack.tags]
        for name, rows, measure in (
            ("tags", material.labelled, label_tag_figures),
            ("tags_in_captions", material.captioned, caption_tag_figures),
        ):
            if rows:
                shown = [material.photos[row] for row in rows]
                figures[name] = measure(shown, tags, pack.tag_confidences(vectors[rows]), LEAST_CONFIDENCE)
    if material.words:
        figures["cut_off"] = cutoff_figures(material, vectors, encode, pack.background)
    return figures


def pack_facts(pack: ModelPack) -> dict[str, str]:
    """Return what tells one pack from another: its name, its space of vectors, its words, and all of it."""
    return {
        "id": pack.id,
        "title": pack.title,
        "version": pack.version,
        "fingerprint": pack.fingerprint,
        "words_sha256": words_sha(pack),
        "sha256": hashlib.sha256((pack.folder / MANIFEST).read_bytes()).hexdigest(),
    }


def words_sha(pack: ModelPack) -> str:
    """Return the checksum of the pack's word vectors."""
    return pack.manifest.files[pack.manifest.text.vectors].sha256
