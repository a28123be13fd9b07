# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the result cut-offs of words from a pack."""

from __future__ import annotations

import json
import math

from semantic_photos.domain.errors import PackError
from semantic_photos.domain.result_cutoff import Cutoff
from semantic_photos.domain.translatable import Message

FORMAT = 1
MOST_WORDS = 50_000
#: Offsets are logarithms of odds; beyond this nothing that a photo shows would matter.
_MOST_OFFSET = 30.0


def parse_cutoff(data: bytes, name: str) -> Cutoff:
    """Read the bytes of a cut-off: JSON as ``training.cutoff_fit`` writes it.

    Raises:
        PackError: the file is damaged, of another format, or its numbers make no sense.
    """
    try:
        root = json.loads(data.decode("utf-8"))
        if root["format"] != FORMAT:
            raise ValueError(f"it has the format {root['format']}")
        words = {str(word): float(offset) for word, offset in root["words"].items()}
        alone, each = (tuple(float(level) for level in root[key]) for key in ("alone", "each"))
        slope, offset, excluded = (float(root[key]) for key in ("slope", "offset", "excluded"))
        least_trust = float(root["least_trust"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise PackError(
            Message("{file} is not a cut-off: {reason}.", file=name, reason=str(error)[:120]), code="pack.cutoff"
        ) from error
    if len(words) > MOST_WORDS or not all(word and word == word.casefold() for word in words):
        raise PackError(
            Message("{file} lists too many words, or one that is not in lower case.", file=name), code="pack.cutoff"
        )
    # Written so that NaN fails.
    sound = all(abs(number) <= _MOST_OFFSET for number in (offset, *words.values())) and 0 < slope <= _MOST_OFFSET
    if not sound or not (0 < excluded < 1 and 0 <= least_trust <= 1):
        raise PackError(Message("{file} contains invalid numbers.", file=name), code="pack.cutoff")
    for levels in (alone, each):
        if len(levels) != 3 or not all(0 < level < 1 and math.isfinite(level) for level in levels):
            raise PackError(
                Message("{file} contains levels that are not probabilities.", file=name), code="pack.cutoff"
            )
        if list(levels) != sorted(levels):
            raise PackError(Message("{file} contains levels that do not rise.", file=name), code="pack.cutoff")
    return Cutoff(
        slope, offset, (alone[0], alone[1], alone[2]), (each[0], each[1], each[2]), excluded, words, least_trust
    )
