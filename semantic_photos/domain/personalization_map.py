# SPDX-License-Identifier: GPL-3.0-or-later
"""The personalization map: a small linear map behind the projection head, applied to words instead of photos.

The head gives photos v, words are q, and a photo scores <v, q> for a word. Behind the head a map would make v + vA of
v; <v + vA, q> = <v, q + Aq>, so the words may be moved instead and every stored vector stays as it is. How A is found
is that of a rank-limited edit of one linear layer: some keys get new values, the mean square over all other keys stays
as small as it can be (Meng and others 2022, "Locating and editing factual associations in GPT").
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass

import numpy as np

from semantic_photos.domain.ports import FloatArray
from semantic_photos.domain.translatable import Message
from semantic_photos.domain.vectors import normalise

#: A map that lengthens some direction by more than this is not small, and is refused.
MOST_STRETCH = 4.0
_FORMAT = 1
#: Evens out directions in which little is kept, relative to the mean of all.
_RIDGE = 0.3
#: Words at least so near (cosine) to one that moves are not held: they mean nearly the same and move along.
_NEAR = 0.7
#: Cosine with the nearest of its words from which a shift begins, and from which it is whole.
_FAR, _CLOSE = 0.5, 0.85
#: Dimensions and words that a stored shift may have at most.
_MOST = 4096


# Compared by identity: arrays have no single truth value.
@dataclass(frozen=True, slots=True, eq=False)
class Shift:
    """A map for words, and where it holds.

    A linear map that moves one word moves every word a little. So it holds for words and phrases near to those it was
    made for, fades out with the cosine, and leaves all others exactly as they are.

    Attributes:
        matrix: A, float32 (D, D), finite.
        keys: unit vectors (J, D) of the words that it was made for; none: nothing moves.
    """

    matrix: FloatArray
    keys: FloatArray

    @classmethod
    def none(cls, dim: int) -> Shift:
        """Return the shift that moves nothing."""
        return cls(np.zeros((dim, dim), np.float32), np.zeros((0, dim), np.float32))

    @property
    def is_none(self) -> bool:
        """Return whether it moves nothing."""
        return not len(self.keys) or not self.matrix.any()

    @property
    def is_usable(self) -> bool:
        """Return whether its numbers are finite and small enough for personalization."""
        sound = np.isfinite(self.matrix).all() and np.isfinite(self.keys).all()
        return bool(sound) and stretch(self.matrix) <= MOST_STRETCH

    def scaled(self, strength: float) -> Shift:
        """Return the same with another strength."""
        return Shift(np.asarray(strength * self.matrix, np.float32), self.keys)

    def words(self, vectors: FloatArray) -> FloatArray:
        """Return unit vectors of words or phrases (N, D) or (D,) moved, at unit length; a zero vector stays zero."""
        array = np.asarray(vectors, np.float32)
        if self.is_none or not array.size:
            return array
        rows = array.reshape(-1, array.shape[-1])
        near = (rows @ self.keys.T).max(axis=1)
        share = np.clip((near - _FAR) / (_CLOSE - _FAR), 0.0, 1.0)
        touched = np.flatnonzero(share > 0)
        found = rows.copy()
        found[touched] = normalise(rows[touched] + share[touched, None] * (rows[touched] @ self.matrix.T))
        return found.reshape(array.shape)


@dataclass(frozen=True, slots=True, eq=False)
class PersonalizationMap:
    """A shift of the words of one pack, as it is kept.

    Attributes:
        pack: fingerprint of the pack it was fitted for.
        shift: what it does.
        confirmations: how many confirmations it was fitted on.
        report: figures of the day it was made, as JSON text.
    """

    pack: str
    shift: Shift
    confirmations: int = 0
    report: str = "{}"

    @property
    def dim(self) -> int:
        """Return D."""
        return len(self.shift.matrix)


def linear_map(words: FloatArray, moves: FloatArray, keep: FloatArray, give: float) -> FloatArray:
    """Return A, float32 (D, D), that moves words by their moves and disturbs what is kept as little as can be.

    Of all maps with A q = move the one with the least mean |A t|^2 over what is kept; softened, so that two words that
    nearly mean the same and want different things do not tear it apart.

    Args:
        words: unit vectors (J, D) of words that shall move.
        moves: wanted differences (J, D).
        keep: unit vectors (K, D) of words and texts that shall stay; those near to a word that moves are left out.
        give: softness, > 0, relative to the mean disturbance of one word.
    """
    dim = words.shape[1]
    if not len(words):
        return np.zeros((dim, dim), np.float32)
    if len(keep):
        keep = keep[(keep @ words.T).max(axis=1) < _NEAR]
    t = keep.astype(np.float32)
    gram = (t.T @ t).astype(np.float64) / max(1, len(t)) + _RIDGE / dim * np.eye(dim)
    q = words.astype(np.float64)
    spread = np.linalg.solve(gram, q.T)
    coupling = q @ spread
    soft = coupling + give * coupling.trace() / len(q) * np.eye(len(q))
    return np.asarray(moves.astype(np.float64).T @ np.linalg.solve(soft, spread.T), np.float32)


def stretch(matrix: FloatArray) -> float:
    """Return the largest factor by which A lengthens a vector (its spectral norm)."""
    return float(np.linalg.norm(matrix.astype(np.float64), 2))


def as_text(fitted: PersonalizationMap) -> str:
    """Return a map as text: JSON with map and words in half precision, base64."""
    rows = np.concatenate([fitted.shift.matrix, fitted.shift.keys])
    data = rows.astype("<f2").tobytes()
    return json.dumps({
        "format": _FORMAT, "pack": fitted.pack, "dim": fitted.dim, "words": len(fitted.shift.keys),
        "check": binascii.crc32(data), "confirmations": fitted.confirmations, "report": fitted.report,
        "rows": base64.b64encode(data).decode("ascii"),
    })  # fmt: skip


def from_text(text: str) -> PersonalizationMap:
    """Read what ``as_text`` wrote.

    Raises:
        ValueError: it is damaged; the message says how.
    """
    try:
        root = json.loads(text)
        pack, report = root["pack"], root["report"]
        numbers = [root[key] for key in ("format", "dim", "words", "check", "confirmations")]
        data = base64.b64decode(root["rows"], validate=True)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(Message("unknown content")) from error
    whole = all(isinstance(number, int) and not isinstance(number, bool) for number in numbers)
    if not (whole and isinstance(pack, str) and isinstance(report, str)):
        raise ValueError(Message("a value has the wrong type"))
    form, dim, words, check, confirmations = numbers
    if form != _FORMAT:
        raise ValueError(Message("unknown format {number}", number=form))
    count = dim + words
    if not (0 < dim <= _MOST and 0 <= words <= _MOST and len(data) == 2 * dim * count):
        raise ValueError(Message("wrong size"))
    if binascii.crc32(data) != check:
        raise ValueError(Message("wrong checksum"))
    rows = np.frombuffer(data, "<f2").reshape(count, dim).astype(np.float32)
    shift = Shift(rows[:dim], rows[dim:])
    if not shift.is_usable:
        raise ValueError(Message("invalid numbers"))
    rows.setflags(write=False)
    return PersonalizationMap(pack, shift, confirmations, report)
