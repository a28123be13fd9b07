# SPDX-License-Identifier: GPL-3.0-or-later
"""The number of photos that each word finds: counted in the background, kept until the library changes."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from semantic_photos.domain.errors import SemanticPhotosError

_log = logging.getLogger(__name__)

#: Words that are counted at one time, about 2 ms each with 10,000 photos.
_AT_ONCE = 64
#: Seconds for which a number is kept although photos came since: while a folder is indexed they come all the time.
_KEPT_S = 30.0
#: Words whose numbers are kept.
_MOST = 20_000


class WordCounts:
    """Numbers of photos, by word.

    Thread: any. Nothing waits for counting: what is not known yet is counted for the next time.

    Args:
        count: counts the photos that some words find; blocking (index).
        generation: which state of the index numbers belong to; quick.
        submit: runs work on a background thread.
        clock: seconds.
    """

    def __init__(
        self,
        count: Callable[[Sequence[str]], Sequence[int]],
        generation: Callable[[], int],
        submit: Callable[[Callable[[], None]], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._count, self._generation, self._submit, self._clock = count, generation, submit, clock
        self._lock = threading.Lock()
        self._known: dict[str, tuple[int, float, int]] = {}
        self._counting = False

    def known(self, words: Sequence[str]) -> dict[str, int]:
        """Return the numbers that are known of some words, and have the others counted.

        Raises:
            CatalogError: when the catalog cannot be read.
        """
        generation, now = self._generation(), self._clock()
        with self._lock:
            kept = {word: self._known[word] for word in words if word in self._known}
            missing = [
                word
                for word in words
                if word not in kept or (kept[word][0] != generation and now - kept[word][1] >= _KEPT_S)
            ]
            begin = bool(missing) and not self._counting
            if begin:
                self._counting = True
        if begin:
            self._submit(lambda: self._work(missing[:_AT_ONCE], generation))
        return {word: number for word, (_, _, number) in kept.items()}

    def _work(self, words: Sequence[str], generation: int) -> None:
        try:
            numbers = self._count(words)
        except SemanticPhotosError as error:
            _log.info("words could not be counted: %s", error)
            numbers = ()
        finally:
            with self._lock:
                self._counting = False
        now = self._clock()
        with self._lock:
            if len(self._known) > _MOST:
                self._known.clear()
            self._known |= {word: (generation, now, int(number)) for word, number in zip(words, numbers, strict=False)}
