# SPDX-License-Identifier: GPL-3.0-or-later
"""What a photo says of itself: read when it can be true, left out when not, never an exception."""

from __future__ import annotations

import json
import random
import struct
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from semantic_photos.domain.photo import PhotoFacts
from semantic_photos.media.decode import decode
from semantic_photos.media.decode_request import DecodeRequest
from semantic_photos.media.metadata import clean
from tests.fakes.pictures import encoded, scene

MAIN, DETAIL, GPS = 0, 0x8769, 0x8825


def facts(tmp_path: Path, tags: dict[int, dict[int, Any]], ending: str = ".jpg") -> PhotoFacts:
    exif = Image.Exif()
    for ifd, entries in tags.items():
        (exif if ifd == MAIN else exif.get_ifd(ifd)).update(entries)
    return facts_of(tmp_path, encoded(scene(), ending, exif=exif.tobytes()))


def facts_of(tmp_path: Path, data: bytes) -> PhotoFacts:
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    read = decode(DecodeRequest(path, None, 100)).facts
    json.dumps(read.__class__.__slots__)  # facts stay plain values
    return read


GOOD = {
    MAIN: {0x010F: "Canon", 0x0110: "Canon EOS 40D", 0x0132: "2020:01:01 00:00:00"},
    DETAIL: {
        0x9003: "2008:05:30 15:56:01", 0x829A: IFDRational(1, 160), 0x829D: IFDRational(71, 10), 0x8827: 100,
        0x920A: IFDRational(135, 1), 0xA434: "EF 70-200mm",
    },
    GPS: {1: "S", 2: (33.0, 51.0, 24.0), 3: "E", 4: (151.0, 12.0, 36.0)},
}  # fmt: skip


@pytest.mark.parametrize("ending", [".jpg", ".png", ".webp", ".heic", ".avif"])
def test_facts_are_read_from_every_format(tmp_path: Path, ending: str) -> None:
    read = facts(tmp_path, GOOD, ending)
    assert read.camera == "Canon EOS 40D"
    assert read.taken == "2008-05-30T15:56:01"
    assert read.exposure == "1/160 s · f/7.1 · ISO 100 · 135 mm"
    assert read.lens == "EF 70-200mm"
    assert (read.latitude, read.longitude) == (pytest.approx(-33.8566667), pytest.approx(151.21))
    assert read.note == ""


def test_the_maker_is_put_before_a_model_that_lacks_it(tmp_path: Path) -> None:
    assert facts(tmp_path, {MAIN: {0x010F: "SONY", 0x0110: "ILCE-7M3"}}).camera == "SONY ILCE-7M3"
    assert facts(tmp_path, {MAIN: {0x010F: "NIKON CORPORATION", 0x0110: "NIKON D70"}}).camera == "NIKON D70"
    assert facts(tmp_path, {MAIN: {0x010F: "Leica"}}).camera == "Leica"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("0000:00:00 00:00:00", ""),
        ("    :  :     :  :  ", ""),
        ("2021:02:30 10:00:00", ""),
        ("1066:10:14 09:00:00", ""),
        ("2021:02:03 25:00:00", ""),
        ("yesterday", ""),
        ("2021-02-03T04:05:06", "2021-02-03T04:05:06"),
        ("2021:02:03 04:05", "2021-02-03T04:05:00"),
        ("2021:02:03 04:05:06.789+02:00", "2021-02-03T04:05:06"),
    ],
)
def test_dates_are_read_when_they_can_be_true(tmp_path: Path, written: str, read: str) -> None:
    assert facts(tmp_path, {DETAIL: {0x9003: written}}).taken == read


def test_the_next_best_date_is_taken(tmp_path: Path) -> None:
    broken = {DETAIL: {0x9003: "0000:00:00 00:00:00", 0x9004: "2001:02:03 04:05:06"}}
    assert facts(tmp_path, broken).taken == "2001-02-03T04:05:06"
    assert facts(tmp_path, {MAIN: {0x0132: "2001:02:03 04:05:06"}}).taken == "2001-02-03T04:05:06"


@pytest.mark.parametrize(
    "place",
    [
        {1: "N", 2: (IFDRational(1, 0), 0.0, 0.0), 3: "E", 4: (1.0, 0.0, 0.0)},
        {1: "N", 2: (91.0, 0.0, 0.0), 3: "E", 4: (1.0, 0.0, 0.0)},
        {1: "N", 2: (10.0, 0.0, 0.0)},
        {1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)},
        {29: "2023:10:10"},
    ],
)
def test_places_that_cannot_be_are_left_out(tmp_path: Path, place: dict[int, Any]) -> None:
    read = facts(tmp_path, {GPS: place})
    assert read.latitude is None
    assert read.longitude is None


@pytest.mark.parametrize("value", [IFDRational(1, 0), IFDRational(0, 1), IFDRational(0, 0)])
def test_exposures_that_cannot_be_are_left_out(tmp_path: Path, value: IFDRational) -> None:
    assert facts(tmp_path, {DETAIL: {0x829A: value, 0x829D: value, 0x920A: value}}).exposure == ""


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("ION230\0F", "ION230"),
        ("\x1b[31mred\x1b[0m", "[31mred [0m"),
        ("two\nlines\t here", "two lines here"),
        ("‮evil", "evil"),
        ("\udcff lone", "lone"),
        ("x" * 5000, "x" * 100),
        (b"bytes\0", "bytes"),
        (17, ""),
        (None, ""),
        ("Größe 日本", "Größe 日本"),
    ],
)
def test_text_is_made_fit_to_be_shown(given: object, kept: str) -> None:
    assert clean(given) == kept


def tiff(entries: bytes, count: int | None = None, offset: int = 8) -> bytes:
    number = len(entries) // 12 if count is None else count
    return b"Exif\0\0II*\0" + struct.pack("<IH", offset, number) + entries + b"\0\0\0\0"


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(b"Exif\0\0", id="empty"),
        pytest.param(b"Exif\0\0" + random.Random(3).randbytes(500), id="random"),
        pytest.param(tiff(b"")[:9], id="cut"),
        pytest.param(tiff(b"", offset=0x7FFFFFFF), id="offset-outside"),
        pytest.param(tiff(struct.pack("<HHII", 0x8769, 4, 1, 8)), id="refers-to-itself"),
        pytest.param(tiff(struct.pack("<HHII", 0x010F, 2, 0xFFFFFFF0, 8)), id="count-of-4e9"),
        pytest.param(tiff(b"", count=65535), id="65535-entries"),
        pytest.param(tiff(struct.pack("<HHII", 0x0112, 2, 4, 0x41414141)), id="orientation-is-text"),
    ],
)
def test_broken_blocks_leave_the_picture_alone(tmp_path: Path, block: bytes) -> None:
    data = encoded(scene(), ".jpg")
    read = facts_of(tmp_path, data[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + data[2:])
    assert (read.width, read.height) == (160, 96)
    assert (read.taken, read.latitude) == ("", None)
