# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from semantic_photos.domain.errors import CancelledError
from semantic_photos.domain.messages import CancelToken
from semantic_photos.domain.ports import FloatArray
from semantic_photos.index import annoy_child, annoy_guard
from semantic_photos.index.annoy_guard import VERDICT, annoy_available, annoy_version, run_child
from semantic_photos.index.hybrid_index import HybridIndex
from tests.fakes.vector_catalog import VectorCatalog
from tests.unit.index.conftest import DIM

pytestmark = pytest.mark.slow  # real child processes


class Runs:
    """Stands in for the child process: answers with given exit codes and counts how often it was asked."""

    def __init__(self, *codes: int | None) -> None:
        self.codes, self.asked = list(codes), 0

    def __call__(self, arguments: object, folder: Path, **_: object) -> int | None:
        self.asked += 1
        return self.codes[min(self.asked, len(self.codes)) - 1]


def test_works_here_and_is_tried_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert annoy_available(tmp_path) == ""
    runs = Runs(-4)
    monkeypatch.setattr(annoy_guard, "run_child", runs)
    assert annoy_available(tmp_path) == ""
    assert runs.asked == 0
    # Another processor, another build of the library, a damaged note: tried again.
    monkeypatch.setattr(annoy_guard, "_processor", lambda: "an older one")
    assert "signal 4" in annoy_available(tmp_path)
    assert "signal 4" in annoy_available(tmp_path)
    assert runs.asked == 1
    for text in ("", "{", "[]", '{"key": 1}'):
        (tmp_path / VERDICT).write_text(text)
        assert "signal 4" in annoy_available(tmp_path)
    assert runs.asked == 5


