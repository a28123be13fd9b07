# SPDX-License-Identifier: GPL-3.0-or-later
"""The program's end of one decoder child: starts it, exchanges messages with a time limit, ends it."""

from __future__ import annotations

import logging
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

import semantic_photos
from semantic_photos.domain.errors import InternalError, PhotoError
from semantic_photos.domain.image_formats import format_of_name
from semantic_photos.domain.stored_reasons import TOO_SLOW
from semantic_photos.domain.translatable import Message
from semantic_photos.media import decoder_protocol
from semantic_photos.media.decode_request import DecodedPhoto, DecodeRequest
from semantic_photos.media.keyword_edit_values import EditedFile, EditRequest

_log = logging.getLogger(__name__)

#: Seconds a photo may take, and one of a format that is slow to decode.
TIME_LIMIT_S = 20.0
TIME_LIMIT_SLOW_S = 40.0
#: Seconds a child may take to load its libraries, also on a busy machine with a cold disk.
START_LIMIT_S = 60.0
#: Room in a pipe, so that a square and a thumbnail go through without a wait. The system may give less.
_PIPE_BYTES = 1 << 20
_SLICE_S = 0.25


class DecoderStartError(Exception):
    """A child could not be started; it never leaves ``media``."""


class DecoderGoneError(Exception):
    """A child ended before it took up a photo, so no photo is to blame; it never leaves ``media``."""


class _ChildGoneError(Exception):
    """The child closed its pipe."""


class _TooSlowError(Exception):
    """The deadline passed."""


def time_limit(request: DecodeRequest | EditRequest) -> float:
    """Return how many seconds a child may take for a request."""
    image_format = format_of_name(request.path)
    slow = image_format is not None and image_format.slow
    return TIME_LIMIT_SLOW_S if slow or isinstance(request, EditRequest) else TIME_LIMIT_S


def command() -> list[str]:
    """Return the command that starts a decoder child."""
    if getattr(sys, "frozen", False):
        # A frozen program is its own interpreter.
        return [sys.executable, "--decode-child"]
    root = str(Path(semantic_photos.__file__).resolve().parent.parent)
    # First, lest another version that is installed too should answer.
    path = f"import sys; {root!r} in sys.path or sys.path.insert(0, {root!r}); "
    code = f"{path}from semantic_photos.media.decoder_child import main; "
    # -P: no module is taken from the current folder.
    return [sys.executable, "-P", "-c", code + "sys.exit(main())"]


