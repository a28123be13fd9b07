# SPDX-License-Identifier: GPL-3.0-or-later
"""Fits personalization to the user's confirmations, and accepts it only if held-out photos prove it.

Every figure is cross-fitted (Stone 1974, "Cross-validatory choice and assessment of statistical predictions"): photos
are split into folds, and each photo is measured with a map fitted without any of its confirmations, the choice of the
strength included. A map is applied only if words rank better than before beyond chance and no figure fell.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semantic_photos.domain.messages import CancelToken
from semantic_photos.domain.personalization_map import Shift, linear_map
from semantic_photos.domain.ports import FloatArray
from semantic_photos.domain.translatable import NO_MESSAGE, Message
from semantic_photos.domain.vectors import normalise

#: Fewest confirmations that give a measurable result.
LEAST_CONFIRMATIONS = 20
#: Confirmations below which a single word is left as it is.
LEAST_OF_WORD = 4
FOLDS, _INNER = 5, 4
STRENGTHS, GIVES = (0.25, 0.5, 1.0), (0.1, 1.0)
#: Photos of the library that strengths are tried on.
_TRIED = 1500
#: A word is trusted n / (n + this): few confirmations move it little.
_TRUST = 2.0
#: Weight of what was rejected against what was confirmed, as in ``feedback``.
_REJECTED = 0.3
#: Of the first 20 photos of unconfirmed words at least this share must stay.
LEAST_KEPT = 0.7
_ROUNDS = 1000
#: Scores that differ by less are the same.
_SAME = np.float32(1e-6)

Bools = NDArray[np.bool_]
#: Photos (P, D) and a shift → confidence of each word as an automatic tag (P, J), NaN for words that are none.
Confidences = Callable[[FloatArray, Shift], FloatArray]


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """The user's confirmations of photos.

    Attributes:
        names: of the words or queries (J).
        words: their unit vectors, float32 (J, D).
        photos: unit vectors of the photos that something was said of, float32 (P, D).
        said: float32 (P, J), > 0 shows it (0.5 when only a caption says so), < 0 does not, 0 unknown.
        asked: bool (J,), True for queries that were voted on, False for words.
        captions: unit vectors of captions, float32 (C, D).
        owners: int64 (C,), the photo of each caption.
        library: unit vectors of ordinary photos of the library, float32 (N, D).
        anchors: unit vectors of words without evidence, float32 (K, D).
        confidences: how automatic tags would come out; None where there are none.
        shown: confidence from which an automatic tag is shown.
    """

    names: tuple[str, ...]
    words: FloatArray
    photos: FloatArray
    said: FloatArray
    asked: Bools
    captions: FloatArray
    owners: NDArray[np.int64]
    library: FloatArray
    anchors: FloatArray
    confidences: Confidences | None = None
    shown: float = 0.5

    @property
    def confirmations(self) -> int:
        """Return how many confirmations there are: tags, words of captions and liked photos."""
        return int(np.count_nonzero(self.said > 0))


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure on held-out photos, before and after: between 0 and 1, higher is better; and its count."""

    name: str
    before: float
    after: float
    count: int


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """The result of fitting.

    Attributes:
        shift: fitted on everything; it moves nothing when nothing is to be moved.
        figures: held-out figures.
        gain: by how many halvings of its place a confirmed photo comes forward, mean over photos, with a 98 % range.
        moved: names of the words that are moved.
        confirmations: how many there were.
        better: whether it may be applied.
        reason: why not, as a sentence; empty if it may.
    """

    shift: Shift
    figures: tuple[Measured, ...]
    gain: tuple[float, float, float]
    moved: tuple[str, ...]
    confirmations: int
    better: bool
    reason: Message = NO_MESSAGE


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    shift: Shift
    wanting: Bools


