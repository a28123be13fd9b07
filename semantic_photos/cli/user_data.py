# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that export and import user data."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from semantic_photos.cli.printing import SEE_HELP, shown
from semantic_photos.domain.errors import UserFacingError
from semantic_photos.domain.translatable import Message
from semantic_photos.services.library.library import Library
from semantic_photos.translation import trn


def export(library: Library, options: argparse.Namespace) -> dict[str, Any]:
    """Write all work to the file of the options; return a report for JSON.

    Raises:
        UserFacingError: when it cannot be written.
    """
    return {"photos": library.user_data.export(options.file), "file": shown(options.file)}


def take(library: Library, options: argparse.Namespace) -> dict[str, Any]:
    """Import the files that the options name; return a report for JSON.

    Raises:
        UserFacingError: when it cannot be read.
    """
    if sum((options.file is not None, options.digikam is not None, options.folders)) != 1:
        raise UserFacingError(Message("Name a file, or use --digikam DB or --folders."), code="usage", advice=SEE_HELP)
    if options.digikam is not None:
        report = library.user_data.import_digikam(options.digikam)
    elif options.folders:
        report = library.user_data.import_folders()
    else:
        report = library.user_data.import_file(options.file)
    return {
        "photos": report.photos,
        "not_found": report.not_found,
        "unknown": list(report.unknown),
        "bad": report.bad,
        "searches": report.searches,
        "changed": len(report.change.tags) + len(report.change.remarks),
    }


def print_export(report: dict[str, Any]) -> None:
    """Print what was written."""
    print(
        trn(
            "Exported the user data of {count:,} photo to {file}.",
            "Exported the user data of {count:,} photos to {file}.",
            report["photos"],
            file=report["file"],
        )
    )


def print_import(report: dict[str, Any]) -> None:
    """Print what was imported."""
    text = trn(
        "{count:,} photo found, {changed:,} changes of tags, ratings and captions, {searches:,} saved searches added.",
        "{count:,} photos found, {changed:,} changes of tags, ratings and captions, {searches:,} saved searches added.",
        report["photos"],
        changed=report["changed"],
        searches=report["searches"],
    )
    print(text)
    if report["bad"]:
        text = trn("{count:,} invalid entry ignored.", "{count:,} invalid entries ignored.", report["bad"])
        print(text, file=sys.stderr)
    if report["not_found"]:
        text = trn(
            "{count:,} photo is not in the library:",
            "{count:,} photos are not in the library, for example:",
            report["not_found"],
        )
        print(text, file=sys.stderr)
        for path in report["unknown"][:5]:
            print(f"  {path}", file=sys.stderr)
