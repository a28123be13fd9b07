# SPDX-License-Identifier: GPL-3.0-or-later
"""How long it takes to adapt a large library to what was confirmed in it.

    python -m tests.benchmarks.personalization --n 100000 --confirmations 5000

The photos are made up around the pack's own tags; the catalog is a real one in a temporary folder. Building it is not
counted.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from semantic_photos.domain.photo import ContentKey, FileStamp, PhotoFacts
from semantic_photos.domain.tags import Act
from semantic_photos.domain.vectors import normalise
from semantic_photos.ml.model_pack import load_pack
from semantic_photos.ml.text_encoder import WordTableEncoder
from semantic_photos.paths import resources
from semantic_photos.services.concepts.personalization import personalized
from semantic_photos.services.threads.concurrency import EventBus
from semantic_photos.storage.catalog import Catalog, IndexedPhoto
from semantic_photos.storage.database import Database


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=100_000)
    parser.add_argument("--confirmations", type=int, default=5000)
    parser.add_argument("--words", type=int, default=100)
    options = parser.parse_args()
    pack = load_pack(resources() / "packs" / "sp-small-2")
    assert pack.background is not None
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        database = Database.open(Path(folder) / "catalog.sqlite")
        catalog, bus = Catalog(database), EventBus()
        store = catalog.tags
        root = catalog.folders.add(Path("/photos"))
        chosen = rng.choice(len(pack.tags), options.words, replace=False)
        # What these words mean to the person: every third means what another word means to the pack.
        meant = np.where(np.arange(len(chosen)) % 3 == 0, np.roll(chosen, 1), chosen)
        shown: dict[int, list[int]] = {}
        for start in range(0, options.n, 4096):
            count = min(4096, options.n - start)
            kinds = rng.integers(len(chosen), size=count)
            base = pack.background[rng.integers(len(pack.background), size=count)].astype(np.float32)
            vectors = normalise(base + rng.uniform(0.3, 1.0, (count, 1)) * pack.tag_matrix[meant[kinds]])
            stamps = [FileStamp(1000 + start + i, 10**18 + start + i, start + i) for i in range(count)]
            ids = catalog.files.add(root.id, [(Path(f"/photos/{start + i}.jpg"), s) for i, s in enumerate(stamps)])
            catalog.queue.commit(pack.fingerprint, [
                IndexedPhoto(photo_id, stamp, ContentKey(f"{start + i:032x}"), PhotoFacts(10, 10, "JPEG"), vector)
                for i, (photo_id, stamp, vector) in enumerate(zip(ids, stamps, vectors, strict=True))
            ])  # fmt: skip
            for photo_id, kind in zip(ids, kinds.tolist(), strict=True):
                shown.setdefault(kind, []).append(photo_id)
        for kind, photos in shown.items():
            store.act(Act.ADD, photos[: options.confirmations // options.words], pack.tags[int(chosen[kind])].tag)
        personalization = personalized(
            pack, WordTableEncoder(pack), catalog, store, catalog.feedback, bus
        ).personalization
        begun = time.perf_counter()
        evidence = personalization.evidence()
        print(f"{evidence.confirmations:,} confirmations read: {time.perf_counter() - begun:.2f} s")
        begun = time.perf_counter()
        outcome = personalization.fit()
        print(f"read, fitted and proven: {time.perf_counter() - begun:.2f} s; {len(outcome.moved)} words moved")
        print(outcome.reason or "better", *outcome.figures, sep="\n  ")
        if outcome.better:
            begun = time.perf_counter()
            personalization.apply(outcome)
            print(f"applied: {time.perf_counter() - begun:.2f} s")
        database.close()


if __name__ == "__main__":
    main()
