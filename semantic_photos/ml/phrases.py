# SPDX-License-Identifier: GPL-3.0-or-later
"""The phrase encoder: a small network from the words of a phrase, in order, to one unit vector."""

from __future__ import annotations

import functools
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from semantic_photos.domain.errors import InternalError, PackError
from semantic_photos.domain.ports import FloatArray
from semantic_photos.domain.translatable import Message
from semantic_photos.domain.vectors import normalise
from semantic_photos.ml.manifest import PhraseSection
from semantic_photos.ml.onnx_validation import ModelFacts
from semantic_photos.ml.session import Session
from semantic_photos.ml.word_table import WordVectorTable

_log = logging.getLogger(__name__)

OUTPUT = "vector"
#: Type and trailing shape of each input that a network may declare, after the phrase (1) and its words (L).
_INPUTS = {"rows": "int64", "words": "float32", "weights": "float32"}
#: Phrases that are remembered, a kilobyte each.
REMEMBERED = 1024
_UNIT_TOLERANCE = 0.01


@dataclass(frozen=True, slots=True)
class PhraseFacts:
    """A validated phrase network.

    Attributes:
        file: its name.
        inputs: those of ``rows``, ``words`` and ``weights`` that it takes.
        length: words that it takes at once if that is fixed, filled up with zeros; None if it is open.
        max_words: words of a phrase that count; of more the first ones.
    """

    file: str
    inputs: tuple[str, ...]
    length: int | None
    max_words: int


def check_phrases(section: PhraseSection, facts: ModelFacts, dim: int) -> PhraseFacts:
    """Compare the network's inputs and output with the format.

    Inputs are ``rows`` int64 (1, L), row numbers of the word table + 1, 0 for padding; ``words`` float32 (1, L, D),
    vectors of the table; ``weights`` float32 (1, L). Some may be left out, not both of the first two. The output is
    ``vector`` float32 (1, D). L is open or ``max_words``; the first dimension is 1 or open.

    Raises:
        PackError: they differ.
    """
    lengths = set()
    for name, tensor in facts.inputs.items():
        if name not in _INPUTS:
            raise _odd(Message("{file} has an unknown input “{name}”.", file=section.file, name=name[:40]))
        tail = (dim,) if name == "words" else ()
        if tensor.dtype != _INPUTS[name] or len(tensor.shape) != 2 + len(tail) or tensor.shape[2:] != tail:
            raise _odd(Message("{file}: the input “{name}” has another type or shape.", file=section.file, name=name))
        if tensor.shape[0] not in (None, 1) or tensor.shape[1] not in (None, section.max_words):
            length = section.max_words
            raise _odd(
                Message("{file}: the input “{name}” is not 1 × {length}.", file=section.file, name=name, length=length)
            )
        lengths.add(tensor.shape[1])
    if not {"rows", "words"} & set(facts.inputs) or len(lengths) != 1:
        raise _odd(Message("{file} takes no words, or not as many in each input.", file=section.file))
    out = facts.outputs.get(OUTPUT)
    if out is None or out.dtype != "float32" or len(out.shape) != 2 or out.shape[1] not in (None, dim):
        raise _odd(
            Message("{file} has no output “{name}” float32 (1, {dim}).", file=section.file, name=OUTPUT, dim=dim)
        )
    return PhraseFacts(section.file, tuple(facts.inputs), lengths.pop(), section.max_words)


class PhraseNetwork:
    """Runs a pack's phrase network; results are cached.

    Thread: any. The network is loaded at the first call.

    Args:
        facts: the network.
        read: returns its verified bytes.
        word_table: the words.
    """

    def __init__(self, facts: PhraseFacts, read: Callable[[str], bytes], word_table: WordVectorTable) -> None:
        self._facts, self._word_table = facts, word_table
        self._session = Session(facts.file, functools.partial(read, facts.file), 1)
        self._known: OrderedDict[tuple[int, ...], FloatArray | None] = OrderedDict()
        self._lock = threading.Lock()

    def encode(self, rows: Sequence[int]) -> FloatArray | None:
        """Return the unit vector (D,), read-only, of a phrase; None if the network gives none for it.

        Args:
            rows: rows of the table, stop words among them, in order; of more than ``max_words`` the first count.

        Raises:
            PackError: the network cannot be loaded.
            InternalError: it fails, or its answer has another shape.
        """
        key = tuple(rows[: self._facts.max_words])
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        vector = self._run(key)
        with self._lock:
            self._known[key] = vector
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return vector

    def close(self) -> None:
        """Let the network go. Safe to call twice."""
        self._session.close()

    def _run(self, rows: tuple[int, ...]) -> FloatArray | None:
        length = self._facts.length or len(rows)
        dim = self._word_table.dim
        feeds: dict[str, np.ndarray] = {}
        if "rows" in self._facts.inputs:
            feeds["rows"] = np.zeros((1, length), np.int64)
            feeds["rows"][0, : len(rows)] = np.asarray(rows, np.int64) + 1
        if "words" in self._facts.inputs:
            feeds["words"] = np.zeros((1, length, dim), np.float32)
            feeds["words"][0, : len(rows)] = self._word_table.vectors_of(rows)
        if "weights" in self._facts.inputs:
            feeds["weights"] = np.zeros((1, length), np.float32)
            feeds["weights"][0, : len(rows)] = self._word_table.weights[list(rows)]
        (answer,) = self._session.run(feeds, [OUTPUT])
        if answer.dtype != np.float32 or answer.shape != (1, dim):
            raise InternalError(f"{self._facts.file} gave {answer.dtype} {answer.shape} instead of float32 (1, {dim})")
        vector = answer[0]
        # Written so that a NaN fails.
        if not abs(float(np.linalg.norm(vector)) - 1.0) <= _UNIT_TOLERANCE:
            _log.warning("%s gave no unit vector for the words %s", self._facts.file, rows)
            return None
        unit = normalise(vector)
        unit.setflags(write=False)
        return unit


def _odd(message: Message) -> PackError:
    return PackError(message, code="pack.model-shape")
