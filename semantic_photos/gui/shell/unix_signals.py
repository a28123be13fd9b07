# SPDX-License-Identifier: GPL-3.0-or-later
"""Ctrl-C and the end of the session as a Qt signal: in Qt's event loop Python's handlers would never run."""

from __future__ import annotations

import os
import signal
import socket
from types import FrameType

from PySide6.QtCore import QObject, QSocketNotifier, Signal

_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class SignalListener(QObject):
    """Turns process signals into ``stop_requested``.

    Signals:
        stop_requested: the process should end.

    Python's own handlers only run when the interpreter gets a turn, which a waiting Qt event loop never gives. So the
    C handler writes a byte into a socket, and Qt watches that socket.
    """

    stop_requested = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._reader, self._writer = socket.socketpair()
        for end in (self._reader, self._writer):
            end.settimeout(0.0)
        self._notifier = QSocketNotifier(self._reader.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._on_byte)
        self._old_fd = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        self._old = {number: signal.signal(number, _do_nothing) for number in _SIGNALS}

    def _on_byte(self) -> None:
        try:
            self._reader.recv(64)
        except OSError:
            return
        self.stop_requested.emit()

    def close(self) -> None:
        """Restore the signal handlers."""
        self._notifier.setEnabled(False)
        signal.set_wakeup_fd(self._old_fd)
        for number, handler in self._old.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        self._reader.close()
        self._writer.close()


def _do_nothing(_number: int, _frame: FrameType | None) -> None:
    os.getpid()
