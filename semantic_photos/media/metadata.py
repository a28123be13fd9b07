# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads time, camera and location from a photo's EXIF block.

Everything in there is hearsay: strings carry control characters, fractions are 1/0, dates 0000:00:00. What cannot
be true is left out; nothing here raises.
"""

from __future__ import annotations

import datetime
import math
import re
import unicodedata
from typing import Any

from PIL import ExifTags, Image

from semantic_photos.domain.photo import PhotoFacts
from semantic_photos.domain.translatable import Message

_MAX_TEXT = 100
_DATE = re.compile(r"\s*(\d{4})[:\-/.](\d{1,2})[:\-/.](\d{1,2})[ T]+(\d{1,2}):(\d{1,2})(?::(\d{1,2}))?")
#: The oldest photo that is known; what claims to be older has a broken clock.
_FIRST_YEAR = 1826

_BAD_EXIF = Message("Damaged EXIF data ignored.")


def orientation_of(picture: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; 1 when it is missing or makes no sense.

    Ask after the picture was decoded: some decoders turn it themselves and set this to 1.
    """
    try:
        value = picture.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # a broken block raises nearly anything; the picture is fine  # noqa: BLE001
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def read_facts(picture: Image.Image) -> PhotoFacts:
    """Return date, camera, lens, exposure and place of a decoded picture; size and format are left to the caller."""
    try:
        exif = picture.getexif()
        main: dict[int, Any] = dict(exif)
        detail: dict[int, Any] = dict(exif.get_ifd(ExifTags.IFD.Exif))
        gps: dict[int, Any] = dict(exif.get_ifd(ExifTags.IFD.GPSInfo))
    except Exception:  # as above  # noqa: BLE001
        return PhotoFacts(note=_BAD_EXIF)
    tags = ExifTags.Base
    latitude = _degrees(gps, ExifTags.GPS.GPSLatitude, ExifTags.GPS.GPSLatitudeRef, "S", 90.0)
    longitude = _degrees(gps, ExifTags.GPS.GPSLongitude, ExifTags.GPS.GPSLongitudeRef, "W", 180.0)
    if latitude is None or longitude is None or (latitude == 0.0 and longitude == 0.0):
        # A receiver without a fix writes zeros, and half a place is no place.
        latitude = longitude = None
    return PhotoFacts(
        taken=_date(detail.get(tags.DateTimeOriginal))
        or _date(detail.get(tags.DateTimeDigitized))
        or _date(main.get(tags.DateTimeOriginal))
        or _date(main.get(tags.DateTime)),
        camera=_camera(clean(main.get(tags.Make)), clean(main.get(tags.Model))),
        lens=clean(detail.get(tags.LensModel)),
        exposure=_exposure(detail),
        latitude=latitude,
        longitude=longitude,
    )


def clean(value: Any) -> str:
    """Return a value as one line of printable text, at most 100 characters; empty when it is no text."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return ""
    # The string ends at the first NUL; what lies behind it is left over from another string.
    text = value[: 20 * _MAX_TEXT].split("\0", 1)[0]
    # Control characters, format characters (which can reverse the line) and lone surrogates.
    text = "".join(" " if unicodedata.category(c)[0] == "C" else c for c in text)
    return " ".join(text.split())[:_MAX_TEXT].strip()


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _date(value: Any) -> str:
    match = _DATE.match(clean(value))
    if match is None:
        return ""
    try:
        moment = datetime.datetime(*(int(part or 0) for part in match.groups()))  # type: ignore[arg-type]
    except ValueError:
        return ""
    return moment.isoformat(timespec="seconds") if moment.year >= _FIRST_YEAR else ""


def _camera(make: str, model: str) -> str:
    """Join maker and model, without the maker's name twice ("Canon Canon EOS 40D")."""
    if not make or not model:
        return model or make
    first = make.split()[0].lower()
    return model if first in model.lower().split() else f"{make} {model}"[:_MAX_TEXT]


def _exposure(detail: dict[int, Any]) -> str:
    parts = []
    seconds = _number(detail.get(ExifTags.Base.ExposureTime))
    if seconds is not None and 0 < seconds < 100_000:
        parts.append(f"1/{round(1 / seconds)} s" if seconds < 0.3 else f"{seconds:.3g} s")
    aperture = _number(detail.get(ExifTags.Base.FNumber))
    if aperture is not None and 0 < aperture < 1000:
        parts.append(f"f/{aperture:.2g}" if aperture < 10 else f"f/{aperture:.0f}")
    speed = detail.get(ExifTags.Base.ISOSpeedRatings)
    speed = _number(speed[0] if isinstance(speed, tuple) and speed else speed)
    if speed is not None and 0 < speed < 10_000_000:
        parts.append(f"ISO {speed:.0f}")
    focal = _number(detail.get(ExifTags.Base.FocalLength))
    if focal is not None and 0 < focal < 100_000:
        parts.append(f"{focal:.4g} mm")
    return " · ".join(parts)


def _degrees(gps: dict[int, Any], value: int, reference: int, negative: str, limit: float) -> float | None:
    """Return decimal degrees of a (degrees, minutes, seconds) entry, or None when it cannot be true."""
    entry = gps.get(value)
    if not isinstance(entry, tuple | list) or not 1 <= len(entry) <= 3:
        return None
    parts = [_number(part) for part in entry]
    if any(part is None or part < 0 for part in parts):
        return None
    degrees = sum((part or 0.0) / 60.0**power for power, part in enumerate(parts))
    if degrees > limit:
        return None
    return round(-degrees if clean(gps.get(reference)).upper().startswith(negative) else degrees, 7)
