# SPDX-License-Identifier: GPL-3.0-or-later
"""From a key press to results, without the painting, on a library of synthetic vectors with real questions.

    python -m tests.benchmarks.keystroke [--photos 100000] [--queries 200]

The vectors are clustered around real embeddings: the pack's own background photos, spread by their measured covariance,
so that text queries lie as far from them as they do from real photos. The catalog, index and search service are the
real ones. Recall@50 compares with exact search for the same questions, in the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from semantic_photos.domain.messages import CancelToken
from semantic_photos.domain.photo import FileStamp, PhotoFacts, PhotoId
from semantic_photos.domain.ports import FloatArray
from semantic_photos.domain.query import Query
from semantic_photos.domain.vectors import normalise
from semantic_photos.ml.model_pack import ModelPack, find_packs, load_pack
from semantic_photos.paths import Paths, resources
from semantic_photos.services.library import Library
from semantic_photos.storage.catalog import IndexedPhoto


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--pack", type=Path)
    options = parser.parse_args()
    folder = options.pack or find_packs(resources() / "packs")[0]
    with tempfile.TemporaryDirectory(prefix="semantic-photos-") as home:
        print(json.dumps(measure(load_pack(folder), Path(home), options.photos, options.queries, options.pack)))


def measure(pack: ModelPack, home: Path, photos: int, queries: int, folder: Path | None) -> dict[str, object]:
    """Return times in milliseconds and recall for questions made of the pack's tags, one to three words each."""
    paths = Paths.under(home)
    with Library.open(paths, pack_folder=folder) as library:
        _fill(library, pack, home / "photos", photos)
    with Library.open(paths, pack_folder=folder) as library:
        start = time.perf_counter()
        library.index.rebuild(CancelToken())
        built = time.perf_counter() - start
    start = time.perf_counter()
    library = Library.open(paths, pack_folder=folder, read_only=True)
    opened = time.perf_counter() - start
    with library:
        questions = _questions(pack, queries)
        result: dict[str, object] = {
            "photos": len(library.index), "queries": len(questions), "build_s": round(built, 2),
            "open_s": round(opened, 3), "engine": library.index.engine, "cores": os.cpu_count(),
        }  # fmt: skip
        library.search.run(Query.parse("dog"), limit=50)
        times, recalls = [], []
        for text in questions:
            start = time.perf_counter()
            page = library.search.run(Query.parse(text), limit=50)
            library.photos([PhotoId(i) for i in page.ids[:50].tolist()])
            times.append((time.perf_counter() - start) * 1000)
            vector = library.search.vector(Query.parse(text))
            assert vector is not None
            exact, _ = library.index.search(vector, 50, engine="exact")
            recalls.append(len(set(exact.tolist()) & set(page.ids.tolist())) / 50)
        result |= {
            "keystroke_p50_ms": round(float(np.percentile(times, 50)), 2),
            "keystroke_p95_ms": round(float(np.percentile(times, 95)), 2),
            "recall_at_50": round(float(np.mean(recalls)), 4),
            "recall_at_50_worst": round(float(np.min(recalls)), 4),
        }
        for engine in ("exact", "annoy"):
            result |= _times_of(library, engine, questions)
    return result


def _times_of(library: Library, engine: str, questions: list[str]) -> dict[str, object]:
    times, recalls = [], []
    for text in questions:
        vector = library.search.vector(Query.parse(text))
        assert vector is not None
        start = time.perf_counter()
        ids, _ = library.index.search(vector, 50, engine=engine)
        times.append((time.perf_counter() - start) * 1000)
        exact, _ = library.index.search(vector, 50, engine="exact")
        recalls.append(len(set(ids.tolist()) & set(exact.tolist())) / 50)
    return {
        f"{engine}_p50_ms": round(float(np.percentile(times, 50)), 2),
        f"{engine}_p95_ms": round(float(np.percentile(times, 95)), 2),
        f"{engine}_recall_at_50": round(float(np.mean(recalls)), 4),
    }


def _questions(pack: ModelPack, count: int) -> list[str]:
    rng = np.random.default_rng(5)
    tags = [tag.tag for tag in pack.tags]
    return [" ".join(rng.choice(tags, size=1 + i % 3, replace=False)) for i in range(count)]


def synthetic(pack: ModelPack, count: int, *, seed: int = 1) -> FloatArray:
    """Return unit vectors (count, D): clusters around the pack's background photos with shared covariance."""
    rng = np.random.default_rng(seed)
    centres = pack.background
    if centres is None:
        raise SystemExit("this pack has no background photos to spread vectors around")
    spread = np.linalg.cholesky(np.cov(centres.T) + 1e-6 * np.eye(pack.dim)).astype(np.float32)
    chosen = rng.integers(0, len(centres), count)
    noise = rng.normal(size=(count, pack.dim)).astype(np.float32) @ spread.T
    return normalise(centres[chosen] + 0.7 * noise)


def _fill(library: Library, pack: ModelPack, root: Path, count: int) -> None:
    root.mkdir(parents=True)
    folder = library.catalog.add_folder(root)
    vectors = synthetic(pack, count)
    for start in range(0, count, 5_000):
        rows = range(start, min(start + 5_000, count))
        stamps = [FileStamp(1000 + row, 10**18 + row) for row in rows]
        files = [
            (root / f"{row // 500:04d}" / f"photo {row}.jpg", stamp) for row, stamp in zip(rows, stamps, strict=True)
        ]
        ids = library.catalog.add_pending(folder.id, files)
        photos = [
            IndexedPhoto(photo_id, stamp, f"{row:032x}", PhotoFacts(4000, 3000, "JPEG"), vectors[row])  # type: ignore[arg-type]
            for photo_id, stamp, row in zip(ids, stamps, rows, strict=True)
        ]
        library.catalog.commit_batch(pack.fingerprint, photos)


if __name__ == "__main__":
    main()
