# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands for explanations, relevance feedback and similar photos with a focus."""

from __future__ import annotations

import argparse
import io
import os
from pathlib import Path
from typing import Any

from semantic_photos.cli.printing import SEE_HELP, shown
from semantic_photos.domain.errors import QueryError, UserFacingError
from semantic_photos.domain.example_focus import Region
from semantic_photos.domain.heat_map import render
from semantic_photos.domain.photo import PhotoId, is_photo_name
from semantic_photos.domain.query import Example, Query
from semantic_photos.domain.query_text import in_words
from semantic_photos.domain.relevance_feedback import query_title
from semantic_photos.domain.translatable import Message
from semantic_photos.media.sidecar import put_in_place
from semantic_photos.services.library.library import Library
from semantic_photos.translation import tr, translated, trn

#: Longer side of the picture that ``why --out`` writes.
PICTURE_SIDE = 1200


def example_of(library: Library, given: Path, weight: float = 1.0, region: Region | None = None) -> Example:
    """Return a file as an example: of the library if it is there."""
    path = Path(given).expanduser().absolute()
    photo = library.catalog.photos.by_path(path)
    return Example(photo.id, None, weight, region) if photo is not None else Example(None, path, weight, region)


def similar_query(library: Library, options: argparse.Namespace) -> Query:
    """Return the query of ``similar``."""
    query = Query(examples=(example_of(library, options.photo),)).with_region(options.region)
    return with_conditions(library, query, options)


def with_conditions(library: Library, query: Query, options: argparse.Namespace) -> Query:
    """Return a query with ``--focus``, ``--away``, ``--plus`` and ``--minus`` added.

    Raises:
        UserFacingError: what is named like a photo is not there.
    """
    for weight, phrases in ((1.0, options.focus), (-1.0, options.away)):
        for phrase in phrases:
            query = query.with_more_focus(phrase, weight)
    words = []
    for sign, things in ((1.0, options.plus), (-1.0, options.minus)):
        for thing in things:
            # A word is a word, also where a folder of that name lies about.
            if Path(thing).expanduser().is_file():
                query = query.with_example(example_of(library, Path(thing), sign))
            elif is_photo_name(Path(thing).name) and ":" not in thing:
                raise no_photo(Path(thing))
            else:
                words += [f"-{word}" if sign < 0 else word for word in thing.split()]
    if not words:
        return query
    # In parentheses, since what is added holds for all alternatives of what is there.
    return query.with_text(" ".join([f"({query.text})"] * bool(query.text) + words))


def no_photo(given: Path) -> UserFacingError:
    """Return the complaint about a photo that is neither in the library nor a file."""
    return UserFacingError(Message("There is no photo {path}.", path=shown(given)), code="photo.unknown")


def asked(library: Library, options: argparse.Namespace) -> tuple[str, Query]:
    """Return the query, as text and as a value: the words that were typed, or ``--saved NAME``.

    Raises:
        QueryError: there is no saved search of that name.
        UserFacingError: both are given.
    """
    if options.saved is None:
        text = " ".join(options.words)
        return text, Query.parse(text)
    if options.words:
        raise UserFacingError(Message("Enter a query or --saved NAME, not both."), code="usage", advice=SEE_HELP)
    query = library.catalog.searches.get(options.saved).query
    return said(library, query), query


def said(library: Library, query: Query) -> Message:
    """Return a query in words, its example photos by their names."""
    names: list[str] = []
    for example in query.examples:
        path = place_of(library, example)
        name = Message("a missing photo") if path is None else shown(Path(path.name))
        names.append(Message("part of {photo}", photo=name) if example.region is not None else name)
    return in_words(query, names)


def place_of(library: Library, example: Example) -> Path | None:
    """Return the file of an example photo, or None if it has left the library."""
    if example.photo_id is None:
        return example.path
    photo = library.photos([example.photo_id]).get(example.photo_id)
    return None if photo is None else photo.path


