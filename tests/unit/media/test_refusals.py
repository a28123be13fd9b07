# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes out of bad files: the right code and a clear sentence, quickly, and never a foreign exception."""

from __future__ import annotations

import errno
import functools
import io
import os
import random
import socket
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest
from PIL import Image

from semantic_photos.domain.errors import PhotoError
from semantic_photos.domain.photo import ImageRecipe
from semantic_photos.media.decode import decode
from semantic_photos.media.decode_request import DecodeRequest
from semantic_photos.media.files import read_error
from tests.fakes.pictures import EPS, FORMATS, chunk, encoded, noise, png_bomb, save, scene

RECIPE = ImageRecipe(64)


@functools.cache
def whole(ending: str) -> bytes:
    return encoded(noise((240, 160)), ending)


def refusal(path: Path) -> PhotoError:
    with pytest.raises(PhotoError) as caught:
        decode(DecodeRequest(path, RECIPE, 320))
    sentence = str(caught.value)
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert len(sentence) < 160
    return caught.value


def refused(tmp_path: Path, data: bytes) -> PhotoError:
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    return refusal(path)


@pytest.mark.parametrize(
    ("data", "code", "word"),
    [
        (b"", "photo.empty", "empty"),
        (b"hello, this is a letter", "photo.not-an-image", "Not a picture"),
        (b"\0" * 5000, "photo.damaged", "zeros"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "photo.unsupported", "web page"),
        (b'\xef\xbb\xbf<?xml version="1.0"?>\n<svg xmlns="x"></svg>', "photo.unsupported", "SVG"),
        (EPS, "photo.unsupported", "PostScript"),
        (b"\xc5\xd0\xd3\xc6" + b"\0" * 40, "photo.unsupported", "PostScript"),
        (b"%PDF-1.7\n%...", "photo.unsupported", "PDF"),
        (b"8BPS\0\1" + b"\0" * 40, "photo.unsupported", "Photoshop"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42", "photo.unsupported", "video"),
        (encoded(scene(), ".jpg").replace(b"\xff\xc0", b"\xff\xc7"), "photo.damaged", "damaged"),
        (b"\x89PNG\r\n\x1a\n", "photo.truncated", "incomplete"),
        (random.Random(1).randbytes(4000), "photo.not-an-image", "Not a picture"),
    ],
)
def test_what_is_no_photo_is_called_what_it_is(tmp_path: Path, data: bytes, code: str, word: str) -> None:
    error = refused(tmp_path, data)
    assert error.code == code
    assert word in str(error)
    assert not error.retry


@pytest.mark.slow
def test_postscript_never_reaches_an_interpreter(tmp_path: Path) -> None:
    trap = tmp_path / "bin"
    trap.mkdir()
    for name in ("gs", "gswin64c"):
        (trap / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/executed\n")
        (trap / name).chmod(0o755)
    (tmp_path / "a.jpg").write_bytes(EPS)
    code = (
        "import sys; from pathlib import Path\n"
        "from semantic_photos.media.decode import decode\n"
        "from semantic_photos.media.decode_request import DecodeRequest\n"
        "from semantic_photos.domain.errors import PhotoError\n"
        "try: decode(DecodeRequest(Path(sys.argv[1]), None, 320))\n"
        "except PhotoError as error: print(error.code)\n"
        "print(*sorted(m for m in sys.modules if 'EpsImage' in m or 'PsdImage' in m or 'FitsImage' in m))\n"
    )
    environment = {**os.environ, "PATH": f"{trap}:{os.environ['PATH']}", "PYTHONPATH": os.getcwd()}
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.jpg")],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.split() == ["photo.unsupported"]
    assert not (tmp_path / "executed").exists()


#: Formats of which ``is_cut`` knows where the end is.
END_IS_KNOWN = (".jpg", ".png", ".webp", ".gif", ".bmp", ".heic", ".avif")


@pytest.mark.parametrize("share", [0.02, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("ending", END_IS_KNOWN)
def test_a_file_that_is_cut_off_is_called_so(tmp_path: Path, ending: str, share: float) -> None:
    data = whole(ending)
    path = tmp_path / f"a{ending}"
    path.write_bytes(data[: max(40, int(len(data) * share))])
    error = refusal(path)
    assert error.code == "photo.truncated", str(error)
    assert "incomplete" in str(error)


@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
@pytest.mark.parametrize("ending", [ending for ending in FORMATS if ending not in END_IS_KNOWN])
def test_any_other_file_that_is_cut_off_is_refused(tmp_path: Path, ending: str, share: float) -> None:
    data = whole(ending)
    path = tmp_path / f"a{ending}"
    path.write_bytes(data[: int(len(data) * share)])
    assert refusal(path).code in ("photo.truncated", "photo.damaged")


def test_a_jpeg_without_its_end_mark_is_refused_and_one_with_a_tail_is_not(tmp_path: Path) -> None:
    data = encoded(noise(), ".jpg")
    assert refused(tmp_path, data[:-2]).code == "photo.truncated"
    (tmp_path / "a.jpg").write_bytes(data + b"video of a motion photo" * 100)
    assert decode(DecodeRequest(tmp_path / "a.jpg", None, 100)).thumbnail


@pytest.mark.parametrize("size", [(20_000, 20_000), (13_000, 13_000), (160_000_000, 1)])
def test_too_many_pixels_are_refused_before_they_are_decoded(tmp_path: Path, size: tuple[int, int]) -> None:
    header = struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0)
    data = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )
    start = time.monotonic()
    error = refused(tmp_path, data)
    assert error.code == "photo.too-large"
    assert "megapixels" in str(error)
    assert time.monotonic() - start < 1.0


def test_a_forged_jpeg_size_is_refused(tmp_path: Path) -> None:
    data = bytearray(encoded(scene(), ".jpg"))
    place = data.index(b"\xff\xc0") + 5
    data[place : place + 4] = struct.pack(">HH", 65000, 65000)
    assert refused(tmp_path, bytes(data)).code == "photo.too-large"


@pytest.mark.slow
def test_a_real_bomb_costs_no_memory(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png_bomb(13_000, 13_000))
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from semantic_photos.media.decode import decode\n"
        "from semantic_photos.media.decode_request import DecodeRequest\n"
        "from semantic_photos.domain.errors import PhotoError\n"
        "from semantic_photos.media import rendering\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try: decode(DecodeRequest(Path(sys.argv[1]), None, 320))\n"
        "except PhotoError as error: print(error.code)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.png")], env={**os.environ, "PYTHONPATH": os.getcwd()},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    refused_with, kilobytes = run.stdout.split()
    assert refused_with == "photo.too-large"
    assert int(kilobytes) < 20_000


