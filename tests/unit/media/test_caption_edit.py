# SPDX-License-Identifier: GPL-3.0-or-later
"""Captions and ratings in files: where other programs look for them, and what of theirs stays."""

from __future__ import annotations

import io
from pathlib import Path

import exiv2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from semantic_photos.domain.tags import MOST_CAPTION, clean_text
from semantic_photos.media.keyword_edit import edit
from semantic_photos.media.keyword_edit_values import EditedFile, EditRequest
from semantic_photos.media.keywords import read_words
from semantic_photos.media.picture_bytes import picture_bytes
from tests.unit.media.test_keywords import bag, beside, packet


def jpeg(path: Path) -> Path:
    held = io.BytesIO()
    Image.radial_gradient("L").resize((48, 36)).convert("RGB").save(held, "JPEG")
    path.write_bytes(held.getvalue())
    return path


def change(path: Path, *, sidecar: bool, **more: object) -> EditedFile:
    """Edit a file and write what came of it."""
    made = edit(EditRequest(path, sidecar, path.exists(), **more))  # type: ignore[arg-type]
    if made.data is not None:
        path.write_bytes(made.data)
    return made


def described(**texts: str) -> str:
    items = "".join(f'<rdf:li xml:lang="{key.replace("_", "-")}">{text}</rdf:li>' for key, text in texts.items())
    return f"<dc:description><rdf:Alt>{items}</rdf:Alt></dc:description>"


def data_of(path: Path) -> exiv2.Image:
    image = exiv2.ImageFactory.open(path.read_bytes())
    image.readMetadata()
    return image


def test_a_new_sidecar_says_caption_and_rating(tmp_path: Path) -> None:
    photo = jpeg(tmp_path / "photo.jpg")
    made = change(tmp_path / "photo.jpg.xmp", sidecar=True, want=("dog",), rating=4, caption="Am Meer\n“1/2|3” 🏖 שלום")
    assert (made.rating, made.caption) == (4, "Am Meer\n“1/2|3” 🏖 שלום")
    words = read_words(photo)
    assert (words.tags, words.rating, words.caption) == (("dog",), 4, "Am Meer\n“1/2|3” 🏖 שלום")
    assert change(tmp_path / "photo.jpg.xmp", sidecar=True, rating=4, caption=words.caption).data is None
    assert change(tmp_path / "photo.jpg.xmp", sidecar=True).data is None, "what is not asked for stays"


def test_other_languages_and_foreign_fields_stay(tmp_path: Path) -> None:
    photo = jpeg(tmp_path / "photo.jpg")
    inner = described(x_default="old", en_US="old", de="alt") + bag("dc:subject", "dog") + "<zz:note>theirs</zz:note>"
    place = beside(photo, packet(inner, ' xmp:Rating="2" xmp:Label="Red"'))
    change(place, sidecar=True, caption="new", rating=0)
    xmp = data_of(place).xmpData()
    assert dict(xmp["Xmp.dc.description"].value().items()) == {"x-default": "new", "de": "alt"}
    assert xmp["Xmp.zz.note"].toString() == "theirs"
    assert xmp["Xmp.xmp.Label"].toString() == "Red"
    assert xmp["Xmp.xmp.Rating"].toString() == "0"
    change(place, sidecar=True, caption="")
    assert dict(data_of(place).xmpData()["Xmp.dc.description"].value().items()) == {"de": "alt"}


def test_the_only_caption_goes(tmp_path: Path) -> None:
    photo = jpeg(tmp_path / "photo.jpg")
    place = beside(photo, packet(described(x_default="old")))
    assert change(place, sidecar=True, caption="").caption == ""
    assert read_words(photo).caption == ""


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_embedding_leaves_the_picture(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"photo{suffix}"
    Image.radial_gradient("L").resize((48, 36)).convert("RGB").save(path)
    before = path.read_bytes()
    change(path, sidecar=False, rating=5, caption="Ein schöner Tag")
    assert (read_words(path).rating, read_words(path).caption) == (5, "Ein schöner Tag")
    assert picture_bytes(path.read_bytes()) == picture_bytes(before)


def test_older_fields_are_kept_in_step_and_never_made(tmp_path: Path) -> None:
    path = jpeg(tmp_path / "photo.jpg")
    image = data_of(path)
    image.exifData()["Exif.Image.ImageDescription"] = "old words"
    image.exifData()["Exif.Image.Rating"] = exiv2.UShortValue([2])
    image.exifData()["Exif.Image.RatingPercent"] = exiv2.UShortValue([25])
    image.iptcData()["Iptc.Application2.Caption"] = "old words"
    image.xmpData()["Xmp.MicrosoftPhoto.Rating"] = "25"
    image.xmpData()["Xmp.dc.description"] = 'lang="x-default" old words'
    image.writeMetadata()
    path.write_bytes(bytes(image.data()))
    change(path, sidecar=False, rating=4, caption="new words")
    after = data_of(path)
    assert after.exifData()["Exif.Image.ImageDescription"].toString() == "new words"
    assert after.exifData()["Exif.Image.Rating"].toString() == "4"
    assert after.exifData()["Exif.Image.RatingPercent"].toString() == "75"
    assert after.xmpData()["Xmp.MicrosoftPhoto.Rating"].toString() == "75"
    assert after.iptcData()["Iptc.Application2.Caption"].toString() == "new words"
    # What the old block cannot say must not contradict the new caption.
    change(path, sidecar=False, caption="Küste")
    assert "Iptc.Application2.Caption" not in [str(one.key()) for one in data_of(path).iptcData()]
    assert read_words(path).caption == "Küste"
    plain = jpeg(tmp_path / "plain.jpg")
    change(plain, sidecar=False, rating=-1, caption="x")
    assert data_of(plain).exifData().empty()
    assert data_of(plain).iptcData().empty()
    assert read_words(plain).rating == -1


def test_a_camera_that_puts_its_name_there_keeps_it(tmp_path: Path) -> None:
    path = jpeg(tmp_path / "photo.jpg")
    image = data_of(path)
    image.exifData()["Exif.Image.ImageDescription"] = "OLYMPUS DIGITAL CAMERA"
    image.writeMetadata()
    path.write_bytes(bytes(image.data()))
    change(path, sidecar=False, caption="Bella")
    assert data_of(path).exifData()["Exif.Image.ImageDescription"].toString() == "OLYMPUS DIGITAL CAMERA"


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=60), st.integers(-1, 5))
def test_any_caption_comes_back_as_it_is_shown(text: str, rating: int) -> None:
    caption = clean_text(text, MOST_CAPTION, lines=True)
    made = edit(EditRequest(Path("none.xmp"), True, False, rating=rating, caption=caption))
    if made.data is None:
        assert (rating, caption) == (0, "")
        return
    image = exiv2.ImageFactory.open(made.data)
    image.readMetadata()
    xmp = image.xmpData()
    said = dict(xmp["Xmp.dc.description"].value().items())["x-default"] if caption else ""
    assert said == caption
