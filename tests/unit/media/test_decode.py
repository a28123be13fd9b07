# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes out of good pictures of every kind: upright, right colours, right sizes, one way for all formats."""

from __future__ import annotations

import hashlib
import io
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from semantic_photos.domain.errors import PackError, PhotoError
from semantic_photos.domain.photo import ImageRecipe
from semantic_photos.media.decode import decode
from semantic_photos.media.decode_request import DecodedPhoto, DecodeRequest
from tests.fakes.pictures import CORNERS, FORMATS, STORED, corners, encoded, is_upright, noise, save, scene

RECIPE = ImageRecipe(64, "squash", "bicubic")


def everything(path: Path) -> DecodedPhoto:
    return decode(DecodeRequest(path, RECIPE, 320, 1000))


def pixels(jpeg: bytes | None) -> np.ndarray:
    assert jpeg is not None
    return np.asarray(Image.open(io.BytesIO(jpeg)))


@pytest.mark.parametrize("ending", FORMATS)
def test_every_format_gives_square_thumbnail_preview_and_facts(tmp_path: Path, ending: str) -> None:
    decoded = everything(save(tmp_path / f"a{ending}"))
    assert decoded.square is not None
    assert decoded.preview is not None
    assert decoded.square.shape == (64, 64, 3)
    assert decoded.square.dtype == np.uint8
    assert decoded.preview.shape == (96, 160, 3)
    assert pixels(decoded.thumbnail).shape == (96, 160, 3)
    assert all(is_upright(p) for p in (decoded.square, decoded.preview, pixels(decoded.thumbnail)))
    assert (decoded.facts.width, decoded.facts.height) == (160, 96)
    assert decoded.facts.format == FORMATS[ending]


def test_what_is_not_wanted_is_not_made(tmp_path: Path) -> None:
    decoded = decode(DecodeRequest(save(tmp_path / "a.jpg"), None, None))
    assert decoded.square is None
    assert decoded.thumbnail is None
    assert decoded.preview is None
    assert decoded.facts.width == 160


def test_the_name_does_not_decide_what_a_file_is(tmp_path: Path) -> None:
    path = tmp_path / "really.jpg"
    path.write_bytes(encoded(scene(), ".webp"))
    assert everything(path).facts.format == "WEBP"


@pytest.mark.parametrize("ending", [".jpg", ".png", ".webp", ".heic", ".tif"])
@pytest.mark.parametrize("orientation", STORED)
def test_orientation_is_obeyed_once_in_every_format(tmp_path: Path, ending: str, orientation: int) -> None:
    turn = STORED[orientation]
    stored = scene() if turn is None else scene().transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = everything(save(tmp_path / f"a{ending}", stored, exif=exif.tobytes()))
    assert decoded.square is not None
    assert is_upright(decoded.square)
    assert is_upright(pixels(decoded.thumbnail))
    assert (decoded.facts.width, decoded.facts.height) == (160, 96)


@pytest.mark.parametrize("orientation", [0, 9, 10, 65535])
def test_senseless_orientations_are_ignored(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = everything(save(tmp_path / "a.jpg", exif=exif))
    assert is_upright(pixels(decoded.thumbnail))


@pytest.mark.parametrize(
    ("mode", "ending"),
    [("CMYK", ".jpg"), ("CMYK", ".tif"), ("LAB", ".tif"), ("P", ".png"), ("RGBA", ".png"), ("YCbCr", ".jpg")],
)
def test_colours_survive_every_mode(tmp_path: Path, mode: str, ending: str) -> None:
    if mode == "LAB":
        srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        picture = ImageCms.applyTransform(scene(), ImageCms.buildTransform(srgb, lab, "RGB", "LAB"))
        assert picture is not None
    else:
        picture = scene().convert(mode)
    decoded = everything(save(tmp_path / f"a{ending}", picture))
    assert decoded.square is not None
    assert is_upright(decoded.square, tolerance=40)


@pytest.mark.parametrize(("mode", "ending"), [("L", ".png"), ("1", ".png"), ("LA", ".png"), ("L", ".jpg")])
def test_greys_stay_what_they_are(tmp_path: Path, mode: str, ending: str) -> None:
    picture = scene().convert("L")
    expected = np.asarray(picture).mean()
    decoded = everything(save(tmp_path / f"a{ending}", picture.convert(mode)))
    assert decoded.square is not None
    assert decoded.square.mean() == pytest.approx(expected, rel=0.05)
    assert (decoded.square[..., 0] == decoded.square[..., 2]).all()


RAMP = np.linspace(0.0, 1.0, 96 * 160).reshape(96, 160)


@pytest.mark.parametrize(
    ("values", "ending"),
    [
        pytest.param((RAMP * 65535).astype(np.uint16), ".png", id="16-bit-png"),
        pytest.param((RAMP * 65535).astype(np.uint16), ".tif", id="16-bit-tiff"),
        pytest.param((RAMP * 4095).astype(np.uint16), ".tif", id="12-bits-in-16"),
        pytest.param((RAMP * 65535).astype(np.int32), ".tif", id="32-bit-integers"),
        pytest.param((RAMP * 2e9 - 1e9).astype(np.int32), ".tif", id="integers-with-sign"),
        pytest.param(RAMP.astype(np.float32), ".tif", id="floats-to-1"),
        pytest.param((RAMP * 255).astype(np.float32), ".tif", id="floats-to-255"),
        pytest.param((RAMP * 3e38).astype(np.float32), ".tif", id="huge-floats"),
    ],
)
def test_deep_greys_are_rescaled_and_not_white(tmp_path: Path, values: np.ndarray, ending: str) -> None:
    decoded = everything(save(tmp_path / f"deep{ending}", Image.fromarray(values)))
    assert decoded.square is not None
    assert decoded.square.mean() == pytest.approx(127.5, rel=0.05)
    assert decoded.square[0].mean() < 12
    assert decoded.square[-1].mean() > 243


def test_numbers_that_are_none_do_not_spoil_a_picture(tmp_path: Path) -> None:
    values = RAMP.astype(np.float32)
    values[:4] = np.nan
    values[4:8] = np.inf
    decoded = everything(save(tmp_path / "a.tif", Image.fromarray(values)))
    assert decoded.square is not None
    assert decoded.square[-1].mean() > 243


def test_alpha_is_laid_on_white(tmp_path: Path) -> None:
    picture = scene().convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize(picture.size).point(lambda v: 255 if v > 127 else 0))
    decoded = everything(save(tmp_path / "a.png", picture))
    assert decoded.preview is not None
    top_left, _, bottom_left, _ = corners(decoded.preview)
    assert top_left == (255, 255, 255)
    assert np.abs(np.subtract(bottom_left, CORNERS[2])).max() < 4


