# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 at any moment of indexing: nothing lost, nothing doubled, no question at the next start."""

from __future__ import annotations

import random
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.conftest import COLOURS, Program, make_photo
from tests.e2e.test_commands import fingerprint

pytestmark = pytest.mark.slow

PHOTOS = 400


def acknowledged(home: Path) -> dict[int, bytes]:
    """Return the vectors that are in the catalog, read as any program could."""
    catalog = home / "data" / "catalog.sqlite"
    if not catalog.exists():
        return {}
    with closing(sqlite3.connect(catalog)) as connection:
        try:
            return dict(connection.execute("SELECT photo_id, vector FROM embedding"))
        except sqlite3.OperationalError:
            return {}  # killed before the schema was there


@pytest.mark.timeout(400)
def test_twenty_kills(program: Program, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    for number in range(PHOTOS):
        make_photo(photos / f"{number % 7}" / f"{number}.jpg", list(COLOURS)[number % 4], number=number)
    before = fingerprint(photos)
    chance = random.Random(7)
    known: dict[int, bytes] = {}
    for _ in range(20):
        running = program.start("index", photos, "--json")
        time.sleep(chance.uniform(0.2, 2.2))
        running.kill()
        running.communicate()
        now = acknowledged(program.home)
        assert known.items() <= now.items(), "a vector that was committed is gone or changed"
        known = now
    report = program.json("index", photos)
    assert (report["found"], report["failed"]) == (PHOTOS, 0)
    final = acknowledged(program.home)
    assert known.items() <= final.items()
    assert len(final) == PHOTOS
    doctor = program.json("doctor")
    assert doctor["ok"]
    assert doctor["counts"] == {"total": PHOTOS, "indexed": PHOTOS, "pending": 0, "failed": 0, "offline": 0}
    answer = program.json("search", "red", "-n", "1000")
    paths = [result["path"] for result in answer["results"]]
    assert len(paths) == len(set(paths)) == PHOTOS
    assert fingerprint(photos) == before
