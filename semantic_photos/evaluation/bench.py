# SPDX-License-Identifier: GPL-3.0-or-later
"""A pack on the val photos: their vectors, cached between runs, and the program's own search over them."""

from __future__ import annotations

import hashlib
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from semantic_photos.domain.errors import PackError
from semantic_photos.domain.photo import Counts
from semantic_photos.domain.ports import ImageEncoder, TextEncoder
from semantic_photos.domain.query import Query
from semantic_photos.domain.translatable import Message
from semantic_photos.domain.vectors import usable_rows
from semantic_photos.evaluation.figure import Floats, Group, Ints, plain
from semantic_photos.evaluation.photos import AnnotatedPhoto, Material
from semantic_photos.evaluation.pictures import PhotoImages
from semantic_photos.index.hybrid_index import HybridIndex
from semantic_photos.media.decoder_pool import DecoderPool
from semantic_photos.ml.image_encoder import OnnxImageEncoder
from semantic_photos.ml.manifest import MANIFEST
from semantic_photos.ml.model_pack import ModelPack, find_packs, load_pack
from semantic_photos.ml.text_encoder import WordTableEncoder
from semantic_photos.paths import resources
from semantic_photos.services.library.pack_choice import ranked
from semantic_photos.services.search.search_service import SearchService
from semantic_photos.storage.catalog import Catalog
from semantic_photos.storage.database import Database

BATCH = 8
#: Photos that the speed of encoding is measured on.
_TIMED = 400
#: Ids of photos begin here; the row of a photo is its id less this.
_FIRST_ID = 1


def text_encoder_of(pack: ModelPack) -> TextEncoder:
    """Return the text encoder that the program uses with a pack."""
    return WordTableEncoder(pack)


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """The program's answer to a query.

    Attributes:
        rows: photos that were found, best first, int64 (≤ N,).
        good: so many of the first are called good matches.
    """

    rows: Ints
    good: int


class Bench:
    """A pack, the photos it is measured on, and their unit vectors.

    Attributes:
        pack: the pack.
        text: its text encoder.
        photos: the photos (N).
        vectors: their unit vectors (N, D); zeros where one cannot be decoded or encoded.
        speed: how fast photos are encoded and phrases become vectors; empty if it was not measured.
    """

    def __init__(
        self, pack: ModelPack, photos: Sequence[AnnotatedPhoto], vectors: Floats, text: TextEncoder | None = None
    ) -> None:
        """Take a pack and vectors (N, D) of photos; a row that is not finite costs its photo and nothing else."""
        self.pack, self.photos = pack, list(photos)
        self.text = text if text is not None else text_encoder_of(pack)
        finite = np.isfinite(vectors).all(axis=1, keepdims=True)
        self.vectors: Floats = np.where(finite, vectors, 0.0).astype(np.float32)
        self.speed: Group = {}
        self._usable = usable_rows(self.vectors)
        self._closing = ExitStack()
        self._folder = Path(self._closing.enter_context(tempfile.TemporaryDirectory(prefix="evaluation-")))
        database = Database.open(self._folder / "catalog.sqlite")
        self._closing.callback(database.close)
        self._catalog, self._decoders = Catalog(database), DecoderPool(1)
        self._closing.callback(self._decoders.close)

    def __enter__(self) -> Bench:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Delete the temporary catalog."""
        self._closing.close()

    @property
    def background(self) -> Floats:
        """Return unit vectors of ordinary photos (B, D): the pack's, or some of these."""
        return self.pack.background if self.pack.background is not None else self.vectors[::4]

    def knows(self, text: str) -> bool:
        """Return whether a phrase has a vector."""
        return self.text.encode(text) is not None

    def word(self, text: str) -> Floats:
        """Return the unit vector (D,) of a known phrase.

        Raises:
            KeyError: no word of it is known.
        """
        vector = self.text.encode(text)
        if vector is None:
            raise KeyError(text)
        return vector

    def search(self, rows: Ints | Sequence[int] | None = None) -> ProgramSearch:
        """Return the program's search among all photos or some, given by their rows."""
        chosen = np.flatnonzero(self._usable) if rows is None else np.asarray(rows, np.int64)
        return ProgramSearch(self, chosen[self._usable[chosen]])

    def service(self, rows: Ints) -> SearchService:
        """Return the program's search service over these photos, as the window has it."""
        index = HybridIndex(self._folder / "index", self.pack.dim, self.pack.fingerprint, engine="exact")
        if len(rows):
            index.add((rows + _FIRST_ID).tolist(), self.vectors[rows])
        counts = Counts(indexed=len(rows))
        return SearchService(
            self._catalog, index, self.text, None, self._decoders,
            counts=lambda: counts, background=self.pack.background, cutoff=self.pack.cutoff,
        )  # fmt: skip


