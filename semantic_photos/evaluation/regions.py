# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluation of heat maps, focus and regions on pictures composed of two photos.

One photo shows a word and the other one does not, so the right place is known. Heat maps: the pointing game (Zhang and
others, "Top-down Neural Attention by Excitation Backprop", 2016). Decided, and no longer measured: a look at twice the
network's side, cutting a region out instead of pooling its positions (``services/search/dense_features``), and the
weights of words beside photos (``domain/example_focus``).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from semantic_photos.domain import result_cutoff
from semantic_photos.domain.example_focus import clamped, focused_vector, position_weights
from semantic_photos.domain.heat_map import Box, hottest, standard_scores
from semantic_photos.domain.photo import ImageRecipe, PhotoFacts
from semantic_photos.domain.ports import ImageEncoder
from semantic_photos.evaluation.bench import Bench
from semantic_photos.evaluation.figure import Figures, Floats, ratio
from semantic_photos.evaluation.metrics import precision_at
from semantic_photos.evaluation.photos import AnnotatedPhoto
from semantic_photos.evaluation.pictures import PhotoImages
from semantic_photos.evaluation.queries import SureWord, sure_caption_words, sure_labels
from semantic_photos.media.preprocess import square
from semantic_photos.services.search.dense_features import FeatureGrid, cut, feature_grid

