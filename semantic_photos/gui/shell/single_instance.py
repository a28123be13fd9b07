# SPDX-License-Identifier: GPL-3.0-or-later
"""One window per library: a second start raises the first window and ends. It passes nothing else on."""

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
#: Longest address of a socket on every Unix.
_MOST_BYTES = 100


class SingleInstance(QObject):
    """Listens on a socket that only this user can reach.

    Signals:
        raise_requested: the program was started again, so the window comes to the front.
    """

    raise_requested = Signal()

    def __init__(self, home: Path | None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._address = address_for(home)
        self._server: QLocalServer | None = None

    def another_runs(self) -> bool:
        """Return whether the window is open already; if so, bring it to the front."""
        socket = QLocalSocket()
        socket.connectToServer(self._address)
        if not socket.waitForConnected(_WAIT_MS):
            return False
        socket.write(_WORD)
        socket.waitForBytesWritten(_WAIT_MS)
        socket.disconnectFromServer()
        return True

    def listen(self) -> None:
        """Listen for further starts. A socket without a listener is left over from a crash and is removed."""
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
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    def _on_connection(self) -> None:
        # Whatever the other side sends, there is only one thing to do; it is not even read.
        while self._server is not None and self._server.hasPendingConnections():
            connection = self._server.nextPendingConnection()
            connection.disconnected.connect(connection.deleteLater)
            connection.close()
            self.raise_requested.emit()


def address_for(home: Path | None) -> str:
    """Return the socket address of the library at ``home``, where only this user can reach it."""
    digest = hashlib.sha256(os.fsencode(home or Path("default"))).hexdigest()[:16]
    name = f"semantic-photos-{digest}"
    if os.name == "nt":
        return name
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if runtime:
        return str(Path(runtime) / name)
    # Without a runtime folder use the library's own one, which belongs to this user alone as well.
    own = str(home / "window.socket") if home is not None else ""
    return own if own and len(os.fsencode(own)) <= _MOST_BYTES else name
