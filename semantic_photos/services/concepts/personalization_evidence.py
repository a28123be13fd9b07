# SPDX-License-Identifier: GPL-3.0-or-later
"""Evidence for personalization: tags, keywords, captions and votes as words, vectors and signs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np

from semantic_photos.domain.messages import CancelToken
from semantic_photos.domain.personalization import LEAST_OF_WORD, Confidences, Evidence
from semantic_photos.domain.personalization_map import Shift
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.ports import FloatArray, TextEncoder
from semantic_photos.domain.tags import KEPT, Standing, leaf
from semantic_photos.domain.vectors import usable_rows
from semantic_photos.ml.model_pack import ModelPack
from semantic_photos.services.concepts.custom_concepts import concept_names
from semantic_photos.services.concepts.personalized_words import personalized_tags
from semantic_photos.services.search.vocabulary import LEAST_CONFIDENCE
from semantic_photos.storage.catalog import Catalog
from semantic_photos.storage.relevance_feedback import VoteStore
from semantic_photos.storage.tags import TagStore

#: Words with the most confirmations are kept, and so many photos and captions, so that the fit takes seconds.
MOST_WORDS, MOST_PHOTOS, MOST_CAPTIONS = 300, 6000, 2000
#: Photos of the library that confirmed ones must stand before.
LIBRARY = 3000
#: A word in a caption says less than a tag: captions tell of more than they show.
BY_CAPTION = 0.5
_PLAIN = re.compile(r"[\w\s']+")
#: Anchors this near to a word that was spoken of are that word.
_ITSELF = 0.99


class _Said:
    """Collects the evidence on each photo and word; contradictory evidence is dropped."""

    def __init__(self) -> None:
        self.of: dict[tuple[str, bool], dict[int, float]] = {}

    def note(self, name: str, photo: int, sign: float, *, asked: bool = False) -> None:
        signs = self.of.setdefault((name, asked), {})
        old = signs.get(photo)
        if old is None or (abs(old) < abs(sign) and old * sign >= 0):
            signs[photo] = sign
        elif old * sign < 0:
            # A word of a caption gives way to a decision; two decisions cancel each other.
            signs[photo] = sign if abs(old) < abs(sign) else old if abs(sign) < abs(old) else 0.0


class EvidenceReader:
    """Reads evidence out of the catalog.

    Thread: any; blocking.

    Args:
        catalog: photos and vectors.
        store: tags and captions.
        votes: good matches and wrong ones.
        pack: whose vectors and words they are.
        words: its words, not corrected.
    """

    def __init__(
        self, catalog: Catalog, store: TagStore, votes: VoteStore, pack: ModelPack, words: TextEncoder
    ) -> None:  # fmt: skip
        self._catalog, self._store, self._votes = catalog, store, votes
        self._pack, self._words = pack, words

    def evidence(self, token: CancelToken | None = None) -> Evidence:
        """Return all evidence.

        Raises:
            CancelledError: when the token says so.
            CatalogError: the catalog cannot be read.
        """
        said = _Said()
        ids = self._catalog.vectors.searchable_ids(self._pack.fingerprint)
        searchable = set(ids.tolist())
        captions = self._captions(searchable, said)
        self._take_tags(said, token)
        self._take_votes(said)
        vectors = {key: self._words.encode(key[0]) for key in said.of}
        keys = [key for key, vector in vectors.items() if vector is not None and any(said.of[key].values())]
        keys = sorted(keys, key=lambda key: -sum(sign > 0 for sign in said.of[key].values()))[:MOST_WORDS]
        rng = np.random.default_rng(0)
        spoken = np.array(
            sorted({i for key in keys for i in said.of[key] if i in searchable} | set(captions)), np.int64
        )
        if len(spoken) > MOST_PHOTOS:
            spoken = np.sort(rng.choice(spoken, MOST_PHOTOS, replace=False))
        photos, photo_vectors = self._sound(spoken)
        row = {photo: number for number, photo in enumerate(photos)}
        matrix = np.zeros((len(row), len(keys)), np.float32)
        for column, key in enumerate(keys):
            for photo, sign in said.of[key].items():
                if photo in row:
                    matrix[row[photo], column] = sign
        if token is not None:
            token.raise_if_cancelled()
        texts = [(vector, row[photo]) for photo, text in captions.items()
                 if photo in row and (vector := self._words.encode(text)) is not None][:MOST_CAPTIONS]  # fmt: skip
        caption_vectors = np.stack([vector for vector, _ in texts]) if texts else self._none()
        words = np.stack([self._need(vectors[key]) for key in keys]) if keys else self._none()
        some = ids if len(ids) <= LIBRARY else rng.choice(ids, LIBRARY, replace=False)
        return Evidence(
            tuple(name for name, _ in keys), words, photo_vectors, matrix,
            np.array([asked for _, asked in keys], np.bool_), caption_vectors,
            np.array([owner for _, owner in texts], np.int64), self._sound(some)[1],
            anchors_of(self._pack, words),
            confidences_of(self._pack, [name for name, _ in keys]), LEAST_CONFIDENCE,
        )  # fmt: skip

    def _take_tags(self, said: _Said, token: CancelToken | None) -> None:
        # A custom concept means what its photos show already.
        trained = {leaf(name).casefold() for name in concept_names(self._catalog)}
        for count in self._store.counts():
            if token is not None:
                token.raise_if_cancelled()
            name = leaf(count.tag).casefold()
            decided = [standing for standing in (*KEPT, Standing.REJECTED) if count.photos.get(standing)]
            if not decided or name in trained or self._words.unknown_words(name):
                continue
            for photo, line in self._store.photos_with(count.tag, decided):
                said.note(name, int(photo), -1.0 if line.standing is Standing.REJECTED else 1.0)

    def _take_votes(self, said: _Said) -> None:
        for vote in self._votes.all():
            text = vote.query
            if _PLAIN.fullmatch(text) and " or " not in f" {text} " and not self._words.unknown_words(text):
                said.note(text, int(vote.photo_id), float(vote.vote), asked=True)

    def _captions(self, searchable: set[int], said: _Said) -> dict[int, str]:
        """Return the captions, and note words that stand in several of them."""
        remarks = self._store.remarks(sorted(searchable))
        captions = {int(photo): remark.caption for photo, remark in remarks.items() if remark.caption.strip()}
        by_word: dict[str, list[int]] = {}
        for photo, text in captions.items():
            for word in self._words.content_words(text):
                by_word.setdefault(word, []).append(photo)
        for word, photos in by_word.items():
            # A word that stands in every other caption is no evidence.
            if LEAST_OF_WORD <= len(photos) <= max(LEAST_OF_WORD, len(captions) // 2):
                for photo in photos:
                    said.note(word, photo, BY_CAPTION)
        return captions

    def _sound(self, ids: Iterable[int]) -> tuple[list[int], FloatArray]:
        """Return photos that have a usable vector, and these vectors."""
        found, vectors = self._catalog.vectors.get(self._pack.fingerprint, [PhotoId(int(i)) for i in ids])
        if not len(found):
            return [], self._none()
        sound = usable_rows(vectors)
        return found[sound].tolist(), vectors[sound]

    def _none(self) -> FloatArray:
        return np.zeros((0, self._pack.dim), np.float32)

    @staticmethod
    def _need(vector: FloatArray | None) -> FloatArray:
        assert vector is not None
        return vector


def anchors_of(pack: ModelPack, words: FloatArray) -> FloatArray:
    """Return unit vectors (K, D) of what shall stay: the pack's tags that are none of these words (J, D)."""
    anchors = pack.tag_matrix
    return anchors[(anchors @ words.T).max(axis=1) < _ITSELF] if len(words) else anchors


def confidences_of(pack: ModelPack, names: Sequence[str]) -> Confidences:
    """Return a function from photos (P, D) and a shift to the confidence of each name as an automatic tag (P, J)."""
    place = {stat.tag.casefold(): number for number, stat in enumerate(pack.tags)}
    columns = np.array([place.get(name.casefold(), -1) for name in names], np.int64)

    def confidences(vectors: FloatArray, shift: Shift) -> FloatArray:
        table = personalized_tags(pack, shift)
        found = np.full((len(vectors), len(columns)), np.nan, np.float32)
        if len(table.stats) and len(vectors):
            found[:, columns >= 0] = table.confidences(vectors)[:, columns[columns >= 0]]
        return found

    return confidences