def explain(library: Library, options: argparse.Namespace) -> dict[str, Any]:
    """Return the answer of ``why`` as its JSON, and write the picture if one is wanted.

    Raises:
        UserFacingError: the photo cannot be read, nothing is asked, or the picture cannot be written.
    """
    text, query = asked(library, options)
    if options.like is not None:
        query = query.with_example(example_of(library, options.like))
    photo = example_of(library, options.photo)
    why = library.explainer.explain(photo, query)
    if options.out is not None:
        path = Path(options.photo).expanduser().absolute()
        _write_png(options.out.expanduser().absolute(), render(why.heat, library.preview(path, PICTURE_SIDE)))
    return {
        "query": text,
        "sentence": why.sentence(),
        "words": [
            {
                "word": one.word,
                "share": round(one.share, 4),
                "stands_out": round(one.stands_out, 3),
                "probability": None if one.probability is None else round(one.probability, 4),
            }
            for one in why.words
        ],
        "shared": [{"tag": one.tag, "confidence": round(one.confidence, 4)} for one in why.shared],
        "exact": list(why.exact),
        "hottest": [round(place, 4) for place in why.hottest],
        "heat": [[round(value, 3) for value in row] for row in why.heat.tolist()],
    }


def _write_png(target: Path, pixels: Any) -> None:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    # Whatever is there stays, since it may be a photo; also a link that leads nowhere.
    if os.path.lexists(target):
        raise UserFacingError(
            Message("{file} already exists and is not overwritten.", file=shown(target)), code="usage"
        )
    put_in_place(target, buffer.getvalue(), None)


def print_explanation(answer: dict[str, Any]) -> None:
    """Print the result of ``why`` as text."""
    print(translated(answer["sentence"]) or tr("Nothing in this photo stands out for this query."))
    x, y = answer["hottest"]
    if any(value > 0 for row in answer["heat"] for value in row):
        print(translated(_HOTTEST[_third(y)][_third(x)]))


#: Where a heat map is hottest, by thirds from top to bottom and from left to right.
_HOTTEST = (
    (Message("Mostly at the top left."), Message("Mostly at the top."), Message("Mostly at the top right.")),
    (Message("Mostly on the left."), Message("Mostly in the middle."), Message("Mostly on the right.")),
    (Message("Mostly at the bottom left."), Message("Mostly at the bottom."), Message("Mostly at the bottom right.")),
)


def _third(place: float) -> int:
    return 0 if place < 1 / 3 else 2 if place > 2 / 3 else 1


def vote(library: Library, options: argparse.Namespace) -> dict[str, Any]:
    """Run ``feedback`` and return the votes as its JSON.

    Raises:
        UserFacingError: nothing is asked, or a photo is not in the library.
    """
    feedback = library.search.feedback
    assert feedback is not None
    text, whole = asked(library, options)
    if options.words and not text.strip():
        # A script whose variable is empty must not take back the votes for every query.
        raise QueryError(Message("The query is empty."), code="usage", advice=Message("Omit it to mean all queries."))
    query = whole if text else None
    cast = [(1, options.up), (-1, options.down), (0, options.neither)]
    if any(photos for _, photos in cast):
        if query is None or query.is_empty:
            raise QueryError(Message("Enter a query."), code="usage", advice=SEE_HELP)
        # All of them first: a wrong name among them must not leave half of the votes.
        found = [(sign, [_known(library, photo) for photo in photos]) for sign, photos in cast if photos]
        for sign, ids in found:
            feedback.vote(query, ids, sign)
    elif not options.list and not options.clear:
        raise UserFacingError(Message("Use --up, --down, --list or --clear."), code="usage", advice=SEE_HELP)
    cleared = feedback.clear(query) if options.clear else 0
    votes = (
        [(one.query, one.photo_id, one.vote) for one in feedback.all_votes()]
        if query is None
        else [(text, photo_id, one) for photo_id, one in feedback.votes(query).items()]
    )
    photos = library.photos([photo_id for _, photo_id, _ in votes])
    return {
        "query": text or None,
        "votes": [
            {
                "query": asked,
                "path": shown(photos[photo_id].path),
                "vote": one,
            }
            for asked, photo_id, one in votes
            if photo_id in photos
        ],
        "cleared": cleared,
    }


def print_votes(answer: dict[str, Any]) -> None:
    """Print the result of ``feedback`` as text."""
    if answer["cleared"]:
        print(trn("{count:,} vote removed.", "{count:,} votes removed.", answer["cleared"]))
    for one in answer["votes"]:
        print(f"{'+' if one['vote'] > 0 else '−'}  {one['path']}  ({translated(query_title(one['query']))})")
    if not answer["votes"] and not answer["cleared"]:
        print(tr("No votes."))


def _known(library: Library, given: Path) -> PhotoId:
    photo = library.catalog.photos.by_path(given.expanduser().absolute())
    if photo is None:
        raise UserFacingError(Message("{path} is not in the library.", path=given), code="photo.unknown")
    return photo.id
