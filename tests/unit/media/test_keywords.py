# SPDX-License-Identifier: GPL-3.0-or-later
"""Words of files of others: every field, every form, and what is made to hurt."""

from __future__ import annotations

import random
from pathlib import Path

import exiv2
import pytest
from PIL import Image

from semantic_photos.domain.errors import PhotoError
from semantic_photos.domain.tags import FileWords, KeywordFields
from semantic_photos.media import keywords
from semantic_photos.media.decoder_protocol_keywords import edited as unpacked_edit
from semantic_photos.media.decoder_protocol_keywords import packed, packed_edit, unpacked
from semantic_photos.media.keyword_edit import edit
from semantic_photos.media.keyword_edit_values import EditRequest
from semantic_photos.media.keywords import read_words
from semantic_photos.media.picture_bytes import picture_bytes

HEAD = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
NAMES = (
    ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:lr="http://ns.adobe.com/lightroom/1.0/"'
    ' xmlns:digiKam="http://www.digikam.org/ns/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
    ' xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/" xmlns:zz="http://zz.example/"'
)


def packet(inner: str, attributes: str = "") -> bytes:
    rdf = '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    body = f'<rdf:Description rdf:about=""{NAMES}{attributes}>{inner}</rdf:Description></rdf:RDF></x:xmpmeta>'
    return f'{HEAD}{rdf}{body}<?xpacket end="w"?>'.encode()


def bag(field: str, *texts: str, kind: str = "Bag") -> str:
    items = "".join(f"<rdf:li>{text}</rdf:li>" for text in texts)
    return f"<{field}><rdf:{kind}>{items}</rdf:{kind}></{field}>"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    Image.radial_gradient("L").resize((48, 36)).convert("RGB").save(path)
    return path


def beside(photo: Path, data: bytes, name: str = "photo.jpg.xmp") -> Path:
    path = photo.with_name(name)
    path.write_bytes(data)
    return path


def test_a_photo_without_words(photo: Path) -> None:
    assert read_words(photo) == FileWords()


def test_all_fields_of_a_sidecar(photo: Path) -> None:
    regions = (
        '<mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:RegionList><rdf:Bag>'
        '<rdf:li rdf:parseType="Resource"><mwg-rs:Name>Ada</mwg-rs:Name><mwg-rs:Type>Face</mwg-rs:Type></rdf:li>'
        '<rdf:li rdf:parseType="Resource"><mwg-rs:Name>Rex</mwg-rs:Name><mwg-rs:Type>Pet</mwg-rs:Type></rdf:li>'
        "</rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>"
    )
    caption = (
        '<dc:description><rdf:Alt><rdf:li xml:lang="x-default">At, lang="de" sea</rdf:li></rdf:Alt></dc:description>'
    )
    beside(
        photo,
        packet(
            bag("dc:subject", "dog", "AC/DC", "a, b")
            + bag("lr:hierarchicalSubject", "animal|dog")
            + bag("digiKam:TagsList", "animal/dog", "trip/2024", kind="Seq")
            + caption
            + regions,
            ' xmp:Rating="4"',
        ),
    )
    words = read_words(photo)
    assert words.tags == ("animal|dog", "trip|2024", "AC/DC", "a, b", "People|Ada")
    assert (words.caption, words.rating) == ('At, lang="de" sea', 4)


def test_both_names_of_sidecars_and_the_photo_itself(photo: Path) -> None:
    photo.write_bytes(edit(EditRequest(photo, sidecar=False, want=("inside",))).data or b"")
    beside(photo, packet(bag("dc:subject", "long"), ' xmp:Rating="2"'))
    beside(photo, packet(bag("dc:subject", "short"), ' xmp:Rating="3"'), "photo.xmp")
    words = read_words(photo)
    assert set(words.tags) == {"inside", "long", "short"}
    assert words.rating in (2, 3)


