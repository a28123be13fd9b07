# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``doctor``: checks every part of a library, reports faults, and repairs what can be rebuilt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from semantic_photos.cli import indexing
from semantic_photos.domain.errors import CatalogError, UserFacingError
from semantic_photos.domain.translatable import Message, joined
from semantic_photos.paths import Paths
from semantic_photos.services.indexing.pack_change import READY, progress_text
from semantic_photos.services.library.library import Library
from semantic_photos.translation import tr, translated


def examine(paths: Paths, *, pack_folder: Path | None, repair: bool) -> dict[str, Any]:
    """Return the findings: ``ok``, ``counts``, ``checks`` (name, ok, text) and ``repairs`` (what would be done).

    With ``repair`` the repairs are done and ``repaired`` lists them.
    """
    checks: list[dict[str, Any]] = []
    repairs: list[Message] = []
    report: dict[str, Any] = {"ok": True, "home": _home(paths), "counts": {}, "checks": checks, "repairs": repairs,
                              "repaired": []}  # fmt: skip
    if not paths.catalog.exists():
        checks.append(_check("catalog", Message("There is no library yet.")))
        return report
    try:
        library = Library.open(paths, pack_folder=pack_folder, read_only=not repair)
    except CatalogError as error:
        checks.append(_check("catalog", error.sentence(), ok=False))
        if error.is_damage:
            repairs.append(
                Message("set the damaged catalog aside (renamed, not deleted) and restore its last good backup")
            )
            if repair:
                report["repaired"].append(Library.recover_catalog(paths))
        report["ok"] = bool(report["repaired"])
        return report
    except UserFacingError as error:
        checks.append(_check("library", error.sentence(), ok=False))
        report["ok"] = False
        return report
    with library:
        _examine_open(library, report, repair=repair)
    if report["repaired"]:
        # Whether the repairs helped is what a second look says.
        again = examine(paths, pack_folder=pack_folder, repair=False)
        return {**again, "repairs": repairs, "repaired": report["repaired"]}
    report["ok"] = all(check["ok"] for check in checks)
    return report


def _examine_open(library: Library, report: dict[str, Any], *, repair: bool) -> None:
    checks, repairs = report["checks"], report["repairs"]
    counts = library.counts()
    report["counts"] = {
        "total": counts.total,
        "indexed": counts.indexed,
        "pending": counts.pending,
        "failed": counts.failed,
        "offline": counts.offline,
    }
    problems = library.catalog.check()
    checks.append(
        _check("catalog", joined(problems, "; ") if problems else Message("The catalog is intact."), ok=not problems)
    )
    pack = library.pack
    text = (
        Message.as_is(f"{pack.title} {pack.version} ({pack.fingerprint})")
        if pack
        else Message("There is no usable model pack.")
    )
    checks.append(_check("pack", text, ok=pack is not None))
    if library.pack_change.is_needed:
        change = library.pack_change.progress()
        text = joined((progress_text(change), "."), "") if change.running else READY.text
        checks.append(_check("pack change", text))
    engine = library.engine()
    text = Message(
        "{engine}: {segment:,} photos in the segment, {delta:,} outside it.",
        engine=engine.engine,
        segment=engine.segment,
        delta=engine.delta,
    )
    checks.append(_check("index", joined((text, engine.reason), " ") if engine.reason else text))
    searchable = len(library.index)
    agree = counts.indexed == searchable
    text = Message("Index and catalog agree.")
    if not agree:
        text = Message(
            "Photos indexed: {indexed:,}, searchable: {searchable:,}.", indexed=counts.indexed, searchable=searchable
        )
    checks.append(_check("index and catalog", text, ok=agree))
    if not agree:
        repairs.append(Message("rebuild the index from the catalog"))
    for folder in library.folders():
        there = folder.path.is_dir()
        text = Message.as_is(str(folder.path))
        if not there:
            text = Message("{path} is offline; its photos are kept.", path=folder.path)
        checks.append(_check("folder", text, ok=there))
    if counts.pending:
        repairs.append(
            Message.counted("index {count:,} pending photo", "index {count:,} pending photos", counts.pending)
        )
    for notice in library.notices():
        if notice.code not in ("pack.none", READY.code):
            checks.append(_check(notice.code, notice.text, ok=False))
    if repair and repairs:
        library.index.rebuild(None)
        library.indexer.refresh()
        indexing.wait(library, quiet=True)
        report["repaired"] = list(repairs)
    failures = library.failures()
    report["failures"] = [
        {"path": str(failed.path).encode("utf-8", "surrogateescape").decode("utf-8", "replace"),
         "code": failed.code, "reason": failed.reason}
        for failed in failures
    ]  # fmt: skip


def _home(paths: Paths) -> dict[str, str]:
    return {"data": str(paths.data), "cache": str(paths.cache), "config": str(paths.config), "logs": str(paths.logs)}


def _check(name: str, text: Message, *, ok: bool = True) -> dict[str, Any]:
    return {"name": name, "ok": ok, "text": text}


def print_report(report: dict[str, Any]) -> None:
    """Print the findings for a user."""
    for check in report["checks"]:
        verdict = tr("ok") if check["ok"] else tr("BAD")
        print(f"{verdict:5}{check['name']}: {translated(check['text'])}")
    counts = report["counts"]
    if counts:
        text = tr(
            "photos: {total:,} in total = {indexed:,} indexed + {pending:,} pending + {failed:,} unreadable "
            "+ {offline:,} offline",
            **counts,
        )
        print(f"     {text}")
    for done in report["repaired"]:
        print(tr("done: {repair}", repair=done))
    if not report["repaired"]:
        for repair in report["repairs"]:
            print("     " + tr("to do: {repair}", repair=repair))
        if report["repairs"]:
            print("     " + tr("Repair with: semantic-photos doctor --repair"))