_SIDE = 160
#: Below so many right answers a query says nothing about precision at 10.
_LEAST_ANSWERS = 5
#: People drag a region some way beside the edges, as a share of the picture.
_SLACK = 0.08


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Photo ``wanted`` shows the word, photo ``other`` does not; ``other_word`` is what the other one shows."""

    wanted: int
    other: int
    word: SureWord
    other_word: SureWord
    on_right: bool
    place: tuple[float, float]


def pairs(words: Sequence[SureWord], count: int, seed: int) -> list[Pair]:
    """Return random pairs of photos, each of which shows a word that the other one does not."""
    rng = np.random.default_rng(seed)
    found: list[Pair] = []
    for _ in range(50 * count):
        one, two = (words[i] for i in rng.choice(len(words), 2, replace=False))
        firsts, seconds = np.flatnonzero(one.shown & two.apart), np.flatnonzero(two.shown & one.apart)
        if not len(firsts) or not len(seconds):
            continue
        place = (float(rng.random()) / 2, float(rng.random()) / 2)
        found.append(Pair(int(rng.choice(firsts)), int(rng.choice(seconds)), one, two, bool(rng.random() < 0.5), place))
        if len(found) == count:
            break
    return found


class Compositions:
    """Lays two photos of an index into one picture."""

    def __init__(self, photos: Sequence[AnnotatedPhoto], pictures: PhotoImages) -> None:
        self._photos, self._pictures = photos, pictures

    def photo(self, number: int, side: int = _SIDE) -> Image.Image:
        """Return a photo as a square RGB picture.

        Raises:
            PhotoError: it cannot be read.
        """
        decoded = self._pictures.decoded(self._photos[number].file, preview=2 * side)
        assert decoded.preview is not None
        return Image.fromarray(decoded.preview).resize((side, side), Image.Resampling.BICUBIC)

    def side_by_side(self, pair: Pair) -> tuple[Image.Image, Box]:
        """Return both photos beside each other, and where the wanted one is."""
        whole = Image.new("RGB", (2 * _SIDE, _SIDE))
        whole.paste(self.photo(pair.wanted), (_SIDE * pair.on_right, 0))
        whole.paste(self.photo(pair.other), (_SIDE * (not pair.on_right), 0))
        left = 0.5 * pair.on_right
        return whole, (left, 0.0, left + 0.5, 1.0)

    def inset(self, pair: Pair) -> tuple[Image.Image, Box]:
        """Return the wanted photo as a quarter of the area of the other one, at a random place, and where it is."""
        whole = self.photo(pair.other, 2 * _SIDE)
        x, y = (round(2 * _SIDE * start) for start in pair.place)
        whole.paste(self.photo(pair.wanted), (x, y))
        left, top = x / (2 * _SIDE), y / (2 * _SIDE)
        return whole, (left, top, left + 0.5, top + 0.5)


def region_figures(bench: Bench, encoder: ImageEncoder, pictures: PhotoImages, count: int, seed: int = 0) -> Figures:
    """Return the figures of heat maps, focus and regions, on ``count`` pairs by labels and as many by captions."""
    figures: Figures = {}
    by_label = sure_labels(bench.photos, bench.knows)
    by_caption = sure_caption_words(bench.photos, bench.knows)
    for kind, words in (("labels", by_label), ("captions", by_caption)):
        if len(words) >= 2:
            measured = _Composed(bench, encoder, Compositions(bench.photos, pictures), seed)
            rows = measured.rows(pairs(words, count, seed))
            for name, values in rows.items():
                group, figure = name.split(": ")
                clean = np.array([value for value in values if np.isfinite(value)])
                figures.setdefault(f"{group}, {kind}", {})[figure] = ratio(clean)
    return figures


class _Composed:
    def __init__(self, bench: Bench, encoder: ImageEncoder, compositions: Compositions, seed: int) -> None:
        self._bench, self._encoder, self._compositions = bench, encoder, compositions
        self._rng = np.random.default_rng(seed)

    def rows(self, asked: Sequence[Pair]) -> dict[str, list[float]]:
        """Return the values of each figure, one for each pair."""
        rows: dict[str, list[float]] = {}
        for pair in asked:
            for name, value in (*self._beside(pair), *self._within(pair)):
                rows.setdefault(name, []).append(value)
        return rows

    def _beside(self, pair: Pair) -> list[tuple[str, float]]:
        """Return pointing and focus with both photos beside each other."""
        seen, _, box = self._look(*self._compositions.side_by_side(pair))
        plain = self._precision(seen.whole, pair, pair.word)
        near = self._precision(self._focused(seen, 1.0, pair.word.text), pair, pair.word)
        away = self._focused(seen, -1.0, pair.other_word.text)
        return [
            ("pointing: right half", self._points(seen, pair.word.text, box)),
            ("focus: without", plain),
            ("focus: with", near),
            ("focus: gain", near - plain),
            ("focus: the word alone", self._precision(self._bench.word(pair.word.text), pair, pair.word)),
            ("away: what is left, with", self._precision(away, pair, pair.word)),
            ("away: what is excluded, without", self._precision(seen.whole, pair, pair.other_word)),
            ("away: what is excluded, with", self._precision(away, pair, pair.other_word)),
        ]

    def _within(self, pair: Pair) -> list[tuple[str, float]]:
        """Return pointing and region search with one photo as an inset of the other."""
        seen, large, box = self._look(*self._compositions.inset(pair))
        edges = np.clip(np.array(box) + self._rng.uniform(-_SLACK, _SLACK, 4), 0.0, 1.0)
        region = clamped((edges[0], edges[1], edges[2] - edges[0], edges[3] - edges[1]))
        part = self._encoder.encode(cut(large, region, self._encoder.recipe, 2, 2)[None])[0]
        return [
            ("pointing: inset of a quarter", self._points(seen, pair.word.text, box)),
            ("region: whole picture", self._precision(seen.whole, pair, pair.word)),
            ("region: cut out", self._precision(part, pair, pair.word)),
            ("region: the photo itself", self._precision(self._bench.vectors[pair.wanted], pair, pair.word)),
        ]

    def _look(self, picture: Image.Image, box: Box) -> tuple[FeatureGrid, NDArray[np.uint8], Box]:
        large = large_square(picture, self._encoder.recipe)
        return feature_grid(self._encoder, large, PhotoFacts(*picture.size)), large, box

    def _points(self, seen: FeatureGrid, word: str, box: Box) -> float:
        direction = self._bench.word(word)
        around = result_cutoff.background(self._bench.background @ direction)
        x, y = hottest(standard_scores(seen.map_of(direction), *around))
        return float(box[0] <= x <= box[2] and box[1] <= y <= box[3])

    def _focused(self, seen: FeatureGrid, weight: float, word: str) -> Floats:
        """Return the vector of a picture by its parts in focus, as the program makes it."""
        direction = self._bench.word(word)
        around = result_cutoff.background(self._bench.background @ direction)
        weights = position_weights(standard_scores(seen.flat @ direction, *around)[None], [weight])
        part = self._encoder.project((weights @ seen.features)[None])[0]
        return focused_vector(part, [(weight, direction)])

    def _precision(self, vector: Floats, pair: Pair, word: SureWord, k: int = 10) -> float:
        """Return the share of right photos among the first ``k``; NaN when there are too few to ask for."""
        keep = word.candidates.copy()
        keep[[pair.wanted, pair.other]] = False
        relevant = (word.relevant & keep)[None]
        if relevant.sum() < _LEAST_ANSWERS:
            return float("nan")
        kept = np.where(keep, self._bench.vectors @ vector, -np.inf)[None].astype(np.float32)
        return float(precision_at(kept, relevant, k)[0])


def large_square(picture: Image.Image, recipe: ImageRecipe) -> NDArray[np.uint8]:
    """Return a picture as the network wants it at twice its side, uint8 (2S, 2S, 3)."""
    return square(picture, dataclasses.replace(recipe, side=2 * recipe.side))