def personalize(
    evidence: Evidence,
    *,
    seed: int = 0,
    token: CancelToken | None = None,
    progress: Callable[[float], None] = lambda _: None,
) -> Outcome:
    """Fit a personalization map and prove it on held-out confirmations.

    Args:
        evidence: finite unit vectors; rows that are not belong left out by the caller.
        seed: of the split into folds.
        token: to give up.
        progress: told the share that is done, 0 to 1.

    Raises:
        CancelledError: when the token says so.
    """
    dim = evidence.words.shape[1] if evidence.words.ndim == 2 else 0
    nothing = Shift.none(dim)
    count = evidence.confirmations
    photos = len(evidence.photos)
    if count < LEAST_CONFIRMATIONS or photos < 2 * FOLDS or not len(evidence.library):
        reason = Message(
            "Not enough confirmations: {count:,} are usable, {least:,} on at least {photos:,} photos are needed.",
            count=count, least=LEAST_CONFIRMATIONS, photos=2 * FOLDS,
        )  # fmt: skip
        return Outcome(nothing, (), (0.0, 0.0, 0.0), (), count, better=False, reason=reason)
    fold = np.random.default_rng(seed).permutation(photos) % FOLDS
    shifts = []
    for number in range(FOLDS):
        shifts.append(_fit(evidence, fold != number, seed + 1 + number, token).shift)
        progress((number + 1) / (FOLDS + 2))
    final = _fit(evidence, np.ones(photos, np.bool_), seed + 99, token)
    progress((FOLDS + 1) / (FOLDS + 2))
    figures, changes = _figures(evidence, shifts, fold)
    gain = _range(changes, seed)
    names = tuple(name for name, moves in zip(evidence.names, final.wanting, strict=True) if moves)
    reason = _verdict(final.shift, figures, gain, names)
    progress(1.0)
    return Outcome(final.shift, tuple(figures), gain, names, count, better=not reason, reason=reason)


def _verdict(
    shift: Shift, figures: list[Measured], gain: tuple[float, float, float], names: tuple[str, ...]
) -> Message:
    if not names:
        return Message("Your confirmations match the current results: nothing to improve.")
    if not shift.is_usable:
        return Message("The fitted personalization is too large to be safe.")
    # What stays can only fall; it has a border of its own.
    worse = next((one for one in figures if one.after < one.before and one.name != OTHERS), None)
    if worse is not None:
        values = {"name": worse.name, "before": worse.before, "after": worse.after}
        return Message("One figure would get worse: {name}, from {before:.3f} to {after:.3f}.", **values)
    kept = next((one for one in figures if one.name == OTHERS), None)
    if kept is not None and kept.after < LEAST_KEPT:
        return Message("Results of other words would change too much.")
    if not gain[1] > 0:
        return Message("No measurable improvement on held-out confirmations.")
    return NO_MESSAGE


# Fitting


def _moves(evidence: Evidence, rows: Bools) -> tuple[FloatArray, NDArray[np.int64]]:
    """Return where each word wants to go (J, D), at full strength, and by how many photos; from these photos only."""
    said, photos = evidence.said[rows], evidence.photos[rows]
    centre = evidence.library.mean(axis=0)
    weight = np.maximum(said, 0.0)
    total = weight.sum(axis=0)
    liked = (weight.T @ photos) / np.maximum(total, 1e-6)[:, None] - centre
    refused = np.maximum(-said, 0.0)
    against = refused.sum(axis=0)
    disliked = (refused.T @ photos) / np.maximum(against, 1e-6)[:, None] - centre
    target = normalise(liked - _REJECTED * np.where(against[:, None] > 0, disliked, 0.0))
    # Only across: along the word itself nothing but its length would change.
    across = target - (target * evidence.words).sum(axis=1, keepdims=True) * evidence.words
    trust = np.where(total > 0, total / (total + _TRUST), 0.0)
    return np.asarray(trust[:, None] * across, np.float32), np.count_nonzero(said > 0, axis=0)


def _misses(evidence: Evidence, words: FloatArray, rows: Bools) -> FloatArray:
    """Return, by photo and word (P, J), log2 of how many photos of the library rank before it; NaN without evidence.

    The logarithm: from place 8 to 4 is worth as much as from 800 to 400, and one odd photo cannot rule the rest.
    """
    found = np.full(evidence.said.shape, np.nan, np.float32)
    order = np.sort(words @ evidence.library[:_TRIED].T, axis=1)
    for word in np.flatnonzero((evidence.said[rows] > 0).any(axis=0)).tolist():
        mine = np.flatnonzero(rows & (evidence.said[:, word] > 0))
        scores = evidence.photos[mine] @ words[word]
        # The photo itself is among them, and rounds differently.
        before = order.shape[1] - np.searchsorted(order[word], scores + _SAME, side="right")
        found[mine, word] = np.log2(4.0 + before)
    return found


