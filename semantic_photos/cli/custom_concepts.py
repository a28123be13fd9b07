# SPDX-License-Identifier: GPL-3.0-or-later
"""The command for custom concepts: train, list photos to review, confirm, reject, remove."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from semantic_photos.cli import tags
from semantic_photos.cli.printing import SEE_HELP, shown
from semantic_photos.domain.errors import UserFacingError
from semantic_photos.domain.tags import Act
from semantic_photos.domain.translatable import Message
from semantic_photos.services.concepts.custom_concepts import TrainedConcept
from semantic_photos.services.library.library import Library
from semantic_photos.translation import tr, translated, trn


def check(options: argparse.Namespace) -> None:
    """Refuse options that contradict each other.

    Raises:
        UserFacingError: when ``--forget`` is combined with photos.
    """
    if options.forget and (options.photos or options.yes or options.no):
        raise UserFacingError(Message("--forget takes no photos."), code="usage", advice=SEE_HELP)


def train(options: argparse.Namespace, open_library: Callable[..., Library]) -> dict[str, Any]:
    """Train, confirm and reject, or remove a concept; return a report for JSON.

    Raises:
        UserFacingError: when it cannot be done.
    """
    reads = not (options.forget or options.photos or options.yes or options.no)
    with open_library(options, read_only=reads) as library:
        custom_concepts = library.custom_concepts
        if options.forget:
            gone = custom_concepts.take_back(options.name)
            return {"name": gone.name, "forgotten": True, "photos": len(gone.change.photo_ids)}
        # All paths first: a wrong one must not leave the decisions before it applied.
        given, yes, no = ([tags.photo_of(library, path) for path in paths]
                          for paths in (options.photos, options.yes, options.no))  # fmt: skip
        if set(yes) & set(no):
            raise UserFacingError(Message("A photo cannot be in both --yes and --no."), code="usage")
        if not given:
            # A name that is no concept must not become a tag by a confirmation.
            name = custom_concepts.known(options.name)
            library.tags.act(Act.CONFIRM, yes, name)
            library.tags.act(Act.REJECT, no, name)
            return _report(library, custom_concepts.again(name, n=options.n, ask=options.ask))
        trained = custom_concepts.train(options.name, given, n=options.n, ask=options.ask)
        if yes or no:
            library.tags.act(Act.CONFIRM, yes, trained.name)
            library.tags.act(Act.REJECT, no, trained.name)
            trained = custom_concepts.again(trained.name, n=options.n, ask=options.ask)
        return _report(library, trained)


def print_report(report: dict[str, Any]) -> None:
    """Print a report as text."""
    if report.get("forgotten"):
        text = trn(
            "{name}: removed, with its tag on {count:,} photo.",
            "{name}: removed, with its tag on {count:,} photos.",
            report["photos"],
            name=report["name"],
        )
        print(text)
        return
    held = report["held_out"]
    text = tr(
        "{name}: {examples:,} examples, {rejected:,} counterexamples.",
        name=report["name"],
        examples=report["examples"],
        rejected=report["rejected"],
    )
    print(text)
    print(translated(held["figures"]), translated(held["verdict"]))
    if report["ask"]:
        print()
        print(tr("Does this show “{name}”? Answer with --yes PHOTO… --no PHOTO…", name=report["name"]))
        for row in report["ask"]:
            print(f"{row['probability']:5.0%}   {row['path']}")
    print()
    print(tr("Most similar"))
    for row in report["likely"]:
        print(f"  {row['path']}")


def _report(library: Library, trained: TrainedConcept) -> dict[str, Any]:
    photos = library.photos([photo for photo, _ in (*trained.likely, *trained.photos_to_review)])
    held = trained.held_out

    def rows(pairs: tuple[tuple[Any, float], ...], value: str) -> list[dict[str, Any]]:
        return [{"path": shown(photos[i].path), value: round(number, 5)} for i, number in pairs if i in photos]

    return {
        "name": trained.name,
        "examples": trained.examples,
        "rejected": trained.rejected,
        "held_out": {
            "examples": held.examples, "first": held.first, "among": held.among,
            "before": held.before, "before_by": "word" if held.by_word else "similar", "after": held.after,
            "luck": round(held.luck, 4), "better": held.better, "figures": held.figures, "verdict": held.verdict,
        },
        "ask": rows(trained.photos_to_review, "probability"),
        "likely": rows(trained.likely, "score"),
    }  # fmt: skip
