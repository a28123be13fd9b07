# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds, verifies and reads model packs.

A pack is a folder of networks (ONNX), tables (npy) and texts, with a manifest that lists every file with size and
SHA-256. All of it is checked at every start (about 15 ms for 25 MB): altered weights load and run
without complaint and give wrong results. Nothing in a pack is code.
"""

from __future__ import annotations

import logging
import os
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from semantic_photos.domain.errors import PackError, SemanticPhotosError
from semantic_photos.domain.photo import ImageRecipe
from semantic_photos.domain.ports import ByteArray, FloatArray, ImageEncoder, TextEncoder
from semantic_photos.domain.result_cutoff import Cutoff
from semantic_photos.domain.translatable import Message
from semantic_photos.ml.cutoff_file import parse_cutoff
from semantic_photos.ml.manifest import MANIFEST, MOST_MANIFEST_BYTES, Manifest, parse_manifest
from semantic_photos.ml.onnx_validation import ModelFacts, TensorFacts, inspect_model
from semantic_photos.ml.pack_files import read_file, read_verified
from semantic_photos.ml.phrases import PhraseFacts, check_phrases
from semantic_photos.ml.tag_classifier import TagStat, TagTable, parse_tags
from semantic_photos.ml.word_table import WordVectorTable, load_word_table, read_array

_log = logging.getLogger(__name__)

#: Files that desktops strew into folders. They are not read; that they lie there must not cost a user the search.
_LITTER = frozenset({".ds_store", "thumbs.db", "desktop.ini", ".directory"})
_MOST_BACKGROUND = 65_536
#: Vectors are unit vectors to this; a head that does not normalise would make cosines wrong.
_UNIT_TOLERANCE = 0.01


# Compared by identity: arrays have no single truth value.
@dataclass(frozen=True, slots=True, eq=False)
class ModelPack:
    """A pack whose files were verified.

    Thread: any; nothing changes after loading.

    Attributes:
        folder: where it lies.
        manifest: what it says of itself.
        word_table: its words.
        tag_table: its automatic tags.
        background: unit vectors of random photos, float32 (B, D), or None.
        phrases: its network for phrases, or None: phrases are weighted means of words then.
        cutoff: where good matches of its words begin, or None: they are told by the other hits of a query then.
    """

    folder: Path
    manifest: Manifest
    word_table: WordVectorTable
    tag_table: TagTable
    background: FloatArray | None
    phrases: PhraseFacts | None = None
    cutoff: Cutoff | None = None

    @property
    def id(self) -> str:
        """Return the pack's short name."""
        return self.manifest.id

    @property
    def title(self) -> str:
        """Return the pack's display name."""
        return self.manifest.title

    @property
    def version(self) -> str:
        """Return the pack's version."""
        return self.manifest.version

    @property
    def licence(self) -> str:
        """Return the SPDX name of the pack's licence."""
        return self.manifest.licence

    @property
    def dim(self) -> int:
        """Return the number of dimensions D of the space."""
        return self.manifest.dim

    @property
    def fingerprint(self) -> str:
        """Return the name of the space of image vectors."""
        return self.manifest.fingerprint

    @property
    def recipe(self) -> ImageRecipe:
        """Return how a photo becomes the network's square."""
        return self.manifest.image.recipe

    @property
    def tags(self) -> tuple[TagStat, ...]:
        """Return the automatic tags."""
        return self.tag_table.stats

    @property
    def tag_matrix(self) -> FloatArray:
        """Return the unit vectors of the tags, float32 (T, D)."""
        return self.tag_table.matrix

    def tag_confidences(self, vectors: FloatArray) -> FloatArray:
        """Return the probability of each tag, float32 (N, T), for unit vectors of photos, float32 (N, D)."""
        return self.tag_table.confidences(vectors)

    def card(self) -> str:
        """Return the text of the model card.

        Raises:
            PackError: it cannot be read any more.
        """
        return read_verified(self.folder, self.manifest.card, self.manifest.files[self.manifest.card]).decode(
            "utf-8", "replace"
        )

    def read_model(self, name: str) -> bytes:
        """Return the bytes of a network, verified again: what runs is what was validated.

        Raises:
            PackError: the file was changed or removed since the pack was loaded.
        """
        return read_verified(self.folder, name, self.manifest.files[name])


def find_packs(*folders: Path) -> list[Path]:
    """Return the folders that look like packs in ``folders``, in that order and by name within each.

    A pack is a folder that holds a ``pack.json``; hidden ones (half-installed) are left out. A folder that cannot
    be read holds none.
    """
    found: list[Path] = []
    for folder in folders:
        try:
            children = sorted(folder.iterdir())
        except OSError:
            continue
        found += [child for child in children if not child.name.startswith(".") and (child / MANIFEST).is_file()]
    return found


