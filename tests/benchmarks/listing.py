# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters alone and the order by name in a large library, beside plain questions to SQLite, in one run.

    python -m tests.benchmarks.listing [--photos 300000] [--home FOLDER]

Half of the photos are rated. They lie in folders of five hundred and were taken on random days. None has a vector:
nothing here is ranked. "first" is the first question at all, "again" the median of several; "tagged", "missing" and
"added" are the first question after one photo got a tag, one went and 64 came. "plain" is what was done before lists
were kept: SQLite sorts at each question, and names are compared as tuples. "stall" is the longest time that another
thread waited for its turn during the first. All in milliseconds.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path, PurePath

import numpy as np

from semantic_photos.domain.photo import FileStamp, FolderId, PhotoId
from semantic_photos.domain.ports import IdArray
from semantic_photos.domain.query import Query, ResultPage
from semantic_photos.paths import Paths
from semantic_photos.services.library.library import Library
from semantic_photos.services.search.search_service import Order
from semantic_photos.storage.rows import joined_ids, json_ids
from semantic_photos.storage.schema import FAILED

RATED = Query.parse("rating:>=1")
FILES = 500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=300_000)
    parser.add_argument("--home", type=Path, help="where the library is made for the time of the run")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="semantic-photos-", dir=options.home) as home:
        print(json.dumps(measure(Path(home), options.photos)))


def measure(home: Path, photos: int) -> dict[str, object]:
    """Return times in milliseconds."""
    result: dict[str, object] = {"photos": photos, "cores": os.cpu_count()}
    with Library.open(Paths.under(home)) as library:
        start = time.perf_counter()
        folder = _fill(library, home / "photos", photos)
        result["fill_s"] = round(time.perf_counter() - start, 1)
        result |= _listed(library, folder, "date", lambda: _plainly_by_date(library), PhotoId(2))
        result |= _listed(
            library, folder, "name", lambda: _plainly_by_name(library, _plainly_by_date(library)), PhotoId(4)
        )
        result["count_again"] = _median(lambda: library.search.count(RATED))
    return result


def _listed(
    library: Library, folder: FolderId, order: Order, plainly: Callable[[], IdArray], photo_id: PhotoId
) -> dict[str, object]:
    """Return figures of one order, after insisting that both ways list the same."""

    def ask() -> ResultPage:
        return library.search.run(RATED, order=order)

    figures = {"plain": _once(plainly)}
    pulse = _Pulse()
    figures["first"] = _once(ask)
    figures["stall"] = pulse.stop()
    figures["again"] = _median(ask)
    with library.catalog._database.transaction() as connection:
        connection.execute("INSERT OR IGNORE INTO tag (id, name) VALUES (1, 'dog')")
        connection.execute("INSERT OR REPLACE INTO photo_tag VALUES (?, 1, 2, NULL, 0)", (photo_id,))
    figures["tagged"] = _once(ask)
    library.catalog.files.mark_missing([photo_id])
    figures["missing"] = _once(ask)
    root = library.catalog.folders.all()[0].path / order
    stamps = [FileStamp(1, 10**18 + number * 10**9, number) for number in range(64)]
    library.catalog.files.add(folder, [(root / f"NEW_{stamp.inode}.JPG", stamp) for stamp in stamps])
    figures["added"] = _once(ask)
    assert ask().ids.tolist() == plainly().tolist()
    return {f"{order}_{name}": figure for name, figure in figures.items()}


class _Pulse:
    """A thread that only wants its turn, as the window does."""

    def __init__(self) -> None:
        self._longest, self._stopped = 0.0, threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        last = time.perf_counter()
        while not self._stopped.wait(0.001):
            now = time.perf_counter()
            self._longest, last = max(self._longest, now - last), now

    def stop(self) -> float:
        self._stopped.set()
        self._thread.join()
        return round(self._longest * 1000, 1)


def _once(ask: Callable[[], object]) -> float:
    start = time.perf_counter()
    ask()
    return round((time.perf_counter() - start) * 1000, 1)


def _median(ask: Callable[[], object]) -> float:
    return round(float(np.median([_once(ask) for _ in range(7)])), 1)


def _plainly_by_date(library: Library) -> IdArray:
    with library.catalog._database.read() as connection:
        listed = joined_ids(
            connection,
            f"SELECT id FROM photo WHERE state <> {FAILED} AND missing_since IS NULL"
            " AND +folder_id IN (SELECT id FROM folder WHERE online) ORDER BY sort_key DESC, id DESC",
        )
        rated = joined_ids(connection, "SELECT photo_id AS id FROM remark WHERE rating <> 0 AND rating >= 1")
    mask = np.zeros(int(max(listed.max(), rated.max())) + 1, np.bool_)
    mask[rated] = True
    left = listed[mask[listed]]
    return listed[np.isin(listed, left, assume_unique=True)]


def _plainly_by_name(library: Library, ids: IdArray) -> IdArray:
    with library.catalog._database.read() as connection:
        sql = "SELECT id, path FROM photo WHERE id IN (SELECT value FROM json_each(?))"
        rows = connection.execute(sql, (json_ids(ids),)).fetchall()
    keyed = []
    for photo_id, raw in rows:
        path = os.fsdecode(raw)
        parts = re.findall(r"([0-9]+)|([^0-9]+)", PurePath(path).name.casefold())
        keyed.append(([(0, int(n), "") if n else (1, 0, text) for n, text in parts], path, photo_id))
    return np.array([row[2] for row in sorted(keyed)], dtype=np.int64)


def _fill(library: Library, root: Path, count: int) -> FolderId:
    root.mkdir(parents=True)
    folder = library.catalog.folders.add(root).id
    rng = np.random.default_rng(3)
    days, numbers = rng.integers(10**9, 17 * 10**8, count).tolist(), rng.integers(0, 10**4, count).tolist()
    for start in range(0, count, 5_000):
        rows = range(start, min(start + 5_000, count))
        files = [
            (
                root / f"{row // FILES:05d}" / f"IMG_{numbers[row]}-{row % FILES}.JPG",
                FileStamp(1, days[row] * 10**9, row),
            )
            for row in rows
        ]
        library.catalog.files.add(folder, files)
    with library.catalog._database.transaction() as connection:
        connection.execute("INSERT INTO remark (photo_id, rating) SELECT id, 3 FROM photo WHERE id % 2 = 0")
    return folder


if __name__ == "__main__":
    main()
