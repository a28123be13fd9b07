# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands, each on the same ``Library`` as the window; their JSON is a stable contract for scripts."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from semantic_photos.cli import (
    custom_concepts,
    doctor,
    explain_and_feedback,
    indexing,
    personalization,
    saved_searches,
    search,
    tags,
    user_data,
)
from semantic_photos.cli.printing import SEE_HELP, print_json, shown
from semantic_photos.domain.errors import UserFacingError
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.query import Query
from semantic_photos.domain.translatable import Message, joined
from semantic_photos.paths import Paths
from semantic_photos.services.library.library import Library
from semantic_photos.translation import trn


def run(options: argparse.Namespace) -> int:
    """Run one command and return its exit code.

    Raises:
        UserFacingError: whatever went wrong, as a sentence.
    """
    return _RUN[options.command](options)


def paths_of(options: argparse.Namespace) -> Paths:
    """Return where the library lives that the options mean."""
    return Paths.under(options.home) if options.home is not None else Paths.for_user()


def open_library(options: argparse.Namespace, *, read_only: bool) -> Library:
    """Open the library that the options mean.

    Raises:
        UserFacingError: when it cannot be opened; for reading also when there is none yet.
    """
    paths = paths_of(options)
    if read_only and not paths.catalog.exists():
        raise UserFacingError(Message("There is no library here yet."), code="library.none",
                              advice=Message("Create one with: semantic-photos index FOLDER"))  # fmt: skip
    return Library.open(paths, pack_folder=options.pack, read_only=read_only)


# why and feedback


def _why(options: argparse.Namespace) -> int:
    with open_library(options, read_only=True) as library:
        answer = explain_and_feedback.explain(library, options)
    if options.json:
        print_json(answer)
    else:
        explain_and_feedback.print_explanation(answer)
    return 0


def _feedback(options: argparse.Namespace) -> int:
    reads = not (options.up or options.down or options.neither or options.clear)
    with open_library(options, read_only=reads) as library:
        answer = explain_and_feedback.vote(library, options)
    if options.json:
        print_json(answer)
    else:
        explain_and_feedback.print_votes(answer)
    return 0


# tags and words


def _tags(options: argparse.Namespace) -> int:
    tags.check(options)
    if tags.is_action(options):
        with open_library(options, read_only=options.dry_run or options.preview) as library:
            report = tags.act(library, options)
        print_json(report) if options.json else tags.print_report(report)
        return 1 if report.get("failed") else 0
    if bool(options.photos) == bool(options.all):
        raise UserFacingError(Message("Name photos, or use --all."), code="usage", advice=SEE_HELP)
    with open_library(options, read_only=True) as library:
        _need_pack(library)
        rows = _all_tags(library, options.n) if options.all else _tags_of(library, options.photos, options.n)
        if options.json:
            print_json({"photos": list(rows)})
            return 0
        for row in rows:
            names = ", ".join(f"{tag['tag']} {tag['confidence']:.2f}" for tag in row["tags"])
            print(f"{row['path']}: {names or '–'}")
    return 0


def _need_pack(library: Library) -> None:
    if library.pack is None:
        texts = [notice.text for notice in library.notices()]
        message = joined(texts, "; ") if texts else Message("There is no usable model pack.")
        raise UserFacingError(message, code="pack.none")


def _row(path: Path, tags: Any) -> dict[str, Any]:
    return {
        "path": shown(path),
        "tags": [{"tag": t.tag, "confidence": round(t.confidence, 4), "source": t.source} for t in tags],
    }


def _all_tags(library: Library, n: int) -> Iterator[dict[str, Any]]:
    ids = [PhotoId(i) for i in library.catalog.listing.browsed().tolist()]
    for start in range(0, len(ids), 2048):
        chunk = ids[start : start + 2048]
        photos, tags = library.photos(chunk), library.vocabulary.tags(chunk, n)
        for photo_id in chunk:
            if photo_id in photos:
                yield _row(photos[photo_id].path, tags.get(photo_id, ()))


def _tags_of(library: Library, paths: list[Path], n: int) -> Iterator[dict[str, Any]]:
    for given in paths:
        path = given.expanduser().absolute()
        photo = library.catalog.photos.by_path(path)
        tags = library.vocabulary.tags([photo.id], n).get(photo.id) if photo is not None else None
        if tags is None:
            vector = library.search.vector(Query.similar_to_file(path))
            assert vector is not None
            tags = library.vocabulary.tags_of_vector(vector, n)
        yield _row(given, tags)


def _words(options: argparse.Namespace) -> int:
    word = " ".join(options.word)
    with open_library(options, read_only=True) as library:
        near = library.vocabulary.neighbours(word, options.n)
    if options.json:
        rows = [{"word": n.word, "score": round(n.score, 5), "photos": n.photos} for n in near]
        print_json({"word": word, "neighbours": rows})
        return 0
    for neighbour in near:
        photos = trn("{count:,} photo", "{count:,} photos", neighbour.photos)
        print(f"{neighbour.word}  ({photos})")
    return 0


def _index(options: argparse.Namespace) -> int:
    with open_library(options, read_only=False) as library:
        report = indexing.index(library, options.folders, quiet=options.json)
        report["better_recognition"] = indexing.prepare_other_pack(library, quiet=options.json)
    if options.json:
        print_json(report)
    else:
        indexing.print_report(report)
    return 0


def _doctor(options: argparse.Namespace) -> int:
    report = doctor.examine(paths_of(options), pack_folder=options.pack, repair=options.repair)
    if options.json:
        print_json(report)
    else:
        doctor.print_report(report)
    return 0 if report["ok"] else 1


def _train(options: argparse.Namespace) -> int:
    custom_concepts.check(options)
    report = custom_concepts.train(options, open_library)
    print_json(report) if options.json else custom_concepts.print_report(report)
    return 0


def _export(options: argparse.Namespace) -> int:
    with open_library(options, read_only=True) as library:
        report = user_data.export(library, options)
    print_json(report) if options.json else user_data.print_export(report)
    return 0


def _import(options: argparse.Namespace) -> int:
    with open_library(options, read_only=False) as library:
        report = user_data.take(library, options)
    print_json(report) if options.json else user_data.print_import(report)
    return 0


def _personalize(options: argparse.Namespace) -> int:
    personalization.check(options)
    return personalization.personalize(options, open_library)


_RUN: dict[str, Callable[[argparse.Namespace], int]] = {
    "index": _index,
    "search": lambda options: search.search(options, open_library),
    "similar": lambda options: search.similar(options, open_library),
    "searches": lambda options: saved_searches.searches(options, open_library),
    "why": _why,
    "feedback": _feedback,
    "tags": _tags,
    "words": _words,
    "teach": _train,
    "adapt": _personalize,
    "export": _export,
    "import": _import,
    "doctor": _doctor,
}
