# SPDX-License-Identifier: GPL-3.0-or-later
"""The word table of a pack: int8 vectors on disk, phrases weighted by smooth inverse frequency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semantic_photos.domain.errors import PackError
from semantic_photos.domain.ports import FloatArray
from semantic_photos.domain.translatable import Message
from semantic_photos.domain.vectors import TINY
from semantic_photos.ml import word_forms

MOST_WORDS = 500_000


@dataclass(frozen=True, slots=True)
class Found:
    """The words of a text, looked up.

    Attributes:
        rows: rows of the table, in the order of the text; stop words are among them.
        unknown: words that the table does not have in any form, in order, each once.
    """

    rows: tuple[int, ...]
    unknown: tuple[str, ...]


class WordVectorTable:
    """A word table: word ↔ row, row → vector, text → vector.

    Thread: any; nothing changes after construction.

    Attributes:
        words: the words, most frequent first; row number = place.
        row_of: row of each word.
        weights: float32 (V,), weight of each word in a phrase; 0 for stop words.
        trust: float32 (V,) in [0, 1], how far each word was trained on photos; None if the pack does not say.
        offered: bool (V,), which words may be offered to users; None if the pack does not say.
    """

    def __init__(
        self,
        words: Sequence[str],
        vectors: NDArray[np.int8],
        scales: FloatArray,
        weights: FloatArray,
        trust: FloatArray | None = None,
        offered: NDArray[np.bool_] | None = None,
    ) -> None:
        """Take over a table.

        Args:
            words: V different words.
            vectors: int8 (V, D), may be memory-mapped.
            scales: float32 (V,); vector = row * scale.
            weights: float32 (V,).
            trust: float32 (V,) or None.
            offered: bool (V,) or None.
        """
        self.words = tuple(words)
        self.row_of = {word: row for row, word in enumerate(self.words)}
        # A plain view: numpy.memmap's own indexing costs more than the arithmetic.
        self._vectors: NDArray[np.int8] = np.asarray(vectors).view(np.ndarray)
        self._scales, self.weights, self.trust, self.offered = scales, weights, trust, offered
        self._factors = (scales * weights).astype(np.float32)
        # "tshirt" should find "t-shirt"; the more frequent word wins.
        self._joined: dict[str, int] = {}
        for word, row in self.row_of.items():
            if "-" in word:
                self._joined.setdefault(word.replace("-", ""), row)

    @property
    def dim(self) -> int:
        """Return D."""
        return int(self._vectors.shape[1])

    def __len__(self) -> int:
        """Return the number of words V."""
        return len(self.words)

    def find(self, text: str) -> Found:
        """Return the rows of the words of a text and what is unknown in it."""
        rows: list[int] = []
        unknown: dict[str, None] = {}
        for token in word_forms.tokens(text):
            row = self.row(token)
            if row is not None:
                rows.append(row)
            elif "-" in token:
                # An unlisted compound means what its parts mean.
                for part in token.split("-"):
                    row = self.row(part)
                    if row is not None:
                        rows.append(row)
                    else:
                        unknown[part] = None
            else:
                unknown[token.rstrip("'")] = None
        return Found(tuple(rows), tuple(unknown))

    def row(self, word: str) -> int | None:
        """Return the row of a case-folded word or of the nearest form of it that the table has, or None."""
        row = self.row_of.get(word)
        if row is not None:
            return row
        for form in word_forms.forms(word):
            row = self.row_of.get(form)
            if row is None:
                row = self.row_of.get(form.replace("-", "")) if "-" in form else self._joined.get(form)
            if row is not None:
                return row
        return None

    def phrase(self, text: str) -> FloatArray | None:
        """Return the unit vector (D,) of a text, or None if no word of it has a weight.

        The weighted mean of Arora, Liang and Ma (2017), "A simple but tough-to-beat baseline for sentence
        embeddings": each word counts a / (a + its frequency), stop words not at all.
        """
        return self.weighted(self.find(text).rows)

    def weighted(self, found: Sequence[int]) -> FloatArray | None:
        """Return the weighted mean of rows as a unit vector (D,), as ``phrase``, or None if none has a weight."""
        if not found:
            return None
        rows = list(found)
        total = self._factors[rows] @ self._vectors[rows].astype(np.float32)
        length = float(np.sqrt(total @ total))
        if length <= TINY:
            return None
        unit: FloatArray = total / np.float32(length)
        return unit

    def vectors_of(self, rows: Sequence[int]) -> FloatArray:
        """Return the vectors of rows as they are stored, float32 (L, D)."""
        found = list(rows)
        return self._vectors[found].astype(np.float32) * self._scales[found, None]

    def content(self, rows: Sequence[int]) -> tuple[int, ...]:
        """Return the rows that have a weight, each once, in order."""
        return tuple(dict.fromkeys(row for row in rows if self.weights[row] > 0))

    def matrix(self) -> FloatArray:
        """Return all words as unit vectors, float32 (V, D): a new array."""
        vectors = self._vectors.astype(np.float32)
        lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
        vectors /= np.maximum(lengths, TINY)[:, None]
        return vectors


def load_word_table(
    folder: Path,
    words: str,
    vectors: str,
    scales: str,
    weights: str,
    dim: int,
    trust: str | None = None,
    offered: str | None = None,
) -> WordVectorTable:
    """Read the files of a word table; the vectors stay on disk and are memory-mapped.

    Raises:
        PackError: a file is damaged, or they do not fit together.
    """
    listed = read_words(folder / words)
    count = len(listed)
    table = read_array(folder / vectors, np.dtype(np.int8), (count, dim))
    sizes = np.array(read_array(folder / scales, np.dtype(np.float32), (count,)))
    shares = np.array(read_array(folder / weights, np.dtype(np.float32), (count,)))
    for name, array in ((scales, sizes), (weights, shares)):
        if not (np.isfinite(array) & (array >= 0)).all():
            raise PackError(Message("{file} contains negative or non-finite numbers.", file=name), code="pack.words")
    trusted, shown = None, None
    if trust is not None:
        trusted = np.array(read_array(folder / trust, np.dtype(np.float32), (count,)))
        # Written so that a NaN fails.
        if not ((trusted >= 0) & (trusted <= 1)).all():
            raise PackError(Message("{file} contains numbers outside 0 to 1.", file=trust), code="pack.words")
    if offered is not None:
        marks = np.array(read_array(folder / offered, np.dtype(np.uint8), (count,)))
        if marks.max() > 1:
            raise PackError(Message("{file} contains numbers other than 0 and 1.", file=offered), code="pack.words")
        shown = marks > 0
    return WordVectorTable(listed, table, sizes, shares, trusted, shown)


def read_words(path: Path) -> list[str]:
    """Return the lines of a word list.

    Raises:
        PackError: the list is empty, or a line is no single lower-case word, or stands twice.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PackError(
            Message("{name} cannot be read: {reason}.", name=path.name, reason=str(error)), code="pack.words"
        ) from error
    words = text.removesuffix("\n").split("\n")
    if not text.strip() or len(words) > MOST_WORDS:
        raise PackError(
            Message("{file} contains no words or more than {limit:,}.", file=path.name, limit=MOST_WORDS),
            code="pack.words",
        )
    for number, word in enumerate(words, start=1):
        if not word or not word.isprintable() or " " in word or word != word.casefold():
            message = Message(
                "{file}, line {number}: {word} is not a lower-case word.",
                file=path.name,
                number=number,
                word=repr(word[:40]),
            )
            raise PackError(message, code="pack.words")
    if len(set(words)) < len(words):
        raise PackError(Message("{file} lists a word twice.", file=path.name), code="pack.words")
    return words


