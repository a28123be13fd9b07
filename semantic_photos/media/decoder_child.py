# SPDX-License-Identifier: GPL-3.0-or-later
"""The decoder child: reads requests from standard input, answers on standard output.

It holds nothing but its two pipes, may not take more memory than one photo needs, and ends by itself when the
program is gone, however that went.
"""

from __future__ import annotations

import logging
import os
import queue
import sys
import threading
from typing import Any, BinaryIO

from semantic_photos.domain.errors import PhotoError, UserFacingError
from semantic_photos.domain.stored_reasons import NOT_DECODED
from semantic_photos.domain.translatable import Message
from semantic_photos.media import decoder_protocol
from semantic_photos.media.decode import decode
from semantic_photos.media.decoder_protocol_keywords import packed_edit
from semantic_photos.media.keyword_edit_values import EditRequest

#: What a photo may take beyond the empty process, in bytes of address space.
MEMORY_BYTES = 2_500_000_000
#: Seconds of computing for one photo after which the system ends the process, should the program be gone.
CPU_SECONDS = 120

_log = logging.getLogger(__name__)


def main() -> int:
    """Decode photos until the input ends; return the exit code."""
    requests, answers = _take_pipes()
    # Everything is loaded before the memory is limited and before the program counts time.
    from semantic_photos.media import rendering  # noqa: F401

    _limit_memory()
    _write(answers, decoder_protocol.frame({"ready": os.getpid()}))
    _silence()
    inbox: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(requests, inbox), name="requests", daemon=True).start()
    while True:
        head = inbox.get()
        _limit_time()
        _write(answers, decoder_protocol.frame(decoder_protocol.BEGUN))
        _write(answers, _answer(head))


def _answer(head: dict[str, Any]) -> list[bytes | memoryview]:
    try:
        request = decoder_protocol.read_request(head)
        if isinstance(request, EditRequest):
            from semantic_photos.media.keyword_edit import edit

            said, *parts = packed_edit(edit(request))
            return decoder_protocol.frame(said, *parts)
        return decoder_protocol.answer_frame(decode(request))
    except UserFacingError as error:
        return decoder_protocol.error_frame(error)
    except MemoryError:
        return decoder_protocol.error_frame(
            PhotoError(Message("Decoding needs more memory than allowed for one photo."), code="photo.out-of-memory")
        )
    except Exception as error:  # the root of this process: the next photo must have its chance  # noqa: BLE001
        return decoder_protocol.error_frame(PhotoError(Message(NOT_DECODED, kind=type(error).__name__)))


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Move the pipes away from 0 and 1, so that no library can write into an answer."""
    requests, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.close(nothing)
    return os.fdopen(requests, "rb"), os.fdopen(answers, "wb", buffering=0)


def _silence() -> None:
    """Drop what the codecs print; until here standard error was the program's, for troubles at the start."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    os.close(nothing)


def _listen(requests: BinaryIO, inbox: queue.SimpleQueue[dict[str, Any]]) -> None:
    """Pass requests on; end the process when there will be no more, even in the middle of a photo."""
    while True:
        header = requests.read(decoder_protocol.HEADER.size)
        if len(header) < decoder_protocol.HEADER.size:
            os._exit(0)
        text, _ = decoder_protocol.lengths(header)
        inbox.put(decoder_protocol.parse(requests.read(text)))


def _write(answers: BinaryIO, pieces: list[bytes | memoryview]) -> None:
    try:
        for piece in pieces:
            view = memoryview(piece)
            while len(view):
                view = view[os.write(answers.fileno(), view) :]
    except OSError:
        os._exit(0)


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # no such limits on this system
        return
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            taken = int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        taken = 1_000_000_000
    _lower(resource.RLIMIT_AS, taken + MEMORY_BYTES)
    # A memory image on disk would hold the photo.
    _lower(resource.RLIMIT_CORE, 0)


def _limit_time() -> None:
    try:
        import resource
    except ImportError:
        return
    usage = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = int(usage.ru_utime + usage.ru_stime) + CPU_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard < 0 else min(soft, hard), hard))


def _lower(what: int, limit: int) -> None:
    import resource

    _, hard = resource.getrlimit(what)
    limit = limit if hard < 0 else min(limit, hard)
    try:
        resource.setrlimit(what, (limit, limit))
    except (OSError, ValueError) as error:
        _log.warning("no limit of %d: %s", limit, error)


if __name__ == "__main__":
    sys.exit(main())
