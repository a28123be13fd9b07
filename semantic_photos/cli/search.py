# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands ``search`` and ``similar``, and the JSON of a result page."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from semantic_photos.cli import explain_and_feedback
from semantic_photos.cli.printing import left_out, print_json, shown
from semantic_photos.domain.errors import QueryError, UserFacingError
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.query import Query, ResultPage
from semantic_photos.services.library.library import Library

Opener = Callable[..., Library]


def page_as_dict(library: Library, text: str, page: ResultPage) -> dict[str, Any]:
    """Return a result page as the JSON of ``search`` and ``similar``."""
    ids = [PhotoId(i) for i in page.ids.tolist()]
    copies = [PhotoId(i) for behind in page.stacks.values() for i in behind]
    photos = library.photos([*ids, *copies])
    scores = page.scores.tolist() if page.scores is not None else [None] * len(ids)
    results = []
    for rank, (photo_id, score) in enumerate(zip(ids, scores, strict=True)):
        photo = photos.get(photo_id)
        if photo is not None:
            results.append(
                {
                    "path": shown(photo.path),
                    "score": None if score is None else round(score, 5),
                    "good": rank < page.strong,
                    "width": photo.facts.width,
                    "height": photo.facts.height,
                    "taken": photo.facts.taken or None,
                }
            )
    emptied = page.emptied_by
    return {
        "query": text,
        "results": results,
        "unknown_words": list(page.unknown_words),
        "by_name": list(page.by_name),
        "suggestions": {word: list(words) for word, words in page.suggestions.items()},
        "emptied_by": None if emptied is None else {"filter": emptied.term, "photos_without": emptied.without},
        "left_out": list(page.left_out),
        "nothing_shows": page.nothing_shows or None,
        "weak_words": list(page.weak_words),
        "problems": [
            {"start": p.start, "end": p.end, "message": p.message, "meant": list(p.meant)} for p in page.problems
        ],
        "stacks": [
            {
                "path": shown(photos[PhotoId(first)].path),
                "copies": [shown(photos[PhotoId(i)].path) for i in behind if i in photos],
            }
            for first, behind in page.stacks.items()
            if first in photos
        ],
        "searched": page.searched,
        "milliseconds": round(page.milliseconds, 3),
    }


def search(options: argparse.Namespace, open_library: Opener) -> int:
    """Answer one query, or one for each line of a file."""
    if (bool(options.words) + bool(options.queries) + bool(options.saved)) != 1:
        raise UserFacingError("Say what to search for, or give --queries FILE or --saved NAME.", code="usage",
                              advice="See --help.")  # fmt: skip
    with open_library(options, read_only=True) as library:
        if options.queries is not None:
            for text in _read_queries(options.queries):
                print_json(page_as_dict(library, text, _run(library, Query.parse(text), options)))
                sys.stdout.flush()
            return 0
        text, query = explain_and_feedback.asked(library, options)
        if query.is_empty:
            why = query.problems[0].advice if query.problems else "There is no word in this question."
            raise QueryError(why)
        _print_page(library, text, _run(library, query, options), options)
    return 0


def _run(library: Library, query: Query, options: argparse.Namespace) -> ResultPage:
    # Scripts get every photo as a result of its own, as ever, unless they ask for stacks.
    stacks = options.stacks if options.stacks is not None else not (options.json or options.queries)
    return library.search.run(query, limit=options.n, caution=options.caution, order=options.order, stacks=stacks)


def similar(options: argparse.Namespace, open_library: Opener) -> int:
    """Find photos like one."""
    with open_library(options, read_only=True) as library:
        query = explain_and_feedback.similar_query(library, options)
        _print_page(library, shown(options.photo), library.search.run(query, limit=options.n), options)
    return 0


def _read_queries(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                try:
                    text = json.loads(line)["query"]
                except (ValueError, KeyError, TypeError, RecursionError) as error:
                    raise UserFacingError(
                        f'Line {number} of {path} is not {{"query": "..."}}.', code="usage"
                    ) from error
                yield str(text)
    except (OSError, UnicodeDecodeError) as error:
        raise UserFacingError(f"{path} cannot be read: {error}.", code="usage") from error


def _print_page(library: Library, text: str, page: ResultPage, options: argparse.Namespace) -> None:
    answer = page_as_dict(library, text, page)
    if options.json:
        print_json(answer)
        return
    for problem in page.problems:
        print(left_out(text, problem), file=sys.stderr)
    for sentence in page.left_out:
        print(sentence, file=sys.stderr)
    for word in page.by_name:
        print(f"Looked for in file names, captions and tags: {word}", file=sys.stderr)
    for word in page.unknown_words:
        alike = ", ".join(page.suggestions.get(word, ()))
        print(f"Unknown word: {word}" + (f" (known: {alike})" if alike else ""), file=sys.stderr)
    for term, ways in page.suggestions.items():
        if term not in page.unknown_words:
            print(f"Nothing has {term}" + (f" (there is: {', '.join(ways)})" if ways else ""), file=sys.stderr)
    if page.emptied_by is not None:
        left = f"{page.emptied_by.without:,} photo{'' if page.emptied_by.without == 1 else 's'}"
        print(f"Nothing is left by {page.emptied_by.term}; without it there are {left}.", file=sys.stderr)
    for word in page.weak_words:
        print(f"The model pack hardly knows what “{word}” looks like.", file=sys.stderr)
    if page.nothing_shows:
        print(f"Nothing clearly shows “{page.nothing_shows}”. The nearest {len(answer['results'])}:", file=sys.stderr)
    behind = {row["path"]: len(row["copies"]) for row in answer["stacks"]}
    for result in answer["results"]:
        mark = " " if result["good"] else "·"
        copies = f"  (+{behind[result['path']]} like it)" if result["path"] in behind else ""
        print(f"{mark} {result['path']}{copies}")
    good = page.strong + page.copies
    print(
        f"{len(answer['results'])} of {page.searched:,} photos, {good} stand out, {page.milliseconds:.1f} ms",
        file=sys.stderr,
    )