def _fit(evidence: Evidence, rows: Bools, seed: int, token: CancelToken | None) -> _Fit:
    """Return a map from these photos only; which words are moved, and how far, is chosen by folds among them."""
    inner = np.random.default_rng(seed).permutation(len(rows)) % _INNER
    moves = []
    gains = np.full(evidence.said.shape, np.nan, np.float32)
    before = _misses(evidence, evidence.words, rows)
    for number in range(_INNER):
        if token is not None:
            token.raise_if_cancelled()
        part, _ = _moves(evidence, rows & (inner != number))
        moves.append(part)
        held = rows & (inner == number)
        gains[held] = (before - _misses(evidence, normalise(evidence.words + part), held))[held]
    full, counts = _moves(evidence, rows)
    wanting = (counts >= LEAST_OF_WORD) & _sure(gains)
    nothing = Shift.none(evidence.words.shape[1])
    if not wanting.any():
        return _Fit(nothing, wanting)
    # Captions of other photos are no part of it: what is held out must not be kept in place either.
    keep = np.concatenate([evidence.anchors, evidence.words[~wanting], evidence.captions[rows[evidence.owners]]])
    texts = _caption_misses(evidence, nothing, rows)
    best, strength, give = 0.0, 0.0, GIVES[0]
    keys = evidence.words[wanting]
    for one in GIVES:
        shifts = [Shift(linear_map(keys, part[wanting], keep, one), keys) for part in moves]
        for much in STRENGTHS:
            if token is not None:
                token.raise_if_cancelled()
            total = 0.0
            for number, whole in enumerate(shifts):
                held, shift = rows & (inner == number), whole.scaled(much)
                after = _misses(evidence, shift.words(evidence.words), held)
                total += float(np.nansum((before - after)[held]))
                total += min(0.0, float(np.nansum(texts - _caption_misses(evidence, shift, held))))
            if total > best:
                best, strength, give = total, much, one
    if best <= 0.0:
        return _Fit(nothing, np.zeros_like(wanting))
    return _Fit(Shift(linear_map(keys, full[wanting], keep, give), keys).scaled(strength), wanting)


def _caption_misses(evidence: Evidence, shift: Shift, rows: Bools) -> FloatArray:
    """Return the same for each caption (C,) of these photos, NaN for the others."""
    found = np.full(len(evidence.captions), np.nan, np.float32)
    mine = np.flatnonzero(rows[evidence.owners])
    if len(mine):
        texts = shift.words(evidence.captions[mine])
        scores = (evidence.photos[evidence.owners[mine]] * texts).sum(axis=1)
        before = (evidence.library[:_TRIED] @ texts.T > scores + _SAME).sum(axis=0)
        found[mine] = np.log2(4.0 + before)
    return found


def _sure(gains: FloatArray) -> Bools:
    """Return for which words (J,) the mean gain is above two standard errors of it."""
    count = np.count_nonzero(np.isfinite(gains), axis=0)
    filled = np.nan_to_num(gains)
    mean = filled.sum(axis=0) / np.maximum(count, 1)
    spread = np.sqrt((np.where(np.isfinite(gains), gains - mean, 0.0) ** 2).sum(axis=0) / np.maximum(count - 1, 1))
    return np.asarray((count >= LEAST_OF_WORD) & (mean > 2.0 * spread / np.sqrt(np.maximum(count, 1))) & (mean > 0.1))


# Figures

WORDS, CAPTIONS = Message("precision at 10 of confirmed words"), Message("recall at 10 of captions")
TAG_PRECISION, TAG_RECALL = (
    Message("precision of automatic tags"),
    Message("confirmed tags that are found by themselves"),
)
VOTES, OTHERS = Message("liked before disliked"), Message("other words: first photos that stay")


def _figures(evidence: Evidence, shifts: list[Shift], fold: NDArray[np.int64]) -> tuple[list[Measured], FloatArray]:
    """Return the figures, and how each photo came forward under its words (P,), in halvings of its place."""
    photos, said = evidence.photos, evidence.said
    old = photos @ evidence.words.T
    new = np.empty_like(old)
    for number, shift in enumerate(shifts):
        new[fold == number] = photos[fold == number] @ shift.words(evidence.words).T
    told = (np.abs(said) > 0).any(axis=1)
    asked = [
        j for j in range(len(evidence.words)) if np.count_nonzero(said[told, j] > 0) >= 2 and not evidence.asked[j]
    ]
    shows = said > 0
    pairs = [(_judged(old[told, j], shows[told, j]), _judged(new[told, j], shows[told, j])) for j in asked]
    figures: list[Measured] = []
    if pairs:
        before, after = (float(np.mean([pair[k] for pair in pairs])) for k in (0, 1))
        figures.append(Measured(WORDS, before, after, len(pairs)))
    gains = np.full(said.shape, np.nan, np.float32)
    rows = np.ones(len(photos), np.bool_)
    plain = _misses(evidence, evidence.words, rows)
    for number, shift in enumerate(shifts):
        held = fold == number
        gains[held] = (plain - _misses(evidence, shift.words(evidence.words), held))[held]
    changes = np.nansum(gains, axis=1)[np.isfinite(gains).any(axis=1)]
    figures += _caption_figure(evidence, shifts, fold)
    figures += _tag_figures(evidence, shifts, fold)
    figures += _vote_figure(evidence, old, new)
    if len(evidence.anchors):
        kept = float(np.mean([_kept(evidence, shift) for shift in shifts]))
        figures.append(Measured(OTHERS, 1.0, kept, min(200, len(evidence.anchors))))
    return figures, changes


