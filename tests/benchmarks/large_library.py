# SPDX-License-Identifier: GPL-3.0-or-later
"""A large library in a minute: a few photos indexed as usual, and hard links to them under many other names.

Each copy has the vector of its photo, a little moved, so that results look like results; albums, dates over ten years,
tags by the program and by the person, and saved searches make it a library that somebody has lived with. The photos
that shall come in later lie ready beside it.
"""

from __future__ import annotations

import dataclasses
import datetime
import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from semantic_photos.domain.messages import CancelToken
from semantic_photos.domain.photo import FileStamp, Photo, PhotoFacts, PhotoId
from semantic_photos.domain.query import Query
from semantic_photos.domain.tags import Standing
from semantic_photos.domain.vectors import normalise
from semantic_photos.paths import Paths
from semantic_photos.services.library.library import Library
from semantic_photos.storage.catalog import IndexedPhoto

#: How far a copy lies from its photo, as a part of a vector's length.
MOVED = 0.25
ALBUM = 500
TAGS_EACH = 3
#: Of the tags so many were confirmed by the person.
CONFIRMED = 0.1
SAVED = ("dog beach", "red car", "people -snow", "date:2024 tree", "folder:album-001 water")


def make_library(paths: Paths, originals: Path, copies: Path, count: int) -> None:
    """Fill a library: the originals by the pipeline, their copies into the catalog."""
    with Library.open(paths) as library:
        library.add_folder(originals)
        while library.counts().pending or not library.counts().indexed:
            time.sleep(0.2)
        assert library.pack is not None
        fingerprint, tags = library.pack.fingerprint, [tag.tag for tag in library.pack.tags]
        ids, vectors = library.catalog.vectors.get(fingerprint, library.catalog.vectors.searchable_ids(fingerprint))
        known = library.catalog.photos.get(ids.tolist())
        photos = [known[PhotoId(i)] for i in ids.tolist()]
        copies.mkdir(parents=True)
    with Library.open(paths) as library:
        folder = library.catalog.folders.add(copies)
        rng = np.random.default_rng(1)
        made: list[PhotoId] = []
        for start in range(0, count - len(photos), ALBUM):
            chosen = rng.integers(0, len(photos), min(ALBUM, count - len(photos) - start))
            noise = rng.normal(size=(len(chosen), vectors.shape[1])).astype(np.float32) / np.sqrt(vectors.shape[1])
            moved = normalise(vectors[chosen] + MOVED * noise)
            files = list(_links(copies / f"album-{start // ALBUM:03d}", [photos[i] for i in chosen], start))
            new = library.catalog.files.add(folder.id, files)
            library.catalog.queue.commit(
                fingerprint,
                [
                    IndexedPhoto(photo, stamp, of.content_key, _dated(of.facts, start + row), vector)  # type: ignore[arg-type]
                    for row, (photo, (_, stamp), vector, of) in enumerate(
                        zip(new, files, moved, (photos[i] for i in chosen), strict=True)
                    )
                ],
            )
            made += new
        _tag(library, made, tags)
        for text in SAVED:
            library.catalog.searches.add(text, Query.parse(text))
        library.index.rebuild(CancelToken())


def _links(place: Path, originals: list[Photo], first: int) -> Iterator[tuple[Path, FileStamp]]:
    place.mkdir()
    for row, original in enumerate(originals, start=first):
        target = place / f"{original.path.stem} {row}{original.path.suffix}"
        os.link(original.path, target)
        status = target.stat()
        yield target, FileStamp(status.st_size, status.st_mtime_ns)


def _dated(facts: PhotoFacts, row: int) -> PhotoFacts:
    # Ten years, a day for each handful of photos.
    taken = datetime.datetime(2015, 1, 1, 8) + datetime.timedelta(days=row // 27 % 3650, minutes=row % 27 * 20)
    return dataclasses.replace(facts, taken=taken.isoformat(timespec="seconds"))


def _tag(library: Library, photos: list[PhotoId], names: list[str]) -> None:
    """Give every photo a few tags: some that half of them have, many that few have."""
    rng = np.random.default_rng(2)
    often = 1.0 / np.arange(2, len(names) + 2)
    with library.catalog._database.transaction() as connection:
        connection.executemany("INSERT OR IGNORE INTO tag (name) VALUES (?)", [(name,) for name in names])
        numbers = [row[0] for row in connection.execute("SELECT id FROM tag ORDER BY id")][: len(names)]
        chosen = rng.choice(numbers, (len(photos), TAGS_EACH), p=often / often.sum())
        own, sure = rng.random(chosen.shape) < CONFIRMED, 0.5 + rng.random(chosen.shape) / 2
        for photo, tags, confirmed, confidences in zip(photos, chosen, own, sure, strict=True):
            connection.executemany(
                "INSERT OR IGNORE INTO photo_tag VALUES (?, ?, ?, ?, 0)",
                [
                    (
                        int(photo),
                        int(tag),
                        Standing.CONFIRMED if mine else Standing.AUTOMATIC,
                        None if mine else float(p),
                    )
                    for tag, mine, p in zip(tags, confirmed, confidences, strict=True)
                ],
            )


def make_coming(originals: Path, place: Path, count: int, *, seed: int) -> None:
    """Put photos in ``place`` that no library has seen: each is one of the originals, a little darker in one corner."""
    place.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    files = sorted(path for path in originals.rglob("*") if path.is_file())
    for number in range(count):
        with Image.open(files[number % len(files)]) as picture:
            changed = np.asarray(picture.convert("RGB")).copy()
        changed[:16, :16] = rng.integers(0, 256, (16, 16, 3))
        Image.fromarray(changed).save(place / f"new {number}.jpg", quality=85)
