# SPDX-License-Identifier: GPL-3.0-or-later
"""User data out of the library and into it, from the command line."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from semantic_photos.cli.printing import shown
from semantic_photos.domain.errors import UserFacingError
from semantic_photos.services.library.library import Library


def export(library: Library, options: argparse.Namespace) -> dict[str, Any]:
    """Write all work to the file of the options; return a report for JSON.

    Raises:
        UserFacingError: when it cannot be written.
    """
    return {"photos": library.user_data.export(options.file), "file": shown(options.file)}


def take(library: Library, options: argparse.Namespace) -> dict[str, Any]:
    """Take in what the options name; return a report for JSON.

    Raises:
        UserFacingError: when it cannot be read.
    """
    if sum((options.file is not None, options.digikam is not None, options.folders)) != 1:
        raise UserFacingError("Name a file, or say --digikam DB or --folders.", code="usage", advice="See --help.")
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
    print(f"The work on {report['photos']:,} photos is in {report['file']}.")


def print_import(report: dict[str, Any]) -> None:
    """Print what was taken in."""
    print(f"{report['photos']:,} photos found, {report['changed']:,} tags and remarks changed, "
          f"{report['searches']:,} saved searches added.")  # fmt: skip
    if report["bad"]:
        print(f"{report['bad']:,} entries made no sense and were left out.", file=sys.stderr)
    if report["not_found"]:
        count = report["not_found"]
        print(
            f"{count:,} {'photo is' if count == 1 else 'photos are'} not in the library, for example:", file=sys.stderr
        )
        for path in report["unknown"][:5]:
            print(f"  {path}", file=sys.stderr)
