# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot be understood or kept whole is left as it is, and reading it takes nothing away."""

from __future__ import annotations

import errno
from pathlib import Path

import exiv2
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from semantic_photos.domain.errors import PhotoError
from semantic_photos.domain.tags import FileWords
from semantic_photos.media import keyword_edit, keywords
from semantic_photos.media.decoder_protocol_keywords import packed, unpacked
from semantic_photos.media.files import read_error
from semantic_photos.media.keyword_edit import edit
from semantic_photos.media.keyword_edit_values import EditRequest
from semantic_photos.media.keywords import read_words
from tests.unit.media.test_keywords import bag, beside, packet


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    Image.radial_gradient("L").resize((48, 36)).convert("RGB").save(path)
    return path


CUT = packet("<zz:own>mine</zz:own>" * 3)
SPOILT = [
    CUT[: CUT.rindex(b"</zz:own>")],
    packet("<zz:own>mine&#1;</zz:own>"),
    packet("<zz:own>mine</zz:own><zz:own>too</zz:own>"),
    packet('<zz:list rdf:parseType="Collection"><zz:b/></zz:list><zz:own>mine</zz:own>'),
]


@pytest.mark.parametrize("data", SPOILT, ids=["cut", "control", "twice", "collection"])
def test_a_packet_that_cannot_be_decoded_is_left_alone_and_makes_the_words_not_whole(photo: Path, data: bytes) -> None:
    path = beside(photo, data)
    with pytest.raises(PhotoError) as caught:
        edit(EditRequest(path, sidecar=True, want=("dog",)))
    assert caught.value.code == "write.unreadable"
    words = read_words(photo)
    assert words == FileWords(whole=False)
    assert unpacked(memoryview(packed(words))) == words


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_a_photo_with_a_packet_that_cannot_be_decoded_is_left_alone(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"p.{suffix}"
    text = PngInfo()
    text.add_itxt("XML:com.adobe.xmp", CUT[:-150].decode())
    options: dict[str, object] = {"pnginfo": text} if suffix == "png" else {"xmp": CUT[:-150]}
    Image.new("RGB", (32, 32)).save(path, **options)  # type: ignore[arg-type]
    with pytest.raises(PhotoError) as caught:
        edit(EditRequest(path, sidecar=False, want=("dog",)))
    assert caught.value.code == "write.unreadable"
    assert not read_words(path).whole


def test_a_webp_with_exif_that_cannot_be_decoded_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "p.webp"
    Image.new("RGB", (32, 32)).save(path, exif=b"XXMakerBROKEN")
    with pytest.raises(PhotoError) as caught:
        edit(EditRequest(path, sidecar=False, want=("dog",)))
    assert caught.value.code == "write.unreadable"


def test_a_packet_that_says_nothing_is_no_hindrance(photo: Path) -> None:
    path = beside(photo, packet(""))
    assert read_words(photo) == FileWords()
    assert edit(EditRequest(path, sidecar=True, want=("dog",))).after.flat == ("dog",)


def test_other_data_that_would_be_lost_is_noticed(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = beside(photo, packet("<zz:own>mine</zz:own>"))
    real = keyword_edit._write

    def lossy(*arguments: object, **more: bool) -> bytes:
        return real(*arguments, **more).replace(b"mine", b"lost")  # type: ignore[arg-type]

    monkeypatch.setattr(keyword_edit, "_write", lossy)
    with pytest.raises(PhotoError) as caught:
        edit(EditRequest(path, sidecar=True, want=("dog",)))
    assert caught.value.code == "write.refused"


def test_iptc_of_other_kinds_and_empty_texts_are_no_hindrance(photo: Path) -> None:
    image = exiv2.ImageFactory.open(str(photo))
    image.readMetadata()
    data = image.iptcData()
    data["Iptc.Application2.DateCreated"] = "2020-01-02"
    data["Iptc.Application2.TimeCreated"] = "10:11:12+01:00"
    data["Iptc.Application2.RecordVersion"] = "4"
    image.xmpData()["Xmp.dc.rights"] = exiv2.LangAltValue('lang="x-default" ')
    image.writeMetadata()
    photo.write_bytes(edit(EditRequest(photo, sidecar=False, want=("dog",))).data or b"")
    image = exiv2.ImageFactory.open(str(photo))
    image.readMetadata()
    assert str(image.iptcData()["Iptc.Application2.DateCreated"].toString()) == "2020-01-02"
    assert str(image.iptcData()["Iptc.Application2.RecordVersion"].toString()) == "4"


def test_limits_of_reading_are_none_for_writing(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keywords, "MOST_KEYWORDS", 5)
    path = beside(photo, packet(bag("dc:subject", "x" * 2500, *(f"k{i}" for i in range(9)))))
    edited = edit(EditRequest(path, sidecar=True, drop=("k1", "k2")))
    assert edited.data is not None
    assert edited.data.count(b"<rdf:li>k") == 7
    assert b"x" * 2500 in edited.data


def test_a_long_old_keyword_stays_whole(photo: Path) -> None:
    image = exiv2.ImageFactory.open(str(photo))
    image.readMetadata()
    for raw in (b"x" * 2500, b"old"):
        value = exiv2.DataValue(raw, exiv2.ByteOrder.invalidByteOrder, exiv2.TypeId.string)
        image.iptcData().add(exiv2.Iptcdatum(exiv2.IptcKey("Iptc.Application2.Keywords"), value))
    image.writeMetadata()
    data = edit(EditRequest(photo, sidecar=False, want=("dog",), drop=("old",))).data
    assert data is not None
    assert b"x" * 2500 in data


@pytest.mark.slow
def test_more_keywords_than_go_through_the_pipe_are_refused(photo: Path) -> None:
    path = beside(photo, packet(bag("dc:subject", *("x" * 1_000_000 + str(i) for i in range(2)))))
    with pytest.raises(PhotoError) as caught:
        edit(EditRequest(path, sidecar=True, want=("dog",)))
    assert caught.value.code == "write.refused"
    assert isinstance(read_words(photo), FileWords)


def test_a_disk_that_fails_is_no_sidecar_that_says_nothing(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beside(photo, packet(bag("dc:subject", "dog")))
    real = keywords.open_file

    def failing(path: Path) -> object:
        if path.suffix == ".xmp":
            raise read_error(OSError(errno.EIO, "broken"))
        return real(path)

    monkeypatch.setattr(keywords, "open_file", failing)
    with pytest.raises(PhotoError) as caught:
        read_words(photo)
    assert caught.value.retry
