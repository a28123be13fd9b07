# SPDX-License-Identifier: GPL-3.0-or-later
"""``--self-test``: does this installation work? Imports, a tiny index, the pack's known answer, fonts."""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from semantic_photos import __version__

_MODULES = ("numpy", "PIL", "pillow_heif", "onnxruntime", "watchdog", "platformdirs", "PySide6.QtWidgets")

#: Run in a process of its own: Qt ends the process when its platform plugin is missing.
_FONTS = """
import os
os.environ["QT_QPA_PLATFORM"] = "offscreen"
from semantic_photos.gui.shell.fonts import families
print(len(families()))
"""


def run(options: argparse.Namespace) -> int:
    """Run all checks, print a line for each, and return 0 if all passed, else 1."""
    say = sys.stdout.write
    say(f"Semantic Photos {__version__}, Python {platform.python_version()}, {platform.platform()}\n")
    good = True
    checks: tuple[tuple[str, Callable[[], str]], ...] = (
        ("imports", _imports),
        ("tiny index", _tiny_index),
        ("model pack", lambda: _known_answer(options.pack)),
        ("decoder process", _decode),
        ("fonts", _fonts),
    )
    for name, check in checks:
        try:
            text, passed = check(), True
        except Exception as error:  # noqa: BLE001  # a check's whole purpose is to find any error
            text, passed = f"{type(error).__name__}: {error}", False
        say(f"{'ok  ' if passed else 'FAIL'} {name}: {text}\n")
        good = good and passed
    say("All is well.\n" if good else "Something is missing.\n")
    return 0 if good else 1


def _imports() -> str:
    versions = []
    for name in _MODULES:
        module = importlib.import_module(name)
        version = getattr(module, "__version__", "")
        versions.append(f"{name} {version}".strip())
    return ", ".join(versions)


def _tiny_index() -> str:
    import numpy as np

    from semantic_photos.domain.messages import CancelToken
    from semantic_photos.domain.vectors import normalise
    from semantic_photos.index import annoy_index
    from semantic_photos.index.hybrid_index import HybridIndex

    vectors = normalise(np.random.default_rng(1).normal(size=(200, 16)).astype(np.float32))
    ids = list(range(1000, 1200))
    with tempfile.TemporaryDirectory(prefix="semantic-photos-") as folder:
        reason = annoy_index.annoy_available(Path(folder))
        index = HybridIndex(Path(folder), 16, "self-test", engine="exact" if reason else "annoy")
        index.add(ids, vectors)
        index.rebuild(CancelToken())
        found, scores = index.search(vectors[7], 3)
        engine = index.engine
        index.close()
    if int(found[0]) != 1007 or abs(float(scores[0]) - 1.0) > 1e-4:
        raise AssertionError(f"asked for 1007, got {found.tolist()}")
    return f"{engine}" + (f" ({reason})" if reason else "")


def _known_answer(folder: Path | None) -> str:
    from semantic_photos.ml.image_encoder import OnnxImageEncoder
    from semantic_photos.ml.model_pack import find_packs, load_pack, verify_known_answer
    from semantic_photos.ml.text_encoder import WordTableEncoder
    from semantic_photos.paths import resources

    packs = [folder] if folder is not None else find_packs(resources() / "packs")
    if not packs:
        raise FileNotFoundError("no model pack ships with this installation")
    pack = load_pack(packs[0])
    encoder = OnnxImageEncoder(pack, 1)
    try:
        verify_known_answer(pack, encoder, WordTableEncoder(pack))
    finally:
        encoder.close()
    return f"{pack.title} {pack.version} gives its known answer"


def _decode() -> str:
    from PIL import Image

    from semantic_photos.domain.photo import ImageRecipe
    from semantic_photos.media.decode_request import DecodeRequest
    from semantic_photos.media.decoder_pool import DecoderPool

    with tempfile.TemporaryDirectory(prefix="semantic-photos-") as folder:
        path = Path(folder) / "red.png"
        Image.new("RGB", (40, 30), (200, 10, 10)).save(path)
        pool = DecoderPool(1)
        try:
            request = DecodeRequest(path, recipe=ImageRecipe(16), thumbnail_side=None)
            decoded = pool.submit(request).result(timeout=60)
        finally:
            pool.close()
    if decoded.square is None or int(decoded.square[8, 8, 0]) != 200:
        raise AssertionError("a red picture did not come back red")
    return "a picture was read"


def _fonts() -> str:
    done = subprocess.run(
        [sys.executable, "-c", _FONTS], capture_output=True, text=True, timeout=60, check=False, env=dict(os.environ)
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["the process died"])[-1]
        raise RuntimeError(last)
    if int(done.stdout.strip() or 0) == 0:
        raise RuntimeError("no font is installed, so text would be invisible (apt install fonts-dejavu-core)")
    return f"{done.stdout.strip()} font families"