def _judged(scores: FloatArray, shows: Bools) -> float:
    """Return precision at 10, or at as many as there are, of one word."""
    first = min(10, int(shows.sum()))
    return float(shows[np.argsort(-scores, kind="stable")[:first]].mean())


def _caption_figure(evidence: Evidence, shifts: list[Shift], fold: NDArray[np.int64]) -> list[Measured]:
    if not len(evidence.captions):
        return []
    hits = np.zeros((2, len(evidence.captions)))
    own = evidence.photos[evidence.owners]
    place = fold[evidence.owners]
    everybody = np.concatenate([evidence.photos, evidence.library])
    for number, shift in enumerate(shifts):
        rows = np.flatnonzero(place == number)
        for k, texts in enumerate((evidence.captions[rows], shift.words(evidence.captions[rows]))):
            best = (own[rows] * texts).sum(axis=1)
            hits[k, rows] = (everybody @ texts.T > best + _SAME).sum(axis=0) < 10
    return [Measured(CAPTIONS, float(hits[0].mean()), float(hits[1].mean()), len(evidence.captions))]


def _tag_figures(evidence: Evidence, shifts: list[Shift], fold: NDArray[np.int64]) -> list[Measured]:
    if evidence.confidences is None:
        return []
    old = evidence.confidences(evidence.photos, Shift.none(evidence.words.shape[1]))
    new = np.full_like(old, np.nan)
    for number, shift in enumerate(shifts):
        new[fold == number] = evidence.confidences(evidence.photos[fold == number], shift)
    known = np.isfinite(old) & (evidence.said != 0)
    right = known & (evidence.said > 0)
    values = []
    for confidences in (old, new):
        shown = np.nan_to_num(confidences, nan=-1.0) >= evidence.shown
        values.append((int(np.count_nonzero(shown & right)), int(np.count_nonzero(shown & known))))
    found: list[Measured] = []
    if np.count_nonzero(right) >= 10:
        count = int(np.count_nonzero(right))
        found.append(Measured(TAG_RECALL, values[0][0] / count, values[1][0] / count, count))
    if np.count_nonzero(known & (evidence.said < 0)) and min(values[0][1], values[1][1]) >= 10:
        shares = [one[0] / one[1] for one in values]
        found.append(Measured(TAG_PRECISION, shares[0], shares[1], values[0][1]))
    return found


def _vote_figure(evidence: Evidence, old: FloatArray, new: FloatArray) -> list[Measured]:
    shares: list[tuple[float, float]] = []
    for word in np.flatnonzero(evidence.asked):
        up, down = evidence.said[:, word] > 0, evidence.said[:, word] < 0
        if up.any() and down.any():
            shares.append((float((old[up, word][:, None] > old[down, word]).mean()),
                           float((new[up, word][:, None] > new[down, word]).mean())))  # fmt: skip
    if not shares:
        return []
    before, after = np.mean(shares, axis=0)
    return [Measured(VOTES, float(before), float(after), len(shares))]


def _kept(evidence: Evidence, shift: Shift) -> float:
    """Return the share of their first 20 photos that words without evidence keep."""
    some = evidence.anchors[:: max(1, len(evidence.anchors) // 200)]
    first = min(20, len(evidence.library))
    before = np.argpartition(-(evidence.library @ some.T), first - 1, axis=0)[:first]
    after = np.argpartition(-(evidence.library @ shift.words(some).T), first - 1, axis=0)[:first]
    return float(np.mean([len(np.intersect1d(b, a)) / first for b, a in zip(before.T, after.T, strict=True)]))


def _range(changes: FloatArray, seed: int) -> tuple[float, float, float]:
    """Return mean, lower and upper end (98 %) by resampling photos (Efron 1979)."""
    if not len(changes):
        return 0.0, 0.0, 0.0
    rng = np.random.default_rng(seed)
    means = np.array([changes[rng.integers(0, len(changes), len(changes))].mean() for _ in range(_ROUNDS)])
    return float(changes.mean()), float(np.quantile(means, 0.01)), float(np.quantile(means, 0.99))
