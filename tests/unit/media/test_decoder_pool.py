# SPDX-License-Identifier: GPL-3.0-or-later
"""Real child processes: a photo that crashes, hangs or hogs its decoder costs itself and nobody else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from semantic_photos.domain.errors import CancelledError, PackError, PhotoError
from semantic_photos.domain.photo import ImageRecipe
from semantic_photos.media import decoder_pool, decoder_process
from semantic_photos.media.decode import decode
from semantic_photos.media.decode_request import DecodeRequest
from semantic_photos.media.decoder_pool import DecoderPool
from tests.fakes.pictures import encoded, is_upright, noise, png_bomb, save, scene, slow_jpeg

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
]

RECIPE = ImageRecipe(64)
ROOT = str(Path(decoder_pool.__file__).parents[2])

#: A decoder with trapdoors: what it does is decided by the name of the photo, everything else is the real child.
TRAPPED = f"""
import os, sys, time
sys.path.insert(0, {ROOT!r})
from semantic_photos.media import decoder_child
real = decoder_child.decode
def decode(request):
    name = request.path.name
    if "abort" in name: os.abort()
    if "segfault" in name: os.kill(os.getpid(), 11)
    if "exit" in name: os._exit(0)
    if "hang" in name: request.path.with_suffix(".hung").touch(); time.sleep(60)
    if "hog" in name: bytearray(8_000_000_000)
    if "noisy" in name: os.write(1, b"x" * 100_000); print("x" * 100_000, flush=True); os.write(2, b"x" * 100_000)
    if "forged" in name: os.write(answers, b"\\0" * 4 + b"\\xff" * 100)
    if "bug" in name: raise RuntimeError("a bug")
    return real(request)
decoder_child.decode = decode
take = decoder_child._take_pipes
def take_pipes():
    global answers
    pipes = take()
    answers = pipes[1].fileno()
    return pipes
