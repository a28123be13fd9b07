# SPDX-License-Identifier: GPL-3.0-or-later
"""Logging, set up once: a rotating file, the console for warnings, and hooks for what nobody caught."""

from __future__ import annotations

import logging
import logging.handlers
import sys
import threading
from pathlib import Path
from types import TracebackType

_FORMAT = "%(asctime)s %(levelname)-7s %(threadName)s %(name)s: %(message)s"


def set_up(folder: Path, *, console_level: int = logging.ERROR) -> None:
    """Log everything from INFO to ``folder`` (5 files of 1 MB at most) and errors to stderr.

    A log that cannot be written is no reason not to start. Uncaught exceptions of all threads are logged.
    """
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    for handler in list(root.handlers):
        if getattr(handler, "_semantic_photos", False):
            root.removeHandler(handler)
            handler.close()
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    handlers[0].setLevel(console_level)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handlers.append(
            logging.handlers.RotatingFileHandler(
                folder / "semantic-photos.log", maxBytes=1_000_000, backupCount=4, encoding="utf-8",
                errors="backslashreplace",
            )
        )  # fmt: skip
    except OSError as error:
        logging.getLogger(__name__).warning("no log file: %s", error)
    for handler in handlers:
        handler.setFormatter(logging.Formatter(_FORMAT))
        handler._semantic_photos = True  # type: ignore[attr-defined]  # a mark, so that a second call replaces them
        root.addHandler(handler)
    sys.excepthook = log_uncaught
    threading.excepthook = lambda args: (
        None if args.exc_value is None else log_uncaught(args.exc_type, args.exc_value, args.exc_traceback)
    )


def log_uncaught(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """Log an exception that nobody caught; a Ctrl-C keeps its usual meaning."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)
        return
    logging.getLogger("semantic_photos").critical("uncaught", exc_info=(kind, error, traceback))
