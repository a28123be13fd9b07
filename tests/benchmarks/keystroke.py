# SPDX-License-Identifier: GPL-3.0-or-later
"""From a key press to results, without the painting, on a library of synthetic vectors with real questions.

    python -m tests.benchmarks.keystroke [--photos 100000] [--queries 200] [--index-only]

The vectors are clustered around real embeddings: the pack's own background photos, spread by their measured covariance,
so that text queries lie as far from them as they do from real photos. The catalog, index and search service are the
real ones. Recall@50 compares with exact search for the same questions, in the same run. Filters are tags that half, a
hundredth and a ten-thousandth of the photos have. ``--index-only`` leaves the catalog out: the index alone is asked
among as many photos.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Literal

import numpy as np

from semantic_photos.domain.messages import CancelToken
from semantic_photos.domain.photo import FileStamp, PhotoFacts, PhotoId
from semantic_photos.domain.ports import FloatArray, IdArray
from semantic_photos.domain.query import Query
from semantic_photos.domain.vectors import normalise
from semantic_photos.index.hybrid_index import HybridIndex
from semantic_photos.ml.model_pack import ModelPack, find_packs, load_pack
from semantic_photos.ml.text_encoder import WordTableEncoder
from semantic_photos.paths import Paths, resources
from semantic_photos.services.library.library import Library
from semantic_photos.storage.catalog import IndexedPhoto

NEAREST = 50
#: Share of the photos and the tag that they have.
FILTERS = {0.5: "half", 0.01: "hundredth", 0.0001: "rare"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--pack", type=Path)
    parser.add_argument("--index-only", action="store_true")
    options = parser.parse_args()
    folder = options.pack or find_packs(resources() / "packs")[0]
    with tempfile.TemporaryDirectory(prefix="semantic-photos-") as home:
        pack = load_pack(folder)
        if options.index_only:
            print(json.dumps(measure_index(pack, Path(home), options.photos, options.queries)))
        else:
            print(json.dumps(measure(pack, Path(home), options.photos, options.queries, options.pack)))


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
        vectors = [library.search.vector(Query.parse(text)) for text in questions]
        known = [vector for vector in vectors if vector is not None]
        exact = _engine(library, "exact")
        truth = [set(exact.search(vector, NEAREST)[0].tolist()) for vector in known]
        library.search.run(Query.parse("dog"), limit=NEAREST)
        times, pages = [], []
        for text in questions:
            start = time.perf_counter()
            page = library.search.run(Query.parse(text), limit=NEAREST)
            library.photos([PhotoId(i) for i in page.ids.tolist()])
            times.append((time.perf_counter() - start) * 1000)
            pages.append(page.ids)
        result |= _figures("keystroke", times, pages, truth)
        for share, tag in FILTERS.items():
            result |= _filtered(library, exact, questions, share, tag)
        for name, index in (("exact", exact), ("annoy", _engine(library, "annoy"))):
            result[f"{name}_really"] = index.engine
            result |= _figures(name, *_ask(index, known), truth)
        # The same for questions that are photos: there the trees are at home.
        photos_asked = list(synthetic(pack, len(known), seed=2))
        truth = [set(exact.search(vector, NEAREST)[0].tolist()) for vector in photos_asked]
        for name, index in (("shipped", library.index), ("exact", exact), ("annoy", _engine(library, "annoy"))):
            result |= _figures(f"similar_{name}", *_ask(index, photos_asked), truth)
    return result


def _filtered(library: Library, exact: HybridIndex, questions: list[str], share: float, tag: str) -> dict[str, object]:
    """Return figures of questions with a filter: as typed key by key, and right after something was written."""
    query = Query.parse(f"tag:{tag}")
    assert query.tree is not None
    among = library.catalog.filters.ids(query.tree)
    times, pages, truth, work = [], [], [], []
    for text in questions:
        asked = Query.parse(f"{text} tag:{tag}")
        start, used = time.perf_counter(), time.process_time()
        page = library.search.run(asked, limit=NEAREST)
        library.photos([PhotoId(i) for i in page.ids.tolist()])
        work.append((time.process_time() - used) * 1000)
        times.append((time.perf_counter() - start) * 1000)
        vector = library.search.vector(asked)
        if vector is not None:
            pages.append(page.ids)
            truth.append(set(exact.search(vector, NEAREST, among)[0].tolist()))
    start = time.perf_counter()
    listed = library.search.run(query)
    alone = (time.perf_counter() - start) * 1000
    assert len(listed) == len(among)
    return {
        f"filter_{share}_photos": len(among),
        f"filter_{share}_first_ms": round(times[0], 2),
        f"filter_{share}_cpu_ms": round(float(np.median(work)), 2),
        f"filter_{share}_alone_ms": round(alone, 2),
        **_figures(f"filter_{share}", times, pages, truth),
    }


def measure_index(pack: ModelPack, home: Path, photos: int, queries: int) -> dict[str, object]:
    """Return figures of the index alone, among all photos and among random parts of them."""
    vectors, ids = synthetic(pack, photos), np.arange(1, photos + 1)
    source = {
        "ids_now": lambda: ids, "vectors_for": lambda some: (np.asarray(some), vectors[np.asarray(some) - 1]),
        "changed_since": lambda _: ids[:0], "generation": lambda: 1,
    }  # fmt: skip
    index = HybridIndex(home / "index", pack.dim, "bench")
    index._ids_now, index._vectors_for = source["ids_now"], source["vectors_for"]  # type: ignore[assignment]
    start = time.perf_counter()
    if not index.rebuild(CancelToken()):
        raise SystemExit(index.reason)
    result: dict[str, object] = {
        "photos": photos, "build_s": round(time.perf_counter() - start, 1), "engine": index.engine,
        "reason": index.reason, "cores": os.cpu_count(), "load": os.getloadavg()[0],
    }  # fmt: skip
    exact = HybridIndex(home / "index", pack.dim, "bench", engine="exact", read_only=True)
    exact.load(**source)  # type: ignore[arg-type]
    words = WordTableEncoder(pack)
    asked = [vector for text in _questions(pack, queries) if (vector := words.encode(text)) is not None]
    rng = np.random.default_rng(7)
    for share in (1.0, *FILTERS):
        among = None if share == 1.0 else np.sort(rng.choice(ids, max(1, int(photos * share)), replace=False))
        truth = [set(exact.search(vector, NEAREST, among)[0].tolist()) for vector in asked]
        for name, engine in (("shipped", index), ("exact", exact)):
            times, answers, work = [], [], []
            for vector in asked:
                start, used = time.perf_counter(), time.process_time()
                answers.append(engine.search(vector, NEAREST, among)[0])
                work.append((time.process_time() - used) * 1000)
                times.append((time.perf_counter() - start) * 1000)
            # Beside other work the processor time says more; with one thread (OMP_NUM_THREADS=1) it is exact.
            result[f"{name}_{share}_cpu_ms"] = round(float(np.median(work)), 2)
            result |= _figures(f"{name}_{share}", times, answers, truth)
    index.close()
    return result


def _engine(library: Library, engine: Literal["exact", "annoy"]) -> HybridIndex:
    """Return an index on the same segment that answers with one engine only."""
    assert library.pack is not None
    fingerprint, catalog = library.pack.fingerprint, library.catalog
    index = HybridIndex(library.paths.index / fingerprint, library.pack.dim, fingerprint, engine=engine, read_only=True)
    index.load(
        ids_now=lambda: catalog.vectors.searchable_ids(fingerprint),
        vectors_for=lambda ids: catalog.vectors.get(fingerprint, ids),
        changed_since=lambda generation: catalog.vectors.changed_since(fingerprint, generation),
        generation=lambda: catalog.vectors.generation(fingerprint),
    )
    return index


def _ask(index: HybridIndex, vectors: list[FloatArray]) -> tuple[list[float], list[IdArray]]:
    times, answers = [], []
    for vector in vectors:
        start = time.perf_counter()
        ids, _ = index.search(vector, NEAREST)
        times.append((time.perf_counter() - start) * 1000)
        answers.append(ids)
    return times, answers


def _figures(name: str, times: list[float], answers: list[IdArray], truth: list[set[int]]) -> dict[str, object]:
    recalls = [len(set(ids.tolist()) & wanted) / len(wanted) for ids, wanted in zip(answers, truth, strict=True)]
    return {
        f"{name}_p50_ms": round(float(np.percentile(times, 50)), 2),
        f"{name}_p95_ms": round(float(np.percentile(times, 95)), 2),
        f"{name}_recall_at_{NEAREST}": round(float(np.mean(recalls)), 4),
        f"{name}_worst_recall": round(float(np.min(recalls)), 3),
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
    folder = library.catalog.folders.add(root)
    vectors = synthetic(pack, count)
    for start in range(0, count, 5_000):
        rows = range(start, min(start + 5_000, count))
        stamps = [FileStamp(1000 + row, 10**18 + row) for row in rows]
        files = [
            (root / f"{row // 500:04d}" / f"photo {row}.jpg", stamp) for row, stamp in zip(rows, stamps, strict=True)
        ]
        ids = library.catalog.files.add(folder.id, files)
        photos = [
            IndexedPhoto(photo_id, stamp, f"{row:032x}", PhotoFacts(4000, 3000, "JPEG"), vectors[row])  # type: ignore[arg-type]
            for photo_id, stamp, row in zip(ids, stamps, rows, strict=True)
        ]
        library.catalog.queue.commit(pack.fingerprint, photos)
    with library.catalog._database.transaction() as connection:
        for number, (share, tag) in enumerate(FILTERS.items(), start=1):
            connection.execute("INSERT INTO tag (id, name) VALUES (?, ?)", (number, tag))
            connection.execute(
                "INSERT INTO photo_tag SELECT id, ?, 2, NULL, 0 FROM photo WHERE id % ? = 1", (number, round(1 / share))
            )


if __name__ == "__main__":
    main()