def read_array(path: Path, dtype: np.dtype[Any], shape: tuple[int | None, ...]) -> NDArray[Any]:
    """Memory-map a ``.npy`` file; a length of None in ``shape`` accepts any.

    Mapped and never loaded: a header that lies about the size fails on the size of the file instead of asking for
    the memory. Pickled objects are refused, since reading them would run code.

    Raises:
        PackError: no array, or one of another type or shape.
    """
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    # numpy reads the header as a Python literal, and what that raises for garbage is anybody's guess: ValueError,
    # SyntaxError, tokenize.TokenError, RecursionError, MemoryError.
    except Exception as error:
        message = Message("{file} is not a table of numbers: {reason}.", file=path.name, reason=str(error)[:120])
        raise PackError(message, code="pack.array") from error
    if not isinstance(array, np.memmap):
        raise PackError(Message("{file} is an archive, not a table of numbers.", file=path.name), code="pack.array")
    fits = len(array.shape) == len(shape) and all(
        want in (None, have) for want, have in zip(shape, array.shape, strict=True)
    )
    if array.dtype != dtype or not fits:
        want = " × ".join("any" if size is None else str(size) for size in shape)
        have = " × ".join(map(str, array.shape))
        message = Message(
            "{file} contains {found} instead of {expected}.",
            file=path.name,
            found=f"{have} {array.dtype}",
            expected=f"{want} {dtype}",
        )
        raise PackError(message, code="pack.array")
    return array