class DecoderProcess:
    """One child process, started by the constructor.

    Thread: one thread at a time, except ``kill``.

    Raises:
        DecoderStartError: when the system does not start it.
    """

    def __init__(self) -> None:
        environment = dict(os.environ)
        # One photo at a time: threads of the number libraries would only hold memory.
        environment.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")
        try:
            self._process = subprocess.Popen(
                command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, close_fds=True, env=environment,
                # Not the folder of the program, which may lie on a disk that is to be unmounted.
                cwd=os.path.abspath(os.sep),
                # A Ctrl-C in the terminal is for the program, which ends its children in order.
                process_group=0 if os.name == "posix" else None,
            )  # fmt: skip
        except OSError as error:
            raise DecoderStartError(str(error)) from error
        self.photos = 0
        _widen(self._stdout)

    def wait_until_ready(self) -> None:
        """Wait until the child has loaded its libraries.

        Raises:
            DecoderStartError: when it ends before that, or takes too long.
        """
        try:
            head, _ = self._read_frame(time.monotonic() + START_LIMIT_S)
            if "ready" not in head:
                raise decoder_protocol.ProtocolError("a strange greeting")
        except (_ChildGoneError, _TooSlowError, decoder_protocol.ProtocolError) as error:
            self.close()
            raise DecoderStartError(f"no greeting, exit code {self._process.returncode}") from error

    @property
    def pid(self) -> int:
        """Return the number of the child process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Return whether the child is running."""
        return self._process.poll() is None

    def decode(self, request: DecodeRequest) -> DecodedPhoto:
        """Have a photo decoded. After ``photo.too-slow``, ``.crashed-decoder`` and ``.out-of-memory`` close this.

        Raises:
            PhotoError: when the photo cannot be read, also when the child died of it or took too long.
            PackError: when the recipe asks for something unknown.
            DecoderGoneError: when the child had ended before it looked at the photo: ask another child.
        """
        head, payload = self._ask(request)
        try:
            return decoder_protocol.read_answer(head, payload, request)
        except decoder_protocol.ProtocolError as error:
            raise self._nonsense(request.path, error) from error

    def edit(self, request: EditRequest) -> EditedFile:
        """Have a file with other keywords computed; nothing is written.

        Raises:
            PhotoError, DecoderGoneError: as ``decode``.
        """
        head, payload = self._ask(request)
        try:
            return decoder_protocol.read_edited(head, payload)
        except decoder_protocol.ProtocolError as error:
            raise self._nonsense(request.path, error) from error

    def _ask(self, request: DecodeRequest | EditRequest) -> tuple[dict[str, object], bytearray]:
        limit = time_limit(request)
        self.photos += 1
        begun = False
        try:
            for piece in decoder_protocol.request_frame(request):
                self._stdin.write(piece)
            head, _ = self._read_frame(time.monotonic() + limit)
            if head != decoder_protocol.BEGUN:
                raise decoder_protocol.ProtocolError("an answer before the photo was taken up")
            begun = True
            return self._read_frame(time.monotonic() + limit)
        except _TooSlowError:
            self.kill()
            raise PhotoError(Message(TOO_SLOW, seconds=round(limit)), code="photo.too-slow") from None
        except (_ChildGoneError, OSError):
            if not begun:
                raise DecoderGoneError(f"decoder {self.pid} was gone before the photo") from None
            raise self._obituary() from None
        except decoder_protocol.ProtocolError as error:
            raise self._nonsense(request.path, error) from error

    def _nonsense(self, path: Path, error: decoder_protocol.ProtocolError) -> PhotoError:
        _log.warning("a decoder answered nonsense about %r: %s", str(path), error)
        self.kill()
        return _crashed()

    def kill(self) -> None:
        """End the child at once. Thread: any."""
        try:
            self._process.kill()
        except OSError as error:
            _log.warning("a decoder cannot be ended: %s", error)

    def close(self) -> None:
        """End the child and give its pipes back. Safe to call twice."""
        self.kill()
        self._stdin.close()
        self._stdout.close()
        try:
            self._process.wait(0.5)
        except subprocess.TimeoutExpired:
            # It hangs in the kernel, on a dead network disk say; it ends when the disk answers.
            _log.warning("decoder %d does not end yet", self.pid)

    @property
    def _stdin(self) -> IO[bytes]:
        if self._process.stdin is None:
            raise InternalError("a decoder without pipes")
        return self._process.stdin

    @property
    def _stdout(self) -> IO[bytes]:
        if self._process.stdout is None:
            raise InternalError("a decoder without pipes")
        return self._process.stdout

    def _read_frame(self, deadline: float) -> tuple[dict[str, object], bytearray]:
        text, payload = decoder_protocol.lengths(self._read(decoder_protocol.HEADER.size, deadline))
        return decoder_protocol.parse(self._read(text, deadline)), self._read(payload, deadline)

    def _read(self, length: int, deadline: float) -> bytearray:
        """Read exactly so many bytes.

        Raises:
            _TooSlowError: when they are not there at the deadline.
            _ChildGoneError: when there will be no more.
        """
        data = bytearray(length)
        view = memoryview(data)
        done = 0
        while done < length:
            if not self._wait_for_bytes(deadline):
                raise _TooSlowError
            try:
                count = os.readv(self._stdout.fileno(), [view[done:]])
            except (OSError, ValueError) as error:
                raise _ChildGoneError from error
            if count == 0:
                raise _ChildGoneError
            done += count
        return data

    def _wait_for_bytes(self, deadline: float) -> bool:
        poll = select.poll()
        try:
            poll.register(self._stdout, select.POLLIN)
        except ValueError as error:
            raise _ChildGoneError from error
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            if poll.poll(min(left, _SLICE_S) * 1000):
                return True
            # Killed but stuck in the kernel: its pipe stays open, and must not be waited for.
            if self._process.returncode is not None:
                raise _ChildGoneError

    def _obituary(self) -> PhotoError:
        """Say what the child died of."""
        try:
            code = self._process.wait(2.0)
        except subprocess.TimeoutExpired:
            self.kill()
            return _crashed()
        _log.warning("decoder %d died with %d", self.pid, code)
        if code == -9:
            # Not by us: the system ran out of memory, and its choice need not have been this photo's fault.
            return PhotoError(
                Message("The system stopped decoding this photo, probably because memory ran out."),
                code="photo.out-of-memory",
                retry=True,
            )
        return _crashed()


def _crashed() -> PhotoError:
    return PhotoError(
        Message("Decoding crashed: the file may be damaged, possibly on purpose."), code="photo.crashed-decoder"
    )


def _widen(pipe: IO[bytes]) -> None:
    try:
        import fcntl

        fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    except (ImportError, AttributeError, OSError) as error:
        _log.debug("pipes keep their size: %s", error)
