# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``searches``: saved searches, with their words, example photos and focus."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from semantic_photos.cli import explain_and_feedback
from semantic_photos.cli.printing import print_json, shown
from semantic_photos.domain.errors import PhotoError, QueryError, UserFacingError
from semantic_photos.domain.example_focus import Region
from semantic_photos.domain.query import Example, Query
from semantic_photos.domain.query_text import MOST_EXAMPLES, MOST_FOCUSES
from semantic_photos.domain.translatable import Message
from semantic_photos.services.library.library import Library
from semantic_photos.storage.saved_searches import SavedSearch
from semantic_photos.translation import tr, translated, trn

_HOW = Message("Usage: searches save NAME QUERY, searches rename NAME NEW, searches remove NAME.")


def searches(options: argparse.Namespace, open_library: Callable[..., Library]) -> int:
    """List, save, rename or remove saved searches."""
    action, arguments = options.action, options.arguments
    check(options)
    with open_library(options, read_only=action == "list") as library:
        saved = library.catalog.searches
        if action == "save":
            query = query_from(library, options)
            saved.add(arguments[0], query)
            _tell_what_must_stay(query)
        elif action == "rename":
            saved.rename(saved.get(arguments[0]).id, arguments[1])
        elif action == "remove":
            saved.remove(saved.get(arguments[0]).id)
        rows = [(one, _count(library, one.query)) for one in saved.list()]
        if options.json:
            print_json({"searches": [_row(library, one, count) for one, count in rows]})
            return 0
        for one, count in rows:
            print(f"{one.name}: {translated(explain_and_feedback.said(library, one.query))}  ({_found(count)})")
    if not rows:
        print(tr("There are no saved searches."), file=sys.stderr)
    return 0


def check(options: argparse.Namespace) -> None:
    """Refuse what makes no sense together.

    Raises:
        UserFacingError: too few or too many words for what shall be done, or photos where nothing is saved.
    """
    action, count = options.action, len(options.arguments)
    conditions = any((options.photos, options.focus, options.away, options.plus, options.minus))
    asks = any((options.photos, options.plus, options.minus))
    least, most = {"list": (0, 0), "remove": (1, 1), "rename": (2, 2), "save": (1 if asks else 2, count)}[action]
    if not least <= count <= most:
        raise UserFacingError(Message("Wrong arguments for “{action}”.", action=action), code="usage", advice=_HOW)
    if conditions and action != "save":
        raise UserFacingError(Message("Photos and focus can only be used with “save”."), code="usage",
                              advice=_HOW)  # fmt: skip


def query_from(library: Library, options: argparse.Namespace) -> Query:
    """Return the query to save, after a test run: a query that fails now is not saved.

    Raises:
        QueryError: its words, its focus or a region make no sense, or there is too much of them.
        PhotoError: a photo of it cannot be read.
        UserFacingError: a region or a focus has no photo.
    """
    query = Query.parse(" ".join(options.arguments[1:]))
    _refuse_problems(query)
    for example in _examples(library, options.photos):
        query = query.with_example(example)
    query = explain_and_feedback.with_conditions(library, query, options)
    _refuse_problems(query)
    if query.focuses and not any(example.weight > 0 for example in query.examples):
        raise UserFacingError(Message("--focus and --away need a photo: name it with --photo."), code="usage")
    if len(query.examples) > MOST_EXAMPLES or len(query.focuses) > MOST_FOCUSES:
        raise QueryError(
            Message(
                "A search can have at most {photos} photos and {words} focus words.",
                photos=MOST_EXAMPLES,
                words=MOST_FOCUSES,
            )
        )
    if query.examples:
        _, troubles = library.search.examples.usable(query)
        for trouble in troubles:
            raise trouble
    return query


def _refuse_problems(query: Query) -> None:
    for problem in query.problems:
        if not problem.kept:
            raise QueryError(problem.advice)


def _examples(library: Library, said: Sequence[Path | Region]) -> list[Example]:
    """Return the photos that were named, each with the region behind it; one before them all is of the first."""
    photos: list[Path] = []
    regions: dict[int, Region] = {}
    for one in said:
        if isinstance(one, Path):
            photos.append(one)
            continue
        place = max(len(photos) - 1, 0)
        if place in regions:
            raise UserFacingError(Message("Each --photo can have only one --region."), code="usage")
        regions[place] = one
    if regions and not photos:
        raise UserFacingError(Message("--region needs a photo: name it with --photo."), code="usage")
    examples = [
        explain_and_feedback.example_of(library, photo, region=regions.get(n)) for n, photo in enumerate(photos)
    ]
    for photo, example in zip(photos, examples, strict=True):
        if example.path is not None and not os.path.lexists(example.path):
            raise explain_and_feedback.no_photo(photo)
    return examples


def _tell_what_must_stay(query: Query) -> None:
    elsewhere = [shown(example.path) for example in query.examples if example.path is not None]
    if elsewhere:
        text = trn(
            "Do not move {paths}: the file is not in the library.",
            "Do not move {paths}: the files are not in the library.",
            len(elsewhere),
            paths=", ".join(elsewhere),
        )
        print(text, file=sys.stderr)


def _row(library: Library, saved: SavedSearch, count: int | None) -> dict[str, Any]:
    query = saved.query
    return {
        "name": saved.name,
        "query": query.text,
        "photos": count,
        "examples": [_example(library, example) for example in query.examples],
        "focus": [{"word": focus.word, "weight": focus.weight} for focus in query.focuses],
    }


def _example(library: Library, example: Example) -> dict[str, Any]:
    path = explain_and_feedback.place_of(library, example)
    return {
        "path": None if path is None else shown(path),
        "in_library": example.photo_id is not None and path is not None,
        "weight": example.weight,
        "region": None if example.region is None else list(example.region),
    }


def _count(library: Library, query: Query) -> int | None:
    """Return how many photos a saved search finds, or None where all its example photos are gone."""
    try:
        return library.search.count(query)
    except (QueryError, PhotoError):
        return None


def _found(count: int | None) -> str:
    if count is None:
        return tr("no longer available")
    return trn("{count:,} photo", "{count:,} photos", count)