def load_pack(folder: Path) -> ModelPack:
    """Read and verify a pack: manifest, list of files, sizes, checksums, networks, words, tags.

    The pack's id is not compared with the folder's name: a copy in a folder “sp-small-1 (2)” is as good.

    Raises:
        PackError: the pack is refused; the message names the file and the fact.
    """
    manifest = parse_manifest(_read_manifest(folder))
    _check_listing(folder, manifest)
    networks = {manifest.image.file, manifest.head.file}
    if manifest.phrases is not None:
        networks.add(manifest.phrases.file)
    contents = {}
    for name, listed in manifest.files.items():
        data = read_verified(folder, name, listed)
        if name in networks or name in (manifest.tags, manifest.cutoff):
            contents[name] = data
        elif name.endswith(".onnx"):
            raise PackError(
                Message("{name} is a network that {file} does not use.", name=name, file=MANIFEST), code="pack.listing"
            )
    _check_encoder(manifest, inspect_model(contents[manifest.image.file], manifest.image.file))
    _check_head(manifest, inspect_model(contents[manifest.head.file], manifest.head.file))
    text = manifest.text
    word_table = load_word_table(
        folder, text.words, text.vectors, text.scales, text.weights, manifest.dim, text.trust, text.offered
    )
    # Tags keep their weighted means: that is what their background in the file was measured with.
    tags = parse_tags(contents[manifest.tags], manifest.tags, word_table.phrase, manifest.dim)
    phrases = None
    if manifest.phrases is not None:
        facts = inspect_model(contents[manifest.phrases.file], manifest.phrases.file)
        phrases = check_phrases(manifest.phrases, facts, manifest.dim)
        if len(word_table.content(word_table.find(manifest.known_answer.query).rows)) < 2:
            message = Message(
                "The known answer in {manifest} does not test {file}.", manifest=MANIFEST, file=phrases.file
            )
            raise PackError(message, code="pack.manifest")
    cutoff = None
    if manifest.cutoff is not None:
        cutoff = parse_cutoff(contents[manifest.cutoff], manifest.cutoff)
        if manifest.background is None:
            message = Message("{file} needs the photos of “background”.", file=manifest.cutoff)
            raise PackError(message, code="pack.manifest")
    return ModelPack(folder, manifest, word_table, tags, _read_background(folder, manifest), phrases, cutoff)


def ramp_picture(side: int) -> ByteArray:
    """Return the made picture ``ramp-1`` of the known answer, uint8 (side, side, 3)."""
    y, x, c = np.ogrid[:side, :side, :3]
    return np.asarray((x * (c + 1) * 5 + y * (3 - c) * 3) % 256, dtype=np.uint8)


def verify_known_answer(pack: ModelPack, encoder: ImageEncoder, words: TextEncoder, *, limit_s: float = 60.0) -> None:
    """Check both encoders against the pack's known answer.

    Checksums cannot see a runtime that computes wrongly, a recipe that is not what the network was trained with,
    or networks that were never meant for each other.

    Args:
        pack: the pack.
        encoder: its image encoder; if it can be terminated it is, after ``limit_s``.
        words: its word table.
        limit_s: seconds a picture may take.

    Raises:
        PackError: an answer is wrong, or does not come.
    """
    known = pack.manifest.known_answer
    stop = getattr(encoder, "terminate", None)
    watchdog = threading.Timer(limit_s, stop) if stop is not None else None
    if watchdog is not None:
        watchdog.daemon = True
        watchdog.start()
    try:
        answer = encoder.encode(ramp_picture(pack.recipe.side)[None])[0]
    except PackError:
        raise
    except SemanticPhotosError as error:
        message = Message("The network of “{pack}” does not run here: {reason}", pack=pack.title, reason=str(error))
        raise PackError(message, code="pack.no-answer") from error
    finally:
        if watchdog is not None:
            watchdog.cancel()
    _compare(pack, Message("network"), np.asarray(known.embedding, np.float32), answer)
    try:
        phrase = words.encode(known.query)
    except PackError:
        raise
    except SemanticPhotosError as error:
        message = Message("The words of “{pack}” do not work here: {reason}", pack=pack.title, reason=error)
        raise PackError(message, code="pack.no-answer") from error
    if phrase is None:
        message = Message("The word table of “{pack}” does not contain “{word}”.", pack=pack.title, word=known.query)
        raise PackError(message, code="pack.wrong-answer")
    part = Message("word table") if pack.phrases is None else Message("network for phrases")
    _compare(pack, part, np.asarray(known.query_embedding, np.float32), phrase)


