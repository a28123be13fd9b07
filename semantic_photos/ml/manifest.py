# SPDX-License-Identifier: GPL-3.0-or-later
"""Strict reader of ``pack.json``: packs are untrusted, and a wrong number gives wrong results."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from semantic_photos.domain.errors import PackError
from semantic_photos.domain.photo import ImageRecipe
from semantic_photos.domain.translatable import Message, either

FORMAT = 1
MANIFEST = "pack.json"
#: Bounds of what this program is willing to read: of the manifest, of one file, of a whole pack, in bytes.
MOST_MANIFEST_BYTES = 4_000_000
MOST_FILE_BYTES = 1_000_000_000
MOST_PACK_BYTES = 2_000_000_000
MOST_FILES = 32
#: What a pack may consist of: networks, tables, texts. No pickle, no archive, nothing that could be run.
SUFFIXES = (".onnx", ".json", ".txt", ".npy", ".md")
MOST_DIM = 4096
MOST_CHANNELS = 65_536
#: Words of a phrase that a network for phrases may ask for.
PHRASE_WORDS = range(2, 65)
SIDES = range(16, 1025)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file of the pack: its size in bytes and its SHA-256 in hexadecimal digits."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ImageSection:
    """How a picture goes into the network and what comes out."""

    file: str
    input: str
    side: int
    layout: str
    dtype: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    fit: str
    interpolation: str
    map: str
    pooled: str
    channels: int

    @property
    def recipe(self) -> ImageRecipe:
        """Return how a photo becomes the network's square."""
        return ImageRecipe(self.side, self.fit, self.interpolation)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Return the shape of one picture as the network takes it."""
        return (3, self.side, self.side) if self.layout == "NCHW" else (self.side, self.side, 3)


@dataclass(frozen=True, slots=True)
class HeadSection:
    """The projection head: features float32 (M, C) to unit vectors (M, D)."""

    file: str
    input: str
    output: str


@dataclass(frozen=True, slots=True)
class TextSection:
    """Names of the files of the word table.

    ``trust`` is how far each word was trained, ``offered`` which words may be offered; both may be None.
    """

    words: str
    vectors: str
    scales: str
    weights: str
    trust: str | None = None
    offered: str | None = None


@dataclass(frozen=True, slots=True)
class PhraseSection:
    """The network for phrases: the words of a phrase, at most ``max_words`` of them, to one unit vector."""

    file: str
    max_words: int


@dataclass(frozen=True, slots=True)
class KnownAnswer:
    """The expected output of networks and word table, to detect a wrong runtime or a wrong file.

    Attributes:
        picture: name of the made picture.
        embedding: its unit vector, D numbers.
        min_cosine: how near the answer must be.
        query: a phrase.
        query_embedding: its unit vector, D numbers.
    """

    picture: str
    embedding: tuple[float, ...]
    min_cosine: float
    query: str
    query_embedding: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """All of ``pack.json`` that is used, checked.

    ``fingerprint`` names the space of its image vectors, ``digest`` (16 hexadecimal digits) the manifest itself, and
    so every file that it lists.
    """

    id: str
    title: str
    version: str
    created: str
    licence: str
    card: str
    dim: int
    files: Mapping[str, ListedFile]
    image: ImageSection
    head: HeadSection
    text: TextSection
    tags: str
    background: str | None
    known_answer: KnownAnswer
    fingerprint: str
    digest: str
    phrases: PhraseSection | None = None
    cutoff: str | None = None


def parse_manifest(data: bytes) -> Manifest:
    """Read the bytes of ``pack.json``; keys that are not known are passed over.

    Raises:
        PackError: something is missing, of a wrong type, out of range, or names a file that is not listed.
    """
    if len(data) > MOST_MANIFEST_BYTES:
        raise PackError(
            Message("{file} is larger than {limit} MB.", file=MANIFEST, limit=MOST_MANIFEST_BYTES // 1_000_000),
            code="pack.manifest",
        )
    try:
        root = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise PackError(
            Message("{file} is not valid JSON: {reason}.", file=MANIFEST, reason=_short(error)), code="pack.manifest"
        ) from error
    top = _Section(root, "")
    number = top.integer("format", 1, 1_000_000)
    if number > FORMAT:
        raise PackError(
            Message("The model pack needs a newer Semantic Photos (format {number}).", number=number),
            code="pack.newer",
            advice=Message("Update the program."),
        )
    files = _files(top)
    dim = top.integer("dim", 2, MOST_DIM)
    top.choice("metric", ("cosine",))
    image_section = top.section("image")
    image, head = _image(image_section, files), _head(top.section("head"), files)
    return Manifest(
        id=top.text("id", _ID), title=top.text("title"), version=top.text("version"), created=top.text("created"),
        licence=top.text("licence"), card=top.file("card", files, ".md", ".txt"), dim=dim, files=files,
        image=image, head=head, text=_text(top.section("text"), files), tags=top.file("tags", files, ".json"),
        background=top.file("background", files, ".npy") if "background" in top.values else None,
        known_answer=_known_answer(top.section("known_answer"), dim),
        fingerprint=fingerprint(files, image.file, head.file, image_section.values),
        digest=hashlib.sha256(data).hexdigest()[:16],
        phrases=_phrases(top.section("phrases"), files) if "phrases" in top.values else None,
        cutoff=top.file("cutoff", files, ".json") if "cutoff" in top.values else None,
    )  # fmt: skip


def fingerprint(files: Mapping[str, ListedFile], encoder: str, head: str, image: Mapping[str, Any]) -> str:
    """Return 16 hexadecimal digits that name the space of image vectors: both networks and the way into them.

    Word table, phrases and cut-off are left out on purpose: better words do not ask for all photos to be indexed again.
    """
    networks = sorted(f"{name} {files[name].sha256}" for name in (encoder, head))
    text = "\n".join(networks) + "\n" + json.dumps(image, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class _Section:
    """One object of the manifest, asked for values of a type and range."""

    def __init__(self, values: Any, path: str) -> None:
        self._path = path
        if not isinstance(values, dict):
            raise self.wrong(Message("must be an object"), None)
        self.values: dict[str, Any] = values

    def wrong(self, fact: Message, key: str | None) -> PackError:
        name = ".".join(part for part in (self._path, key) if part)
        message = (
            Message("{file}: “{name}” {fact}.", file=MANIFEST, name=name, fact=fact)
            if name
            else Message("{file}: its content {fact}.", file=MANIFEST, fact=fact)
        )
        return PackError(message, code="pack.manifest")

    def _get(self, key: str) -> Any:
        if key not in self.values:
            raise self.wrong(Message("is missing"), key)
        return self.values[key]

    def section(self, key: str) -> _Section:
        return _Section(self._get(key), f"{self._path}.{key}" if self._path else key)

    def text(self, key: str, pattern: re.Pattern[str] | None = None) -> str:
        value = self._get(key)
        if not isinstance(value, str) or not value or len(value) > 500 or not value.isprintable():
            raise self.wrong(Message("must be a short text"), key)
        if pattern is not None and not pattern.fullmatch(value):
            raise self.wrong(Message("has invalid characters: {value}", value=repr(value)), key)
        return value

    def choice(self, key: str, allowed: tuple[str, ...]) -> str:
        value = self._get(key)
        if value not in allowed:
            raise self.wrong(Message("must be {choices}", choices=either(allowed)), key)
        return str(value)

    def integer(self, key: str, least: int, most: int) -> int:
        value = self._get(key)
        # bool is an int in Python, and `true` is no number.
        if type(value) is not int or not least <= value <= most:
            raise self.wrong(Message("must be an integer from {least} to {most}", least=least, most=most), key)
        return value

    def number(self, key: str, least: float, most: float) -> float:
        value = self._get(key)
        if type(value) not in (int, float) or not least <= value <= most:
            raise self.wrong(Message("must be a number from {least:g} to {most:g}", least=least, most=most), key)
        return float(value)

    def numbers(self, key: str, count: int) -> tuple[float, ...]:
        value = self._get(key)
        if not isinstance(value, list) or len(value) != count:
            raise self.wrong(Message("must be a list of {count} numbers", count=count), key)
        if not all(type(one) in (int, float) and math.isfinite(one) and abs(one) < 1e6 for one in value):
            raise self.wrong(Message("contains an invalid number"), key)
        return tuple(float(one) for one in value)

    def file(self, key: str, files: Mapping[str, ListedFile], *suffixes: str) -> str:
        name = self.text(key, _NAME)
        if name not in files:
            raise self.wrong(Message("names {name}, which is not listed in “files”", name=name), key)
        if not name.endswith(suffixes):
            raise self.wrong(
                Message("names {name}, which must end in {choices}", name=name, choices=either(suffixes)), key
            )
        return name


def _files(top: _Section) -> dict[str, ListedFile]:
    section = top.section("files")
    if not 1 <= len(section.values) <= MOST_FILES:
        raise section.wrong(Message("must list 1 to {count} files", count=MOST_FILES), None)
    files = {}
    for name in section.values:
        # Flat names of plain characters: no separator, no drive, no dot file can hide in them.
        if not _NAME.fullmatch(name) or name == MANIFEST:
            raise section.wrong(Message("lists an invalid name: {name}", name=repr(name)), None)
        if not name.endswith(SUFFIXES):
            raise section.wrong(
                Message("lists {name}, but only {suffixes} files are allowed", name=name, suffixes=", ".join(SUFFIXES)),
                None,
            )
        entry = section.section(name)
        size = entry.integer("bytes", 0, MOST_FILE_BYTES)
        files[name] = ListedFile(size, entry.text("sha256", _SHA256))
    if len({name.lower() for name in files}) < len(files):
        raise section.wrong(Message("lists two names that differ only in case"), None)
    if sum(file.bytes for file in files.values()) > MOST_PACK_BYTES:
        raise section.wrong(Message("is larger than {limit:,} MB in total", limit=MOST_PACK_BYTES // 1_000_000), None)
    return files


def _image(section: _Section, files: Mapping[str, ListedFile]) -> ImageSection:
    mean, std = section.numbers("mean", 3), section.numbers("std", 3)
    if min(std) < 1e-6:
        raise section.wrong(Message("must be positive"), "std")
    return ImageSection(
        file=section.file("file", files, ".onnx"),
        input=section.text("input"),
        side=section.integer("side", SIDES.start, SIDES.stop - 1),
        layout=section.choice("layout", ("NHWC", "NCHW")),
        dtype=section.choice("dtype", ("uint8", "float32")),
        mean=(mean[0], mean[1], mean[2]),
        std=(std[0], std[1], std[2]),
        fit=section.choice("fit", ("squash", "crop", "pad")),
        interpolation=section.choice("interpolation", ("bilinear", "bicubic", "lanczos", "box")),
        map=section.text("map"),
        pooled=section.text("pooled"),
        channels=section.integer("channels", 1, MOST_CHANNELS),
    )


def _head(section: _Section, files: Mapping[str, ListedFile]) -> HeadSection:
    return HeadSection(section.file("file", files, ".onnx"), section.text("input"), section.text("output"))


def _text(section: _Section, files: Mapping[str, ListedFile]) -> TextSection:
    return TextSection(
        section.file("words", files, ".txt"),
        section.file("vectors", files, ".npy"),
        section.file("scales", files, ".npy"),
        section.file("weights", files, ".npy"),
        section.file("trust", files, ".npy") if "trust" in section.values else None,
        section.file("offered", files, ".npy") if "offered" in section.values else None,
    )


def _phrases(section: _Section, files: Mapping[str, ListedFile]) -> PhraseSection:
    most = section.integer("max_words", PHRASE_WORDS.start, PHRASE_WORDS.stop - 1)
    return PhraseSection(section.file("file", files, ".onnx"), most)


def _known_answer(section: _Section, dim: int) -> KnownAnswer:
    text = section.section("text")
    return KnownAnswer(
        picture=section.choice("picture", ("ramp-1",)),
        embedding=section.numbers("embedding", dim),
        # A pack may ask for more than this, never for less: a lax bound would make the test a formality.
        min_cosine=section.number("min_cosine", 0.99, 1.0),
        query=text.text("query"),
        query_embedding=text.numbers("embedding", dim),
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return values


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _short(error: Exception) -> str:
    return str(error)[:120].rstrip(".") or type(error).__name__
