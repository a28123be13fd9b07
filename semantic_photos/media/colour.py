# SPDX-License-Identifier: GPL-3.0-or-later
"""Conversion of any Pillow mode to 8-bit sRGB: deep greys rescaled, profiles applied, alpha laid on white."""

from __future__ import annotations

import functools
import io
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from semantic_photos.domain.ports import ByteArray
from semantic_photos.domain.translatable import Message

_WHITE = (255, 255, 255)
#: Full scales of the depths that cameras and scanners store in 16 bits; the smallest that holds a picture is taken.
_FULL_SCALES = (255, 1023, 4095, 16383, 65535)
#: A profile larger than this is an attack or a mistake; printers' profiles have up to 3 MB.
_MAX_PROFILE = 8_000_000

_BAD_PROFILE = Message("Damaged colour profile ignored.")


def to_srgb(picture: Image.Image, factor: int, note: list[str]) -> Image.Image:
    """Return a decoded picture as RGB, averaged down by a whole factor.

    Args:
        picture: a loaded picture of any mode.
        factor: 1 keeps the size; larger factors average squares of so many pixels.
        note: sentences about what could not be used are appended.
    """
    profile = picture.info.get("icc_profile")
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        return _deep_grey(picture, factor)
    if picture.has_transparency_data:
        picture = picture if picture.mode in ("RGBA", "LA", "La", "RGBa") else picture.convert("RGBA")
    elif picture.mode in ("1", "P", "PA"):
        # Numbers of a palette cannot be averaged.
        picture = picture.convert("L" if picture.mode == "1" else "RGB")
    if factor > 1:
        picture = picture.reduce(factor)
    if picture.mode in ("RGBA", "LA", "La", "RGBa", "PA"):
        picture = _on_white(picture)
    if profile:
        converted = _through_profile(picture, profile, note)
        if converted is not None:
            return converted
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _on_white(picture: Image.Image) -> Image.Image:
    """Blend a picture with alpha onto white. Dropping alpha would show what the maker hid, often black."""
    rgba = picture.convert("RGBA")
    ground = Image.new("RGB", rgba.size, _WHITE)
    ground.paste(rgba, mask=rgba.getchannel("A"))
    return ground


def _through_profile(picture: Image.Image, profile: Any, note: list[str]) -> Image.Image | None:
    """Return the picture converted by its embedded ICC profile, or None when that cannot or need not be done."""
    if picture.mode not in ("RGB", "L", "CMYK"):
        return None
    if not isinstance(profile, bytes) or len(profile) > _MAX_PROFILE:
        note.append(_BAD_PROFILE)
        return None
    try:
        transform = _transform(profile, picture.mode)
        return None if transform is None else ImageCms.applyTransform(picture, transform)
    except MemoryError:
        raise
    except Exception:  # lcms and its binding raise PyCMSError, OSError, ValueError, TypeError  # noqa: BLE001
        note.append(_BAD_PROFILE)
        return None


@functools.lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return the way from a profile to sRGB; None when the profile is sRGB itself. Cached: a camera has one."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    name = (source.profile.profile_description or "").lower()
    if mode == "RGB" and name.startswith("srgb"):
        return None
    return ImageCms.buildTransform(
        source, ImageCms.createProfile("sRGB"), mode, "RGB", renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )  # fmt: skip


def _deep_grey(picture: Image.Image, factor: int) -> Image.Image:
    """Rescale a grey picture of 16 or 32 bits or of real numbers; ``convert`` would clip it to white."""
    if picture.mode.startswith("I;16"):
        values = np.asarray(picture)
        table = np.arange(65536, dtype=np.float32) * (255.0 / _full_scale(int(values.max())))
        grey = Image.fromarray(np.minimum(table + 0.5, 255.0).astype(np.uint8)[values])
        return (grey.reduce(factor) if factor > 1 else grey).convert("RGB")
    if factor > 1:
        picture = picture.reduce(factor)
    return Image.fromarray(_to_bytes(np.asarray(picture, dtype=np.float64))).convert("RGB")


def _to_bytes(values: np.ndarray) -> ByteArray:
    """Map numbers (H, W) to uint8: 0…1 and the usual full scales as they are meant, anything else stretched."""
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    least, most = float(values.min()), float(values.max())
    if least >= 0.0 and most <= 1.0:
        scaled = values * 255.0
    elif least >= 0.0 and most <= _FULL_SCALES[-1]:
        scaled = values * (255.0 / _full_scale(most))
    else:
        # Divided first: the difference of two huge numbers would overflow.
        span = max(most / 2 - least / 2, np.finfo(np.float64).tiny)
        scaled = (values / 2 - least / 2) / span * 255.0
    return np.clip(scaled + 0.5, 0.0, 255.0).astype(np.uint8)


def _full_scale(most: float) -> int:
    return next((scale for scale in _FULL_SCALES if most <= scale), _FULL_SCALES[-1])
