# SPDX-License-Identifier: GPL-3.0-or-later
"""Heat over the thumbnails (Ctrl+H): how long until the first and the last is seen, and where the time goes.

    python -m tests.benchmarks.heat_maps FOLDER [--photos 40] [--question "dog beach"] [--home DIR] [--shots DIR]

FOLDER's photos are indexed first, by a process of its own, so that the window finds a network that was never loaded.
Cold is the first press in a process, warm is one for which the network is there and no photo was looked at. Then the
same thumbnails are taken through the service, and through each of its parts alone.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit

from semantic_photos.domain.photo import Photo, PhotoFacts, PhotoId
from semantic_photos.domain.query import Example, Query
from semantic_photos.gui.grid.result_model import Role
from semantic_photos.gui.search import grid_heat_maps
from semantic_photos.gui.search.library_page import LibraryPage
from semantic_photos.gui.shell import app
from semantic_photos.gui.viewer import explanation
from semantic_photos.media.thumbnail_squares import square_of
from semantic_photos.paths import Paths
from semantic_photos.services.explain.thumbnail_explanation import SIDE, ThumbnailExplainer
from semantic_photos.services.library.library import Library
from semantic_photos.services.search.dense_features import quick_feature_grids
from tests.benchmarks.window import Pulse, wait

T = TypeVar("T")

ROUNDS = 5
SHADE, GLOW = (20, 20, 20), (250, 200, 40)


def index(home: Path, folder: Path) -> None:
    """Make the library; in a process of its own."""
    with Library.open(Paths.under(home)) as library:
        library.add_folder(folder)
        while library.counts().pending or not library.counts().indexed:
            time.sleep(0.2)


def press(page: LibraryPage, rows: list[int], pulse: Pulse) -> dict[str, object]:
    """Press Ctrl+H and watch the cells turn warm."""
    seen: dict[int, float] = {}
    pulse.take()
    start = time.perf_counter()
    QTest.keyClick(page.window(), Qt.Key.Key_H, Qt.KeyboardModifier.ControlModifier)

    def all_warm() -> bool:
        now = (time.perf_counter() - start) * 1000
        for row in rows:
            if row not in seen and page.model.index(row).data(Role.HEAT) is not None:
                seen[row] = now
        return len(seen) == len(rows)

    wait(all_warm)
    # Painting is part of it.
    QApplication.processEvents()
    last = (time.perf_counter() - start) * 1000
    first = min(seen.values())
    order = sorted(seen, key=lambda row: (seen[row], row))
    return {
        "first_ms": round(first), "last_ms": round(last), "ms_each": round(last / len(rows), 1),
        "in_reading_order": order == sorted(order), **pulse.take(),
    }  # fmt: skip


def window(paths: Paths, question: str, wanted: int, shots: Path | None) -> dict[str, object]:
    """Return the figures of a window that shows about as many photos as wanted."""
    application = app.make_application()
    application.setQuitOnLastWindowClosed(False)
    pulse = Pulse()
    session = app.Session(lambda: Library.open(paths, watch=True), [], None)
    session.window.resize(1400, 900)
    session.start()
    result: dict[str, object] = {}
    try:
        wait(lambda: session.window.page is not None and session.window.page.model.rowCount())
        page = session.window.page
        assert page is not None
        field = page.bar.findChild(QLineEdit)
        assert field is not None
        field.setFocus()
        QTest.keyClicks(field, question)
        wait(lambda: page.pane.page is not None and page.pane.page.query.text == question)
        side = 200
        while len(rows := [row for row in page.view.seen_rows() if row < page.model.rowCount()]) < wanted and side > 60:
            page.pane.show_weaker()
            side -= 10
            page.view.set_side(side)
            QTest.qWait(50)
        wait(lambda: all(page.model.index(row).data(Qt.ItemDataRole.DecorationRole) is not None for row in rows))
        QTest.qWait(1500)
        result["in_sight"] = len(rows)
        for name in ("cold", "warm", "warm again"):
            result[name] = press(page, rows, pulse)
            if shots is not None:
                QTest.qWait(300)
                session.window.grab().save(str(shots / f"{name.replace(' ', '-')}.png"))
            page.cutoff_bar.heat_button.click()
            QTest.qWait(300)
            page.heat_maps._heats.clear()
            page.heat_maps._bridge.library.thumbnail_explainer._known.clear()
    finally:
        ended: list[bool] = []
        session.ended.connect(lambda: ended.append(True))
        session.close()
        wait(lambda: ended)
    return result


def service(paths: Paths, question: str, wanted: int) -> dict[str, object]:
    """Return the figures of the service alone: whole batches as the window asks for them, then each part."""
    query = Query.parse(question)
    with Library.open(paths, read_only=True) as library:
        encoder = library.encoder
        assert encoder is not None
        ids = [PhotoId(i) for i in library.search.run(query, limit=wanted).ids.tolist()]
        known = library.photos(ids)
        photos = [known[i] for i in ids]
        batches = [
            photos[start : start + grid_heat_maps.AT_ONCE] for start in range(0, len(photos), grid_heat_maps.AT_ONCE)
        ]
        load, _ = timed(lambda: whole(library, batches[:1], query), rounds=1)
        warm, _ = timed(lambda: whole(library, batches, query))
        jpegs = [jpeg for photo in photos if (jpeg := library.thumbnail(photo)) is not None]
        reading, _ = timed(lambda: [library.thumbnail(photo) for photo in photos])
        decoding, squares = timed(lambda: [square_of(jpeg, encoder.recipe) for jpeg in jpegs])
        pixels = [square for square, _, _ in squares]
        facts = [PhotoFacts(width, height) for _, width, height in squares]
        step = grid_heat_maps.AT_ONCE
        network, parts = timed(
            lambda: [
                quick_feature_grids(encoder, np.stack(pixels[start : start + step]), facts[start : start + step])
                for start in range(0, len(pixels), step)
            ]
        )
        seen = [one for part in parts for one in part]
        asking, asked = timed(lambda: library.explainer.asked(query))
        heat, whys = timed(
            lambda: [
                library.explainer.told(asked, Example(photo_id=photo.id), photo.path, positions, SIDE)
                for photo, positions in zip(photos, seen, strict=True)
            ]
        )
        pictures, _ = timed(lambda: [explanation.heat_map_image(why.heat, SHADE, GLOW) for why in whys])
    each = {
        "reading": reading, "decoding": decoding, "network": network, "heat": heat, "heat_picture": pictures
    }  # fmt: skip
    total = sum(each.values())
    return {
        "photos": len(photos), "at_once": grid_heat_maps.AT_ONCE, "first_batch_cold_ms": round(load),
        "all_warm_ms": round(warm), "warm_ms_each": round(warm / len(photos), 2),
        "asking_ms": round(asking, 2),
        **{f"{name}_ms_each": round(took / len(photos), 3) for name, took in each.items()},
        **{f"{name}_share": round(took / total, 3) for name, took in each.items()},
    }  # fmt: skip


def whole(library: Library, batches: list[list[Photo]], query: Query) -> None:
    """Take batches through a service that remembers nothing."""
    thumbnail_explainer = ThumbnailExplainer(library.explainer, library.encoder, library.thumbnail)
    for batch in batches:
        told = thumbnail_explainer.explain(batch, query)
        for why in told.values():
            explanation.heat_map_image(why.heat, SHADE, GLOW)


def timed(do: Callable[[], T], rounds: int = ROUNDS) -> tuple[float, T]:
    """Return the median of the milliseconds it takes, and what it returns."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        made = do()
        times.append((time.perf_counter() - start) * 1000)
    return float(np.median(times)), made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, default=40)
    parser.add_argument("--question", default="dog beach")
    parser.add_argument("--home", type=Path, help="kept for the next time")
    parser.add_argument("--shots", type=Path, help="where pictures of the window go")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        home = options.home or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="semantic-photos-")))
        paths = Paths.under(home).create()
        if options.shots is not None:
            options.shots.mkdir(parents=True, exist_ok=True)
        if not paths.catalog.exists():
            maker = multiprocessing.get_context("spawn").Process(target=index, args=(home, options.folder.resolve()))
            maker.start()
            maker.join()
        result: dict[str, object] = {"cores": os.cpu_count(), "load": os.getloadavg()[0]}
        result["window"] = window(paths, options.question, options.photos, options.shots)
        result["service"] = service(paths, options.question, options.photos)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
