# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads and saves the settings as one JSON file, replaced atomically."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import tempfile
import time
from pathlib import Path

from semantic_photos.domain.errors import UserFacingError
from semantic_photos.domain.settings import Settings
from semantic_photos.domain.translatable import Message

_log = logging.getLogger(__name__)

#: A settings file is about a kilobyte; something much larger is not one.
_MOST_BYTES = 1_000_000


def load_settings(path: Path) -> Settings:
    """Return the stored settings; what is missing or makes no sense falls back to its default.

    A file that is no JSON object is set aside as ``settings.bad-….json``, so that it can be looked at and is not
    overwritten by the next change. Never fails: settings must not keep the program from starting.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        return Settings()
    except OSError as error:
        _log.warning("the settings %s cannot be read: %s", path, error)
        return Settings()
    try:
        values = json.loads(data) if len(data) <= _MOST_BYTES else None
    except (ValueError, RecursionError):
        values = None
    if isinstance(values, dict):
        return Settings.from_dict(values)
    aside = path.with_name(f"{path.stem}.bad-{time.strftime('%Y%m%d-%H%M%S')}{path.suffix}")
    with contextlib.suppress(OSError):
        os.replace(path, aside)
    _log.warning("the settings %s are damaged and were set aside as %s", path, aside)
    return Settings()


def save_settings(path: Path, settings: Settings) -> None:
    """Store settings, so that a crash or power cut leaves the old file or the new one.

    Raises:
        UserFacingError: when the file cannot be written; the old one is untouched then.
    """
    text = json.dumps(settings.to_dict(), indent=2, sort_keys=True) + "\n"
    temporary = ""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        if temporary:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        raise UserFacingError(
            Message("The preferences cannot be saved: {reason}.", reason=error.strerror or error),
            code="settings.unwritable",
            advice=Message("They apply until the program is closed."),
        ) from error