def test_old_iptc_in_both_encodings(photo: Path) -> None:
    image = exiv2.ImageFactory.open(str(photo))
    image.readMetadata()
    data = image.iptcData()
    for raw in ("Zoë".encode("latin-1"), "Łódź".encode(), b"plain"):
        value = exiv2.DataValue(raw, exiv2.ByteOrder.invalidByteOrder, exiv2.TypeId.string)
        data.add(exiv2.Iptcdatum(exiv2.IptcKey("Iptc.Application2.Keywords"), value))
    image.writeMetadata()
    assert read_words(photo).tags == ("Zoë", "Łódź", "plain")
    edited = edit(EditRequest(photo, sidecar=False, want=("plain", "new"), drop=("Zoë",)))
    photo.write_bytes(edited.data or b"")
    assert set(read_words(photo).tags) == {"Łódź", "plain", "new"}
    with Image.open(photo) as picture:
        picture.load()


# What is made to hurt


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 30) for i in range(12))
    + b"]>"
    + packet(bag("dc:subject", "&m;"))
)
OUTSIDE = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + packet(bag("dc:subject", "&e;", "ok"))


@pytest.mark.parametrize(
    "data",
    [
        BOMB,
        OUTSIDE,
        b"",
        b"\0" * 1000,
        b"<x:xmpmeta",
        packet(bag("dc:subject", "dog"))[:-60],
        packet(bag("dc:subject", "dog")).decode().encode("utf-16"),
        packet("<dc:subject><rdf:Bag><rdf:li>\xff\xfe</rdf:li></rdf:Bag></dc:subject>").replace(
            "ÿþ".encode(), b"\xff\xfe"
        ),
        packet("<zz:a>" * 3000 + "</zz:a>" * 3000),
        packet("<dc:subject>plain</dc:subject><dc:subject>twice</dc:subject>"),
        b"\xff\xd8\xff\xe1" + b"x" * 100,
    ],
    ids=["bomb", "outside", "empty", "zeros", "cut", "half", "utf-16", "latin", "deep", "twice", "jpeg"],
)
def test_hostile_sidecars_say_little_and_are_never_written_over(photo: Path, data: bytes) -> None:
    path = beside(photo, data)
    words = read_words(photo)
    assert all(len(tag) <= 1000 and "root:" not in tag for tag in words.tags)
    try:
        edited = edit(EditRequest(path, sidecar=True, want=("dog",)))
    except PhotoError as error:
        assert error.code in ("write.unreadable", "write.refused", "photo.empty")
    else:
        assert edited.data is not None
        assert b"ok" in data, "only the one that is a sidecar may be changed"
        assert b"ok" in edited.data
        assert "dog" in edited.after.flat


def test_a_huge_sidecar_is_not_read(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keywords, "MAX_SIDECAR", 1000)
    path = beside(photo, packet(bag("dc:subject", *(f"k{i}" for i in range(100)))))
    assert read_words(photo).tags == ()
    with pytest.raises(PhotoError, match="too large"):
        edit(EditRequest(path, sidecar=True, want=("dog",)))


@pytest.mark.slow
def test_ten_thousand_keywords_come_through(photo: Path) -> None:
    beside(photo, packet(bag("dc:subject", *(f"keyword {i}" for i in range(10_000)))))
    words = read_words(photo)
    assert len(words.tags) == 10_000
    assert unpacked(memoryview(packed(words))) == words


@pytest.mark.slow
def test_damage_at_random_places(photo: Path) -> None:
    photo.write_bytes(edit(EditRequest(photo, sidecar=False, want=("animal|dog", "sea"))).data or b"")
    good_photo, good_sidecar = (
        photo.read_bytes(),
        packet(bag("dc:subject", "dog") + bag("lr:hierarchicalSubject", "a|b")),
    )
    rng = random.Random(5)
    for _ in range(300):
        for good, path in ((good_photo, photo), (good_sidecar, photo.with_name("photo.jpg.xmp"))):
            bad = bytearray(good[: rng.randrange(1, len(good) + 1)])
            for _ in range(rng.randrange(8)):
                bad[rng.randrange(len(bad))] = rng.randrange(256)
            path.write_bytes(bad)
        assert isinstance(read_words(photo), FileWords)
        for path, sidecar in ((photo, False), (photo.with_name("photo.jpg.xmp"), True)):
            try:
                edited = edit(EditRequest(path, sidecar, want=("x|y",)))
            except PhotoError:
                continue
            assert "y" in edited.after.flat
            assert set(edited.before.flat) <= set(edited.after.flat)
            image = exiv2.ImageFactory.open(path.read_bytes())
            image.readMetadata()
            assert not (image.xmpData().empty() and "rdf:li" in image.xmpPacket()), "words would be written over"


