# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings survive what happens to their file."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
from pathlib import Path

import pytest

from semantic_photos.domain.errors import UserFacingError
from semantic_photos.domain.settings import Settings
from semantic_photos.storage.settings_file import load_settings, save_settings

CHANGED = dataclasses.replace(Settings(), thumbnail_side=240, side_panel=False, window_geometry="ä✓")


def test_there_and_back(tmp_path: Path) -> None:
    path = tmp_path / "config" / "settings.json"
    assert load_settings(path) == Settings()
    save_settings(path, CHANGED)
    assert load_settings(path) == CHANGED
    save_settings(path, Settings())
    assert load_settings(path) == Settings()
    assert [name.name for name in path.parent.iterdir()] == ["settings.json"]
    assert path.stat().st_mode & 0o077 == 0


def test_what_makes_no_sense_falls_back_alone(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({"thumbnail_side": 240, "result_limit": -5, "side_panel": "yes", "unknown": 1}))
    assert load_settings(path) == dataclasses.replace(Settings(), thumbnail_side=240)
    assert path.exists()


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1, 2]", b"\xff\xfe", b"null", b"[" * 200_000, b"{}" + b" " * 1_000_001]
)
def test_a_damaged_file_is_set_aside_not_overwritten(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "settings.json"
    path.write_bytes(content)
    assert load_settings(path) == Settings()
    (aside,) = tmp_path.iterdir()
    assert aside.name.startswith("settings.bad-")
    assert aside.read_bytes() == content


def test_a_file_that_cannot_be_read_does_not_keep_the_program_from_starting(tmp_path: Path) -> None:
    (tmp_path / "settings.json").mkdir()
    assert load_settings(tmp_path / "settings.json") == Settings()


def test_a_full_disk_leaves_the_old_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "settings.json"
    save_settings(path, CHANGED)

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserFacingError) as caught:
        save_settings(path, Settings())
    assert caught.value.code == "settings.unwritable"
    assert "No space left" in str(caught.value)
    assert load_settings(path) == CHANGED
    assert [name.name for name in tmp_path.iterdir()] == ["settings.json"]


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserFacingError):
        save_settings(tmp_path / "file" / "settings.json", CHANGED)
