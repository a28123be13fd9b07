# SPDX-License-Identifier: GPL-3.0-or-later
"""``doctor``: look at every part of a library, say what is wrong, and put right what can be rebuilt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from semantic_photos.cli import indexing
from semantic_photos.domain.errors import CatalogError, UserFacingError
from semantic_photos.paths import Paths
from semantic_photos.services.library.library import Library


def examine(paths: Paths, *, pack_folder: Path | None, repair: bool) -> dict[str, Any]:
    """Return the findings: ``ok``, ``counts``, ``checks`` (name, ok, text) and ``repairs`` (what would be done).

    With ``repair`` the repairs are done and ``repaired`` lists them.
    """
    checks: list[dict[str, Any]] = []
    repairs: list[str] = []
    report: dict[str, Any] = {"ok": True, "home": _home(paths), "counts": {}, "checks": checks, "repairs": repairs,
                              "repaired": []}  # fmt: skip
    if not paths.catalog.exists():
        checks.append(_check("catalog", "There is no library yet."))
        return report
    try:
        library = Library.open(paths, pack_folder=pack_folder, read_only=not repair)
    except CatalogError as error:
        checks.append(_check("catalog", error.sentence(), ok=False))
        if error.is_damage:
            repairs.append("set the damaged catalog aside (renamed, not deleted) and bring back its last good copy")
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
    checks.append(_check("catalog", "; ".join(problems) or "The catalog is sound.", ok=not problems))
    pack = library.pack
    text = f"{pack.title} {pack.version} ({pack.fingerprint})" if pack else "No model pack can be used."
    checks.append(_check("pack", text, ok=pack is not None))
    engine = library.engine()
    text = f"{engine.engine}: {engine.segment:,} photos in the segment, {engine.delta:,} beside it. {engine.reason}"
    checks.append(_check("index", text.strip()))
    searchable = len(library.index)
    agree = counts.indexed == searchable
    text = "They agree." if agree else f"{counts.indexed:,} photos are indexed, {searchable:,} are searchable."
    checks.append(_check("index and catalog", text, ok=agree))
    if not agree:
        repairs.append("build the index anew from the catalog")
    for folder in library.folders():
        there = folder.path.is_dir()
        text = str(folder.path) if there else f"{folder.path} is not there; its photos are kept."
        checks.append(_check("folder", text, ok=there))
    if counts.pending:
        repairs.append(f"index {counts.pending:,} photos that wait")
    for notice in library.notices():
        if notice.code != "pack.none":
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


def _check(name: str, text: str, *, ok: bool = True) -> dict[str, Any]:
    return {"name": name, "ok": ok, "text": text}


def print_report(report: dict[str, Any]) -> None:
    """Print the findings for a user."""
    for check in report["checks"]:
        print(f"{'ok ' if check['ok'] else 'BAD'}  {check['name']}: {check['text']}")
    counts = report["counts"]
    if counts:
        print(
            f"     photos: {counts['total']:,} seen = {counts['indexed']:,} indexed + {counts['pending']:,} waiting "
            f"+ {counts['failed']:,} unreadable + {counts['offline']:,} offline"
        )
    for done in report["repaired"]:
        print(f"done {done}")
    if not report["repaired"]:
        for repair in report["repairs"]:
            print(f"     would: {repair}")
        if report["repairs"]:
            print("     Do it with: semantic-photos doctor --repair")
