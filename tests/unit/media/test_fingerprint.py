# SPDX-License-Identifier: GPL-3.0-or-later
"""The content key stays with the bytes, whatever the file is called."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from semantic_photos.domain.errors import PhotoError
from semantic_photos.media.fingerprint import content_key


@pytest.mark.parametrize("size", [1, 1000, 196_608, 196_609, 2_000_000])
def test_copies_have_the_same_key_and_changes_another(tmp_path: Path, size: int) -> None:
    data = bytearray(random.Random(size).randbytes(size))
    (tmp_path / "a.jpg").write_bytes(data)
    (tmp_path / "b.png").write_bytes(data)
    key = content_key(tmp_path / "a.jpg")
    assert key == content_key(tmp_path / "b.png")
    assert len(key) == 32
    assert set(key) <= set("0123456789abcdef")
    for place in (0, size // 2, size - 1):
        changed = bytearray(data)
        changed[place] ^= 1
        (tmp_path / "c.jpg").write_bytes(changed)
        assert content_key(tmp_path / "c.jpg") != key


def test_size_is_part_of_the_key(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"\0" * 1_000_000)
    (tmp_path / "b.jpg").write_bytes(b"\0" * 1_000_001)
    assert content_key(tmp_path / "a.jpg") != content_key(tmp_path / "b.jpg")


def test_names_that_are_no_text_work(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.jpg"))
    path.write_bytes(b"data")
    assert content_key(path)


def test_a_pipe_does_not_block_and_a_missing_file_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    for name, code in (("pipe.jpg", "photo.not-a-file"), ("gone.jpg", "photo.missing"), (".", "photo.not-a-file")):
        with pytest.raises(PhotoError) as caught:
            content_key(tmp_path / name)
        assert caught.value.code == code
