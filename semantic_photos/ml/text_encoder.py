# SPDX-License-Identifier: GPL-3.0-or-later
"""The text encoder of a pack: words to unit vectors, nearest words of a vector, spelling suggestions."""

from __future__ import annotations

import bisect
import threading
from collections.abc import Iterable, Sequence

import numpy as np

from semantic_photos.domain.errors import InternalError
from semantic_photos.domain.ports import FloatArray
from semantic_photos.domain.spelling import nearest
from semantic_photos.ml import word_forms
from semantic_photos.ml.model_pack import ModelPack
from semantic_photos.ml.phrases import PhraseNetwork
from semantic_photos.ml.word_table import WordVectorTable

#: Shorter words say too little to be offered as neighbours or corrections.
_SHORTEST = 3


class WordTableEncoder:
    """Implements ``TextEncoder`` with the word table of a pack and, for phrases, its network if it has one.

    Thread: any. What only the word explorer and corrections need (all vectors as float32, 30 MB for 30,000 words of
    256 dimensions) is made at the first such call.
    """

    def __init__(self, pack: ModelPack) -> None:
        """Take the words of ``pack``."""
        network = PhraseNetwork(pack.phrases, pack.read_model, pack.word_table) if pack.phrases is not None else None
        self._take(pack.word_table, network)

    @classmethod
    def of(cls, word_table: WordVectorTable) -> WordTableEncoder:
        """Return a table over words that come from elsewhere than a pack."""
        table = cls.__new__(cls)
        table._take(word_table, None)
        return table

    def _take(self, word_table: WordVectorTable, phrases: PhraseNetwork | None) -> None:
        self._word_table, self._phrases = word_table, phrases
        self._making = threading.Lock()
        self._offered: tuple[Sequence[str], FloatArray] | None = None
        self._spellable: list[str] | None = None
        self._alphabet: tuple[list[str], np.ndarray] | None = None

    @property
    def dim(self) -> int:
        """Return the number of dimensions D of the shared space."""
        return self._word_table.dim

    def __len__(self) -> int:
        """Return the number of words."""
        return len(self._word_table)

    def __contains__(self, word: object) -> bool:
        """Return whether a word, or a form of it, is known."""
        return isinstance(word, str) and self._word_table.row(word.casefold()) is not None

    def encode(self, text: str) -> FloatArray | None:
        """Return the unit vector (D,) of a phrase.

        None if no word of it is known or all that are known are stop words (“the”, “of”), which have no weight. One
        word is its vector in the table; several are the network's answer, or their weighted mean without a network.

        Raises:
            PackError: the network for phrases cannot be loaded.
            InternalError: it fails.
        """
        rows = self._word_table.find(text).rows
        vector = None
        if self._phrases is not None and len(self._word_table.content(rows)) > 1:
            vector = self._phrases.encode(rows)
        return vector if vector is not None else self._word_table.weighted(rows)

    def content_words(self, text: str) -> tuple[str, ...]:
        """Return the known words of a phrase that have a weight, as the table has them, each once, in order."""
        return tuple(self._word_table.words[row] for row in self._word_table.content(self._word_table.find(text).rows))

    def trust(self, text: str) -> float:
        """Return how far the least trained known word of a phrase was trained on photos, in [0, 1]; 1 if unknown."""
        trust = self._word_table.trust
        rows = self._word_table.content(self._word_table.find(text).rows)
        return 1.0 if trust is None or not rows else float(trust[list(rows)].min())

    def prepare(self) -> None:
        """Load the network for phrases, so that the first phrase is as quick as the others; nothing without one.

        Raises:
            PackError, InternalError: as ``encode``.
        """
        if self._phrases is not None:
            self._phrases.encode((0, 1))

    def unknown_words(self, text: str) -> tuple[str, ...]:
        """Return the words of a phrase that are not in the table in any form, in order, each once."""
        return self._word_table.find(text).unknown

    def neighbours(self, vector: FloatArray, n: int, *, exclude: Iterable[str] = ()) -> list[tuple[str, float]]:
        """Return the ``n`` nearest words to a unit vector (D,) with their cosines, best first.

        Stop words and very short words are not offered, and of the forms of one word (dog, dogs, dog's) only the
        nearest is.

        Args:
            vector: float32 (D,).
            n: how many.
            exclude: words that are left out together with their other forms.

        Raises:
            InternalError: the vector has another length.
        """
        return nearest_words(*self.offered(), vector, n, exclude)

    def suggestions(self, word: str, n: int) -> list[str]:
        """Return known words that are spelled like ``word``, best first; of the forms of one word only the best."""
        folded = "".join(word_forms.tokens(word)[:1])
        if self._spellable is None:
            # Two threads that make it at once make the same list.
            self._spellable = [self._word_table.words[row] for row in self._offerable().tolist()]
        found: list[str] = []
        seen: set[str] = set()
        for candidate in nearest(word_forms.without_accents(folded), self._spellable, 3 * n):
            same = word_forms.same_thing(candidate)
            if not same & seen:
                found.append(candidate)
            seen |= same
        return found[:n]

    def completions(self, prefix: str, n: int) -> list[str]:
        """Return known words that begin with ``prefix``, most frequent first; stop words are left out."""
        start = word_forms.without_accents(prefix.strip().casefold())
        if not start or n <= 0:
            return []
        words, rows = self._alphabetical()
        first = bisect.bisect_left(words, start)
        last = bisect.bisect_left(words, start + "\U0010ffff")
        return [self._word_table.words[row] for row in np.sort(rows[first:last])[:n].tolist()]

    def _offerable(self) -> np.ndarray:
        """Return the rows of words that are worth offering: not too short, no stop words, and on the pack's list."""
        long = np.fromiter((len(word) >= _SHORTEST for word in self._word_table.words), bool, len(self._word_table))
        listed = self._word_table.offered
        return np.flatnonzero(long & (self._word_table.weights > 0) & (True if listed is None else listed))

    def offered(self) -> tuple[Sequence[str], FloatArray]:
        """Return the words that are worth offering (M) and their unit vectors, float32 (M, D), in one order."""
        if self._offered is None:
            with self._making:
                if self._offered is None:
                    rows = self._offerable()
                    matrix = self._word_table.matrix()
                    names = tuple(self._word_table.words[row] for row in rows.tolist())
                    self._offered = names, matrix if len(rows) == len(matrix) else matrix[rows]
        return self._offered

    def _alphabetical(self) -> tuple[list[str], np.ndarray]:
        if self._alphabet is None:
            with self._making:
                if self._alphabet is None:
                    pairs = sorted((self._word_table.words[row], int(row)) for row in self._offerable())
                    self._alphabet = [word for word, _ in pairs], np.array([row for _, row in pairs], dtype=np.int64)
        return self._alphabet


