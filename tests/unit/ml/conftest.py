# SPDX-License-Identifier: GPL-3.0-or-later
"""A tiny real pack: one to read, and copies to spoil."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from semantic_photos.ml.model_pack import ModelPack, load_pack
from tests.fakes.packs import build_tiny_pack


@pytest.fixture(scope="session")
def good_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack that is only read."""
    return build_tiny_pack(tmp_path_factory.mktemp("good") / "tiny")


@pytest.fixture
def folder(good_folder: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(good_folder, tmp_path / "tiny"))


@pytest.fixture(scope="session")
def pack(good_folder: Path) -> ModelPack:
    return load_pack(good_folder)
