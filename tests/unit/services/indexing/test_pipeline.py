# SPDX-License-Identifier: GPL-3.0-or-later
"""Pending photos become searchable; a bad one never harms its neighbours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semantic_photos.domain.messages import CancelToken
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.ports import ByteArray, FloatArray
from semantic_photos.media.decoder_pool import DecoderPool
from semantic_photos.media.thumbnails import ThumbnailStore
from semantic_photos.services.indexing.pipeline import BATCH, Pipeline
from semantic_photos.services.indexing.scanner import Scanner
from semantic_photos.storage.catalog import Catalog
from semantic_photos.storage.database import Database
from tests.fakes.encoders import FakeImageEncoder, word_vector

pytestmark = pytest.mark.slow

COLOURS = {"red": (220, 20, 20), "green": (20, 190, 30), "blue": (20, 30, 230)}


@pytest.fixture(scope="module")
def decoders() -> Iterator[DecoderPool]:
    pool = DecoderPool(2)
    yield pool
    pool.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    return folder


class World:
    """A catalog, a pipeline and what it reported."""

    def __init__(self, tmp_path: Path, root: Path, decoders: DecoderPool) -> None:
        self.database = Database.open(tmp_path / "catalog.sqlite")
        self.catalog = Catalog(self.database)
        self.folder = self.catalog.folders.add(root)
        self.encoder = FakeImageEncoder()
        self.committed: dict[int, FloatArray] = {}
        self.failed: list[int] = []
        self.thumbnails = ThumbnailStore(tmp_path / "thumbnails", 10**9)
        self.decoders = decoders
        self.pipeline = self.make()

    def make(self) -> Pipeline:
        return Pipeline(
            self.catalog, self.encoder, self.decoders, self.thumbnails, on_committed=self._commit, on_failed=self._fail
        )

    def _commit(self, ids: Sequence[PhotoId], vectors: FloatArray) -> None:
        for photo_id, vector in zip(ids, vectors, strict=True):
            assert photo_id not in self.committed, "committed twice"
            self.committed[photo_id] = vector

    def _fail(self, ids: Sequence[PhotoId]) -> None:
        self.failed.extend(ids)

    def scan(self) -> None:
        Scanner(self.catalog).scan(self.folder, CancelToken())
        self.pipeline.refetch()

    def work(self) -> None:
        while self.pipeline.has_work:
            self.pipeline.advance()

    def vectors_by_name(self) -> dict[str, FloatArray]:
        photos = self.catalog.photos.get([PhotoId(i) for i in self.committed])
        return {photo.path.name: self.committed[photo.id] for photo in photos.values()}

    def reasons(self) -> dict[str, str]:
        return {failed.path.name: failed.code for failed in self.catalog.queue.failures()}


@pytest.fixture
def world(tmp_path: Path, root: Path, decoders: DecoderPool) -> Iterator[World]:
    made = World(tmp_path, root, decoders)
    yield made
    made.database.close()


def paint(root: Path, name: str, colour: str, number: int = 0) -> None:
    image = Image.new("RGB", (64, 48), COLOURS[colour])
    image.putpixel((0, 0), (number % 256, number // 256, 7))
    image.save(root / name)


def test_each_photo_gets_its_own_vector(world: World, root: Path) -> None:
    names = list(COLOURS)
    for number in range(3 * BATCH + 5):
        paint(root, f"{names[number % 3]}-{number}.png", names[number % 3], number)
    world.scan()
    world.work()
    found = world.vectors_by_name()
    assert len(found) == 3 * BATCH + 5
    for name, vector in found.items():
        cosines = {colour: float(vector @ word_vector(colour)) for colour in names}
        assert max(cosines, key=lambda colour: cosines[colour]) == name.split("-")[0]
    assert max(world.encoder.batches) <= BATCH


def test_bad_photos_never_shift_their_neighbours(world: World, root: Path) -> None:
    for number in range(30):
        if number % 3 == 1:
            (root / f"{number:02d}-bad.png").write_bytes(b"\x89PNG\r\n\x1a\nnonsense" + bytes([number]))
        else:
            paint(
                root,
                f"{number:02d}-red.png" if number % 2 else f"{number:02d}-blue.png",
                "red" if number % 2 else "blue",
                number,
            )
    world.scan()
    world.work()
    assert len(world.failed) == 10
    for name, vector in world.vectors_by_name().items():
        colour = name.split("-")[1].removesuffix(".png")
        assert float(vector @ word_vector(colour)) > 0.9


def is_green(square: ByteArray) -> bool:
    return bool(square[16, 16, 1] > 150 and square[16, 16, 0] < 100)


@pytest.mark.parametrize("kind", ["unusable", "failing"])
def test_a_picture_the_network_cannot_digest_is_set_aside_alone(world: World, root: Path, kind: str) -> None:
    conditions: dict[str, Callable[[ByteArray], bool]] = {kind: is_green}
    for name, condition in conditions.items():
        setattr(world.encoder, name, condition)
    for number, colour in enumerate(["red", "green", "blue", "red"]):
        paint(root, f"{number}-{colour}.png", colour, number)
    world.scan()
    world.work()
    assert world.reasons() == {"1-green.png": "photo.bad-embedding"}
    assert len(world.committed) == 3


def test_content_that_was_seen_is_not_encoded_again(world: World, root: Path) -> None:
    paint(root, "a.png", "red")
    world.scan()
    world.work()
    (root / "copy.png").write_bytes((root / "a.png").read_bytes())
    world.scan()
    world.work()
    assert sum(world.encoder.batches) == 1
    found = world.vectors_by_name()
    assert np.allclose(found["a.png"], found["copy.png"])


def test_what_was_dropped_is_done_again(world: World, root: Path) -> None:
    for number in range(40):
        paint(root, f"{number}.png", "blue", number)
    world.scan()
    for _ in range(10):
        world.pipeline.advance()
    world.pipeline.drop()
    done = len(world.committed)
    assert done < 40
    world.work()
    assert len(world.committed) == 40
    assert world.catalog.photos.counts(world.encoder.fingerprint).pending == 0


def test_a_photo_deleted_after_the_scan_is_missing_not_failed(world: World, root: Path) -> None:
    paint(root, "a.png", "red")
    paint(root, "b.png", "red", 1)
    world.scan()
    (root / "a.png").unlink()
    world.work()
    assert world.reasons() == {}
    assert len(world.committed) == 1


def test_thumbnails_are_made_on_the_way(world: World, root: Path) -> None:
    paint(root, "a.png", "red")
    world.scan()
    world.work()
    (photo,) = world.catalog.photos.get([PhotoId(i) for i in world.committed]).values()
    assert photo.content_key is not None
    assert world.thumbnails.find(photo.content_key) is not None
    assert (photo.facts.width, photo.facts.height) == (64, 48)


def test_nothing_new_is_taken_when_told_so(world: World, root: Path) -> None:
    paint(root, "a.png", "red")
    world.scan()
    for _ in range(5):
        world.pipeline.advance(take_new=False)
    assert world.committed == {}
    assert world.pipeline.has_work


def test_a_photo_completed_while_its_first_half_was_read_is_read_again(world: World, root: Path) -> None:
    path = root / "copied.png"
    path.write_bytes(b"only the beginning")
    world.scan()
    # Read to the end as it is now, but its failure is not taken note of before the file is complete.
    world.pipeline._fill()
    future = world.pipeline._window[0].future
    assert future is not None
    assert future.exception(timeout=60) is not None
    paint(root, "copied.png", "blue")
    scanner = Scanner(world.catalog)
    assert scanner.look_at(world.folder, [path]).changed
    world.pipeline.refetch()
    world.work()
    assert set(world.vectors_by_name()) == {"copied.png"}
    assert world.reasons() == {}
