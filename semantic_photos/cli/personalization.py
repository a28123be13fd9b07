# SPDX-License-Identifier: GPL-3.0-or-later
"""The program adapted to a user's confirmations, from the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

from semantic_photos.cli.printing import print_json
from semantic_photos.domain.errors import UserFacingError
from semantic_photos.domain.personalization import Measured
from semantic_photos.services.concepts.personalization import ADVICE, Personalization
from semantic_photos.services.library.library import Library


def personalize(options: argparse.Namespace, open_library: Callable[..., Library]) -> int:
    """Fit and apply, only fit, show, or take off; return the exit code.

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
        print("The correction is taken off." if report["undone"] else "There was no correction.")
        return
    for row in report["figures"]:
        print(f"{row['before']:.3f} → {row['after']:.3f}  {row['name']}  ({row['count']:,})")
    if report["moved"]:
        print(f"Words that mean something else to you: {', '.join(report['moved'])}")
    if "active" in report:
        if report["trouble"]:
            print(f"{report['trouble']} {ADVICE}", file=sys.stderr)
        elif report["active"]:
            print(f"A correction from {report['confirmations']:,} confirmations is in use.")
        else:
            print("No correction is in use.")
    elif report["applied"]:
        print(f"Applied; fitted on {report['confirmations']:,} confirmations. Take it off with: adapt --undo")
    elif report["better"]:
        print("It would be applied.")
    else:
        print(f"Not applied. {report['reason']}")


def check(options: argparse.Namespace) -> None:
    """Refuse options that contradict each other.

    Raises:
        UserFacingError: when they do.
    """
    if sum((options.show, options.undo, options.dry_run)) > 1:
        raise UserFacingError("Say one of --dry-run, --undo and --show.", code="usage", advice="See --help.")
