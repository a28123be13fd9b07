# SPDX-License-Identifier: GPL-3.0-or-later
"""The smoke test of an unknown pack, in a child process.

What a network allocates and how long it computes can only be told by running it: two vectors of 160 kB have an outer
product of 6 GB, and onnxruntime works such constants out while it loads. In a child with bounds on memory and time
that costs the child.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import sys
from multiprocessing.connection import Connection
from pathlib import Path

from semantic_photos.domain.errors import PackError, SemanticPhotosError
from semantic_photos.domain.translatable import NO_MESSAGE, Message
from semantic_photos.ml.image_encoder import OnnxImageEncoder
from semantic_photos.ml.model_pack import load_pack, verify_known_answer
from semantic_photos.ml.text_encoder import WordTableEncoder

#: Memory a pack may take on top of what the interpreter and numpy have taken already.
MEMORY_BYTES = 3 * 1024**3


def try_pack(folder: Path, *, limit_s: float = 60.0, memory_bytes: int = MEMORY_BYTES) -> None:
    """Load a pack in a child process and check its known answer.

    Takes about a second, most of it for starting a process. The bound on memory holds on Linux, the one on time
    everywhere.

    Args:
        folder: the pack.
        limit_s: seconds until the child is ended.
        memory_bytes: how much more memory the child may take.

    Raises:
        PackError: the pack is refused, gives a wrong answer, or took too much memory or time.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_smoke_test, args=(sender, folder, memory_bytes), name="pack-trial", daemon=True)
    child.start()
    # The child's end must be closed here, or its death could not be noticed.
    sender.close()
    try:
        if not receiver.poll(limit_s):
            raise PackError(
                Message(
                    "The model pack {pack} did not respond within {seconds:.0f} seconds.",
                    pack=folder.name,
                    seconds=limit_s,
                ),
                code="pack.no-answer",
            )
        message, code = receiver.recv()
    except EOFError:
        raise PackError(
            Message(
                "The model pack {pack} crashed during its test. It may need more than {memory:,} MB of memory.",
                pack=folder.name,
                memory=memory_bytes // 1024**2,
            ),
            code="pack.no-answer",
        ) from None
    finally:
        receiver.close()
        child.join(0.5)
        if child.is_alive():
            child.kill()
            child.join()
        child.close()
    if message:
        raise PackError(message, code=code)


def _smoke_test(sender: Connection, folder: Path, memory_bytes: int) -> None:
    """Run in the child: send an empty message if all is well, else the reason and its code."""
    _bound_memory(memory_bytes)
    message, code = NO_MESSAGE, ""
    try:
        pack = load_pack(folder)
        encoder = OnnxImageEncoder(pack, 1)
        try:
            verify_known_answer(pack, encoder, WordTableEncoder(pack))
        finally:
            encoder.close()
    except PackError as error:
        message, code = error.message, error.code
    except (SemanticPhotosError, MemoryError) as error:
        reason = str(error) or Message("out of memory.")
        message = Message("The model pack {pack} does not work here: {reason}", pack=folder.name, reason=reason)
        code = "pack.no-answer"
    with contextlib.suppress(OSError):
        sender.send((message, code))


def _bound_memory(memory_bytes: int) -> None:
    if sys.platform != "linux":
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    bound = pages * resource.getpagesize() + memory_bytes
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        bound = min(bound, hard)
    resource.setrlimit(resource.RLIMIT_AS, (bound, hard))
