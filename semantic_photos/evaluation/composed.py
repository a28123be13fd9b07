# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions about parts of pictures, with known answers: two photos in one picture, and a word that only one shows."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from semantic_photos.domain.heat_map import Box
from semantic_photos.domain.photo import ImageRecipe
from semantic_photos.evaluation.photos import Shown
from semantic_photos.evaluation.pictures import PhotoImages
from semantic_photos.evaluation.questions import label_questions, word_questions
from semantic_photos.evaluation.wording import folded_words
from semantic_photos.media.preprocess import square
from semantic_photos.ml.word_forms import folded

Bools = NDArray[np.bool_]

#: Labels that many photos show without carrying them: whether the other photo shows one is not known.
UNCERTAIN = frozenset(
    {
        "person", "face", "interior", "room", "text", "document", "packages", "picture", "photo", "exterior",
        "portrait", "sketch", "cartoon", "day", "night", "product", "outdoor", "street fashion",
    }
)  # fmt: skip
#: Captions of these sources are of everyday scenes, five to a photo.
CAPTIONED = "flickr8k"
_SIDE = 160


@dataclasses.dataclass(frozen=True, slots=True)
class Word:
    """A word with the photos it may be asked about.

    Attributes:
        text: the word.
        shown: bool (N,), the photos that surely show it.
        candidates: bool (N,), the photos among which it is searched: those of which people said what they show.
        relevant: bool (N,), those that count as right.
        apart: bool (N,), those that surely do not show it, as far as their labels or captions tell.
    """

    text: str
    shown: Bools
    candidates: Bools
    relevant: Bools
    apart: Bools


@dataclasses.dataclass(frozen=True, slots=True)
class Pair:
    """Photo ``wanted`` shows the word, photo ``other`` does not; ``other_word`` is what the other one shows."""

    wanted: int
    other: int
    word: Word
    other_word: Word
    on_right: bool
    place: tuple[float, float]


def labels(photos: Sequence[Shown], known: set[str], least: int = 6) -> list[Word]:
    """Return labels of the word table as words."""
    asked = label_questions(photos, least)
    candidates = np.array([bool(photo.labels) for photo in photos])
    said = [frozenset().union(*(folded_words(label) for label in photo.labels)) for photo in photos]
    found = []
    for text, relevant in zip(asked.texts, asked.relevant, strict=True):
        if text in UNCERTAIN or text not in known:
            continue
        words = folded_words(text)
        apart = np.array([not words & one for one in said]) & candidates
        found.append(Word(text, relevant, candidates, relevant, apart))
    return found


def caption_words(photos: Sequence[Shown], known: set[str], least: int = 10, most: int = 250) -> list[Word]:
    """Return frequent words of captions; a photo surely shows one that three of its captions name."""
    rows = [i for i, photo in enumerate(photos) if photo.source == CAPTIONED]
    asked = word_questions([photos[i] for i in rows], words=1, least=least, most=most, limit=150)
    candidates = np.zeros(len(photos), dtype=np.bool_)
    candidates[rows] = True
    named = [Counter(word for caption in photo.captions for word in folded_words(caption)) for photo in photos]
    found = []
    for text in asked.texts:
        if text not in known:
            continue
        times = np.array([count[folded(text)] for count in named])
        found.append(
            Word(text, (times >= 3) & candidates, candidates, (times > 0) & candidates, (times == 0) & candidates)
        )
    return found


def pairs(words: Sequence[Word], count: int, seed: int) -> list[Pair]:
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

    def __init__(self, photos: Sequence[Shown], pictures: PhotoImages) -> None:
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


def large_square(picture: Image.Image, recipe: ImageRecipe) -> NDArray[np.uint8]:
    """Return a picture as the network wants it at twice its side, uint8 (2S, 2S, 3)."""
    return square(picture, dataclasses.replace(recipe, side=2 * recipe.side))
