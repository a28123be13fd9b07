# SPDX-License-Identifier: GPL-3.0-or-later
"""How decoders are started: by a bundled program too, and without loading them into the program itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from semantic_photos.domain.photo import ImageRecipe
from semantic_photos.media import decoder_pool
from semantic_photos.media.decode_request import DecodeRequest
from semantic_photos.media.decoder_pool import DecoderPool
from tests.fakes.pictures import save

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]

ROOT = str(Path(decoder_pool.__file__).parents[2])


def test_a_frozen_program_starts_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = tmp_path / "semantic-photos"
    bundle.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m semantic_photos "$@"\n')
    bundle.chmod(0o755)
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", str(bundle))
    pool = DecoderPool(1)
    try:
        assert pool.submit(DecodeRequest(save(tmp_path / "a.jpg"), ImageRecipe(64), None)).result(60).square is not None
        assert b"--decode-child" in Path(f"/proc/{pool.pids()[0]}/cmdline").read_bytes()
    finally:
        pool.close()


def test_the_program_itself_does_not_load_the_decoders() -> None:
    code = (
        "import sys\n"
        "import semantic_photos.media.decode, semantic_photos.media.decoder_pool\n"
        "import semantic_photos.media.thumbnails, semantic_photos.media.fingerprint\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('PIL', 'pillow_heif')])"
    )
    environment = {**os.environ, "PYTHONPATH": ROOT}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert run.stdout.strip() == "[]"