class ProgramSearch:
    """The program's search over some photos, which go by their rows among all."""

    def __init__(self, bench: Bench, rows: Ints) -> None:
        self._service, self._count, self._all = bench.service(rows), len(rows), len(bench.photos)

    def ranking(self, text: str) -> Ranking:
        """Return the program's answer to a typed query."""
        page = self._service.run(Query.parse(text), limit=max(1, self._count))
        return Ranking(np.asarray(page.ids, np.int64) - _FIRST_ID, page.strong)

    def scores(self, texts: Sequence[str]) -> Floats:
        """Return scores (Q, N) in the order of the program's answers: N for the first photo, -inf for what is left out.

        Photos that are not searched are left out, and all photos for a text without a known word.
        """
        scores = np.full((len(texts), self._all), -np.inf, np.float32)
        for row, text in enumerate(texts):
            found = self.ranking(text).rows
            scores[row, found] = self._all - np.arange(len(found))
        return scores


def open_bench(folder: Path | None, material: Material, cache: Path, *, threads: int = 2, timed: bool = True) -> Bench:
    """Return a pack with the vectors of all val photos, from the cache or encoded now.

    Args:
        folder: the pack; None takes the one that ships with the program.
        material: what it is measured on.
        cache: folder of vectors, a file for each fingerprint.
        threads: of the network.
        timed: whether to measure the speed.

    Raises:
        PackError: the pack is refused.
        UserFacingError: pictures are missing or cannot be read.
    """
    pack = load_pack(folder) if folder is not None else shipped_pack()
    encoder = OnnxImageEncoder(pack, threads)
    try:
        with PhotoImages(material.pictures) as pictures:
            pictures.expect(material.photos)
            vectors = cached_vectors(material.photos, pictures, encoder, cache)
            speed = encoding_speed(material.photos[:_TIMED], pictures, encoder) if timed else {}
            for file, trouble in pictures.troubles.items():
                print(f"{file}: {trouble}", file=sys.stderr)
    finally:
        encoder.close()
    bench = Bench(pack, material.photos, vectors)
    if timed:
        texts = [text for photo in material.photos for text in (*photo.captions[:1], *photo.labels)][:2000]
        bench.speed = speed | phrase_speed(texts, bench.text)
    return bench


def shipped_pack() -> ModelPack:
    """Return the best pack that ships with the program, by the rule of the program itself.

    Raises:
        PackError: there is none, or the last one's reason.
    """
    trouble = PackError(
        Message.as_is("No model pack ships with this program."),
        code="pack.missing",
        advice=Message.as_is("Name one with --pack."),
    )
    good = []
    for folder in find_packs(resources() / "packs"):
        try:
            good.append(load_pack(folder))
        except PackError as error:
            trouble = error
    if not good:
        raise trouble
    return ranked(good)[0]