decoder_child._take_pipes = take_pipes
sys.exit(decoder_child.main())
"""


@pytest.fixture(scope="module")
def bomb() -> bytes:
    """Return a JPEG of 36 megapixels that takes some ten seconds to decode."""
    return slow_jpeg(6_000, 800)


@pytest.fixture
def pool() -> Iterator[DecoderPool]:
    made = DecoderPool(2)
    yield made
    made.close()


@pytest.fixture
def trapped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder_process, "command", lambda: [sys.executable, "-P", "-c", TRAPPED])


def ask(path: Path) -> DecodeRequest:
    return DecodeRequest(path, RECIPE, 320)


def eventually(true: Callable[[], bool], seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_child_gives_the_same_as_decoding_here(pool: DecoderPool, tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", noise((900, 700)))
    request = DecodeRequest(path, RECIPE, 320, 600)
    here, there = decode(request), pool.submit(request).result(60)
    assert here.facts == there.facts
    assert here.thumbnail == there.thumbnail
    assert np.array_equal(here.square, there.square)
    assert np.array_equal(here.preview, there.preview)
    assert there.square is not None
    assert not there.square.flags.writeable


def test_a_large_preview_comes_through(pool: DecoderPool, tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", noise((3000, 2000)))
    preview = pool.submit(DecodeRequest(path, None, None, 4000)).result(60).preview
    assert preview is not None
    assert preview.shape == (2000, 3000, 3)


def test_errors_come_through_and_the_child_stays(pool: DecoderPool, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"text")
    good = save(tmp_path / "b.jpg")
    pool.submit(ask(good)).result(60)
    before = pool.pids()
    with pytest.raises(PhotoError) as caught:
        pool.submit(ask(tmp_path / "a.jpg")).result(60)
    assert caught.value.code == "photo.not-an-image"
    with pytest.raises(PackError):
        pool.submit(DecodeRequest(good, ImageRecipe(64, "stretch"), None)).result(60)
    pool.submit(ask(good)).result(60)
    assert set(before) <= set(pool.pids())


def test_names_that_are_no_text_and_relative_paths_arrive(
    pool: DecoderPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\n.jpg"))
    path.write_bytes(encoded(scene(), ".jpg"))
    assert pool.submit(ask(path)).result(60).facts.width == 160
    monkeypatch.chdir(tmp_path)
    assert pool.submit(ask(Path(path.name))).result(60).facts.width == 160


@pytest.mark.usefixtures("trapped")
@pytest.mark.parametrize(
    ("trap", "code"),
    [
        ("abort", "photo.crashed-decoder"),
        ("segfault", "photo.crashed-decoder"),
        ("exit", "photo.crashed-decoder"),
        ("forged", "photo.crashed-decoder"),
        ("hog", "photo.out-of-memory"),
        ("bug", "photo.unreadable"),
    ],
)
def test_a_photo_that_kills_its_decoder_fails_alone(tmp_path: Path, trap: str, code: str) -> None:
    paths = [save(tmp_path / f"{number}.jpg") for number in range(12)]
    paths.insert(3, save(tmp_path / f"{trap}.jpg"))
    paths.insert(8, save(tmp_path / f"{trap}-again.jpg"))
    pool = DecoderPool(2)
    try:
        futures = [pool.submit(ask(path)) for path in paths]
        for path, future in zip(paths, futures, strict=True):
            if trap in path.name:
                with pytest.raises(PhotoError) as caught:
                    future.result(60)
                assert caught.value.code == code
                assert str(caught.value).endswith(".")
            else:
                square = future.result(60).square
                assert square is not None
                assert is_upright(square)
    finally:
        pool.close()


@pytest.mark.usefixtures("trapped")
def test_what_codecs_print_does_not_get_into_answers(tmp_path: Path) -> None:
    pool = DecoderPool(1)
    try:
        assert pool.submit(ask(save(tmp_path / "noisy.jpg"))).result(60).facts.width == 160
        assert pool.submit(ask(save(tmp_path / "next.jpg"))).result(60).facts.width == 160
    finally:
        pool.close()


@pytest.mark.usefixtures("trapped")
def test_a_photo_that_hangs_fails_at_its_time_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder_process, "TIME_LIMIT_S", 0.7)
    pool = DecoderPool(1)
    try:
        pool.submit(ask(save(tmp_path / "warm.jpg"))).result(60)
        start = time.monotonic()
        slow, next_one = pool.submit(ask(save(tmp_path / "hang.jpg"))), pool.submit(ask(save(tmp_path / "b.jpg")))
        with pytest.raises(PhotoError) as caught:
            slow.result(60)
        assert caught.value.code == "photo.too-slow"
        assert 0.5 < time.monotonic() - start < 3.0
        assert next_one.result(60).square is not None
    finally:
        pool.close()


def test_a_real_slow_bomb_ends_at_its_time_limit(
    pool: DecoderPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bomb: bytes
) -> None:
    (tmp_path / "bomb.jpg").write_bytes(bomb)
    assert (tmp_path / "bomb.jpg").stat().st_size < 10_000_000
    pool.submit(ask(save(tmp_path / "warm.jpg"))).result(60)
    monkeypatch.setattr(decoder_process, "TIME_LIMIT_S", 1.5)
    start = time.monotonic()
    with pytest.raises(PhotoError) as caught:
        pool.submit(ask(tmp_path / "bomb.jpg")).result(60)
    assert caught.value.code == "photo.too-slow"
    assert time.monotonic() - start < 4.0


def test_a_bomb_of_pixels_is_refused_in_the_child(pool: DecoderPool, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png_bomb(160_000, 1_000))
    with pytest.raises(PhotoError) as caught:
        pool.submit(ask(tmp_path / "a.png")).result(60)
    assert caught.value.code == "photo.too-large"


@pytest.mark.usefixtures("trapped")
def test_a_child_that_the_system_ends_fails_its_photo_for_now(tmp_path: Path) -> None:
    pool = DecoderPool(1)
    try:
        pool.submit(ask(save(tmp_path / "warm.jpg"))).result(60)
        future = pool.submit(ask(save(tmp_path / "hang.jpg")))
        assert eventually((tmp_path / "hang.hung").exists)
        os.kill(pool.pids()[0], signal.SIGKILL)
        with pytest.raises(PhotoError) as caught:
            future.result(60)
        assert caught.value.code == "photo.out-of-memory"
        assert caught.value.retry
        assert pool.submit(ask(save(tmp_path / "next.jpg"))).result(60).square is not None
    finally:
        pool.close()


def test_a_child_that_dies_while_idle_costs_no_photo(tmp_path: Path) -> None:
    pool = DecoderPool(1)
    try:
        path = save(tmp_path / "a.jpg")
        pool.submit(ask(path)).result(60)
        (pid,) = pool.pids()
        os.kill(pid, signal.SIGKILL)
        assert eventually(lambda: not running(pid))
        assert pool.submit(ask(path)).result(60).square is not None
        assert pool.pids() != [pid]
    finally:
        pool.close()


def test_children_are_replaced_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder_pool, "PHOTOS_PER_CHILD", 3)
    pool = DecoderPool(1)
    try:
        path, seen = save(tmp_path / "a.jpg"), set()
        for _ in range(7):
            pool.submit(ask(path)).result(60)
            seen.update(pool.pids())
        assert len(seen) >= 2
    finally:
        pool.close()


@pytest.mark.usefixtures("trapped")
def test_closing_is_quick_also_in_the_middle_and_may_be_repeated(tmp_path: Path) -> None:
    pool = DecoderPool(2)
    path = save(tmp_path / "a.jpg")
    pool.submit(ask(path)).result(60)
    hanging = [pool.submit(ask(save(tmp_path / f"hang{n}.jpg"))) for n in range(2)]
    waiting = [pool.submit(ask(path)) for _ in range(20)]
    assert eventually(lambda: all(future.running() for future in hanging) and len(pool.pids()) == 2)
    pids = pool.pids()
    start = time.monotonic()
    pool.close()
    assert time.monotonic() - start < 1.0
    pool.close()
    for future in [*hanging, *waiting, pool.submit(ask(path))]:
        with pytest.raises(CancelledError):
            future.result(5)
    assert eventually(lambda: not any(running(pid) for pid in pids), 2.0)


def test_closing_while_children_start_leaves_none_behind(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg")
    for pause in (0.0, 0.05, 0.3):
        pool = DecoderPool(2)
        futures = [pool.submit(ask(path)) for _ in range(4)]
        time.sleep(pause)
        start = time.monotonic()
        pool.close()
        assert time.monotonic() - start < 1.0
        for future in futures:
            assert isinstance(future.exception(20), CancelledError | None)
    assert eventually(lambda: not [t for t in threading.enumerate() if t.name.startswith("decoder-")], 20.0)
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    assert not [c for c in children if running(int(c)) and b"decoder_child" in Path(f"/proc/{c}/cmdline").read_bytes()]


@pytest.mark.usefixtures("trapped")
def test_what_waits_can_be_cancelled_and_what_is_urgent_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoder_process, "TIME_LIMIT_S", 1.0)
    pool = DecoderPool(1)
    try:
        blocker = pool.submit(ask(save(tmp_path / "hang.jpg")))
        order: list[str] = []
        path = save(tmp_path / "a.jpg")
        later = [pool.submit(ask(path)) for _ in range(3)]
        cancelled = pool.submit(ask(path))
        screen = pool.submit(DecodeRequest(path, None, 320))
        asked = pool.submit(ask(path), urgent=True)
        for name, future in [("later", f) for f in later] + [("screen", screen), ("asked", asked)]:
            future.add_done_callback(lambda _, name=name: order.append(name))  # type: ignore[misc]
        assert cancelled.cancel()
        with pytest.raises(PhotoError):
            blocker.result(60)
        for future in later:
            future.result(60)
        assert eventually(lambda: len(order) == 5)
        assert order == ["screen", "asked", "later", "later", "later"]
    finally:
        pool.close()


def test_a_decoder_that_does_not_start_is_said_and_may_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder_process, "command", lambda: [sys.executable, "-c", "raise SystemExit(3)"])
    pool = DecoderPool(1)
    try:
        with pytest.raises(PhotoError) as caught:
            pool.submit(ask(save(tmp_path / "a.jpg"))).result(60)
        assert caught.value.code == "photo.no-decoder"
        assert caught.value.retry
    finally:
        pool.close()


def test_children_hold_nothing_of_the_program(pool: DecoderPool, tmp_path: Path) -> None:
    secret = tmp_path / "catalog"
    descriptor = os.open(secret, os.O_RDWR | os.O_CREAT)
    os.set_inheritable(descriptor, True)
    try:
        pool.submit(ask(save(tmp_path / "a.jpg"))).result(60)
        for pid in pool.pids():
            links = {int(p.name): os.readlink(p) for p in Path(f"/proc/{pid}/fd").iterdir()}
            assert str(secret) not in links.values()
            assert [links[n] for n in (0, 1, 2)] == ["/dev/null"] * 3
            # Beside these only the two pipes, one end each.
            assert sorted(link.split(":")[0] for n, link in links.items() if n > 2) == ["pipe", "pipe"]
            assert os.readlink(f"/proc/{pid}/cwd") == "/"
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("busy", [False, True])
def test_no_child_outlives_a_program_that_is_killed(tmp_path: Path, bomb: bytes, busy: bool) -> None:
    (tmp_path / "bomb.jpg").write_bytes(bomb)
    program = textwrap.dedent(
        f"""
        import sys, time
        sys.path.insert(0, {ROOT!r})
        from pathlib import Path
        from semantic_photos.media.decode_request import DecodeRequest
        from semantic_photos.media.decoder_pool import DecoderPool
        pool = DecoderPool(2)
        good = DecodeRequest(Path({str(save(tmp_path / "a.jpg"))!r}), None, 320)
        [f.result() for f in [pool.submit(good) for _ in range(20)]]
        if {busy}:
            work = [pool.submit(DecodeRequest(Path({str(tmp_path / "bomb.jpg")!r}), None, 320)) for _ in range(2)]
            time.sleep(1.0)
        print(*pool.pids(), flush=True)
        time.sleep(60)
        """
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert pids
        assert all(running(pid) for pid in pids)
        parent.kill()
    assert eventually(lambda: not any(running(pid) for pid in pids), 3.0)
