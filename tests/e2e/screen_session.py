# SPDX-License-Identifier: GPL-3.0-or-later
"""Two minutes of steering: the real program on a virtual screen, everything that search can do done once and looked at.

    python -m tests.e2e.screen_session --photos FOLDER --out FOLDER [--dark] [--display :NAME]

Each step does what a person does, insists on what should then be seen, and keeps a picture of the screen. Words are
taken from what the photos show, so that any folder will do (best with fifty photos or more). The exit code is the
number of steps that did not show what they should.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.e2e.screen_session_photos import Walk
from tests.e2e.window_driver import Unseen, Window, screen


def steps(walk: Walk) -> list[tuple[str, Callable[[], None]]]:
    """Return the steps with their names, in order."""
    names = [name for kind in reversed(Walk.__mro__[:-1]) for name in vars(kind) if not name.startswith("_")]
    return [(name.replace("_", " "), getattr(walk, name)) for name in names]


def main(argv: Sequence[str] | None = None) -> int:
    """Walk through everything once."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.screen_session", description=__doc__)
    parser.add_argument("--photos", type=Path, required=True, help="a folder of photos; it is only read")
    parser.add_argument("--out", type=Path, required=True, help="where the pictures of the screen go")
    parser.add_argument("--home", type=Path, help="keep the library here; else it is forgotten at the end")
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--display", help="a screen that is there, such as :92; else one is made")
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="WORD", help="only steps with such a word in their name"
    )
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)
    os.environ |= {"QT_QPA_PLATFORM": "xcb", "SEMANTIC_PHOTOS_SCHEME": "dark" if options.dark else "light"}
    if options.display:
        return _walk(options, options.display)
    with screen() as display:
        return _walk(options, display)


def _walk(options: argparse.Namespace, display: str) -> int:
    os.environ["DISPLAY"] = display
    failed = 0
    with tempfile.TemporaryDirectory() as home:
        window = Window(options.photos.resolve(), options.home or Path(home), options.out)
        walk = Walk(window)
        for name, step in steps(walk):
            if name != "photos come in" and options.only and not any(word in name for word in options.only):
                continue
            start, before = time.monotonic(), len(window.troubles)
            try:
                step()
                said = "; ".join(window.troubles[before:])
            except Unseen as unseen:
                said = f"not seen: {unseen}"
            except Exception as error:  # noqa: BLE001  # the rest of the walk goes on
                said = f"the walk stumbled: {error!r}"
                traceback.print_exc()
            if said:
                window.shoot("unseen")
            failed += bool(said)
            print(f"{'FAILED' if said else 'ok':6} {time.monotonic() - start:6.1f} s  {name}  {said}", flush=True)
        window.close()
    return failed


if __name__ == "__main__":
    sys.exit(main())
