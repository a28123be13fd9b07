# SPDX-License-Identifier: GPL-3.0-or-later
"""The indexing commands: add folders, wait with a progress bar, report."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from semantic_photos.domain.errors import CatalogError, PackError
from semantic_photos.domain.messages import IndexingPhase, PackChangeProgress
from semantic_photos.domain.photo import Folder
from semantic_photos.domain.translatable import Message
from semantic_photos.services.indexing.pack_change import READY, TROUBLE, progress_text
from semantic_photos.services.library.library import Library
from semantic_photos.translation import tr, translated, translated_stored, trn


def index(library: Library, folders: Sequence[Path], *, quiet: bool) -> dict[str, Any]:
    """Add ``folders``, wait until all is indexed, and return the counts.

    Raises:
        UserFacingError: when a folder or the catalog cannot be used.
        KeyboardInterrupt: when the user stops it; what was done is kept.
    """
    start = time.monotonic()
    if library.encoder is None:
        raise_no_pack(library)
    added = [library.add_folder(folder) for folder in folders]
    wait(library, quiet=quiet)
    library.keywords.read()
    library.tagging.settle()
    return _report(library, added, time.monotonic() - start)


def prepare_other_pack(library: Library, *, quiet: bool) -> dict[str, Any] | None:
    """Encode the photos for a better pack, if there is one, with a progress bar if stderr is a terminal.

    Returns:
        ``done`` and ``total`` photos and whether it is ``ready`` for the next start; None without such a pack.

    Raises:
        KeyboardInterrupt: when the user stops it; what was done is kept.
    """
    change = library.pack_change
    if not change.is_needed:
        return None
    change.start()
    if quiet or not sys.stderr.isatty():
        while not change.settle(0.5) and not _has_trouble(library):
            pass
    else:
        from rich.console import Console
        from rich.progress import Progress

        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("")
            while not change.settle(0.2) and not _has_trouble(library):
                now = change.last
                bar.update(task, description=translated(progress_text(now)), completed=now.done, total=now.total)
    now = change.progress()
    return {"done": now.done, "total": now.total, "ready": not now.running}


def raise_no_pack(library: Library) -> None:
    """Explain why there is no pack.

    Raises:
        UserFacingError: always.
    """
    notices = [notice for notice in library.notices() if notice.code.startswith("pack.")]
    raise PackError(notices[0].text if notices else Message("No model pack is installed."))


def wait(library: Library, *, quiet: bool) -> None:
    """Wait until the worker is idle, with a progress bar if stderr is a terminal."""
    if quiet or not sys.stderr.isatty():
        while not library.indexer.wait_until_idle(0.5):
            _raise_trouble(library)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"),
               TimeRemainingColumn())  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(tr("Scanning"), total=None, rate="")
        while not library.indexer.wait_until_idle(0.2):
            _raise_trouble(library)
            now = library.indexer.progress
            if now.phase is IndexingPhase.INDEXING:
                bar.update(task, description=tr("Indexing"), completed=now.done, total=now.total,
                           rate=tr("{rate:.0f} photos/s", rate=now.rate) if now.rate else "")  # fmt: skip


def _has_trouble(library: Library) -> bool:
    """Return whether the preparation cannot go on for now."""
    return any(notice.code == TROUBLE for notice in library.notices())


def _raise_trouble(library: Library) -> None:
    """Do not wait for ever for a catalog that cannot be written."""
    for notice in library.notices():
        if notice.code.startswith("catalog."):
            raise CatalogError(notice.text, code=notice.code, advice=notice.advice)


def _report(library: Library, folders: Sequence[Folder], seconds: float) -> dict[str, Any]:
    scanned = library.indexer.last_reports
    reports = [scanned[folder.id] for folder in folders if folder.id in scanned]
    roots = [folder.path for folder in folders]
    failures = [
        {"path": str(failed.path).encode("utf-8", "surrogateescape").decode("utf-8", "replace"),
         "code": failed.code, "reason": failed.reason}
        for failed in library.failures()
        if any(root in failed.path.parents for root in roots)
    ]  # fmt: skip
    return {
        "found": sum(report.found for report in reports),
        "indexed": library.indexer.indexed,
        "unchanged": sum(report.unchanged for report in reports),
        "moved": sum(len(report.moved) for report in reports),
        "missing": sum(len(report.missing) for report in reports),
        "failed": len(failures),
        "failures": failures,
        "offline": [str(folder.path) for folder in folders if folder.id in scanned and scanned[folder.id].offline],
        "seconds": round(seconds, 3),
    }


def print_report(report: dict[str, Any]) -> None:
    """Print the counts for a user."""
    rate = report["indexed"] / report["seconds"] if report["seconds"] else 0.0
    text = trn(
        "{count:,} photo found: {indexed:,} indexed, {unchanged:,} unchanged, {failed:,} unreadable.",
        "{count:,} photos found: {indexed:,} indexed, {unchanged:,} unchanged, {failed:,} unreadable.",
        report["found"],
        indexed=report["indexed"],
        unchanged=report["unchanged"],
        failed=report["failed"],
    )
    time_taken = (
        tr("{seconds:.1f} s, {rate:.0f} photos/s.", seconds=report["seconds"], rate=rate)
        if report["indexed"]
        else tr("{seconds:.1f} s.", seconds=report["seconds"])
    )
    print(text, time_taken)
    change = report.get("better_recognition")
    if change is not None:
        progress = PackChangeProgress(change["done"], change["total"])
        print(translated(READY.text) if change["ready"] else translated(progress_text(progress)))
    for failure in report["failures"]:
        print(f"  {failure['path']}: {translated_stored(failure['reason'], failure['code'])}")
