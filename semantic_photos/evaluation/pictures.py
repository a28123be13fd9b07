# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluation pictures from zips or folders, decoded and preprocessed by the program's own decoder."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from types import TracebackType

import numpy as np

from semantic_photos.domain.errors import PhotoError, UserFacingError
from semantic_photos.domain.photo import ImageRecipe
from semantic_photos.domain.ports import ByteArray
from semantic_photos.domain.translatable import Message
from semantic_photos.evaluation.photos import AnnotatedPhoto
from semantic_photos.media.decode import decode
from semantic_photos.media.decode_request import DecodedPhoto, DecodeRequest


class PhotoImages:
    """Finds and decodes the photos of an index.

    Zips are read without unpacking more than one photo at a time, which then goes through a file, since that is what
    the program reads. Folders are looked through with everything below them.

    Attributes:
        troubles: Photos that could not be decoded, each with the reason.
    """

    def __init__(self, sources: Sequence[Path]) -> None:
        """Open the zips and list the folders.

        Raises:
            UserFacingError: a source is neither, or cannot be read.
        """
        self.troubles: dict[str, str] = {}
        self._closing = ExitStack()
        self._zipped: dict[str, tuple[zipfile.ZipFile, str]] = {}
        self._files: dict[str, Path] = {}
        try:
            self._scratch = Path(self._closing.enter_context(tempfile.TemporaryDirectory(prefix="evaluation-")))
            for source in sources:
                self._add(source)
        except (OSError, zipfile.BadZipFile) as error:
            self._closing.close()
            raise UserFacingError(
                Message.as_is(f"The pictures cannot be read: {error}."), code="evaluation.images"
            ) from error

    def __enter__(self) -> PhotoImages:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the zips and delete what was unpacked."""
        self._closing.close()

    def _add(self, source: Path) -> None:
        if source.is_dir():
            for path in sorted(source.rglob("*")):
                if path.is_file():
                    self._files.setdefault(path.name, path)
                    self._files[path.relative_to(source).as_posix()] = path
            return
        archive = self._closing.enter_context(zipfile.ZipFile(source))
        for name in archive.namelist():
            self._zipped.setdefault(PurePosixPath(name).name, (archive, name))
            self._zipped[name] = (archive, name)

    def expect(self, photos: Sequence[AnnotatedPhoto]) -> None:
        """Check that all photos are there.

        Raises:
            UserFacingError: some are not; figures over the rest would not be comparable with others.
        """
        missing = [photo.file for photo in photos if photo.file not in self._files and photo.file not in self._zipped]
        if missing:
            raise UserFacingError(
                Message.as_is(
                    f"{len(missing)} of {len(photos)} photos of the index are in none of the given images, "
                    f"the first is {missing[0]}."
                ),
                code="evaluation.images",
            )

    def stamp(self, file: str) -> str:
        """Return what changes with the content of a photo: its checksum in a zip, or the size and time of a file."""
        path = self._files.get(file)
        if path is not None:
            found = path.stat()
            return f"{found.st_size}-{found.st_mtime_ns}"
        archive, name = self._zipped[file]
        return f"{archive.getinfo(name).CRC:08x}"

    def decoded(self, file: str, *, recipe: ImageRecipe | None = None, preview: int | None = None) -> DecodedPhoto:
        """Decode one photo as the program does.

        Raises:
            PhotoError: it cannot be read.
            PackError: the recipe is unknown.
        """
        path = self._files.get(file)
        if path is not None:
            return decode(DecodeRequest(path, recipe, None, preview))
        archive, name = self._zipped[file]
        path = self._scratch / "photo"
        try:
            with archive.open(name) as packed, path.open("wb") as file_out:
                shutil.copyfileobj(packed, file_out)
        except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError) as error:
            raise PhotoError(Message.as_is(f"{name} cannot be unpacked: {error}.")) from error
        return decode(DecodeRequest(path, recipe, None, preview))

    def batches(
        self, photos: Sequence[AnnotatedPhoto], recipe: ImageRecipe, size: int
    ) -> Iterator[tuple[ByteArray, list[bool]]]:
        """Yield squares, uint8 (<= size, S, S, 3), in order, and which of them are real.

        A photo that cannot be decoded is black, not real, and in ``troubles``.
        """
        for start in range(0, len(photos), size):
            squares, real = [], []
            for photo in photos[start : start + size]:
                square = None
                try:
                    square = self.decoded(photo.file, recipe=recipe).square
                except PhotoError as error:
                    self.troubles[photo.file] = str(error)
                real.append(square is not None)
                squares.append(square if square is not None else np.zeros((recipe.side, recipe.side, 3), np.uint8))
            yield np.stack(squares), real
