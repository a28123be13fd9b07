# SPDX-License-Identifier: GPL-3.0-or-later
"""The command for personalization: status, fit, remove."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

from semantic_photos.cli.printing import SEE_HELP, print_json
from semantic_photos.domain.errors import UserFacingError
from semantic_photos.domain.personalization import Measured
from semantic_photos.domain.translatable import Message
from semantic_photos.services.concepts.personalization import ADVICE, Personalization
from semantic_photos.services.library.library import Library
from semantic_photos.translation import tr, translated, translated_stored


def personalize(options: argparse.Namespace, open_library: Callable[..., Library]) -> int:
    """Fit and apply, only fit, show, or remove; return the exit code.

    Raises:
        UserFacingError: when it cannot be done.
    """
    with open_library(options, read_only=options.show or options.dry_run) as library:
        report = _report(library.personalization, options)
    print_json(report) if options.json else _print(report)
    return 0


def _report(personalization: Personalization, options: argparse.Namespace) -> dict[str, Any]:
    if options.show:
        state = personalization.state()
        return {"active": state.active, "trouble": state.trouble, "confirmations": state.confirmations,
                "figures": _rows(state.figures), "moved": list(state.moved)}  # fmt: skip
    if options.undo:
        return {"undone": personalization.undo()}
    outcome = personalization.fit()
    if outcome.better and not options.dry_run:
        personalization.apply(outcome)
    return {"dry_run": options.dry_run, "better": outcome.better, "applied": outcome.better and not options.dry_run,
            "reason": outcome.reason, "confirmations": outcome.confirmations, "figures": _rows(outcome.figures),
            "moved": list(outcome.moved)}  # fmt: skip


def _rows(figures: Sequence[Measured]) -> list[dict[str, Any]]:
    return [
        {"name": one.name, "before": round(one.before, 4), "after": round(one.after, 4), "count": one.count}
        for one in figures
    ]


def _print(report: dict[str, Any]) -> None:
    if "undone" in report:
        print(tr("Personalization is off.") if report["undone"] else tr("There was no personalization."))
        return
    for row in report["figures"]:
        print(f"{row['before']:.3f} → {row['after']:.3f}  {translated_stored(row['name'])}  ({row['count']:,})")
    if report["moved"]:
        print(tr("Personalized words: {words}", words=", ".join(report["moved"])))
    if "active" in report:
        if report["trouble"]:
            print(translated(report["trouble"]), translated(ADVICE), file=sys.stderr)
        elif report["active"]:
            print(tr("Personalization is on, from {count:,} confirmations.", count=report["confirmations"]))
        else:
            print(tr("Personalization is off."))
    elif report["applied"]:
        text = tr("Applied, from {count:,} confirmations. Undo: adapt --undo", count=report["confirmations"])
        print(text)
    elif report["better"]:
        print(tr("It would be applied."))
    else:
        print(tr("Not applied. {reason}", reason=report["reason"]))


def check(options: argparse.Namespace) -> None:
    """Refuse options that contradict each other.

    Raises:
        UserFacingError: when they do.
    """
    if sum((options.show, options.undo, options.dry_run)) > 1:
        raise UserFacingError(Message("Use only one of --dry-run, --undo and --show."), code="usage", advice=SEE_HELP)
