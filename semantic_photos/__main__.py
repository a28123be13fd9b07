# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides between window, terminal and command line, and imports only what was chosen."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from semantic_photos import translation
from semantic_photos.domain.errors import UserFacingError
from semantic_photos.domain.translatable import Message
from semantic_photos.translation import tr, translated


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code: 0, or 2 after one sentence on stderr."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["--decode-child"]:
        # A frozen program is its own interpreter: decoder children start it again with this word.
        from semantic_photos.media.decoder_child import main as decode

        return decode()
    if given[:1] == ["--index-child"]:
        from semantic_photos.index.annoy_child import main as build

        return build(given[1:])
    translation.use(translation.of_environment())
    try:
        return _dispatch(given)
    except UserFacingError as error:
        _say(f"semantic-photos: {translated(error)}")
        return 2
    except KeyboardInterrupt:
        _say("semantic-photos: " + tr("stopped; finished work is kept."))
        return 130
    except BrokenPipeError:
        # The reader of our output has seen enough (`… | head`). Nothing more may be written, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        logging.getLogger("semantic_photos").exception("uncaught")
        _say("semantic-photos: " + tr("Program error: {error}. See the log file for details.", error=repr(error)))
        return 2


def _dispatch(given: Sequence[str]) -> int:
    from semantic_photos import logs
    from semantic_photos.cli import arguments, commands

    options = arguments.parse(given)
    paths = commands.paths_of(options).create()
    logs.set_up(paths.logs, console_level=logging.INFO if options.verbose else logging.CRITICAL + 1)
    if options.command != "window":
        return commands.run(options)
    if options.self_test:
        from semantic_photos import self_test

        return self_test.run(options)
    if options.demo:
        _prepare_demo(options)
    if options.terminal or not has_display():
        return _terminal(options)
    return _window(options)


def has_display() -> bool:
    """Return whether a window can be shown: on Linux that takes X11, Wayland, or a platform that was chosen."""
    if sys.platform in ("win32", "darwin"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))


def _prepare_demo(options: argparse.Namespace) -> None:
    """Show a few photos that ship with the program, in a library of their own beside the user's."""
    from semantic_photos.paths import Paths, resources

    options.folders = [resources() / "demo"]
    if options.home is None:
        options.home = Paths.for_user().cache / "demo"


def _terminal(options: argparse.Namespace) -> int:
    from semantic_photos.cli import commands, terminal

    if not options.terminal:
        _say(tr("No display found: starting in the terminal."))
    with commands.open_library(options, read_only=False) as library:
        return terminal.converse(library, options.folders)


def _window(options: argparse.Namespace) -> int:
    try:
        from semantic_photos.gui.shell import app
    except ImportError as error:
        raise UserFacingError(
            Message("The window cannot be shown: {error}.", error=error),
            code="gui.missing",
            advice=Message("Start without it: --terminal"),
        ) from error
    from semantic_photos.cli import commands
    from semantic_photos.services.library.library import Library

    paths = commands.paths_of(options)
    folders = [Path(folder) for folder in options.folders]
    return app.run(
        lambda: Library.open(paths, pack_folder=options.pack, watch=True),
        folders,
        recover=lambda: Library.recover_catalog(paths),
        paths=paths,
    )


def _say(text: str) -> None:
    if sys.stderr is None:  # closed by whoever started the program
        return
    sys.stderr.write(text.encode("utf-8", "replace").decode("utf-8") + "\n")


if __name__ == "__main__":
    sys.exit(main())
