# SPDX-License-Identifier: GPL-3.0-or-later
"""A library of real files whose keywords are really written, and another program that writes into them."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from semantic_photos.domain.photo import FileStamp, PhotoFacts, PhotoId
from semantic_photos.domain.tags import Standing
from semantic_photos.media.decoder_pool import DecoderPool
from semantic_photos.media.fingerprint import content_key
from semantic_photos.media.keyword_edit import edit
from semantic_photos.media.keyword_edit_values import EditRequest
from semantic_photos.services.metadata.keyword_files import KeywordFiles
from semantic_photos.services.threads.concurrency import EventBus
from semantic_photos.storage.catalog import Catalog, IndexedPhoto
from semantic_photos.storage.database import Database
from tests.fakes.encoders import word_vector


class World:
    def __init__(self, folder: Path, decoders: DecoderPool) -> None:
        self.database = Database.open(folder / "catalog.sqlite")
        self.catalog = Catalog(self.database)
        self.store, self.exchange = self.catalog.tags, self.catalog.metadata
        (folder / "photos").mkdir()
        self.root = self.catalog.folders.add(folder / "photos")
        self.files = KeywordFiles(self.catalog, self.exchange, decoders, EventBus())

    def add(self, name: str) -> PhotoId:
        path = self.root.path / name
        Image.radial_gradient("L").resize((24, 18)).convert("RGB").save(path)
        status = path.stat()
        stamp = FileStamp(status.st_size, status.st_mtime_ns, status.st_ino)
        (photo,) = self.catalog.files.add(self.root.id, [(path, stamp)])
        row = IndexedPhoto(photo, stamp, content_key(path), PhotoFacts(24, 18, "JPEG"), word_vector("red"))
        self.catalog.queue.commit("p", [row])
        return photo

    def tags(self, photo: PhotoId) -> dict[str, Standing]:
        return {line.tag: line.standing for line in self.store.lines([photo], rejected=True).get(photo, [])}

    def names(self) -> list[str]:
        return sorted(path.name for path in self.root.path.iterdir())


def elsewhere(path: Path, *want: str, drop: tuple[str, ...] = ()) -> None:
    """Change a sidecar as another program does."""
    path.write_bytes(edit(EditRequest(path, True, path.exists(), want, drop)).data or b"")
