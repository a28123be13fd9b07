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
from semantic_photos.cli.printing import SEE_HELP, emptied, left_out, nothing_shows, print_json, shown, unknown_word
from semantic_photos.domain.errors import QueryError, UserFacingError
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.query import Query, ResultPage
from semantic_photos.domain.translatable import Message, either
from semantic_photos.services.library.library import Library
from semantic_photos.translation import tr, translated, trn

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
        raise UserFacingError(Message("Enter a query, --queries FILE or --saved NAME."), code="usage",
                              advice=SEE_HELP)  # fmt: skip
    with open_library(options, read_only=True) as library:
        if options.queries is not None:
            for text in _read_queries(options.queries):
                print_json(page_as_dict(library, text, _run(library, Query.parse(text), options)))
                sys.stdout.flush()
            return 0
        text, query = explain_and_feedback.asked(library, options)
        if query.is_empty:
            raise QueryError(query.problems[0].advice if query.problems else Message("The query contains no word."))
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
                    message = Message("{file}, line {number}: “query” expected.", file=path, number=number)
                    raise UserFacingError(message, code="usage") from error
                yield str(text)
    except (OSError, UnicodeDecodeError) as error:
        raise UserFacingError(
            Message("{name} cannot be read: {reason}.", name=path, reason=str(error)), code="usage"
        ) from error


def _print_page(library: Library, text: str, page: ResultPage, options: argparse.Namespace) -> None:
    answer = page_as_dict(library, text, page)
    if options.json:
        print_json(answer)
        return
    for problem in page.problems:
        print(left_out(text, problem), file=sys.stderr)
    for sentence in page.left_out:
        print(translated(sentence), file=sys.stderr)
    for word in page.by_name:
        print(tr("Searched in file names, captions and tags: {word}", word=word), file=sys.stderr)
    # A misspelled filter was told as a problem already.
    told = [text[problem.start : problem.end] for problem in page.problems if problem.kept]
    for word in page.unknown_words:
        if any(part in word for part in told):
            continue
        print(unknown_word(word, page.suggestions.get(word, ())), file=sys.stderr)
    for term, ways in page.suggestions.items():
        if term not in page.unknown_words:
            text = (
                tr("No photo has {filter} (did you mean {choices}?)", filter=term, choices=either(ways))
                if ways
                else tr("No photo has {filter}", filter=term)
            )
            print(text, file=sys.stderr)
    if page.emptied_by is not None:
        print(emptied(page.emptied_by), file=sys.stderr)
    for word in page.weak_words:
        print(tr("The model pack hardly knows what “{word}” looks like.", word=word), file=sys.stderr)
    if page.nothing_shows:
        print(nothing_shows(page.nothing_shows, len(answer["results"])), file=sys.stderr)
    behind = {row["path"]: len(row["copies"]) for row in answer["stacks"]}
    for result in answer["results"]:
        mark = " " if result["good"] else "·"
        count = behind.get(result["path"], 0)
        copies = "  " + trn("(+{count} near-duplicate)", "(+{count} near-duplicates)", count) if count else ""
        print(f"{mark} {result['path']}{copies}")
    good = page.strong + page.copies
    text = tr(
        "{shown:,} of {searched:,} photos, {good:,} good matches, {milliseconds:.1f} ms",
        shown=len(answer["results"]),
        searched=page.searched,
        good=good,
        milliseconds=page.milliseconds,
    )
    print(text, file=sys.stderr)
