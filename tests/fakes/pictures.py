# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures made for tests: a scene that shows which way is up, in every format, and files broken on purpose."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
from PIL import Image

from semantic_photos.domain.image_formats import IMAGE_FORMATS

pillow_heif.register_heif_opener()

#: Colours of the corners of a scene: top left, top right, bottom left, bottom right.
CORNERS = ((220, 40, 40), (40, 200, 40), (40, 60, 220), (230, 210, 40))
#: How to store an upright picture so that a viewer that obeys this EXIF orientation shows it upright.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
#: One ending of each decoder, with the format as Pillow names it.
FORMATS = {one.suffixes[0]: one.opener for one in IMAGE_FORMATS if one.opener in one.pillow_names}


def scene(size: tuple[int, int] = (160, 96)) -> Image.Image:
    """Return an RGB picture whose four quarters have the colours CORNERS."""
    width, height = size
    pixels = np.empty((height, width, 3), dtype=np.uint8)
    for number, colour in enumerate(CORNERS):
        rows = slice(0, height // 2) if number < 2 else slice(height // 2, height)
        columns = slice(0, width // 2) if number % 2 == 0 else slice(width // 2, width)
        pixels[rows, columns] = colour
    return Image.fromarray(pixels)


def noise(size: tuple[int, int] = (160, 96), seed: int = 0) -> Image.Image:
    """Return an RGB picture of soft noise: its file is not trivially small."""
    coarse = np.random.default_rng(seed).integers(0, 256, (size[1] // 4 + 1, size[0] // 4 + 1, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def encoded(picture: Image.Image, ending: str, **options: Any) -> bytes:
    """Return the bytes of a file."""
    buffer = io.BytesIO()
    if ending in (".heic", ".avif"):
        options.setdefault("quality", 90)
    picture.save(buffer, FORMATS[ending], **options)
    return buffer.getvalue()


def save(path: Path, picture: Image.Image | None = None, **options: Any) -> Path:
    """Write a picture in the format of the path's ending and return the path."""
    path.write_bytes(encoded(picture if picture is not None else scene(), path.suffix, **options))
    return path


def corners(pixels: np.ndarray) -> list[tuple[int, int, int]]:
    """Return the mean colours of the middles of the four quarters of pixels (H, W, 3)."""
    height, width = pixels.shape[:2]
    found = []
    for number in range(4):
        row, column = height // 4 + (number // 2) * (height // 2), width // 4 + (number % 2) * (width // 2)
        dy, dx = max(1, height // 12), max(1, width // 12)
        patch = pixels[max(0, row - dy) : row + dy, max(0, column - dx) : column + dx].reshape(-1, 3)
        found.append(tuple(int(v) for v in patch.mean(axis=0)))
    return found  # type: ignore[return-value]


def is_upright(pixels: np.ndarray, tolerance: int = 24) -> bool:
    """Return whether pixels (H, W, 3) show the scene the right way up, in the right colours."""
    return bool(np.abs(np.subtract(corners(pixels), CORNERS)).max() <= tolerance)


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return one chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_bomb(width: int, height: int) -> bytes:
    """Return a black grey PNG that weighs a thousandth of its pixels; all pixels are really there."""
    packer = zlib.compressobj(9)
    rows = b"\0" * (width + 1)
    data = b"".join(packer.compress(rows * min(500, height - top)) for top in range(0, height, 500))
    data += packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def slow_jpeg(side: int, repeats: int) -> bytes:
    """Return a small progressive JPEG whose last scan is repeated: each repeat walks over all coefficients again."""
    data = encoded(Image.new("L", (side, side), 90), ".jpg", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * repeats + data[-2:]


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n%%EOF\n"