@pytest.mark.parametrize("kind", [b"zTXt", b"iCCP"])
def test_text_bombs_are_refused_or_skipped(tmp_path: Path, kind: bytes) -> None:
    data = encoded(scene(), ".png")
    bomb = chunk(kind, b"name\0\0" + zlib.compress(b"\0" * 20_000_000, 9))
    (tmp_path / "a.png").write_bytes(data[:33] + bomb + data[33:])
    try:
        decode(DecodeRequest(tmp_path / "a.png", RECIPE, None))
    except PhotoError as error:
        assert error.code in ("photo.damaged", "photo.out-of-memory")


def test_pipes_sockets_devices_and_folders_are_skipped_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    listener = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    os.chdir(tmp_path)
    try:
        listener.bind("socket.jpg")
    finally:
        os.chdir(here)
    (tmp_path / "device.jpg").symlink_to("/dev/zero")
    start = time.monotonic()
    for name in ("pipe.jpg", "folder.jpg", "socket.jpg", "device.jpg"):
        assert refusal(tmp_path / name).code == "photo.not-a-file", name
    assert time.monotonic() - start < 1.0
    listener.close()


def test_what_may_pass_is_marked_for_another_try(tmp_path: Path) -> None:
    missing = refusal(tmp_path / "gone.jpg")
    assert missing.code == "photo.missing"
    assert missing.retry
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    assert refusal(tmp_path / "loop.jpg").code == "photo.not-a-file"
    assert refusal(tmp_path / ("n" * 300 + ".jpg")).code == "photo.io-error"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="permissions do not bind the superuser")
