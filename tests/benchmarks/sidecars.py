# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast keywords get into sidecars, and what is left when the writer is killed in the middle.

    python -m tests.benchmarks.sidecars --n 10000
    python -m tests.benchmarks.sidecars --n 10000 --kills 20

Real photos (small ones), a real catalog, real decoder children, exiv2 and fsync: the program's own way. With
``--kills`` the writing runs in a process of its own that is killed so many times at random moments and begun again;
after each kill every file in the folder is looked at: photos byte for byte, sidecars whole or not there, and nothing
else beside them but unfinished files under the writer's own hidden names.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

from semantic_photos.domain.photo import FileStamp
from semantic_photos.domain.tags import Act
from semantic_photos.media.decoder_pool import DecoderPool
from semantic_photos.media.keywords import read_words
from semantic_photos.services.metadata.keyword_files import KeywordFiles
from semantic_photos.services.threads.concurrency import EventBus
from semantic_photos.storage.catalog import Catalog
from semantic_photos.storage.database import Database

TAGS = ("animal|dog", "sommerfest", "Reise|2024|Küste")
_TEMPORARY = ".semantic-photos.tmp"


def build(folder: Path, count: int) -> None:
    """Make ``count`` photos in ``folder/photos`` and a catalog of them in which each has three tags."""
    photos = folder / "photos"
    photos.mkdir()
    files = []
    for number in range(count):
        held = io.BytesIO()
        Image.new("RGB", (16, 16), (number % 256, number // 256 % 256, 90)).save(held, "JPEG")
        path = photos / f"photo{number:06}.jpg"
        path.write_bytes(held.getvalue())
        status = path.stat()
        files.append((path, FileStamp(status.st_size, status.st_mtime_ns, status.st_ino)))
    database = Database.open(folder / "catalog.sqlite")
    catalog = Catalog(database)
    store = catalog.tags
    ids = catalog.files.add(catalog.folders.add(photos).id, files)
    for tag in TAGS:
        store.act(Act.ADD, [int(photo_id) for photo_id in ids], tag)
    database.close()


def write(folder: Path, processes: int) -> tuple[int, int, int]:
    """Write all sidecars; return how many files were written, photos that needed nothing, and failures."""
    database = Database.open(folder / "catalog.sqlite")
    decoders = DecoderPool(processes)
    try:
        catalog = Catalog(database)
        files = KeywordFiles(catalog, catalog.metadata, decoders, EventBus())
        report = files.write()
        return len(report.changes), report.unchanged, len(report.failures)
    finally:
        decoders.close()
        database.close()


def digests(folder: Path) -> dict[str, str]:
    """Return the checksums of the photos."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("*.jpg"))}


def look(photos: Path, before: dict[str, str]) -> tuple[int, int]:
    """Check every file; return how many sidecars are there and how many unfinished files.

    Raises:
        AssertionError: a photo is not what it was, a sidecar is not whole, or there is a file that nobody made.
    """
    assert digests(photos) == before, "a photo changed"
    whole = half = 0
    for path in photos.iterdir():
        if path.name.endswith(_TEMPORARY):
            half += 1
        elif path.suffix == ".xmp":
            said = set(read_words(path.with_suffix("")).tags)
            assert said == set(TAGS), f"{path.name} says {said}"
            whole += 1
        else:
            assert path.name in before, path.name
    return whole, half


def killed(folder: Path, kills: int, processes: int, seconds: float) -> None:
    """Write in a process of its own, kill it ``kills`` times within about ``seconds`` of writing, then let it end."""
    photos = folder / "photos"
    before = digests(photos)
    chance = random.Random(1)
    command = [sys.executable, "-m", "tests.benchmarks.sidecars", "--write", str(folder), "--processes", str(processes)]
    for number in range(1, kills + 1):
        started = len(list(photos.glob("*.xmp")))
        child = subprocess.Popen(command)
        # Its own start takes a second; counted from the first sidecar on, so that it is killed while it writes.
        while child.poll() is None and len(list(photos.glob("*.xmp"))) == started:
            time.sleep(0.02)
        time.sleep(chance.uniform(0.0, 2.0 * seconds / kills))
        ended = child.poll() is not None
        child.send_signal(signal.SIGKILL)
        child.wait()
        whole, half = look(photos, before)
        print(f"kill {number}: {whole:,} sidecars, {half} unfinished{', had ended' if ended else ''}", flush=True)
    changes, unchanged, failures = write(folder, processes)
    whole, half = look(photos, before)
    assert (whole, failures) == (len(before), 0), (whole, failures)
    print(f"after the last kill {changes:,} files written, {unchanged:,} photos needed nothing; "
          f"{whole:,} sidecars for {len(before):,} photos, {half} unfinished files left to be cleaned up")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=30.0, help="of writing, over which the kills are spread")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--where", type=Path, help="a folder on the disk to be measured")
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write is not None:
        write(options.write, options.processes)
        return
    with tempfile.TemporaryDirectory(dir=options.where) as made:
        folder = Path(made)
        build(folder, options.n)
        if options.kills:
            killed(folder, options.kills, options.processes, options.seconds)
            return
        for name in ("first writing", "second writing, nothing new"):
            begun = time.monotonic()
            changes, unchanged, failures = write(folder, options.processes)
            seconds = time.monotonic() - begun
            print(f"{name}: {changes:,} sidecars, {unchanged:,} unchanged, {failures:,} failures, {seconds:.1f} s, "
                  f"{options.n / seconds:,.0f} photos a second")  # fmt: skip


if __name__ == "__main__":
    main()