def nearest_words(
    names: Sequence[str], matrix: FloatArray, vector: FloatArray, n: int, exclude: Iterable[str] = ()
) -> list[tuple[str, float]]:
    """Return the ``n`` of some words that are nearest to a unit vector (D,), with their cosines, best first.

    Of the forms of one word (dog, dogs, dog's) only the nearest is returned.

    Args:
        names: words (M).
        matrix: their unit vectors, float32 (M, D).
        vector: float32 (D,).
        n: how many.
        exclude: words that are left out together with their other forms.

    Raises:
        InternalError: the vector has another length.
    """
    if vector.shape != matrix.shape[1:]:
        raise InternalError(f"words have vectors of shape {matrix.shape[1:]}, got {vector.shape}")
    if n <= 0:
        return []
    scores = matrix @ np.asarray(vector, dtype=np.float32)
    seen = {form for text in exclude for word in word_forms.tokens(text) for form in word_forms.same_thing(word)}
    # Enough for each word to come in a few forms.
    take = min(len(scores), 4 * n + 16)
    best = np.argpartition(-scores, take - 1)[:take] if take else np.empty(0, np.int64)
    found: list[tuple[str, float]] = []
    for place in best[np.argsort(-scores[best], kind="stable")].tolist():
        same = word_forms.same_thing(names[place])
        if same & seen:
            continue
        seen |= same
        found.append((names[place], float(scores[place])))
        if len(found) == n:
            break
    return found
