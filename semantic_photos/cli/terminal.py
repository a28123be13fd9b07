# SPDX-License-Identifier: GPL-3.0-or-later
"""A search prompt in the terminal, for machines without a display."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from semantic_photos.cli import indexing
from semantic_photos.cli.printing import emptied, left_out, nothing_shows, shown, unknown_word
from semantic_photos.domain.errors import UserFacingError
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.query import Query
from semantic_photos.domain.translatable import Message
from semantic_photos.services.library.library import Library
from semantic_photos.translation import tr, translated

_HELP = Message(
    "Enter words (dog beach, cat -sofa), a number for photos similar to that one, or an empty line to quit."
)
_SHOWN = 10


def converse(library: Library, folders: Sequence[Path]) -> int:
    """Index ``folders``, then answer queries from stdin until an empty line or its end.

    Raises:
        UserFacingError: when a folder or the catalog cannot be used.
    """
    if folders or library.folders():
        report = indexing.index(library, folders or [folder.path for folder in library.folders()], quiet=False)
        indexing.print_report(report)
        # It may take hours; meanwhile the present pack answers.
        library.pack_change.start()
    else:
        print(tr("There are no photos yet. Start with a folder: semantic-photos FOLDER"))
        return 0
    print(translated(_HELP))
    last: list[PhotoId] = []
    while True:
        try:
            print("> ", end="", flush=True)
            line = sys.stdin.readline()
        except KeyboardInterrupt:
            print()
            return 0
        text = line.strip()
        if not text:
            return 0
        try:
            last = _answer(library, text, last)
        except UserFacingError as error:
            print(translated(error))


def _answer(library: Library, text: str, last: list[PhotoId]) -> list[PhotoId]:
    if text.isdigit() and 1 <= int(text) <= len(last):
        query = Query.similar_to(last[int(text) - 1])
    else:
        query = Query.parse(text)
    if query.is_empty:
        print(translated(_HELP))
        return last
    page = library.search.run(query, limit=_SHOWN)
    for problem in query.problems:
        print(left_out(text, problem))
    if page.emptied_by is not None:
        print(emptied(page.emptied_by))
    for word in page.unknown_words:
        print(unknown_word(word, page.suggestions.get(word, ())))
    ids = [PhotoId(i) for i in page.ids.tolist()]
    photos = library.photos(ids)
    if page.nothing_shows:
        print(nothing_shows(page.nothing_shows, len(ids)))
    for number, photo_id in enumerate(ids, start=1):
        if photo_id in photos:
            print(f"{number:3d}.  {shown(photos[photo_id].path)}")
    text = tr("of {searched:,} photos in {milliseconds:.1f} ms", searched=page.searched, milliseconds=page.milliseconds)
    print(f"     {text}")
    return ids
