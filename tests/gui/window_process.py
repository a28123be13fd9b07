# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole program's window on the library that behaves, as a process of its own: ``python -m … HOME PHOTOS``."""

from __future__ import annotations

import sys
from pathlib import Path

from semantic_photos.gui.shell import app
from semantic_photos.paths import Paths
from tests.fakes.library import FakeLibrary


def main() -> int:
    photos = int(sys.argv[2])
    return app.run(
        lambda: FakeLibrary(photos, indexed=photos // 2, step=5), [], paths=Paths.under(Path(sys.argv[1])).create()
    )


if __name__ == "__main__":
    sys.exit(main())