def _compare(pack: ModelPack, part: Message, wanted: FloatArray, answer: FloatArray) -> None:
    least = pack.manifest.known_answer.min_cosine
    length = float(np.linalg.norm(answer))
    cosine = float(wanted @ answer) / max(float(np.linalg.norm(wanted)) * length, 1e-12)
    # Written so that a NaN fails.
    if not abs(length - 1.0) <= _UNIT_TOLERANCE:
        message = Message("“{pack}”: the {part} returned no unit vector.", pack=pack.title, part=part)
        raise PackError(message, code="pack.wrong-answer")
    if not cosine >= least:
        raise PackError(
            Message(
                "“{pack}”: the {part} gives wrong results here (cosine {cosine:.4f}, at least {least:.4f} expected).",
                pack=pack.title,
                part=part,
                cosine=cosine,
                least=least,
            ),
            code="pack.wrong-answer",
        )
    _log.debug("known answer of the %s: cosine %.6f", part, cosine)


def _read_manifest(folder: Path) -> bytes:
    if not folder.is_dir():
        raise PackError(Message("There is no folder {path}.", path=folder), code="pack.missing")
    return read_file(folder, MANIFEST, MOST_MANIFEST_BYTES)


def _check_listing(folder: Path, manifest: Manifest) -> None:
    try:
        names = os.listdir(folder)
    except OSError as error:
        message = Message("The model pack {pack} cannot be read: {reason}.", pack=folder.name, reason=error.strerror)
        raise PackError(message, code="pack.listing") from error
    extra = sorted(
        name for name in names if name not in manifest.files and name != MANIFEST and name.lower() not in _LITTER
    )
    if extra:
        raise PackError(
            Message(
                "The model pack {pack} contains {name}, which {file} does not list.",
                pack=folder.name,
                name=repr(extra[0]),
                file=MANIFEST,
            ),
            code="pack.listing",
        )


def _check_encoder(manifest: Manifest, facts: ModelFacts) -> None:
    image = manifest.image
    _check_tensor(image.file, "input", image.input, facts.inputs, image.dtype, (None, *image.input_shape))
    _check_tensor(image.file, "output", image.map, facts.outputs, "float32", (None, image.channels, -1, -1))
    _check_tensor(image.file, "output", image.pooled, facts.outputs, "float32", (None, image.channels))
    _check_alone(image.file, facts)


def _check_head(manifest: Manifest, facts: ModelFacts) -> None:
    head, channels = manifest.head, manifest.image.channels
    _check_tensor(head.file, "input", head.input, facts.inputs, "float32", (None, channels))
    _check_tensor(head.file, "output", head.output, facts.outputs, "float32", (None, manifest.dim))
    _check_alone(head.file, facts)


def _check_alone(file: str, facts: ModelFacts) -> None:
    if len(facts.inputs) != 1:
        message = Message("{file} has {number} inputs instead of one.", file=file, number=len(facts.inputs))
        raise PackError(message, code="pack.model-shape")


def _check_tensor(
    file: str, role: str, name: str, tensors: dict[str, TensorFacts], dtype: str, shape: tuple[int | None, ...]
) -> None:
    """Compare an input or output with what the manifest says; -1 takes any size, None wants an open one.

    A model may leave sizes of outputs open, and they are checked when it runs; sizes of inputs must be fixed except
    for the number of pictures, so that memory is bounded by the batch.
    """
    if name not in tensors:
        raise PackError(
            Message("{file} has no {role} “{name}”.", file=file, role=role, name=name), code="pack.model-shape"
        )
    facts = tensors[name]
    fits = facts.dtype == dtype and len(facts.shape) == len(shape)
    for have, want in zip(facts.shape, shape, strict=False):
        if want is None:
            fits = fits and have is None
        elif want != -1:
            fits = fits and (have == want or (have is None and role == "output"))
    if not fits:
        raise PackError(
            Message(
                "{file}: the {role} “{name}” is {found} instead of {expected}.",
                file=file,
                role=role,
                name=name,
                found=f"{facts.dtype} {_sizes(facts.shape)}",
                expected=f"{dtype} {_sizes(shape)}",
            ),
            code="pack.model-shape",
        )


def _sizes(shape: tuple[int | None, ...]) -> str:
    return f"({', '.join('any' if size in (None, -1) else str(size) for size in shape)})"


def _read_background(folder: Path, manifest: Manifest) -> FloatArray | None:
    if manifest.background is None:
        return None
    stored = read_array(folder / manifest.background, np.dtype(np.float16), (None, manifest.dim))
    if not 2 <= len(stored) <= _MOST_BACKGROUND:
        raise PackError(
            Message("{file} contains {number} vectors.", file=manifest.background, number=len(stored)),
            code="pack.array",
        )
    background = np.asarray(stored, dtype=np.float32)
    lengths = np.linalg.norm(background, axis=1)
    if not (np.abs(lengths - 1.0) <= _UNIT_TOLERANCE).all():
        message = Message("{file} contains vectors that are not of unit length.", file=manifest.background)
        raise PackError(message, code="pack.array")
    background.setflags(write=False)
    return background


__all__ = ["ModelPack", "TagStat", "find_packs", "load_pack", "ramp_picture", "verify_known_answer"]
