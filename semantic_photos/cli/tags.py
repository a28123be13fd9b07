# SPDX-License-Identifier: GPL-3.0-or-later
"""The tag commands: add, remove, review, and write tags into photo files."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from semantic_photos.cli.printing import SEE_HELP, shown
from semantic_photos.domain.errors import UserFacingError
from semantic_photos.domain.photo import PhotoId
from semantic_photos.domain.tags import Act
from semantic_photos.domain.translatable import Message, either
from semantic_photos.services.library.library import Library
from semantic_photos.services.tags.tag_preview import about
from semantic_photos.services.tags.tag_words import PRECISE
from semantic_photos.translation import tr, translated, translated_stored, trn

#: Tags that a preview lists with their photos.
_COMMONEST = 20
#: The decisions of a review, and what each does.
DECISIONS = {"confirm": Act.CONFIRM, "reject": Act.REJECT, "add": Act.ADD, "remove": Act.REJECT}


def is_action(options: argparse.Namespace) -> bool:
    """Return whether something is to be done, rather than shown."""
    return bool(options.auto or options.remove_automatic or options.review or options.write)


def check(options: argparse.Namespace) -> None:
    """Refuse options that would be ignored: a photo named beside ``--remove-automatic`` is not all photos.

    Raises:
        UserFacingError: when they do not go together.
    """
    if options.preview and not options.auto:
        raise UserFacingError(
            Message("{option} can only be used with --auto.", option="--preview"), code="usage", advice=SEE_HELP
        )
    if not is_action(options):
        return
    if options.photos and not options.write:
        name = "--auto" if options.auto else "--review" if options.review else "--remove-automatic"
        message = Message("{option} takes no photos: it applies to the whole library.", option=name)
        raise UserFacingError(message, code="usage", advice=SEE_HELP)
    for option in ("embed", "adobe", "dry_run", "retry"):
        if getattr(options, option) and not options.write:
            name = f"--{option.replace('_', '-')}"
            message = Message("{option} can only be used with --write.", option=name)
            raise UserFacingError(message, code="usage", advice=SEE_HELP)


def act(library: Library, options: argparse.Namespace) -> dict[str, Any]:
    """Do it and return a report for JSON.

    Raises:
        UserFacingError: when it cannot be done.
    """
    if options.auto:
        least = options.least if options.least is not None else PRECISE
        if options.preview:
            preview = library.tagging.preview(least)
            counts = preview.at(least, _COMMONEST)
            return {
                "preview": True, "examined": preview.examined, "tags": counts.tags, "photos": counts.photos,
                "commonest": [{"tag": tag, "photos": photos} for tag, photos in counts.commonest],
            }  # fmt: skip
        run = library.tagging.run(least)
        return {"photos": run.photos, "changed": run.tags, "seconds": round(run.seconds, 3)}
    if options.remove_automatic:
        return {"removed": len(library.tagging.remove_automatic().tags)}
    if options.review is not None:
        return _review(library, options.review)
    return _write(library, options)


def print_report(report: dict[str, Any]) -> None:
    """Print a report for a user."""
    if "preview" in report:
        _print_preview(report)
    elif "removed" in report:
        print(trn("{count:,} automatic tag removed.", "{count:,} automatic tags removed.", report["removed"]))
    elif "decisions" in report:
        print(tr("Decisions: {decisions:,}. Changed tags: {changed:,}.", **_numbers(report, "decisions", "changed")))
    elif "seconds" in report:
        numbers = _numbers(report, "photos", "changed", "seconds")
        print(tr("Photos processed: {photos:,}. Changed tags: {changed:,}. {seconds:.1f} s.", **numbers))
    else:
        for change in report["changes"]:
            words = [*(f"+{name}" for name in change["added"]), *(f"-{name}" for name in change["removed"])]
            words += [] if change["rating"] is None else [tr("rating {rating}", rating=change["rating"])]
            words += [] if change["caption"] is None else [tr("caption “{caption}”", caption=change["caption"])]
            print(f"{change['target']}: {', '.join(words)}")
        numbers = _numbers(report, "written", "unchanged")
        text = (
            tr("Files to write: {written:,}. Photos up to date: {unchanged:,}.", **numbers)
            if report["dry_run"]
            else tr("Files written: {written:,}. Photos up to date: {unchanged:,}.", **numbers)
        )
        print(text, file=sys.stderr)
    for failure in report.get("failures", ()):
        reason = failure["reason"]
        said = translated(reason) if "line" in failure else translated_stored(reason, failure["code"])
        print(f"{failure['path']}: {said}", file=sys.stderr)


def _numbers(report: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: report[name] for name in names}


def _print_preview(report: dict[str, Any]) -> None:
    counts = (report["tags"], report["photos"])
    tags = trn("{count:,} tag", "{count:,} tags", about(counts[0]))
    photos = trn("{count:,} photo", "{count:,} photos", about(counts[1]))
    if tuple(map(about, counts)) == counts:
        print(tr("{tags} on {photos}", tags=tags, photos=photos))
    else:
        print(tr("About {tags} on {photos}", tags=tags, photos=photos))
    for one in report["commonest"]:
        print(f"{one['photos']:>8,}  {one['tag']}")


def photo_of(library: Library, path: Path) -> PhotoId:
    """Return the photo at a path.

    Raises:
        UserFacingError: when the library does not know it.
    """
    photo = library.catalog.photos.by_path(path.expanduser().absolute())
    if photo is None:
        raise UserFacingError(Message("{path} is not in the library.", path=shown(path)), code="photo.unknown")
    return photo.id


def _review(library: Library, file: Path) -> dict[str, Any]:
    done = changed = 0
    kinds: Counter[str] = Counter()
    failures = []
    # All of it first: a bad line must not leave the decisions above it done.
    for number, decision in list(_decisions(file)):
        done += 1
        try:
            photo_id = photo_of(library, Path(decision["path"]))
        except UserFacingError as error:
            failures.append({"line": number, "path": shown(Path(decision["path"])), "reason": error.message})
            continue
        kinds[decision["decision"]] += 1
        changed += len(library.tags.act(DECISIONS[decision["decision"]], [photo_id], decision["tag"]).tags)
    return {"decisions": done, "changed": changed, "kinds": dict(kinds), "failed": len(failures), "failures": failures}


def _decisions(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield number, _decision(line, number, file)
    except (OSError, UnicodeDecodeError) as error:
        raise UserFacingError(
            Message("{name} cannot be read: {reason}.", name=file, reason=str(error)), code="usage"
        ) from error


def _decision(line: str, number: int, file: Path) -> dict[str, str]:
    try:
        value = json.loads(line)
        decision = {key: value[key] for key in ("path", "tag", "decision")}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        message = Message("{file}, line {number}: “path”, “tag” and “decision” expected.", file=file, number=number)
        raise UserFacingError(message, code="usage") from error
    if not all(isinstance(part, str) for part in decision.values()) or decision["decision"] not in DECISIONS:
        decisions = either(list(DECISIONS))
        message = Message(
            "{file}, line {number}: “decision” must be {choices}.", file=file, number=number, choices=decisions
        )
        raise UserFacingError(message, code="usage")
    try:
        os.fsencode(decision["path"])
    except UnicodeError as error:
        message = Message("{file}, line {number}: invalid path.", file=file, number=number)
        raise UserFacingError(message, code="usage") from error
    return decision


def _write(library: Library, options: argparse.Namespace) -> dict[str, Any]:
    ids = [photo_of(library, path) for path in options.photos] or None
    report = library.keywords.write(
        ids, embed=options.embed, automatic=options.least, adobe=options.adobe, dry_run=options.dry_run,
        failed_only=options.retry,
    )  # fmt: skip
    return {
        "dry_run": options.dry_run,
        "written": len(report.changes),
        "unchanged": report.unchanged,
        "failed": len(report.failures),
        "changes": [
            {"path": shown(change.photo), "target": shown(change.target), "embedded": change.embedded,
             "added": list(change.added), "removed": list(change.removed), "rating": change.rating,
             "caption": change.caption}
            for change in report.changes
        ],
        "failures": [
            {"path": shown(failed.path), "code": failed.code, "reason": failed.reason} for failed in report.failures
        ],
    }  # fmt: skip