def test_a_forbidden_file_is_tried_again(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg")
    path.chmod(0)
    error = refusal(path)
    assert error.code == "photo.no-permission"
    assert error.retry


def test_a_disk_that_fails_while_reading_is_tried_again(tmp_path: Path) -> None:
    # Reading the memory of a process at address 0 is a regular file that fails with EIO.
    error = refusal(Path("/proc/self/mem"))
    assert error.code in ("photo.io-error", "photo.empty")


def mutants(data: bytes, count: int, seed: int) -> list[bytes]:
    rng = random.Random(seed)
    made = []
    for _ in range(count):
        work = bytearray(data)
        kind = rng.randrange(5)
        if kind == 0:
            for _ in range(rng.randrange(1, 12)):
                work[rng.randrange(len(work))] = rng.randrange(256)
        elif kind == 1:
            work[rng.randrange(len(work))] ^= 1 << rng.randrange(8)
        elif kind == 2:
            del work[rng.randrange(1, len(work)) :]
        elif kind == 3:
            place = rng.randrange(len(work))
            work[place : place + rng.randrange(1, 64)] = rng.randbytes(rng.randrange(0, 64))
        else:
            # Most of a format's structure is at its head.
            for _ in range(rng.randrange(1, 6)):
                work[rng.randrange(min(200, len(work)))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        made.append(bytes(work))
    return made


def run_mutants(tmp_path: Path, ending: str, count: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Maker"
    exif.get_ifd(0x8825)[2] = (1.0, 2.0, 3.0)
    options = {"exif": exif} if ending in (".jpg", ".png", ".webp", ".heic", ".tif") else {}
    data = encoded(noise((96, 64)), ending, **options)
    path = tmp_path / f"a{ending}"
    for number, mutant in enumerate(mutants(data, count, seed=7)):
        path.write_bytes(mutant)
        start = time.monotonic()
        try:
            decoded = decode(DecodeRequest(path, RECIPE, 320))
        except PhotoError as error:
            assert str(error).endswith("."), number
        else:
            assert decoded.square is not None
            assert Image.open(io.BytesIO(decoded.thumbnail or b"")).size
        assert time.monotonic() - start < 5.0, number


@pytest.mark.parametrize("ending", FORMATS)
def test_a_few_mutants_only_ever_give_sentences(tmp_path: Path, ending: str) -> None:
    run_mutants(tmp_path, ending, 6)


@pytest.mark.slow
@pytest.mark.parametrize("ending", FORMATS)
def test_four_hundred_mutants_only_ever_give_sentences(tmp_path: Path, ending: str) -> None:
    run_mutants(tmp_path, ending, 400)


@pytest.mark.parametrize(
    ("number", "code", "retry"),
    [
        (errno.EACCES, "photo.no-permission", True),
        (errno.EIO, "photo.io-error", True),
        (errno.ESTALE, "photo.io-error", True),
        (errno.EMFILE, "photo.out-of-memory", True),
        (errno.ENOENT, "photo.missing", True),
        (errno.EISDIR, "photo.not-a-file", False),
    ],
)
def test_what_the_system_says_becomes_a_sentence(number: int, code: str, retry: bool) -> None:
    error = read_error(OSError(number, os.strerror(number)))
    assert (error.code, error.retry) == (code, retry)
    assert str(error).endswith(".")
    assert "Errno" not in str(error)