def test_a_transparent_palette_colour_becomes_white(tmp_path: Path) -> None:
    picture = scene().convert("P", palette=Image.Palette.ADAPTIVE, colors=4)
    index = picture.getpixel((0, 0))
    decoded = everything(save(tmp_path / "a.png", picture, transparency=index))
    assert decoded.preview is not None
    assert corners(decoded.preview)[0] == (255, 255, 255)


def swapped_profile() -> bytes:
    """Return a profile in which what is called red is green, so that it is seen whether it was applied."""
    data = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = data.replace(b"rXYZ", b"tmp!", 1).replace(b"gXYZ", b"rXYZ", 1).replace(b"tmp!", b"gXYZ", 1)
    return data.replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be"))


def test_a_colour_profile_is_applied(tmp_path: Path) -> None:
    picture = Image.new("RGB", (90, 60), (255, 0, 0))
    decoded = everything(save(tmp_path / "a.png", picture, icc_profile=swapped_profile()))
    assert decoded.preview is not None
    assert decoded.preview[30, 45, 1] > 200 > 60 > decoded.preview[30, 45, 0]
    assert Image.open(io.BytesIO(decoded.thumbnail or b"")).info.get("icc_profile") is None


@pytest.mark.parametrize(
    "profile", [b"junk" * 50, ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()[:200]]
)
def test_a_bad_profile_costs_a_note_and_not_the_picture(tmp_path: Path, profile: bytes) -> None:
    decoded = everything(save(tmp_path / "a.jpg", icc_profile=profile))
    assert decoded.square is not None
    assert is_upright(decoded.square)
    assert "colour profile" in decoded.facts.note


@pytest.mark.parametrize("ending", [".gif", ".webp", ".png", ".tif"])
def test_of_several_frames_the_first_is_taken(tmp_path: Path, ending: str) -> None:
    others = [Image.new("RGB", (160, 96), (0, 0, 0)) for _ in range(5)]
    decoded = everything(save(tmp_path / f"a{ending}", scene(), save_all=True, append_images=others))
    assert decoded.square is not None
    assert is_upright(decoded.square)


