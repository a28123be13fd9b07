# SPDX-License-Identifier: GPL-3.0-or-later
"""One owner at a time, and never one that is dead."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from semantic_photos.domain.errors import BusyError, CatalogError
from semantic_photos.storage.database import LibraryLock


def test_the_second_is_told_who_is_first(tmp_path: Path) -> None:
    path = tmp_path / "library.lock"
    first = LibraryLock.acquire(path)
    with pytest.raises(BusyError) as caught:
        LibraryLock.acquire(path)
    assert f"already open in Semantic Photos (process {os.getpid()})" in caught.value.sentence()
    first.release()
    first.release()
    second = LibraryLock.acquire(path)
    second.release()


def test_an_old_number_in_the_file_blocks_nobody(tmp_path: Path) -> None:
    path = tmp_path / "library.lock"
    path.write_text("123456789 and more than one line\n" * 10)
    lock = LibraryLock.acquire(path)
    assert path.read_text() == f"{os.getpid()}\n"
    lock.release()


def test_an_owner_without_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "library.lock"

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "truncate", full)
    lock = LibraryLock.acquire(path)
    with pytest.raises(BusyError, match=r"already open in Semantic Photos\."):
        LibraryLock.acquire(path)
    monkeypatch.setattr(os, "read", full)
    with pytest.raises(BusyError, match=r"already open in Semantic Photos\."):
        LibraryLock.acquire(path)
    lock.release()


def test_a_lock_that_cannot_be_made(tmp_path: Path) -> None:
    with pytest.raises(CatalogError) as caught:
        LibraryLock.acquire(tmp_path / "nowhere" / "library.lock")
    assert caught.value.code == "catalog.readonly"


@pytest.mark.slow
def test_a_killed_owner_leaves_it_free_and_its_children_do_not_hold_it(tmp_path: Path) -> None:
    path = tmp_path / "library.lock"
    code = (
        "import subprocess, sys, time\n"
        "from pathlib import Path\n"
        "from semantic_photos.storage.database import LibraryLock\n"
        "lock = LibraryLock.acquire(Path(sys.argv[1]))\n"
        "child = subprocess.Popen(['sleep', '60'])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        orphan = int(owner.stdout.readline())
        try:
            with pytest.raises(BusyError, match=str(owner.pid)):
                LibraryLock.acquire(path)
            owner.kill()
            owner.wait()
            LibraryLock.acquire(path).release()
        finally:
            owner.kill()
            os.kill(orphan, 9)
