# SPDX-License-Identifier: GPL-3.0-or-later
"""One window per library: a second start raises the first one and ends. Nothing else is handed over."""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

_log = logging.getLogger(__name__)

_WORD = b"raise\n"
_WAIT_MS = 600
#: What fits into a socket's address on every Unix.
_MOST_BYTES = 100


class SingleInstance(QObject):
    """Listens on a socket that only this user can reach.

    Signals:
        raise_requested: another start of the program wants the window in front.
    """

    raise_requested = Signal()

    def __init__(self, home: Path | None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._address = address_for(home)
        self._server: QLocalServer | None = None

    def another_runs(self) -> bool:
        """Return whether the window is open already; it is asked to come to the front then."""
        socket = QLocalSocket()
        socket.connectToServer(self._address)
        if not socket.waitForConnected(_WAIT_MS):
            return False
        socket.write(_WORD)
        socket.waitForBytesWritten(_WAIT_MS)
        socket.disconnectFromServer()
        return True

    def listen(self) -> None:
        """Be the first. A socket that nobody answers on is left over from a crash and is taken away."""
        server = QLocalServer(self)
        server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        if not server.listen(self._address):
            QLocalServer.removeServer(self._address)
            if not server.listen(self._address):
                _log.warning("no socket for further starts: %s", server.errorString())
                return
        server.newConnection.connect(self._on_connection)
        self._server = server

    def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()

    def _on_connection(self) -> None:
        # Whatever the other side says, there is one thing to do; its words are not even read.
        while self._server is not None and self._server.hasPendingConnections():
            connection = self._server.nextPendingConnection()
            connection.disconnected.connect(connection.deleteLater)
            connection.close()
            self.raise_requested.emit()


def address_for(home: Path | None) -> str:
    """Return the socket of the library at ``home``: where only this user can reach it."""
    digest = hashlib.sha256(os.fsencode(home or Path("default"))).hexdigest()[:16]
    name = f"semantic-photos-{digest}"
    if os.name == "nt":
        return name
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if runtime:
        return str(Path(runtime) / name)
    # Without a runtime folder the library's own one serves, which is for this user alone as well.
    own = str(home / "window.socket") if home is not None else ""
    return own if own and len(os.fsencode(own)) <= _MOST_BYTES else name
