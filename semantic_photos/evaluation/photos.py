# SPDX-License-Identifier: GPL-3.0-or-later
"""The photos for evaluation, with labels, captions and detected objects.

A material folder holds one or more indexes ``photos*.jsonl`` (a JSON object a line: ``file``, ``split``, and where
known ``source``, ``labels``, ``captions``), the pictures (``photos-*.zip`` or files), and, where there are any,
``objects*.jsonl.gz`` with detector scores: ``{"file", DETECTOR: {NAME: SCORE}, …}``. A detector that did not run on
a photo has no entry; one that saw nothing has an empty one.
"""

from __future__ import annotations

import dataclasses
import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from semantic_photos.domain.errors import UserFacingError
from semantic_photos.domain.translatable import Message

#: What the val photos of an index are called in reports; others go by the name of their file.
COLLECTIONS = {"photos": "old val", "photos-more": "web val"}
#: Names of one detector where another detector, or a typed query, has a plainer one.
PLAINER = {
    "television": "tv", "houseplant": "potted plant", "mobile phone": "cell phone", "doughnut": "donut",
    "cattle": "cow", "human face": "face", "microwave oven": "microwave", "computer keyboard": "keyboard",
    "computer mouse": "mouse", "studio couch": "couch", "kitchen & dining room table": "dining table",
    "remote control": "remote",
}  # fmt: skip
#: What is taken for a picture in a folder without an index.
_PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".heic"})


@dataclasses.dataclass(frozen=True, slots=True)
class AnnotatedPhoto:
    """One photo of an index.

    Attributes:
        file: its name in the zips or folders.
        source: where it comes from.
        labels: what people called it, in lower case.
        captions: sentences about it.
        collection: name of the index it stands in.
        detections: highest score of each kind of object, by detector; a detector that did not run is missing.
    """

    file: str
    source: str = ""
    labels: tuple[str, ...] = ()
    captions: tuple[str, ...] = ()
    collection: str = ""
    detections: Mapping[str, Mapping[str, float]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class Material:
    """Everything a pack is measured with.

    Attributes:
        photos: those of the split ``val``, which nothing was trained on.
        training: those of the split ``train``, without detections; only their words are read.
        pictures: zips and folders that hold the pictures.
        kinds: kinds of objects that each detector knows.
    """

    photos: list[AnnotatedPhoto]
    training: list[AnnotatedPhoto]
    pictures: list[Path]
    kinds: Mapping[str, frozenset[str]] = dataclasses.field(default_factory=dict)

    @property
    def collections(self) -> list[str]:
        """Return the names of the indexes, in the order of their files."""
        return list(dict.fromkeys(photo.collection for photo in self.photos))


def read_material(folder: Path) -> Material:
    """Read the indexes and detections of a folder.

    Raises:
        UserFacingError: there is no index or no val photo, or a file cannot be read; the message says which.
    """
    indexes = sorted(folder.glob("photos*.jsonl"), key=lambda path: path.stem)
    if not indexes:
        raise UserFacingError(Message.as_is(f"{folder} holds no index “photos.jsonl”."), code="evaluation.index")
    read = [(read_photos(path, "val"), read_photos(path, "train")) for path in indexes]
    photos = [photo for val, _ in read for photo in val]
    if not photos:
        raise UserFacingError(
            Message.as_is(f"The indexes in {folder} have no photo of the split “val”."), code="evaluation.index"
        )
    found: dict[str, dict[str, dict[str, float]]] = {}
    kinds: dict[str, set[str]] = {}
    for path in sorted(folder.glob("objects*.jsonl*")):
        for file, detections in _detections(path):
            found[file] = detections
            for detector, scores in detections.items():
                kinds.setdefault(detector, set()).update(scores)
    photos = [dataclasses.replace(photo, detections=found.get(photo.file, {})) for photo in photos]
    zips = sorted(folder.glob("photos*.zip"))
    known = {detector: frozenset(names) for detector, names in kinds.items()}
    return Material(photos, [photo for _, train in read for photo in train], zips or [folder], known)


def read_folder(folder: Path) -> Material:
    """Read a folder with an index as ``read_material``, or every picture below a folder without one.

    Raises:
        UserFacingError: as ``read_material``, or there is no picture.
    """
    if any(folder.glob("photos*.jsonl")):
        return read_material(folder)
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _PICTURES)
    if not files:
        raise UserFacingError(Message.as_is(f"{folder} holds no pictures."), code="evaluation.images")
    photos = [AnnotatedPhoto(path.relative_to(folder).as_posix(), path.parent.name) for path in files]
    return Material(photos, [], [folder])


def read_photos(index: Path, split: str = "val") -> list[AnnotatedPhoto]:
    """Read the photos of one split from an index.

    Raises:
        UserFacingError: the file cannot be read, or a line is no photo; the message says which.
    """
    collection = COLLECTIONS.get(index.stem, index.stem)
    found = []
    for row, where in _rows(index):
        try:
            if row["split"] != split:
                continue
            labels = tuple(label.lower() for label in row.get("labels") or ())
            captions = tuple(str(caption) for caption in row.get("captions") or ())
            found.append(
                AnnotatedPhoto(str(row["file"]), str(row.get("source", "")), labels, captions, collection)
            )  # fmt: skip
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise UserFacingError(
                Message.as_is(f"{where} is no photo: it needs at least “file” and “split”."), code="evaluation.index"
            ) from error
    return found


def _detections(path: Path) -> Iterator[tuple[str, dict[str, dict[str, float]]]]:
    for row, where in _rows(path):
        try:
            detections: dict[str, dict[str, float]] = {}
            for detector, scores in row.items():
                if detector != "file":
                    best: dict[str, float] = {}
                    for name, score in scores.items():
                        plain = PLAINER.get(name.lower(), name.lower())
                        best[plain] = max(best.get(plain, 0.0), float(score))
                    detections[detector] = best
            yield str(row["file"]), detections
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise UserFacingError(
                Message.as_is(f"{where} holds no detections of a photo."), code="evaluation.index"
            ) from error


def _rows(path: Path) -> Iterator[tuple[Any, str]]:
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    where = f"{path.name}, line {number}"
                    try:
                        yield json.loads(line), where
                    except (ValueError, RecursionError) as error:
                        raise UserFacingError(
                            Message.as_is(f"{where} is no JSON: {error}."), code="evaluation.index"
                        ) from error
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise UserFacingError(Message.as_is(f"{path} cannot be read: {error}."), code="evaluation.index") from error


def by_source(photos: Sequence[AnnotatedPhoto]) -> dict[str, list[int]]:
    """Return the rows of the photos of each source, the largest first."""
    rows: dict[str, list[int]] = {}
    for row, photo in enumerate(photos):
        rows.setdefault(photo.source, []).append(row)
    return dict(sorted(rows.items(), key=lambda pair: (-len(pair[1]), pair[0])))