# Changes


def test_what_is_not_ours_stays(photo: Path) -> None:
    path = beside(
        photo,
        packet(
            bag("dc:subject", "Keep", "dog", "pets") + bag("lr:hierarchicalSubject", "animal|dog", "pets")
            + bag("digiKam:TagsList", "animal/dog", "pets", kind="Seq") + "<zz:own>mine</zz:own>",
            ' xmp:Rating="3" zz:attribute="too"',
        ),
    )  # fmt: skip
    edited = edit(EditRequest(path, sidecar=True, want=("Trip|Sea",), drop=("animal|dog",)))
    assert edited.data is not None
    assert edited.after == KeywordFields(("Keep", "pets", "Sea"), ("pets", "Trip|Sea"), ("pets", "Trip/Sea"))
    for text in (b"mine", b"too", b'xmp:Rating="3"', b"<rdf:Bag>", b"<rdf:Seq>"):
        assert text in edited.data
    path.write_bytes(edited.data)
    again = edit(EditRequest(path, sidecar=True, want=("trip|sea",), drop=("animal|dog",)))
    assert again.data is None, "a second writing finds nothing to do, in any case"


def test_a_word_stays_while_another_tag_needs_it() -> None:
    fields = KeywordFields(("dog", "cat"), ("animal|dog", "pets|dog"), ("animal/dog", "pets/dog"))
    assert fields.merged((), ("animal|dog",)).flat == ("dog", "cat")
    assert fields.merged((), ("animal|dog", "pets|dog")).flat == ("cat",)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_embedding_leaves_the_picture(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"p.{suffix}"
    exif = Image.Exif()
    exif[0x0110] = "Camera"
    exif[0x0112] = 6
    Image.effect_noise((60, 40), 60).convert("RGB").save(path, exif=exif, quality=80)
    before = path.read_bytes() + (b"trailing bytes of a moving photo" if suffix == "jpg" else b"")
    path.write_bytes(before)
    edited = edit(EditRequest(path, sidecar=False, want=("animal|dog", "👩‍👩‍👧")))
    assert edited.data is not None
    assert picture_bytes(before) == picture_bytes(edited.data)
    path.write_bytes(edited.data)
    with Image.open(path) as picture:
        assert picture.getexif()[0x0110] == "Camera"
        assert picture.getexif()[0x0112] == 6
    assert read_words(path).tags == ("animal|dog", "👩‍👩‍👧")
    back = edit(EditRequest(path, sidecar=False, drop=("animal|dog", "👩‍👩‍👧")))
    path.write_bytes(back.data or b"")
    assert read_words(path).tags == ()


@pytest.mark.parametrize("kind", ["tiff", "gif", "nef", "cut", "mpo"])
def test_what_is_not_written_into(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"p.{kind}"
    pictures = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    if kind == "mpo":
        pictures[0].save(path, "MPO", save_all=True, append_images=pictures[1:])
    else:
        pictures[0].save(path, {"nef": "TIFF", "cut": "PNG"}.get(kind, kind.upper()))
    if kind == "cut":
        path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(PhotoError) as caught:
        edit(EditRequest(path, sidecar=False, want=("dog",)))
    assert caught.value.code == "write.not-embeddable"


def test_the_last_keyword_of_a_sidecar_goes(tmp_path: Path) -> None:
    path = tmp_path / "p.jpg.xmp"
    path.write_bytes(edit(EditRequest(path, sidecar=True, exists=False, want=("dog",))).data or b"")
    path.write_bytes(edit(EditRequest(path, sidecar=True, drop=("dog",))).data or b"")
    assert edit(EditRequest(path, sidecar=True, drop=("dog",))).data is None
    again = edit(EditRequest(path, sidecar=True, want=("cat",)))
    assert again.after.flat == ("cat",)


def test_edits_go_through_the_pipe(photo: Path) -> None:
    edited = edit(EditRequest(photo, sidecar=False, want=("animal|dog",)))
    head, fields, data = packed_edit(edited)
    assert unpacked_edit(head, bytearray(fields + data)) == edited
