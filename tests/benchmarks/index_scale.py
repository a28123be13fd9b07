# SPDX-License-Identifier: GPL-3.0-or-later
"""How long building and asking the index take at a given size, and how much Annoy finds of what is there.

    python -m tests.benchmarks.index_scale --n 100000 --dim 256
    python -m tests.benchmarks.index_scale --vectors photos.npy --queries words.npy --sweep

Without files the photos are made up: clusters of very unequal size, each varying in a few directions of its own, some
near-duplicates, all in a cone as networks leave them. Two kinds of questions are asked: photos ("more like this",
among the data) and words (apart from it: ``--cosine`` is what a word has with the best cluster).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from semantic_photos.domain.messages import CancelToken
from semantic_photos.domain.ports import FloatArray, IdArray
from semantic_photos.domain.vectors import normalise
from semantic_photos.index import annoy_child
from semantic_photos.index.annoy_guard import run_child
from semantic_photos.index.hybrid_index import HybridIndex
from semantic_photos.index.segment_builder import SEED

NEAREST = 50


def photos(n: int, dim: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Return unit vectors (N, D) like those of a library, and the centres (C, D) of its clusters."""
    spectrum = np.arange(1, dim + 1) ** -0.5
    rotation, _ = np.linalg.qr(rng.normal(size=(dim, dim)))
    clusters = max(20, n // 150)
    centres = 0.6 * normalise(rng.normal(size=dim)) + normalise(rng.normal(size=(clusters, dim)) * spectrum)
    sizes = rng.pareto(1.2, clusters) + 0.2
    labels = rng.choice(clusters, n, p=sizes / sizes.sum())
    directions = normalise(rng.normal(size=(64, 24, dim)) * spectrum**0.5)
    vectors = np.empty((n, dim), np.float32)
    for start in range(0, n, 8192):
        part = labels[start : start + 8192]
        own = np.einsum("nk,nkd->nd", rng.normal(size=(len(part), 24)), directions[part % 64]) / np.sqrt(24)
        noise = normalise(rng.normal(size=own.shape))
        vectors[start : start + len(part)] = normalise(centres[part] + 0.8 * own + 0.15 * noise)
    copies = rng.integers(n, size=n // 10)
    vectors[rng.integers(n, size=n // 10)] = normalise(vectors[copies] + 0.02 * rng.normal(size=(n // 10, dim)))
    return normalise(vectors @ rotation), normalise(centres @ rotation)


def words(centres: FloatArray, cosine: float, count: int, rng: np.random.Generator) -> FloatArray:
    """Return unit vectors (Q, D) that have about ``cosine`` with a mixture of two clusters, else any direction."""
    shape = (count, centres.shape[1])
    near = normalise(
        centres[rng.integers(len(centres), size=count)] + 0.5 * centres[rng.integers(len(centres), size=count)]
    )
    away = rng.normal(size=shape).astype(np.float32)
    away = normalise(away - (away * near).sum(axis=1, keepdims=True) * near)
    return normalise(cosine * near + np.sqrt(1 - cosine**2) * away)


def timed(ask: Callable[[FloatArray], IdArray], questions: FloatArray) -> tuple[list[IdArray], float, float]:
    """Return the answers, and the median and 95th percentile of the time of one in milliseconds."""
    ask(questions[0])
    answers, times = [], []
    for question in questions:
        start = time.perf_counter()
        answers.append(ask(question))
        times.append((time.perf_counter() - start) * 1e3)
    return answers, float(np.median(times)), float(np.percentile(times, 95))


def recall(answers: list[IdArray], true: list[IdArray]) -> float:
    """Return the mean fraction of the true nearest that was found."""
    return float(np.mean([np.isin(right, answer).mean() for answer, right in zip(answers, true, strict=True)]))


def sweep(vectors: FloatArray, kinds: dict[str, FloatArray], true: dict[str, list[IdArray]], folder: Path) -> None:
    """Print recall and time for numbers of trees and candidates."""
    from annoy import AnnoyIndex

    vectors.tofile(folder / "sweep.vectors")
    for trees in (10, 20, 50, 100):
        start = time.perf_counter()
        run_child(["build", "sweep.vectors", "sweep.annoy", str(vectors.shape[1]), str(trees), str(SEED)], folder)
        built = time.perf_counter() - start
        index = AnnoyIndex(vectors.shape[1], "angular")
        index.load(str(folder / "sweep.annoy"))
        for search_k in (5_000, 20_000, 50_000, 100_000, 200_000):
            line = f"trees {trees:3} ({built:.1f} s)  search_k {search_k:7,}"
            for kind, questions in kinds.items():
                answers, median, _ = timed(
                    lambda q, i=index, k=search_k: np.asarray(i.get_nns_by_vector(q.tolist(), NEAREST, k)), questions
                )
                line += f"   {kind}: recall@{NEAREST} {recall(answers, true[kind]):.3f}, p50 {median:.1f} ms"
            print(line, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=256)
    parser.add_argument("--vectors", type=Path, help="float (N, D) of real photos instead of made-up ones")
    parser.add_argument("--queries", type=Path, help="float (Q, D) of real words instead of made-up ones")
    parser.add_argument("--cosine", type=float, default=0.3)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--sweep", action="store_true", help="also try numbers of trees and candidates (minutes)")
    options = parser.parse_args()
    rng = np.random.default_rng(7)
    if options.vectors:
        vectors = normalise(np.load(options.vectors, allow_pickle=False).astype(np.float32))
        centres = vectors
    else:
        vectors, centres = photos(options.n, options.dim, rng)
    n, dim = vectors.shape
    texts = words(centres, options.cosine, options.count, rng)
    if options.queries:
        texts = normalise(np.load(options.queries, allow_pickle=False).astype(np.float32))[: options.count]
    likes = normalise(vectors[rng.integers(n, size=options.count)] + 0.02 * rng.normal(size=(options.count, dim)))
    kinds = {"words": texts, "photos": likes}
    true: dict[str, list[IdArray]] = {}
    print(f"{n:,} photos of {dim} dimensions")
    with tempfile.TemporaryDirectory(prefix="index-scale-") as home:
        engines: dict[str, HybridIndex] = {}
        for engine in ("exact", "annoy", "auto"):
            index = engines[engine] = HybridIndex(Path(home) / engine, dim, "benchmark", engine=engine)
            index.add(np.arange(n), vectors)
            start = time.perf_counter()
            built = index.rebuild(CancelToken())
            print(f"build ({engine}): {time.perf_counter() - start:.1f} s, engine {index.engine} {index.reason}")
            assert built, index.reason
        from semantic_photos.index.segment_folder import SegmentFolder

        manifest = SegmentFolder(Path(home) / "auto").manifest()
        assert manifest is not None
        print(f"measured at the build: search_k {manifest.search_k:,}, trusted from cosine {manifest.trusted:.3f}")
        start = time.perf_counter()
        again = HybridIndex(Path(home) / "auto", dim, "benchmark")
        again.load(
            ids_now=lambda: np.arange(n), vectors_for=lambda ids: (ids, vectors[ids]), changed_since=lambda _: [],
            generation=lambda: 0,
        )  # fmt: skip
        print(f"open (verify and map): {time.perf_counter() - start:.2f} s")
        for kind, questions in kinds.items():
            for engine, index in engines.items():
                answers, median, high = timed(lambda q, i=index: i.search(q, NEAREST)[0], questions)
                true.setdefault(kind, answers)
                print(
                    f"{kind:7} {engine:6} p50 {median:6.1f} ms  p95 {high:6.1f} ms  "
                    f"recall@{NEAREST} {recall(answers, true[kind]):.3f}", flush=True,
                )  # fmt: skip
            best = [float(engines["exact"].search(question, 1)[1][0]) for question in questions]
            print(f"{kind:7} best cosine: median {np.median(best):.3f}, 5 % {np.percentile(best, 5):.3f}")
        if options.sweep:
            assert annoy_child.DONE == 0
            sweep(vectors, kinds, true, Path(home))


if __name__ == "__main__":
    main()
