# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of several packs is the best one."""

from __future__ import annotations

from pathlib import Path

import pytest

from semantic_photos.ml.model_pack import load_pack
from semantic_photos.services.library import pack_choice
from tests.fakes.packs import build_tiny_pack


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(pack_choice, "resources", lambda: tmp_path / "resources")
    return tmp_path / "resources" / "packs"


def order(*folders: Path) -> list[str]:
    return [f"{pack.folder.parent.name}/{pack.id}" for pack in pack_choice.ranked([load_pack(f) for f in folders])]


def test_the_highest_version_is_the_best(shipped: Path) -> None:
    old = build_tiny_pack(shipped / "a", name="tiny-1", version="0.9.1")
    new = build_tiny_pack(shipped / "b", name="tiny-2", version="0.10")
    assert order(old, new) == ["packs/tiny-2", "packs/tiny-1"]


def test_of_one_version_the_later_edition_is_the_best_and_then_the_installed_one(shipped: Path, tmp_path: Path) -> None:
    one = build_tiny_pack(shipped / "a", name="tiny-1")
    two = build_tiny_pack(shipped / "b", name="tiny-2")
    own = build_tiny_pack(tmp_path / "own" / "c", name="tiny-2")
    assert order(one, two, own) == ["own/tiny-2", "packs/tiny-2", "packs/tiny-1"]


def test_an_installed_pack_of_somebody_else_comes_first(shipped: Path, tmp_path: Path) -> None:
    ours = build_tiny_pack(shipped / "a", name="tiny-2", version="2.0")
    theirs = build_tiny_pack(tmp_path / "own" / "b", name="other", version="0.1")
    assert order(ours, theirs) == ["own/other", "packs/tiny-2"]
