# SPDX-License-Identifier: GPL-3.0-or-later
"""One onnxruntime session: created on first use, cancellable, with the program's own errors.

The only module that imports onnxruntime, and only when a session is made: the import takes some 160 ms.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from semantic_photos.domain.errors import CancelledError, InternalError, PackError, SemanticPhotosError
from semantic_photos.domain.translatable import Message

_log = logging.getLogger(__name__)

_PROVIDERS = ["CPUExecutionProvider"]
#: onnxruntime writes to the terminal from this level on: 4 is fatal errors. All others reach us as exceptions.
_FATAL = 4


def runtime() -> Any:
    """Import onnxruntime with its telemetry off.

    Since 1.32 the wheel for Linux keeps a device number and a queue of events in the user's cache folder from its
    import on, to send them to its maker. Nothing of this program is sent anywhere: the variable must stand in the
    environment before the first import, and keeps even those files from being made.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    return onnxruntime


class Session:
    """Runs one network on the processor.

    Thread: any; several may run at once. ``terminate`` and ``close`` are meant to be called from another thread than
    the one that runs.
    """

    def __init__(self, name: str, read: Callable[[], bytes], threads: int) -> None:
        """Prepare a session; nothing is loaded yet.

        Args:
            name: the network's name, for errors.
            read: returns its verified bytes. From bytes and not from a path, so that nothing can be swapped in
                between; that such a model may name files relative to the current directory is why ``onnx_walk``
                refuses external data.
            threads: how many threads one run may use, at least 1.
        """
        self._name, self._read, self._threads = name, read, max(1, threads)
        self._session: Any = None
        self._making = threading.Lock()
        self._guard = threading.Lock()
        self._active: set[Any] = set()
        self._closed = False

    def run(self, feeds: Mapping[str, np.ndarray], outputs: Sequence[str]) -> list[np.ndarray]:
        """Run the network and return the named outputs.

        Raises:
            PackError: the network cannot be loaded.
            CancelledError: ``terminate`` or ``close`` was called meanwhile.
            InternalError: the network fails on these inputs, or the session is closed.
        """
        session, options = self._loaded(), _run_options()
        with self._guard:
            if self._closed:
                raise InternalError(f"the session of {self._name} is closed")
            self._active.add(options)
        try:
            results: list[np.ndarray] = session.run(list(outputs), dict(feeds), options)
        except Exception as error:  # onnxruntime's errors derive from Exception directly
            if options.terminate:
                raise CancelledError(f"the run of {self._name} was stopped") from error
            raise InternalError(f"{self._name} failed: {_sentence(error)}") from error
        finally:
            with self._guard:
                self._active.discard(options)
        return results

    def terminate(self) -> None:
        """Stop the runs that are under way; they raise ``CancelledError``. The session can be used again."""
        with self._guard:
            for options in self._active:
                options.terminate = True

    def close(self) -> None:
        """Stop what runs and let the network go. Safe to call twice."""
        with self._guard:
            self._closed = True
            for options in self._active:
                options.terminate = True
            # Whoever still runs holds a reference of its own; the memory goes when the last one is done.
            self._session = None

    @property
    def providers(self) -> list[str]:
        """Return where the network really runs: onnxruntime falls back with no more than a warning.

        Raises:
            PackError: the network cannot be loaded.
        """
        return [str(provider) for provider in self._loaded().get_providers()]

    def _loaded(self) -> Any:
        session = self._session
        if session is not None:
            return session
        with self._making:
            with self._guard:
                if self._closed:
                    raise InternalError(f"the session of {self._name} is closed")
                if self._session is not None:
                    return self._session
            start = time.perf_counter()
            session = self._make()
            _log.debug("%s loaded in %.0f ms", self._name, (time.perf_counter() - start) * 1000)
            with self._guard:
                if not self._closed:
                    self._session = session
        return session

    def _make(self) -> Any:
        data = self._read()
        try:
            onnxruntime = runtime()
            options = onnxruntime.SessionOptions()
            options.log_severity_level = _FATAL
            # The default takes every core and lets idle threads spin: three times the processor time for less speed
            # on a busy machine.
            options.intra_op_num_threads = self._threads
            options.inter_op_num_threads = 1
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")
            options.add_session_config_entry("session.inter_op.allow_spinning", "0")
            # Without this a failure prints a message of its own and tries again.
            return onnxruntime.InferenceSession(data, options, providers=_PROVIDERS, enable_fallback=0)
        except SemanticPhotosError:
            raise
        # ImportError where the library does not fit the machine; else errors that derive from Exception directly,
        # and UnicodeDecodeError where a damaged model has bad bytes inside the message.
        except Exception as error:
            message = Message("{file} cannot be loaded: {reason}", file=self._name, reason=_sentence(error))
            raise PackError(message, code="pack.model-damaged") from error


def _run_options() -> Any:
    options = runtime().RunOptions()
    options.log_severity_level = _FATAL
    # Give memory back after each run: one big batch would be held for ever otherwise, at the same speed.
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return options


def _sentence(error: Exception) -> str:
    """Return the error's own words as one line."""
    if isinstance(error, UnicodeDecodeError):
        return Message("the model is damaged.")
    text = " ".join(str(error).split())[:300].rstrip(".")
    return f"{text or type(error).__name__}."
