# SPDX-License-Identifier: GPL-3.0-or-later
"""Kills, full disks and many threads: real processes, real files."""

from __future__ import annotations

import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from semantic_photos.domain.ports import FloatArray
from semantic_photos.index.exact_index import ExactIndex
from semantic_photos.index.hybrid_index import HybridIndex
from tests.fakes.vector_catalog import VectorCatalog
from tests.unit.index.conftest import DIM, IDS

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]

#: Opens the library of the tests and publishes segments without end, or as often as told.
WRITER = """
import sys
from pathlib import Path
import numpy as np
from semantic_photos.index.hybrid_index import HybridIndex
from tests.fakes.vector_catalog import VectorCatalog
folder, vectors, engine, times = sys.argv[1:]
catalog = VectorCatalog(64)
catalog.put(np.arange(1000, 1400), np.load(vectors))
index = HybridIndex(Path(folder), 64, "pack-1", engine=engine)
index.load(**catalog.callables())
print("loaded", index.reason, flush=True)
for _ in range(int(times)):
    print(index.rebuild(), index.engine, index.reason, flush=True)
"""


@pytest.fixture
def vectors_file(tmp_path: Path, vectors: FloatArray) -> Path:
    np.save(tmp_path / "vectors.npy", vectors)
    return tmp_path / "vectors.npy"


def _writer(folder: Path, vectors: Path, engine: str, times: int) -> list[str]:
    return [sys.executable, "-c", WRITER, str(folder), str(vectors), engine, str(times)]


def _assert_good(folder: Path, catalog: VectorCatalog, vectors: FloatArray, *, segment: bool | None = None) -> None:
    """The next start asks nothing, believes nothing that is bad, and answers rightly."""
    index = HybridIndex(folder, DIM, "pack-1", engine="annoy")
    index.load(**catalog.callables())
    assert not list(folder.glob("*.bad-*")), index.reason
    assert index.sizes in ((len(IDS), 0, 0), (0, len(IDS), 0))
    if segment is not None:
        assert (index.sizes[0] > 0) == segment
    assert index.search(vectors[9], 1)[0].tolist() == [IDS[9]]
    names = {path.name for path in folder.glob("seg-*")}
    assert len({name.split(".")[0] for name in names}) <= 1


def test_a11_kill_9_in_a_publishing_loop(
    folder: Path, vectors_file: Path, catalog: VectorCatalog, vectors: FloatArray
) -> None:
    rng = np.random.default_rng(0)
    for round_ in range(8):
        engine = "annoy" if round_ % 4 == 3 else "exact"
        process = subprocess.Popen(_writer(folder, vectors_file, engine, 100_000), stdout=subprocess.PIPE, cwd=ROOT)
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.readline()
        time.sleep(float(rng.uniform(0, 0.1)))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        _assert_good(folder, catalog, vectors, segment=True)


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_a11_killed_at_every_system_call_of_publishing(
    ready_folder: Path, tmp_path: Path, vectors_file: Path, catalog: VectorCatalog, vectors: FloatArray
) -> None:
    calls = ("openat", "write", "fsync", "rename", "unlink")
    killed = 0
    for call in calls:
        for number in range(1, 40):
            folder = tmp_path / f"{call}-{number}"
            shutil.copytree(ready_folder, folder)
            done = subprocess.run(
                ["strace", "-f", "-qq", "-o", os.devnull, "-P", str(folder),
                 *[part for name in _names(folder) for part in ("-P", str(folder / name))],
                 "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}",
                 *_writer(folder, vectors_file, "exact", 1)],
                cwd=ROOT, capture_output=True, timeout=60, check=False,
            )  # fmt: skip
            _assert_good(folder, catalog, vectors, segment=True)
            shutil.rmtree(folder)
            if done.returncode == 0:
                break
            killed += 1
    assert killed >= 10


def _names(folder: Path) -> list[str]:
    now = [path.name for path in folder.iterdir()]
    return [*now, "seg-2.vectors", "seg-2.ids", "current.json.tmp"]


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_a10_no_live_file_is_ever_written(folder: Path, tmp_path: Path, vectors_file: Path) -> None:
    trace = tmp_path / "trace"
    subprocess.run(
        ["strace", "-f", "-qq", "-o", str(trace), "-e", "trace=openat,ftruncate,truncate,creat",
         *_writer(folder, vectors_file, "annoy", 2)],
        cwd=ROOT, capture_output=True, timeout=100, check=True,
    )  # fmt: skip
    text = trace.read_text(errors="replace")
    published = re.findall(r'openat\([^"]*"([^"]*seg-\d+\.(?:annoy|vectors|ids))", ([A-Z_|]+)', text)
    assert len(published) > 6
    for name, flags in published:
        assert "O_TRUNC" not in flags, name
        assert "O_RDONLY" in flags or "O_EXCL" in flags, (name, flags)
    assert not re.findall(r"truncate\([^)]*seg-", text)


@pytest.mark.parametrize("engine", ["exact", "annoy"])
def test_a13_disk_full(folder: Path, tmp_path: Path, vectors_file: Path, catalog: VectorCatalog, vectors: FloatArray,
                       engine: str) -> None:  # fmt: skip
    """No file may grow beyond a limit, as on a full disk: first the vectors do not fit, then only the trees."""
    for limit in (50_000, 103_000):
        done = subprocess.run(
            _writer(folder, vectors_file, engine, 1), cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
            preexec_fn=lambda size=limit: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
        )  # fmt: skip
        worked = limit > 102_400 and engine == "exact"
        last = done.stdout.splitlines()[-1]
        assert last.startswith(str(worked)), done
        assert worked or "could not be built" in last
        _assert_good(folder, catalog, vectors, segment=True)


def test_a17_threads_ask_while_segments_are_swapped(folder: Path, catalog: VectorCatalog, vectors: FloatArray) -> None:
    index = HybridIndex(folder, DIM, "pack-1", engine="annoy")
    index.load(**catalog.callables())
    truth = ExactIndex(DIM)
    truth.add(IDS, vectors)
    right = [truth.search(vector, 5)[0].tolist() for vector in vectors]
    stop, errors, asked = threading.Event(), [], [0] * 4

    def ask(number: int) -> None:
        rng = np.random.default_rng(number)
        while not stop.is_set():
            row = int(rng.integers(len(IDS)))
            ids, _ = index.search(vectors[row], 5)
            found = [i for i in ids.tolist() if i < 90_000]
            # Photos beyond 90,000 come and go; the others are always there.
            if found != right[row][: len(found)] or len(ids) != 5 or index.count_above(vectors[:1], [-2.0])[0] < 400:
                errors.append((row, ids.tolist()))
            asked[number] += 1

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for swap in range(50):
        extra = np.arange(90_000, 90_020)
        catalog.put(extra, -vectors[:20])
        index.add(extra, -vectors[:20])
        index._mode = "annoy" if swap % 10 == 0 else "exact"
        assert index.rebuild(), index.reason
        catalog.delete(extra)
        index.remove(extra)
        index._mode = "annoy"
    stop.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert min(asked) > 20
