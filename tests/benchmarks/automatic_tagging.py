# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast a library gets its automatic tags from stored vectors.

    python -m tests.benchmarks.automatic_tagging --n 100000

The photos are made up around the pack's own tags, so that many of them get tags; the catalog is a real one in a
temporary folder. Building it is not counted.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from semantic_photos.domain.photo import ContentKey, FileStamp, PhotoFacts
from semantic_photos.domain.vectors import normalise
from semantic_photos.ml.model_pack import load_pack
from semantic_photos.ml.text_encoder import WordTableEncoder
from semantic_photos.paths import resources
from semantic_photos.services.tags.automatic_tagging import AutoTagger
from semantic_photos.services.tags.tag_words import PRECISE
from semantic_photos.services.threads.concurrency import EventBus
from semantic_photos.storage.catalog import Catalog, IndexedPhoto
from semantic_photos.storage.database import Database


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=100_000)
    parser.add_argument("--pack", type=Path, default=resources() / "packs" / "sp-small-2")
    parser.add_argument("--least", type=float, default=PRECISE)
    options = parser.parse_args()
    pack = load_pack(options.pack)
    words = WordTableEncoder(pack)
    rng = np.random.default_rng(1)
    background = pack.background if pack.background is not None else normalise(rng.normal(size=(1000, pack.dim)))
    with tempfile.TemporaryDirectory() as folder:
        database = Database.open(Path(folder) / "catalog.sqlite")
        catalog = Catalog(database)
        root = catalog.folders.add(Path("/photos"))
        for start in range(0, options.n, 4096):
            count = min(4096, options.n - start)
            # A photo is like any photo, with some of one tag in it.
            base = background[rng.integers(len(background), size=count)]
            tag = pack.tag_matrix[rng.integers(len(pack.tag_matrix), size=count)]
            vectors = normalise(base + rng.uniform(0.0, 1.0, (count, 1)) * tag)
            stamps = [FileStamp(1000 + start + i, 10**18 + start + i, start + i) for i in range(count)]
            files = [(Path(f"/photos/{start + i}.jpg"), stamp) for i, stamp in enumerate(stamps)]
            ids = catalog.files.add(root.id, files)
            rows = [
                IndexedPhoto(photo_id, stamp, ContentKey(f"{start + i:032x}"), PhotoFacts(10, 10, "JPEG"), vector)
                for i, (photo_id, stamp, vector) in enumerate(zip(ids, stamps, vectors, strict=True))
            ]
            catalog.queue.commit(pack.fingerprint, rows)
        tagger = AutoTagger(catalog, catalog.tags, pack, words, EventBus())
        for name in ("first run", "second run, nothing new"):
            run = tagger.run(options.least)
            print(f"{name}: {run.photos:,} photos, {run.tags:,} tags changed, {run.seconds:.1f} s, "
                  f"{run.photos / run.seconds * 60:,.0f} photos a minute")  # fmt: skip
        begun = time.monotonic()
        gone = tagger.remove_automatic()
        print(f"all automatic tags removed: {len(gone.tags):,} in {time.monotonic() - begun:.2f} s")
        begun = time.monotonic()
        catalog.tags.revert(gone)
        print(f"and back by undo: {time.monotonic() - begun:.2f} s")
        database.close()


if __name__ == "__main__":
    main()