@pytest.mark.parametrize(
    ("code", "text", "lasting"),
    [
        (-signal.SIGILL, "another processor", True),
        (-signal.SIGSEGV, "another processor", True),
        (-signal.SIGKILL, "signal 9", False),
        (annoy_child.WRONG_ANSWER, "wrong results", True),
        (annoy_child.NO_MEMORY, "could not be tested", False),
        (None, "in time", False),
    ],
)
def test_a24_verdicts(
    tmp_path: Path, code: int | None, text: str, lasting: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(annoy_guard, "run_child", Runs(code, 0))
    assert text in annoy_available(tmp_path)
    assert (annoy_available(tmp_path) != "") == lasting


def test_a24_a_machine_that_annoy_was_not_built_for_gets_exact_search(
    tmp_path: Path, vectors: FloatArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(annoy_guard, "run_child", Runs(-signal.SIGILL))
    index = HybridIndex(tmp_path, DIM, "pack", engine="annoy")
    index.add(range(len(vectors)), vectors)
    assert index.rebuild()
    assert index.engine == "exact"
    assert "another processor" in index.reason
    assert index.sizes == (len(vectors), 0, 0)
    assert index.search(vectors[3], 1)[0].tolist() == [3]
    again = HybridIndex(tmp_path, DIM, "pack", engine="annoy")
    catalog = VectorCatalog(DIM)
    catalog.put(range(len(vectors)), vectors)
    monkeypatch.setattr(catalog, "generation", lambda: catalog.number)
    again.load(**catalog.callables())
    assert again.engine == "exact"


def test_a_segment_with_trees_on_a_machine_without_annoy(
    folder: Path, catalog: VectorCatalog, vectors: FloatArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(annoy_guard.importlib.util, "find_spec", lambda name: None)
    index = HybridIndex(folder, DIM, "pack-1", engine="annoy")
    index.load(**catalog.callables())
    assert (index.engine, index.reason) == ("exact", "Annoy is not installed.")
    assert index.sizes == (len(vectors), 0, 0)
    assert index.search(vectors[3], 1)[0].tolist() == [1003]
    assert not index.rebuild_due()


def test_not_installed_or_half_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise ValueError("annoy.__spec__ is not set")

    monkeypatch.setattr(annoy_guard.importlib.util, "find_spec", broken)
    assert annoy_available(tmp_path) == "Annoy is not installed."


def test_no_process_can_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(annoy_guard.sys, "executable", str(tmp_path / "none"))
    assert "could not be tried: No such file" in annoy_available(tmp_path)


def test_a_folder_that_cannot_be_written_only_costs_the_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = Runs(0)
    monkeypatch.setattr(annoy_guard, "run_child", runs)
    assert annoy_available(tmp_path / "missing") == annoy_available(tmp_path / "missing") == ""
    assert runs.asked == 2
    assert not (tmp_path / "missing").exists()


def test_processor_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError

    assert annoy_guard._processor()
    monkeypatch.setattr("builtins.open", refuse)
    assert annoy_guard._processor()


def test_version(monkeypatch: pytest.MonkeyPatch) -> None:
    assert annoy_version()[0].isdigit()

    def none(name: str) -> str:
        raise annoy_guard.metadata.PackageNotFoundError

    monkeypatch.setattr(annoy_guard.metadata, "version", none)
    assert annoy_version() == "unknown"


def test_a_child_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(annoy_guard, "_START", "import time; time.sleep(60)")
    start = time.monotonic()
    assert run_child([], tmp_path, timeout_s=0.1) is None
    token = CancelToken()
    token.cancel()
    with pytest.raises(CancelledError):
        run_child([], tmp_path, token=token)
    assert time.monotonic() - start < 10


def test_a_frozen_program_starts_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "program"
    program.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/said\nexit 3\n')
    program.chmod(0o755)
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", str(program))
    assert run_child(["check"], tmp_path) == 3
    assert (tmp_path / "said").read_text() == "--index-child check\n"


# The child itself, in this process


@pytest.fixture
def _no_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(annoy_child, "_die_with_parent", lambda: None)


@pytest.mark.usefixtures("_no_watch")
def test_child_checks_and_builds(tmp_path: Path, vectors: FloatArray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert annoy_child.main(["check"]) == annoy_child.DONE
    vectors.tofile("v")
    assert annoy_child.main(["build", "v", "out", str(DIM), "3", "1"]) == annoy_child.DONE
    assert (tmp_path / "out").stat().st_size % (12 + 4 * DIM) == 0
    assert annoy_child.main(["build", "none", "out", str(DIM), "3", "1"]) == annoy_child.FAILED


@pytest.mark.usefixtures("_no_watch")
def test_child_tells_what_failed(vectors: FloatArray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(error: BaseException) -> None:
        def fail(*_: object) -> None:
            raise error

        monkeypatch.setattr(annoy_child, "build", fail)

    arguments = ["build", "v", "out", "4", "3", "1"]
    failing(MemoryError())
    assert annoy_child.main(arguments) == annoy_child.NO_MEMORY
    failing(OSError("Unable to write: No space left on device (28)"))
    assert annoy_child.main(arguments) == annoy_child.DISK_FULL
    failing(OSError(28, "full"))
    assert annoy_child.main(arguments) == annoy_child.DISK_FULL


@pytest.mark.usefixtures("_no_watch")
def test_child_sees_wrong_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    import annoy

    class Broken:
        def __init__(self, *_: object) -> None: ...

        def __getattr__(self, name: str) -> object:
            return lambda *_, **__: [1, 2, 3]

    monkeypatch.setattr(annoy, "AnnoyIndex", Broken)
    assert annoy_child.main(["check"]) == annoy_child.WRONG_ANSWER


def test_child_ends_when_its_parent_is_gone(tmp_path: Path) -> None:
    root = str(Path(annoy_guard.__file__).parents[2])
    code = "import sys, time; sys.path.insert(0, sys.argv[1]); from semantic_photos.index import annoy_child; " \
           "annoy_child._die_with_parent(); print('up', flush=True); time.sleep(60)"  # fmt: skip
    process = subprocess.Popen([sys.executable, "-c", code, root], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    process.stdin.close()
    assert process.wait(10) == annoy_child.FAILED
    process.stdout.close()


@pytest.mark.slow
def test_program_has_the_door_for_frozen_children(tmp_path: Path, vectors: FloatArray) -> None:
    vectors.tofile(tmp_path / "v")
    root = Path(annoy_guard.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "semantic_photos", "--index-child", "build", str(tmp_path / "v"), str(tmp_path / "o"),
         str(DIM), "2", "1"],
        cwd=root, stdin=subprocess.PIPE, timeout=60, check=False, input=None, env=dict(os.environ),
    )  # fmt: skip
    # Standard input is at its end at once: the child takes its parent for dead, or was faster.
    assert done.returncode in (annoy_child.FAILED, annoy_child.DONE)


def test_verdict_is_readable(ready_folder: Path) -> None:
    assert json.loads((ready_folder / VERDICT).read_text())["reason"] == ""
    assert np.all([len(json.loads((ready_folder / VERDICT).read_text())["key"]) == 64])


def test_child_watches_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    done = threading.Event()

    def note(code: int) -> None:
        ended.append(code)
        done.set()

    reads = iter([b"x", b""])
    monkeypatch.setattr(annoy_child.os, "read", lambda *_: next(reads))
    monkeypatch.setattr(annoy_child.os, "_exit", note)
    annoy_child._die_with_parent()
    assert done.wait(10)
    assert ended == [annoy_child.FAILED]