def cached_vectors(
    photos: Sequence[AnnotatedPhoto], pictures: PhotoImages, encoder: ImageEncoder, cache: Path
) -> Floats:  # fmt: skip
    """Return unit vectors (N, D), NaN where a photo cannot be decoded; only what the cache lacks is encoded.

    A vector is kept under the photo's name and checksum in a file of the pack's fingerprint, which changes with the
    network, the head and the way pictures are prepared, but not with the words.
    """
    path = cache / f"{hashlib.sha256(encoder.fingerprint.encode()).hexdigest()[:16]}.npz"
    known: dict[str, Floats] = {}
    try:
        with np.load(path, allow_pickle=False) as stored:
            known = dict(zip(stored["keys"].tolist(), stored["vectors"], strict=True))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        pass  # Not there, or half written: everything is encoded again.
    keys = [f"{photo.file} {pictures.stamp(photo.file)}" for photo in photos]
    missing = [row for row, key in enumerate(keys) if key not in known]
    if missing:
        known |= zip(
            (keys[row] for row in missing),
            encode_photos([photos[row] for row in missing], pictures, encoder),
            strict=True,
        )
        cache.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".part.npz")
        np.savez(beside, keys=np.array(list(known)), vectors=np.stack(list(known.values())))
        beside.replace(path)
    return np.stack([known[key] for key in keys]).astype(np.float32)


def encode_photos(photos: Sequence[AnnotatedPhoto], pictures: PhotoImages, encoder: ImageEncoder) -> Floats:
    """Return unit vectors (N, D) of photos, NaN where one cannot be decoded."""
    vectors = np.full((len(photos), encoder.dim), np.nan, dtype=np.float32)
    done = 0
    for squares, real in pictures.batches(photos, encoder.recipe, BATCH):
        here = np.flatnonzero(real)
        vectors[done + here] = encoder.encode(squares)[here]
        done += len(squares)
    return vectors


def encoding_speed(photos: Sequence[AnnotatedPhoto], pictures: PhotoImages, encoder: ImageEncoder) -> Group:
    """Return photos a second of the network on batches of `BATCH`, without decoding.

    ``photos_per_second`` is by the clock; ``…_best`` of the fastest tenth of the batches and ``photos_per_cpu_second``,
    by the processor time of all threads, estimate the speed of an idle machine. The first batch is left out
    because it loads the network.
    """
    clock, processor = [], []
    for squares, _ in pictures.batches(photos, encoder.recipe, BATCH):
        if len(squares) == BATCH:
            started, used = time.perf_counter(), time.process_time()
            encoder.encode(squares)
            clock.append(time.perf_counter() - started)
            processor.append(time.process_time() - used)
    clock, processor = clock[1:] or clock, processor[1:] or processor
    if not clock:
        return {}
    seconds = {
        "photos_per_second": np.mean(clock),
        "photos_per_second_best": np.quantile(clock, 0.1),
        "photos_per_cpu_second": np.mean(processor),
    }
    return {name: plain(BATCH / max(float(each), 1e-9), BATCH * len(clock)) for name, each in seconds.items()}


def phrase_speed(texts: Sequence[str], text: TextEncoder) -> Group:
    """Return the milliseconds from a phrase to its vector, median and 95th percentile, each phrase encoded once."""
    if not texts:
        return {}
    text.encode(texts[0])
    times = []
    for phrase in texts:
        started = time.perf_counter()
        text.encode(phrase)
        times.append(1000.0 * (time.perf_counter() - started))
    return {
        "phrase_ms_median": plain(float(np.median(times)), len(times)),
        "phrase_ms_p95": plain(float(np.quantile(times, 0.95)), len(times)),
    }


def pack_facts(pack: ModelPack) -> dict[str, str]:
    """Return what identifies a pack: name, version, fingerprint of its vectors, checksum of its manifest."""
    return {
        "id": pack.id,
        "title": pack.title,
        "version": pack.version,
        "fingerprint": pack.fingerprint,
        "sha256": hashlib.sha256((pack.folder / MANIFEST).read_bytes()).hexdigest(),
    }
