# SPDX-License-Identifier: GPL-3.0-or-later
"""Every entry of the format table holds what it says, in each place that reads it: one entry is all a format needs."""

from __future__ import annotations

import io
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from semantic_photos.domain import filter_registry
from semantic_photos.domain.filters import TYPE_ALIASES, TYPES, Type
from semantic_photos.domain.image_formats import IMAGE_FORMATS, ImageFormat, format_called, format_of_name
from semantic_photos.domain.photo import PHOTO_SUFFIXES, is_photo_name
from semantic_photos.media.decode import decode
from semantic_photos.media.decode_request import DecodeRequest
from semantic_photos.media.decoder_process import TIME_LIMIT_S, TIME_LIMIT_SLOW_S, time_limit
from semantic_photos.media.magic_bytes import is_known_picture
from semantic_photos.media.picture_bytes import picture_bytes
from semantic_photos.media.safe_open import OPENERS
from semantic_photos.media.sidecar import EMBEDDABLE
from tests.fakes.pictures import noise, scene

SUFFIXES = [(one, suffix) for one in IMAGE_FORMATS for suffix in one.suffixes]


def sample(one: ImageFormat) -> bytes:
    """Return a file of a format; one that holds several pictures holds two, or it would be another format."""
    buffer = io.BytesIO()
    more = {"save_all": True, "append_images": [noise()]} if one.pillow_names[0] == "MPO" else {}
    scene().save(buffer, one.pillow_names[0], **more)
    return buffer.getvalue()


@pytest.mark.parametrize(("one", "suffix"), SUFFIXES, ids=[suffix for _, suffix in SUFFIXES])
def test_each_ending_is_scanned_decoded_and_found(one: ImageFormat, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(sample(one))
    assert is_photo_name(path.name)
    assert is_photo_name(path.name.upper())
    assert format_of_name(path) is one
    decoded = decode(DecodeRequest(path, None, 320))
    assert decoded.thumbnail
    assert decoded.facts.format in one.pillow_names
    kind = filter_registry.find("type")
    assert kind is not None
    found = kind.read(suffix)
    assert found == Type(one.type_name)
    assert decoded.facts.format in TYPES[one.type_name]
    assert (suffix in EMBEDDABLE) is one.embeds
    assert time_limit(DecodeRequest(path, None, 320)) == (TIME_LIMIT_SLOW_S if one.slow else TIME_LIMIT_S)


@pytest.mark.parametrize("one", IMAGE_FORMATS, ids=[one.pillow_names[0] for one in IMAGE_FORMATS])
def test_each_format_is_what_its_entry_says(one: ImageFormat) -> None:
    data = sample(one)
    assert is_known_picture(data[:4096])
    assert bool(one.signature) is not bool(one.brands)
    assert one.opener in OPENERS
    assert all(format_called(name) is one for name in one.pillow_names)
    with Image.open(io.BytesIO(data), formats=OPENERS) as picture:
        assert picture.format in one.pillow_names
        picture.draft(None, (40, 24))
        assert (picture.size != (160, 96)) is one.reduces
    if one.embeds:
        assert b"".join(picture_bytes(data))


def test_entries_do_not_contradict_each_other() -> None:
    endings = Counter(suffix for one in IMAGE_FORMATS for suffix in one.suffixes)
    names = Counter(name for one in IMAGE_FORMATS for name in one.pillow_names)
    assert endings.most_common(1)[0][1] == names.most_common(1)[0][1] == 1
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in endings)
    assert set(endings) == PHOTO_SUFFIXES
    assert not set(TYPES) & set(TYPE_ALIASES)


def test_the_readme_names_every_format() -> None:
    text = (Path(__file__).resolve().parents[3] / "README.md").read_text(encoding="utf-8")
    assert f"one of {', '.join(TYPES)} " in text


def test_saved_searches_of_before_still_find_their_formats() -> None:
    """What ``type:`` understood before there was a table is stored in catalogs."""
    before = {
        "jpg": ("JPEG", "MPO"), "png": ("PNG",), "webp": ("WEBP",), "gif": ("GIF",), "bmp": ("BMP",),
        "tiff": ("TIFF",), "heic": ("HEIF", "HEIC"), "avif": ("AVIF",),
    }  # fmt: skip
    assert {name: TYPES[name] for name in before} == before
    words = {"jpeg": "jpg", "jpe": "jpg", "jfif": "jpg", "mpo": "jpg", "tif": "tiff", "heif": "heic", "hif": "heic"}
    assert {word: TYPE_ALIASES[word] for word in words} == words


@pytest.mark.slow
def test_no_other_decoder_is_ever_loaded() -> None:
    code = (
        "from PIL import Image; from semantic_photos.media.safe_open import OPENERS\n"
        "before = set(Image.OPEN)\n"
        "try: Image.open(__import__('io').BytesIO(b'nothing'), formats=OPENERS)\n"
        "except OSError: pass\n"
        "print(set(OPENERS) - before, 'EPS' in Image.OPEN, 'PSD' in Image.OPEN)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set() False False"
