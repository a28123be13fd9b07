# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks in a child process whether Annoy works on this machine, so that a crash cannot end the program."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from semantic_photos.domain import stored_reasons
from semantic_photos.domain.messages import CancelToken
from semantic_photos.domain.stored_reasons import ANNOY_CRASHED
from semantic_photos.domain.translatable import NO_MESSAGE, Message
from semantic_photos.index import annoy_child

_log = logging.getLogger(__name__)

VERDICT = "annoy-check.json"
#: Seconds a tiny build may take on a machine that is busy with other things.
CHECK_TIMEOUT_S = 60.0
_POLL_S = 0.02

_START = (
    "import sys; sys.path.insert(0, sys.argv[1]); from semantic_photos.index.annoy_child import main; "
    "sys.exit(main(sys.argv[2:]))"
)


def annoy_available(folder: Path) -> Message:
    """Return an empty string if Annoy works here, else a sentence with the reason.

    It is tried in a process of its own, once per (bytes of the library, abilities of the processor); what came out
    is kept in ``folder``, where it can be written.
    """
    files = _library_files()
    if files is None:
        return Message("Annoy is not installed.")
    key = _key(files)
    path = folder / VERDICT
    try:
        verdict = json.loads(path.read_text("utf-8"))
        if verdict["key"] == key:
            return stored_reasons.message(str(verdict["reason"]))
    except (OSError, ValueError, KeyError, TypeError):
        _log.debug("Annoy was not tried here before")
    try:
        code = run_child(["check"], folder if folder.is_dir() else Path.cwd(), timeout_s=CHECK_TIMEOUT_S)
    except OSError as error:
        return Message("Annoy could not be tested: {reason}.", reason=error.strerror or str(error))
    reason, lasting = _judge(code)
    if lasting:
        _keep(path, {"key": key, "reason": reason})
    return reason


def annoy_version() -> str:
    """Return the version of the installed Annoy: its file format carries none."""
    try:
        return metadata.version("annoy")
    except metadata.PackageNotFoundError:
        return "unknown"


def run_child(
    arguments: Sequence[str], folder: Path, *, token: CancelToken | None = None, timeout_s: float | None = None
) -> int | None:
    """Run ``annoy_child`` in ``folder``; return its exit code, negative for a signal, None when it took too long.

    Raises:
        CancelledError: when the token says so; the process is gone then.
        OSError: when it cannot be started.
    """
    if getattr(sys, "frozen", False):
        # A frozen program is its own interpreter and starts itself again with this word.
        command = [sys.executable, "--index-child", *arguments]
    else:
        command = [sys.executable, "-c", _START, str(Path(__file__).resolve().parents[2]), *arguments]
    # The folder is the working directory, so that Annoy sees plain names whatever the folder is called.
    process = subprocess.Popen(
        command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    end = None if timeout_s is None else time.monotonic() + timeout_s
    token = token or CancelToken()
    try:
        while process.poll() is None:
            token.raise_if_cancelled()
            if end is not None and time.monotonic() > end:
                return None
            token.wait(_POLL_S)
        return process.returncode
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        assert process.stdin is not None
        process.stdin.close()


def _judge(code: int | None) -> tuple[Message, bool]:
    """Return the reason, and whether it will be the same next time."""
    if code == annoy_child.DONE:
        return NO_MESSAGE, True
    if code is None:
        return Message("Annoy could not be tested in time."), False
    if code < 0:
        return Message(ANNOY_CRASHED, signal=-code), code != -9
    if code == annoy_child.WRONG_ANSWER:
        return Message("Annoy gives wrong results on this computer."), True
    return Message("Annoy could not be tested (exit code {number}).", number=code), False


def _library_files() -> list[Path] | None:
    """Return the compiled files of Annoy without importing it, or None if it is not installed."""
    try:
        spec = importlib.util.find_spec("annoy")
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None:
        return None
    return sorted(Path(spec.origin).parent.glob("annoylib*"))


def _key(files: Sequence[Path]) -> str:
    digest = hashlib.sha256(_processor().encode())
    for path in files:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _processor() -> str:
    """Return the processor's features, as far as the system reports them."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
            flags = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    except OSError:
        flags = ""
    return f"{platform.machine()} {flags or platform.processor()}"


def _keep(path: Path, verdict: dict[str, str]) -> None:
    try:
        beside = path.with_suffix(".tmp")
        beside.write_text(json.dumps(verdict), "utf-8")
        os.replace(beside, path)
    except OSError as error:
        _log.info("what came of trying Annoy cannot be kept: %s", error)
