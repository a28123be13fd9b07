# SPDX-License-Identifier: GPL-3.0-or-later
"""Good matches of a query: applies each word's cut-off, independent of the other photos in the library."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from semantic_photos.domain import result_cutoff
from semantic_photos.domain.filters import Term
from semantic_photos.domain.ports import FloatArray, TextEncoder
from semantic_photos.domain.result_cutoff import Cutoff, WordCut
from semantic_photos.ml.word_forms import folded

MaskArray = NDArray[np.bool_]

#: Words whose cut-offs are remembered.
_REMEMBERED = 500


class GoodMatches:
    """Separates good matches from weak ones.

    Thread: any; blocking (catalog, for names of custom concepts; network for phrases).

    Args:
        text: the words, or None without a pack.
        cutoff: the pack's cut-off, or None: borders are relative to the best hits then.
        sample: gives unit vectors of ordinary photos (B, D), or None.
    """

    def __init__(
        self, text: TextEncoder | None, cutoff: Cutoff | None, sample: Callable[[], FloatArray | None]
    ) -> None:
        self._text, self._cutoff, self._sample = text, cutoff, sample
        self._known: dict[tuple[str, bytes], WordCut] = {}

    def cut(self, text: str) -> WordCut | None:
        """Return the cut-off of a word or phrase; None if nothing of it is known, or the pack has no cut-off."""
        sample = self._sample()
        if self._cutoff is None or self._text is None or sample is None:
            return None
        words = self._text.content_words(text)
        vector = self._text.encode(text) if words else None
        if vector is None:
            return None
        key = text, vector.tobytes()
        known = self._known.get(key)
        if known is None:
            trust = self._text.trust(text)
            known = WordCut.of(text, vector, sample, self._cutoff, self._listed(text, words), trust)
            if len(self._known) >= _REMEMBERED:
                self._known = {}
            self._known[key] = known
        return known

    def wanted(self, terms: Sequence[Term]) -> tuple[WordCut, ...]:
        """Return the cut-offs of the wanted words of a query, those of a listed phrase ("hot dog") as one."""
        return self._cuts([term.word for term in terms if term.weight > 0])

    def unwanted(self, terms: Sequence[Term]) -> tuple[WordCut, ...]:
        """Return the cut-offs of the minus words of a query."""
        return tuple(cut for term in terms if term.weight < 0 and (cut := self.cut(term.word)) is not None)

    def shows(self, cuts: Sequence[WordCut], vectors: FloatArray, caution: float) -> MaskArray:
        """Return which photos, unit vectors (N, D), clearly show each of some words, bool (N,)."""
        assert self._cutoff is not None
        level = self._cutoff.level(caution, len(cuts))
        found = np.ones(len(vectors), np.bool_)
        for cut in cuts:
            found &= cut.probabilities(vectors) >= level
        return found

    def excluded(self, cuts: Sequence[WordCut], vectors: FloatArray) -> MaskArray:
        """Return which photos, unit vectors (N, D), clearly show one of some minus words, bool (N,)."""
        found = np.zeros(len(vectors), np.bool_)
        for cut in cuts:
            assert self._cutoff is not None
            found |= cut.probabilities(vectors) >= self._cutoff.excluded
        return found

    def probability(self, text: str, vector: FloatArray) -> float | None:
        """Return how probably a photo, unit vector (D,), shows a word that was fitted on labelled photos, or None."""
        cut = self.cut(text)
        if cut is None or cut.weak or self._cutoff is None or self._text is None:
            return None
        listed = self._listed(text, self._text.content_words(text)) in self._cutoff.words
        return float(cut.probabilities(vector[None])[0]) if listed else None

    def border(self, text: str, vector: FloatArray, best: FloatArray, caution: float) -> float:
        """Return the cosine from which a photo is a good match of a word.

        Args:
            text: the word.
            vector: its unit vector (D,).
            best: the best scores in the library, float32 (K,), best first.
            caution: 0 to 1.
        """
        cut = self.cut(text)
        if cut is not None and self._cutoff is not None:
            return cut.border(self._cutoff.level(caution))
        sample = self._sample()
        return np.inf if sample is None else result_cutoff.border(best, sample @ vector, caution)

    def _listed(self, text: str, words: Sequence[str]) -> str:
        """Return a text as the cut-off lists it: as it was typed, else by the forms that the word table has."""
        assert self._cutoff is not None
        known = " ".join(words)
        forms = [text.casefold(), known]
        # "dogs" asks for the same as "dog", and photos are labelled by one of the two.
        forms += [" ".join(map(folded, form.split())) for form in forms]
        return next((form for form in forms if form in self._cutoff.words), known)

    def _cuts(self, words: Sequence[str]) -> tuple[WordCut, ...]:
        if self._cutoff is None or self._text is None:
            return ()
        # Names of custom concepts are the only ones with blanks in them.
        salient_words = {name for name in self._text.content_words(" ".join(words)) if " " in name}
        longest = max([self._cutoff.longest, *(1 + name.count(" ") for name in salient_words)])
        found: list[WordCut] = []
        at = 0
        while at < len(words):
            count = min(longest, len(words) - at)
            while count > 1:
                text = " ".join(words[at : at + count])
                if text in salient_words or self._listed(text, ()):
                    break
                count -= 1
            cut = self.cut(" ".join(words[at : at + count]))
            if cut is not None:
                found.append(cut)
            at += count
        return tuple(found)
