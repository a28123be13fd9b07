# SPDX-License-Identifier: GPL-3.0-or-later
"""Command: ``python -m semantic_photos.evaluation.steering --images ZIP... --index photos.jsonl --pack DIR [--json]``.

How well pictures explain and steer: heat maps (the pointing game: Zhang et al. 2016, "Top-down Neural Attention by
Excitation Backprop"), focused similarity, regions, photos mixed with words, and thumbs up and down. Everything runs
on the code of the program, on the split ``val``, with a 95 % range by resampling of the questions.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semantic_photos.domain import result_cutoff
from semantic_photos.domain.errors import SemanticPhotosError
from semantic_photos.domain.example_focus import clamped, focused_vector, mixed, position_weights
from semantic_photos.domain.heat_map import Box, hottest, standard_scores
from semantic_photos.domain.photo import PhotoFacts
from semantic_photos.domain.vectors import normalise, weighted_sum
from semantic_photos.evaluation.composed import Compositions, Pair, Word, caption_words, labels, large_square, pairs
from semantic_photos.evaluation.figure import ratio
from semantic_photos.evaluation.metrics import precision_at
from semantic_photos.evaluation.photos import Shown, read_photos
from semantic_photos.evaluation.pictures import PhotoImages
from semantic_photos.evaluation.vectors import vectors_of
from semantic_photos.evaluation.voting import voting_figures
from semantic_photos.ml.image_encoder import OnnxImageEncoder
from semantic_photos.ml.model_pack import load_pack
from semantic_photos.ml.text_encoder import WordTableEncoder
from semantic_photos.services.search.dense_features import FeatureGrid, cut, feature_grid

Floats = NDArray[np.float32]
Figures = dict[str, dict[str, float]]
#: Below so many right answers a question says nothing about precision at 10.
_LEAST_ANSWERS = 5


class Bench:
    """A pack, the vectors of the val photos, and ordinary photos as background."""

    def __init__(self, pack_folder: Path, photos: Sequence[Shown], pictures: PhotoImages, cache: Path | None) -> None:
        pack = load_pack(pack_folder)
        self.photos, self.pictures = photos, Compositions(photos, pictures)
        self.encoder, self.words = OnnxImageEncoder(pack, min(4, os.cpu_count() or 1)), WordTableEncoder(pack)
        self.vectors = vectors_of(photos, pictures, self.encoder, cache)
        self.background = pack.background if pack.background is not None else self.vectors[::4]

    def word(self, text: str) -> Floats:
        """Return the unit vector of a word of the table."""
        vector = self.words.encode(text)
        assert vector is not None
        return vector

    def known(self, texts: Sequence[str]) -> set[str]:
        """Return those texts that the word table knows."""
        return {text for text in texts if self.words.encode(text) is not None}

    def look(self, pair: Pair, *, inset: bool) -> tuple[FeatureGrid, NDArray[np.uint8], Box]:
        """Return positions, the large square, and where the wanted photo is."""
        picture, box = self.pictures.inset(pair) if inset else self.pictures.side_by_side(pair)
        large = large_square(picture, self.encoder.recipe)
        return feature_grid(self.encoder, large, PhotoFacts(*picture.size)), large, box

    def precision(self, vector: Floats, word: Word, without: Sequence[int], k: int = 10) -> float:
        """Return the share of right answers among the first ``k``; NaN when there are too few to ask for."""
        return self.precision_of(self.vectors @ vector, word, without, k)

    def precision_of(self, scores: Floats, word: Word, without: Sequence[int], k: int) -> float:
        """Return the same for scores (N,) that are there already."""
        keep = word.candidates.copy()
        keep[list(without)] = False
        relevant = (word.relevant & keep)[None]
        if relevant.sum() < _LEAST_ANSWERS:
            return float("nan")
        kept = np.where(keep, scores, -np.inf)[None].astype(np.float32)
        return float(precision_at(kept, relevant, k)[0])


def summary(values: Sequence[float]) -> dict[str, float]:
    """Return count, mean and 95 % range of the mean; values that are no numbers are left out."""
    clean = np.array([value for value in values if np.isfinite(value)], np.float32)
    if not len(clean):
        return {"count": 0.0}
    mean = ratio(clean)
    low, high = (mean.value if end is None else end for end in (mean.low, mean.high))
    return {"count": float(len(clean)), "mean": mean.value, "low": low, "high": high}


def _inside(point: tuple[float, float], box: Box) -> float:
    return float(box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3])


def _heat(bench: Bench, seen: FeatureGrid, word: str) -> Floats:
    direction = bench.word(word)
    return standard_scores(seen.map_of(direction), *result_cutoff.background(bench.background @ direction))


def focused(bench: Bench, seen: FeatureGrid, focuses: Sequence[tuple[float, str]]) -> Floats:
    """Return the vector of a picture judged by its parts in focus, as the program makes it."""
    directions = [(weight, bench.word(text)) for weight, text in focuses]
    backgrounds = [result_cutoff.background(bench.background @ vector) for _, vector in directions]
    scores = np.stack(
        [standard_scores(seen.flat @ vector, *back) for (_, vector), back in zip(directions, backgrounds, strict=True)]
    )
    weights = position_weights(scores, [weight for weight, _ in directions])
    return focused_vector(bench.encoder.project((weights @ seen.features)[None])[0], directions)


def composed_figures(bench: Bench, asked: Sequence[Pair], kind: str, seed: int) -> Figures:
    """Return pointing game, focus and region figures of pairs of one kind of word."""
    rng = np.random.default_rng(seed)
    rows: dict[str, list[float]] = {}

    def note(name: str, value: float) -> None:
        rows.setdefault(f"{name}, {kind}", []).append(value)

    for pair in asked:
        own = (pair.wanted, pair.other)
        seen, _, box = bench.look(pair, inset=False)
        note("pointing: right half", _inside(hottest(_heat(bench, seen, pair.word.text)), box))
        plain = bench.precision(seen.whole, pair.word, own)
        note("focus: similar without focus", plain)
        near = bench.precision(focused(bench, seen, [(1.0, pair.word.text)]), pair.word, own)
        note("focus: similar with focus", near)
        note("focus: gain", near - plain)
        note("focus: the word alone", bench.precision(bench.word(pair.word.text), pair.word, own))
        away = focused(bench, seen, [(-1.0, pair.other_word.text)])
        note("away: what is left, without", plain)
        note("away: what is left, with", bench.precision(away, pair.word, own))
        note("away: what is pressed away, without", bench.precision(seen.whole, pair.other_word, own))
        note("away: what is pressed away, with", bench.precision(away, pair.other_word, own))
        seen, large, box = bench.look(pair, inset=True)
        note("pointing: inset of a quarter", _inside(hottest(_heat(bench, seen, pair.word.text)), box))
        h, w = seen.vectors[0].shape[:2]
        coarse = (seen.flat[: h * w] @ bench.word(pair.word.text)).reshape(h, w)
        note("pointing: inset of a quarter, at the network's own side", _inside(hottest(coarse), box))
        # As people drag: some way beside the edges.
        edges = np.clip(np.array(box) + rng.uniform(-0.08, 0.08, 4), 0.0, 1.0)
        region = clamped((edges[0], edges[1], edges[2] - edges[0], edges[3] - edges[1]))
        part = bench.encoder.encode(cut(large, region, bench.encoder.recipe, 2, 2)[None])[0]
        note("region: whole picture", bench.precision(seen.whole, pair.word, own))
        note("region: cut out", bench.precision(part, pair.word, own))
        note("region: positions pooled", bench.precision(_pooled(bench, seen, region), pair.word, own))
        note("region: the photo itself", bench.precision(bench.vectors[pair.wanted], pair.word, own))
    return {name: summary(values) for name, values in rows.items()}


def _pooled(bench: Bench, seen: FeatureGrid, region: Box) -> Floats:
    """Return the alternative to cutting out: activations of the positions whose middle lies in the region."""
    middles = []
    for box, vectors in zip(((0.0, 0.0, 1.0, 1.0), *seen.tiles), (seen.vectors[0], *seen.vectors), strict=True):
        h, w = vectors.shape[:2]
        y, x = np.meshgrid((np.arange(h) + 0.5) / h, (np.arange(w) + 0.5) / w, indexing="ij")
        middles.append(np.stack([box[0] + x * (box[2] - box[0]), box[1] + y * (box[3] - box[1])], -1).reshape(-1, 2))
    places = np.concatenate(middles)
    first = len(middles[0])  # the coarse positions reach far beyond the region
    x, y = places[:, 0], places[:, 1]
    inside = (x >= region[0]) & (x <= region[0] + region[2]) & (y >= region[1]) & (y <= region[1] + region[3])
    inside[:first] = False
    return bench.encoder.project(seen.features[inside].mean(axis=0)[None])[0] if inside.any() else seen.whole


def mixed_figures(bench: Bench, words: Sequence[Word], count: int, seed: int) -> Figures:
    """Return how often results show both what a photo shows and a word that it does not show, and the like of minus."""
    rng = np.random.default_rng(seed)
    rows: dict[str, list[float]] = {}
    order = [(one, two) for one in words for two in words if one is not two]
    for place in rng.permutation(len(order)):
        one, two = order[place]
        both = Word("", one.shown, one.candidates, one.relevant & two.relevant, one.apart)
        firsts = np.flatnonzero(one.shown & two.apart)
        if both.relevant.sum() <= _LEAST_ANSWERS or not len(firsts):
            continue
        number = int(rng.choice(firsts))
        photo, word = [(1.0, bench.vectors[number])], [(1.0, bench.word(two.text))]
        ways: dict[str, Floats | None] = {
            "photo alone": photo[0][1],
            "word alone": word[0][1],
            "plain sum": weighted_sum([*photo, *word]),
            "centred sum": weighted_sum([(1.0, normalise(photo[0][1] - bench.background.mean(axis=0))), *word]),
            "levelled sum": weighted_sum(mixed(word, photo, bench.background)),
        }
        for name, vector in ways.items():
            assert vector is not None
            rows.setdefault(f"mixed: both, {name}", []).append(bench.precision(vector, both, [number]))
        seconds = np.flatnonzero(one.shown & two.shown)
        rest = Word("", one.shown, one.candidates, one.relevant & two.apart, one.apart)
        if len(seconds) and rest.relevant.sum() > _LEAST_ANSWERS:
            number = int(rng.choice(seconds))
            photo = [(1.0, bench.vectors[number])]
            minus = weighted_sum(mixed([(-0.6, bench.word(two.text))], photo, bench.background))
            assert minus is not None
            for name, vector in (("without minus", photo[0][1]), ("with minus", minus)):
                rows.setdefault(f"minus: left and not pushed away, {name}", []).append(
                    bench.precision(vector, rest, [number])
                )
        if len(rows["mixed: both, photo alone"]) >= count:
            break
    return {name: summary(values) for name, values in rows.items()}


def figures(bench: Bench, count: int, seed: int = 0) -> Figures:
    """Return all figures; ``count`` pairs of each kind, twice as many mixed questions."""
    all_labels = [label for photo in bench.photos for label in photo.labels]
    all_words = [word for photo in bench.photos for text in photo.captions for word in text.lower().split()]
    by_label = labels(bench.photos, bench.known(list(dict.fromkeys(all_labels))))
    by_caption = caption_words(bench.photos, bench.known(list(dict.fromkeys(all_words))))
    found: Figures = {}
    for kind, words in (("labels", by_label), ("captions", by_caption)):
        if len(words) >= 2:
            found |= composed_figures(bench, pairs(words, count, seed), kind, seed)
            rows = voting_figures(bench.vectors, bench.background, [(one, bench.word(one.text)) for one in words], seed)
            found |= {f"{name}, {kind}": summary(values) for name, values in rows.items()}
    if len(by_caption) >= 2:
        found |= mixed_figures(bench, by_caption, 2 * count, seed)
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Measure one pack."""
    parser = argparse.ArgumentParser(prog="python -m semantic_photos.evaluation.steering", description=__doc__)
    parser.add_argument("--images", type=Path, nargs="+", required=True, help="zips or folders with them")
    parser.add_argument("--index", type=Path, required=True, help="photos.jsonl")
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=150, help="composed pictures of each kind (150)")
    parser.add_argument("--cache", type=Path, help="keep the photos' vectors in this .npz between runs")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    args = parser.parse_args(argv)
    try:
        photos = read_photos(args.index)
        with PhotoImages(args.images) as pictures:
            pictures.expect(photos)
            found = figures(Bench(args.pack, photos, pictures, args.cache), max(1, args.pairs))
    except SemanticPhotosError as error:
        print(error, file=sys.stderr)
        return 1
    if args.json:
        print(json.dumps({"pack": args.pack.name, "figures": found}, indent=1))
        return 0
    for name, values in found.items():
        told = f"{values['mean']:.3f}  [{values['low']:.3f}, {values['high']:.3f}]" if values["count"] else "-"
        print(f"{name:<82}{int(values['count']):>6}  {told}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
