# SPDX-License-Identifier: GPL-3.0-or-later
"""``--self-test`` checks an installation: imports, a small index, the model pack, decoder process, fonts."""

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
from semantic_photos.domain.errors import UserFacingError
from semantic_photos.domain.translatable import Message
from semantic_photos.translation import tr, translated, trn

_MODULES = ("numpy", "PIL", "pillow_heif", "onnxruntime", "watchdog", "platformdirs", "PySide6.QtWidgets")

#: Run in a process of its own: Qt ends the process when its platform plugin is missing.
_FONTS = """
import os
os.environ["QT_QPA_PLATFORM"] = "offscreen"
from semantic_photos.gui.shell.fonts import families
print(len(families()))
"""


#: The same in every language, so that scripts can look for them.
_OK, _FAIL = "ok  ", "FAIL"


def run(options: argparse.Namespace) -> int:
    """Run all checks, print a line for each, and return 0 if all passed, else 1."""
    say = sys.stdout.write
    say(f"Semantic Photos {__version__}, Python {platform.python_version()}, {platform.platform()}\n")
    good = True
    checks: tuple[tuple[str, Callable[[], str]], ...] = (
        (tr("libraries"), _imports),
        (tr("search index"), _tiny_index),
        (tr("model pack"), lambda: _known_answer(options.pack)),
        (tr("decoder process"), _decode),
        (tr("fonts"), _fonts),
    )
    for name, check in checks:
        try:
            text, passed = check(), True
        except UserFacingError as error:
            text, passed = translated(error), False
        except Exception as error:  # noqa: BLE001  # a check's whole purpose is to find any error
            text, passed = f"{type(error).__name__}: {error}", False
        say(f"{_OK if passed else _FAIL} {name}: {text}\n")
        good = good and passed
    say((tr("All checks passed.") if good else tr("Some checks failed.")) + "\n")
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
    if engine == "annoy":
        return tr("built and searched with Annoy")
    return tr("built and searched without Annoy: {reason}", reason=translated(reason or ""))


def _known_answer(folder: Path | None) -> str:
    from semantic_photos.ml.image_encoder import OnnxImageEncoder
    from semantic_photos.ml.model_pack import find_packs, load_pack, verify_known_answer
    from semantic_photos.ml.text_encoder import WordTableEncoder
    from semantic_photos.paths import resources

    packs = [folder] if folder is not None else find_packs(resources() / "packs")
    if not packs:
        raise UserFacingError(Message("This installation has no model pack."), code="pack.missing")
    said = []
    # All that ship are tried: the one before the newest still answers for libraries that were indexed with it.
    for pack in map(load_pack, packs):
        encoder = OnnxImageEncoder(pack, 1)
        try:
            verify_known_answer(pack, encoder, WordTableEncoder(pack))
        finally:
            encoder.close()
        said.append(tr("{name} {version} gives its known answer", name=pack.title, version=pack.version))
    return "; ".join(said)


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
        raise AssertionError("a red image did not come back red")
    return tr("an image was decoded")


def _fonts() -> str:
    done = subprocess.run(
        [sys.executable, "-c", _FONTS], capture_output=True, text=True, timeout=60, check=False, env=dict(os.environ)
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [tr("The process ended without a message.")])[-1]
        raise RuntimeError(last)
    if int(done.stdout.strip() or 0) == 0:
        raise UserFacingError(
            Message("No font is installed, so text would be invisible."),
            code="fonts.missing",
            advice=Message("Install one, for example: {command}", command="apt install fonts-dejavu-core"),
        )
    return trn("{count} font family", "{count} font families", int(done.stdout.strip()))
