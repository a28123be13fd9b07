# SPDX-License-Identifier: GPL-3.0-or-later
"""The real program, end to end, on pictures made here and a tiny real pack whose words are colours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.fakes.packs import build_tiny_pack

COLOURS = {
    "red": (215, 25, 25),
    "green": (30, 180, 40),
    "blue": (30, 50, 215),
    "yellow": (230, 220, 30),
}


def make_photo(path: Path, colour: str, *, number: int = 0, size: tuple[int, int] = (96, 72)) -> Path:
    """Write a picture of one colour; ``number`` makes its bytes, and a corner of it, unlike the others'."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", size, COLOURS[colour])
    for x in range(4):
        image.putpixel((x, 0), (number % 256, (number >> 8) % 256, x * 40))
    image.save(path, quality=90)
    return path


@pytest.fixture(scope="session")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_pack(tmp_path_factory.mktemp("packs") / "tiny")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for number in range(24):
        colour = list(COLOURS)[number % 4]
        make_photo(folder / f"{colour}-{number:02d}.jpg", colour, number=number)
    return folder


class Program:
    """Runs ``python -m semantic_photos`` with a home of its own."""

    def __init__(self, home: Path, pack: Path) -> None:
        self.home, self.pack = home, pack

    def arguments(self, *words: str | Path) -> list[str]:
        return [
            sys.executable,
            "-m",
            "semantic_photos",
            "--home",
            str(self.home),
            "--pack",
            str(self.pack),
            *map(str, words),
        ]

    def run(self, *words: str | Path, code: int = 0, stdin: str = "", **extra: Any) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **extra.pop("env", {})}
        done = subprocess.run(
            self.arguments(*words),
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
            input=stdin,
            env=environment,
        )
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *words: str | Path) -> Any:
        return json.loads(self.run(*words, "--json").stdout)

    def start(self, *words: str | Path) -> subprocess.Popen[str]:
        return subprocess.Popen(self.arguments(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def program(tmp_path: Path, pack: Path) -> Program:
    return Program(tmp_path / "home", pack)


@pytest.fixture
def new_program(tmp_path: Path, pack: Path) -> Callable[[str], Program]:
    return lambda name: Program(tmp_path / name, pack)
