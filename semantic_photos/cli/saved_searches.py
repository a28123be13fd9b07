# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``searches``: queries with a name, of words, example photos and what counts in them."""

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
from semantic_photos.services.library.library import Library
from semantic_photos.storage.saved_searches import SavedSearch

_HOW = "Say: searches save NAME QUERY, searches rename NAME NEW, searches remove NAME."


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
            print(f"{one.name}: {explain_and_feedback.said(library, one.query)}  ({_found(count)})")
    if not rows:
        print("No search is saved yet.", file=sys.stderr)
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
        raise UserFacingError(f"That is not how to {action}.", code="usage", advice=_HOW)
    if conditions and action != "save":
        raise UserFacingError(f"There is nothing to {action} by photos or focus: they go with save.", code="usage",
                              advice=_HOW)  # fmt: skip


def query_from(library: Library, options: argparse.Namespace) -> Query:
    """Return the query that shall be saved, which has been tried: what cannot be asked now is not kept.

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
        raise UserFacingError("--focus and --away say what counts in a photo: name it with --photo.", code="usage")
    if len(query.examples) > MOST_EXAMPLES or len(query.focuses) > MOST_FOCUSES:
        raise QueryError(f"A search holds at most {MOST_EXAMPLES} photos and {MOST_FOCUSES} words to look at.")
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
            raise UserFacingError("Each --photo can have one --region.", code="usage")
        regions[place] = one
    if regions and not photos:
        raise UserFacingError("--region is a part of a photo: name it with --photo.", code="usage")
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
        what = "it is" if len(elsewhere) == 1 else "they are"
        print(f"{', '.join(elsewhere)} must stay there, since {what} not in the library.", file=sys.stderr)


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
        return "cannot be asked any more"
    return f"{count:,} photo{'' if count == 1 else 's'}"