def test_the_stereo_picture_of_a_phone_is_a_jpeg(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    scene().save(path, "MPO", save_all=True, append_images=[scene()])
    assert everything(path).facts.format in ("MPO", "JPEG")


def test_small_pictures_are_not_enlarged_but_for_the_square(tmp_path: Path) -> None:
    decoded = everything(save(tmp_path / "a.png", Image.new("RGB", (1, 1), (9, 9, 9))))
    assert pixels(decoded.thumbnail).shape == (1, 1, 3)
    assert decoded.preview is not None
    assert decoded.preview.shape == (1, 1, 3)
    assert decoded.square is not None
    assert decoded.square.shape == (64, 64, 3)


@pytest.mark.parametrize("size", [(4000, 3), (2, 5000), (1, 3000)])
def test_extreme_shapes_work(tmp_path: Path, size: tuple[int, int]) -> None:
    decoded = everything(save(tmp_path / "a.png", scene(size)))
    assert max(pixels(decoded.thumbnail).shape) == 320
    assert decoded.square is not None
    assert decoded.square.shape == (64, 64, 3)
    assert (decoded.facts.width, decoded.facts.height) == size


@pytest.mark.parametrize("ending", [".jpg", ".png", ".webp"])
def test_the_square_does_not_depend_on_what_else_is_wanted(tmp_path: Path, ending: str) -> None:
    path = save(tmp_path / f"a{ending}", noise((800, 700)))
    alone = decode(DecodeRequest(path, RECIPE, None)).square
    with_thumbnail = decode(DecodeRequest(path, RECIPE, 320)).square
    assert alone is not None
    assert with_thumbnail is not None
    assert (alone == with_thumbnail).all()


def test_decoding_at_a_fraction_changes_the_square_by_about_a_grey_level(tmp_path: Path) -> None:
    picture = noise((1600, 1200))
    path = save(tmp_path / "a.jpg", picture, quality=92)
    reduced = decode(DecodeRequest(path, RECIPE, None)).square
    assert reduced is not None
    full = np.asarray(Image.open(path).convert("RGB").resize((64, 64), Image.Resampling.BICUBIC))
    assert np.abs(reduced.astype(int) - full).mean() < 1.5


def test_the_thumbnail_carries_nothing_of_the_original(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a secret"
    thumbnail = everything(save(tmp_path / "a.jpg", exif=exif, comment=b"a secret")).thumbnail
    assert thumbnail is not None
    assert b"secret" not in thumbnail
    assert not Image.open(io.BytesIO(thumbnail)).getexif()


def test_originals_are_not_touched(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg")
    os.utime(path, ns=(1_600_000_000_123_456_789, 1_500_000_000_987_654_321))
    path.chmod(0o444)
    before = (hashlib.sha256(path.read_bytes()).digest(), path.stat().st_mtime_ns, path.stat().st_mode)
    everything(path)
    assert (hashlib.sha256(path.read_bytes()).digest(), path.stat().st_mtime_ns, path.stat().st_mode) == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.jpg"]


@pytest.mark.parametrize(
    "name", [b"\xff\xfe.jpg", b"new\nline.jpg", "‮gpj.אב🎈.jpg".encode(), b"n" * 251 + b".jpg", b"#?%20.jpg"]
)
def test_strange_names_are_only_names(tmp_path: Path, name: bytes) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
    path.write_bytes(encoded(scene(), ".jpg"))
    assert everything(path).facts.width == 160


def test_an_unknown_recipe_is_the_packs_fault(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="unknown image preparation"):
        decode(DecodeRequest(save(tmp_path / "a.jpg"), ImageRecipe(64, "stretch"), None))


def test_sixteen_bit_colour_is_read(tmp_path: Path) -> None:
    import zlib

    from tests.fakes.pictures import chunk

    rows = (np.asarray(scene()).astype(">u2") * 257).reshape(96, -1)
    data = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", 160, 96, 16, 2, 0, 0, 0)
    (tmp_path / "a.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    )
    decoded = everything(tmp_path / "a.png")
    assert decoded.square is not None
    assert is_upright(decoded.square)


def heic_with_copy(picture: Image.Image, orientation: int = 1) -> bytes:
    """Return a HEIC that holds a copy of itself of 320 pixels, as phones write them."""
    import pillow_heif

    exif = Image.Exif()
    exif[0x0112] = orientation
    container = pillow_heif.from_pillow(picture)
    container[0].info["thumbnails"] = [320]
    container[0].info["exif"] = exif.tobytes()
    buffer = io.BytesIO()
    container.save(buffer, quality=60)
    return buffer.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("orientation", [1, 6])
def test_the_copy_in_a_heic_is_upright_too_and_facts_are_of_the_whole(tmp_path: Path, orientation: int) -> None:
    turn = STORED[orientation]
    picture = scene((640, 480))
    (tmp_path / "a.heic").write_bytes(heic_with_copy(picture if turn is None else picture.transpose(turn), orientation))
    decoded = decode(DecodeRequest(tmp_path / "a.heic", RECIPE, 320))
    assert decoded.square is not None
    assert is_upright(decoded.square)
    assert pixels(decoded.thumbnail).shape == (240, 320, 3)
    assert is_upright(pixels(decoded.thumbnail))
    assert (decoded.facts.width, decoded.facts.height) == (640, 480)


def test_a_heic_whose_picture_is_whole_though_its_end_is_missing_is_read_with_a_note(tmp_path: Path) -> None:
    data = heic_with_copy(scene((480, 360)))
    (tmp_path / "a.heic").write_bytes(data[:-1])
    decoded = everything(tmp_path / "a.heic")
    assert decoded.square is not None
    assert is_upright(decoded.square)
    assert "end of the file" in decoded.facts.note


@pytest.mark.slow
def test_a_heic_that_is_cut_off_is_refused_though_its_copy_is_whole(tmp_path: Path) -> None:
    data = heic_with_copy(noise((400, 300)))
    for share in (0.2, 0.3):
        (tmp_path / "a.heic").write_bytes(data[: int(len(data) * share)])
        with pytest.raises(PhotoError) as caught:
            decode(DecodeRequest(tmp_path / "a.heic", RECIPE, 320))
        assert caught.value.code == "photo.truncated"
