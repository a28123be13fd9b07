# SPDX-License-Identifier: GPL-3.0-or-later
"""Putting a file in place: all of it or nothing, whatever goes wrong."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from semantic_photos.media import sidecar
from semantic_photos.media.sidecar import (
    WriteError,
    own_sidecars,
    put_in_place,
    sidecar_to_write,
    sidecars_of,
    stat_of,
    words_stamp,
)


def only(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_new_file_and_a_changed_one(tmp_path: Path) -> None:
    target = tmp_path / "a.jpg.xmp"
    put_in_place(target, b"one", None)
    target.chmod(0o640)
    put_in_place(target, b"two", stat_of(target))
    assert target.read_bytes() == b"two"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert only(tmp_path) == ["a.jpg.xmp"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    real, link = tmp_path / "real" / "a.xmp", tmp_path / "a.xmp"
    real.write_bytes(b"one")
    link.symlink_to(real)
    put_in_place(link, b"two", stat_of(link))
    assert link.is_symlink()
    assert real.read_bytes() == b"two"


@pytest.mark.parametrize("there", [True, False])
def test_a_file_that_changed_meanwhile_is_left_alone(tmp_path: Path, there: bool) -> None:
    target = tmp_path / "a.xmp"
    if there:
        target.write_bytes(b"one")
    before = stat_of(target)
    target.write_bytes(b"by another program")
    with pytest.raises(WriteError) as caught:
        put_in_place(target, b"ours", before)
    assert caught.value.code == "write.changed"
    assert target.read_bytes() == b"by another program"
    assert only(tmp_path) == ["a.xmp"]


@pytest.mark.parametrize("where", ["write", "fsync", "replace"])
@pytest.mark.parametrize(
    ("number", "code"),
    [(errno.ENOSPC, "write.no-space"), (errno.EROFS, "write.read-only"), (errno.EIO, "write.io-error")],
)
def test_a_failing_disk_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, number: int, code: str
) -> None:
    target = tmp_path / "a.xmp"
    target.write_bytes(b"one")
    before = stat_of(target)

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(sidecar.os, where, fail)
        with pytest.raises(WriteError) as caught:
            put_in_place(target, b"two", before)
    assert caught.value.code == code
    assert target.read_bytes() == b"one"
    assert only(tmp_path) == ["a.xmp"]


def test_what_is_in_place_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def refuse(path: object, *arguments: int, **more: int) -> int:
        if path == tmp_path:
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))
        return real(path, *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(sidecar.os, "open", refuse)
    put_in_place(tmp_path / "a.xmp", b"one", None)
    assert (tmp_path / "a.xmp").read_bytes() == b"one"


def test_half_a_write_is_finished_or_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(sidecar.os, "write", lambda descriptor, data: real(descriptor, data[:7]))
    put_in_place(tmp_path / "a.xmp", b"x" * 100, None)
    assert (tmp_path / "a.xmp").read_bytes() == b"x" * 100


def test_a_disk_that_lies_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sidecar.os, "write", lambda descriptor, data: len(data))
    with pytest.raises(WriteError, match="other data than was written"):
        put_in_place(tmp_path / "a.xmp", b"x", None)
    assert only(tmp_path) == []


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(WriteError) as caught:
            put_in_place(tmp_path / "a.xmp", b"x", None)
    finally:
        tmp_path.chmod(0o700)
    assert caught.value.code == "write.no-permission"


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(WriteError) as caught:
        put_in_place(tmp_path / "gone" / "a.xmp", b"x", None)
    assert caught.value.code == "write.gone"


def test_what_a_killed_program_left_goes_after_an_hour(tmp_path: Path) -> None:
    old, new, other = (
        tmp_path / f".a.xmp.{'0' * 12}.semantic-photos.tmp",
        tmp_path / f".b.xmp.{'1' * 12}.semantic-photos.tmp",
        tmp_path / ".a.xmp.tmp",
    )
    for path in (old, new, other):
        path.write_bytes(b"half")
        os.utime(path, (1, 1))
    os.utime(new)
    put_in_place(tmp_path / "a.xmp", b"x", None)
    assert only(tmp_path) == sorted([other.name, new.name, "a.xmp"])


def test_attributes_stay_and_time_if_asked(tmp_path: Path) -> None:
    target = tmp_path / "a.jpg"
    target.write_bytes(b"one")
    os.utime(target, ns=(5, 1_234_567_890))
    try:
        os.setxattr(target, "user.xdg.tags", b"holiday")
    except (OSError, AttributeError):
        pytest.skip("no extended attributes here")
    put_in_place(target, b"two", stat_of(target), keep_time=True)
    assert target.read_bytes() == b"two"
    assert os.getxattr(target, "user.xdg.tags") == b"holiday"
    assert target.stat().st_mtime_ns == 1_234_567_890
    put_in_place(target, b"three", stat_of(target))
    assert target.stat().st_mtime_ns != 1_234_567_890


def test_an_attribute_that_cannot_be_kept_stops_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "a.jpg"
    target.write_bytes(b"one")

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(sidecar.os, "listxattr", lambda path: ["security.x", "user.xdg.tags"], raising=False)
    monkeypatch.setattr(sidecar.os, "getxattr", lambda path, name: b"v", raising=False)
    monkeypatch.setattr(sidecar.os, "setxattr", fail, raising=False)
    with pytest.raises(WriteError) as caught:
        put_in_place(target, b"two", stat_of(target))
    assert caught.value.code == "write.no-space"
    assert target.read_bytes() == b"one"


def test_hard_links_are_not_parted(tmp_path: Path) -> None:
    target, other = tmp_path / "a.jpg", tmp_path / "b.jpg"
    target.write_bytes(b"one")
    os.link(target, other)
    with pytest.raises(WriteError, match="hard links") as caught:
        put_in_place(target, b"two", stat_of(target))
    assert (caught.value.code, target.read_bytes(), caught.value.retry) == ("write.hard-link", b"one", False)


def test_which_sidecar(tmp_path: Path) -> None:
    photo = tmp_path / "p.jpg"
    photo.write_bytes(b"x")
    assert sidecar_to_write(photo).name == "p.jpg.xmp"
    assert sidecar_to_write(photo, adobe=True).name == "p.xmp"
    (tmp_path / "p.raf").write_bytes(b"x")
    assert sidecar_to_write(photo, adobe=True).name == "p.jpg.xmp", "the two would share it"
    first = words_stamp(photo)
    (tmp_path / "p.xmp").write_bytes(b"x")
    assert sidecar_to_write(photo).name == "p.jpg.xmp"
    assert own_sidecars(photo) == []
    (tmp_path / "p.raf").rename(tmp_path / "p.jpg_original")
    assert sidecar_to_write(photo).name == "p.xmp"
    assert [path.name for path in sidecars_of(photo)] == ["p.xmp"]
    assert words_stamp(photo) != first
    assert words_stamp(tmp_path / "none.jpg") == ""
