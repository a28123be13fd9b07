# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files and folders are looked at."""

from __future__ import annotations

import pytest

from semantic_photos.domain.photo import FileStamp, is_photo_name, is_skipped_folder


@pytest.mark.parametrize("name", ["a.jpg", "A.JPG", "x.y.HeIc", "ä b.webp", "a.avif", "a.tiff", "a.mpo"])
def test_photo_names(name: str) -> None:
    assert is_photo_name(name)


@pytest.mark.parametrize(
    "name", [".a.jpg", "._a.jpg", "jpg", ".jpg", "a.jpg.part", "a.crdownload", "a.txt", "a.jpg~", ""]
)
def test_other_names(name: str) -> None:
    assert not is_photo_name(name)


@pytest.mark.parametrize("name", [".git", ".thumbnails", "@eaDir", "node_modules", "System Volume Information"])
def test_skipped_folders(name: str) -> None:
    assert is_skipped_folder(name)


def test_a_stamp_from_the_past_is_a_change_too() -> None:
    assert not FileStamp(5, 100).same_content(FileStamp(5, 99))
    assert FileStamp(5, 100, inode=1).same_content(FileStamp(5, 100, inode=2))
